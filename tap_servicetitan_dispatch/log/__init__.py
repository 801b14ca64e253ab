"""The log: nothing secret is in it, and nothing that is routine."""
