"""A run: what its streams share while they are read, and their results."""
