"""The survey: what is true of the API, found out by reading, and what the tap believes of it."""

WRONG_KEY, TENANT_NUMBER = "wrong-key", "tenant-number"
ALSO = (WRONG_KEY, TENANT_NUMBER)
"""What is asked or told only on request."""
