"""The command line: what can be asked for, and how a failure becomes one line."""
