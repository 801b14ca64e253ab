"""Loads the feed into PostgreSQL by dlt, merged by key; runs in an environment that has dlt."""

from __future__ import annotations

import sys
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import dlt
import pyarrow as pa  # type: ignore[import-untyped] # it has no types
import requests
from dlt.sources.rest_api import rest_api_source

if TYPE_CHECKING:
    from collections.abc import Iterator

FEED = "dispatch/v2/tenant/1/export/appointment-assignments"
MERGED = {"name": "appointment_assignments", "primary_key": "id", "write_disposition": "merge"}


def declared(address: str) -> Any:
    """Return the feed as a source that is only declared."""
    pages = {"cursor_path": "continueFrom", "cursor_param": "from", "has_more_path": "hasMore"}
    return rest_api_source(
        {
            "client": {"base_url": f"{address}/", "paginator": {"type": "cursor", **pages}},
            "resources": [{**MERGED, "endpoint": {"path": FEED, "data_selector": "data"}}],
        }
    )


def tables(address: str) -> Any:
    """Return the feed as a resource that gives each page as a table of Arrow."""

    def pages() -> Iterator[Any]:
        params: dict[str, str] = {}
        with requests.Session() as session:
            while True:
                page = session.get(f"{address}/{FEED}", params=params, timeout=60).json()
                yield pa.Table.from_pylist(page["data"])
                if not page["hasMore"]:
                    break
                params = {"from": page["continueFrom"]}

    return dlt.resource(pages, **MERGED)


def main() -> None:
    """Load what a server has into a database: `declared` or `tables`, both addresses."""
    what, address, database = sys.argv[1:]
    with TemporaryDirectory() as folder:
        pipeline = dlt.pipeline(
            "feed",
            pipelines_dir=folder,
            destination=dlt.destinations.postgres(database),
            dataset_name="loaded",
        )
        pipeline.run({"declared": declared, "tables": tables}[what](address))


if __name__ == "__main__":
    main()
