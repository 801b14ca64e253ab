"""The settings: what they are called, what they mean, and which values make sense."""
