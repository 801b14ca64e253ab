"""The settings: names, meanings, and which values make sense."""
