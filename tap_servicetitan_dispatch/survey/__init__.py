"""The survey: compares the tap's beliefs about the API with its behaviour, by reading only."""

WRONG_KEY, TENANT_NUMBER = "wrong-key", "tenant-number"
ALSO = (WRONG_KEY, TENANT_NUMBER)
"""Things that are asked or reported only on request."""
