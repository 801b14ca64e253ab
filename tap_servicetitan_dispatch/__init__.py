"""A Singer tap for the ServiceTitan Dispatch API v2."""

__version__ = "0.1.0"
