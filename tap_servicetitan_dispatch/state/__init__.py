"""The shape of a state and of a catalog."""
