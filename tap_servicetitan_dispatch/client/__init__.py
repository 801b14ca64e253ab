"""One request done properly: address, token, rate, retries, and what each failure means."""
