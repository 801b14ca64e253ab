"""The API: its operations, who may call them, and the shapes of requests and answers."""
