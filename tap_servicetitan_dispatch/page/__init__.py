"""The page: what the marts say, as files that a browser shows."""
