"""Lists that can be sorted and filtered by `modifiedOn`."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from typing_extensions import override

from tap_servicetitan_dispatch import instants
from tap_servicetitan_dispatch.settings.schema import SMALLEST_PAGE, start_of
from tap_servicetitan_dispatch.streams.base import DispatchStream
from tap_servicetitan_dispatch.walks import (
    ModifiedWalk,
    numbered_walk,
    read_by_number,
    total_in,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tap_servicetitan_dispatch.client.answers import Answer
    from tap_servicetitan_dispatch.client.client import Client
    from tap_servicetitan_dispatch.state.bookmarks import Bookmark
    from tap_servicetitan_dispatch.tally import Tally
    from tap_servicetitan_dispatch.walks import Fetch, Page


SORTED_TO = timedelta(seconds=10)
"""The API was seen to sort to about a second. Each request goes back that far, and further."""


class ListStream(DispatchStream):
    """A list that can be sorted and filtered by `modifiedOn`."""

    inactive_too: ClassVar[Mapping[str, str]] = {"active": "Any"}
    """Parameters with which this endpoint returns inactive rows too."""

    replication_key = "modifiedOn"
    can_be_whole = True

    @override
    def walk(self, client: Client, bookmark: Bookmark) -> Iterable[Page]:
        fetch = self.fetch(client)
        if bookmark.value is None:
            fetch = _FetchWithTotal(fetch, self.tally)
        since = start_of(self.config)
        reread = timedelta(0)
        if bookmark.value is not None:
            # A bookmark by another name is taken too: the other ServiceTitan tap goes by
            # `createdOn` for one stream, which is never later than `modifiedOn`.
            reread = timedelta(seconds=self.config["overlap_seconds"])
            since = bookmark.instant() - reread
        return ModifiedWalk(fetch, self._params, since, SORTED_TO, reread, self.name, client.logger)

    @override
    def full_walk(self, client: Client) -> Iterable[Page]:
        """Return the pages of all rows in order of ids, which edits do not change."""
        fetch = _FetchWithTotal(self.fetch(client), self.tally)
        return read_by_number(fetch, self._params, None, {}, client.now())

    @property
    def _params(self) -> dict[str, str]:
        return {"pageSize": page_size(self.config), **self.inactive_too}

    @override
    def probe(self, client: Client) -> None:
        probe_list(client, self.path, self.inactive_too)

    @override
    def source_rows(self, client: Client) -> int | None:
        return rows_counted(client, self.path, {**self.inactive_too, **since_start(self.config)})


class _FetchWithTotal:
    """Sends requests, and asks for the number of rows with the first one.

    Args:
        fetch: Sends one request.
        tally: Receives the expected number of rows.
    """

    def __init__(self, fetch: Fetch, tally: Tally) -> None:
        self._fetch = fetch
        self._tally = tally
        self._has_asked = False

    def __call__(self, params: Mapping[str, str]) -> Answer:
        if self._has_asked:
            return self._fetch(params)
        self._has_asked = True
        answer = self._fetch({**params, "includeTotal": "true"})
        self._tally.expect(total_in(answer.body) or 0)
        return answer


def page_size(config: Mapping[str, Any]) -> str:
    """Return how many rows to ask for on a page of a list."""
    return str(max(config["page_size"], SMALLEST_PAGE))


def rows_counted(client: Client, path: str, params: Mapping[str, str]) -> int | None:
    """Return how many rows of a list the API counts; nothing if it does not say."""
    params = {"page": "1", "pageSize": "1", "includeTotal": "true", **params}
    return total_in(client.get(path, params).body)


def since_start(config: Mapping[str, Any]) -> dict[str, str]:
    """Return the parameters that leave out rows from before `start_date`."""
    start = start_of(config)
    return {"modifiedOnOrAfter": instants.render(start)} if start else {}


def probe_list(client: Client, path: str, params: Mapping[str, str]) -> None:
    """Ask for one row of a list."""
    next(numbered_walk(partial(client.get, path), {"pageSize": "1", **params}))
