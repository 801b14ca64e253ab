"""Pictures and figures from the marts that the tap's rows were made into."""
