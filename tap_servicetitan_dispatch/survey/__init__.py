"""The survey: what is true of the API, found out by reading, and what the tap believes of it."""
