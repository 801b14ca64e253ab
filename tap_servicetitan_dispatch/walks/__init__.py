"""The order in which the pages of a resource are read, and when a bookmark is safe.

A *walk* is our paginator: it turns "read this resource since this bookmark" into requests and
yields a `Page` for each answer. It knows nothing of how a state is stored, of HTTP or of threads.
"""

from tap_servicetitan_dispatch.walks.by_number import numbered_walk, read_by_number
from tap_servicetitan_dispatch.walks.feed import feed_walk
from tap_servicetitan_dispatch.walks.modified import ModifiedWalk
from tap_servicetitan_dispatch.walks.page import (
    DecodedRow,
    Fetch,
    Page,
    Record,
    malformed,
    total_in,
)
from tap_servicetitan_dispatch.walks.rows import modified_on, recency

__all__ = [
    "DecodedRow",
    "Fetch",
    "ModifiedWalk",
    "Page",
    "Record",
    "feed_walk",
    "malformed",
    "modified_on",
    "numbered_walk",
    "read_by_number",
    "recency",
    "total_in",
]
