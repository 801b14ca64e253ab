"""The page at `/`, on which one sees a tenant's day go by and what one changes arrive."""
