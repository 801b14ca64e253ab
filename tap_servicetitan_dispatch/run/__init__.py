"""A run: what its streams share while they are read, and what became of them."""
