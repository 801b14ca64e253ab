"""The page at `/`, which shows a tenant's day and how changes arrive."""
