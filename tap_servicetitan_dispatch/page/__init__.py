"""The page: the marts as files for a browser."""
