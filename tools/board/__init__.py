"""Whether a dispatcher would believe the sandbox's board: its figures, and what they should be."""
