"""A Singer tap for the ServiceTitan Dispatch API v2."""

NAME = "tap-servicetitan-dispatch"
__version__ = "0.1.0"
