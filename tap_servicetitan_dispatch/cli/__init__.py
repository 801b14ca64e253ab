"""The command line: its options, and how a failure becomes one line."""
