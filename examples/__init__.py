"""Pictures and figures from the files that the tap's rows were loaded into."""
