"""What keeps the repository in order; the package does without it."""
