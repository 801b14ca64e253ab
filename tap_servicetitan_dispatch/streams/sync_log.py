"""The run's own log: the result of each stream, so that a warehouse knows what is missing."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from tap_servicetitan_dispatch import __version__, instants
from tap_servicetitan_dispatch.errors import TapError
from tap_servicetitan_dispatch.run.outcomes import COMPLETE
from tap_servicetitan_dispatch.state.bookmarks import bookmark_in
from tap_servicetitan_dispatch.streams.base import DispatchStream
from tap_servicetitan_dispatch.streams.fields import (
    TENANT_ID,
    instant,
    integer,
    number,
    schema_of,
    text,
    texts,
)
from tap_servicetitan_dispatch.walks import Page

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from singer_sdk import Tap

    from tap_servicetitan_dispatch.client.client import Client
    from tap_servicetitan_dispatch.run.outcomes import Outcome
    from tap_servicetitan_dispatch.run.run import Run
    from tap_servicetitan_dispatch.settings.tenants import Tenant
    from tap_servicetitan_dispatch.state.bookmarks import Bookmark
    from tap_servicetitan_dispatch.walks import Record


_NOT_OF_THE_API = {"unknown_fields": "warn"}


class SyncLog(DispatchStream):
    """Each row is the result of one stream of one tenant in one run.

    Written after all other streams, also by a run that fails or is stopped. It only asks each list
    that was read for its number of rows.
    """

    name = "sync_log"
    path = ""
    scopes = ()
    on_request = "has the result of each stream in each run, and costs a call for each list"
    primary_keys: tuple[str, ...] = ("runId", "stream")
    schema = schema_of(
        text("runId", "Name of the run.", required=True),
        TENANT_ID,
        text("tenantName", "Name of the tenant in the settings; null if there is none."),
        text(
            "timezone",
            "IANA name of the tenant's time zone in the settings; null if there is none.",
        ),
        text("stream", "Name of the stream.", required=True),
        instant(
            "startedAt",
            "When the tap began to read the stream, by its machine's clock (UTC); null if it never "
            "did.",
        ),
        instant(
            "endedAt",
            "When the last row was written, or the stream failed, by the same clock (UTC).",
        ),
        text(
            "outcome",
            "`complete`, `doubtful` (read to its end, but rows may have been missed), "
            "`skipped` (refused, see `skip_forbidden_streams`) or `failed`.",
        ),
        text("reason", "Why the stream is not complete; null if it is."),
        integer("rows", "Rows that were read and written."),
        integer("requests", "Requests to the API, with repeated ones."),
        integer("retries", "Requests that were sent again."),
        number(
            "waitedSeconds",
            "Seconds spent waiting for the rate limit, or before a request was sent again.",
        ),
        text("bookmark", "Where the next run resumes; null for a stream without a bookmark."),
        instant(
            "reached", "The latest `modifiedOn` that was written (UTC); null if there was none."
        ),
        integer(
            "sourceRows",
            "The API's number of rows right afterwards, with inactive ones, since `start_date` if "
            "that is set; null if the API gives no count, or the stream was not read to its end.",
        ),
        texts("unknownFields", "Names of fields that the API sent and that are not in the schema."),
        text("tapVersion", "Version of the tap."),
    )

    def __init__(self, tap: Tap, run: Run) -> None:
        super().__init__(tap, run)
        self._told: dict[Tenant, list[Record]] = {}
        """What has been found out of a tenant; a signal may want it written once more."""

    @property
    @override
    def config(self) -> Mapping[str, Any]:
        """The settings without those that concern rows of the API.

        Rows of earlier runs always stay, and the field `unknownFields` has another meaning here.
        """
        return {**super().config, **_NOT_OF_THE_API}

    @override
    def walk(self, client: Client, bookmark: Bookmark) -> Iterable[Page]:
        numbers = {None, client.tenant_id}
        [tenant] = [each for each in self.run.clients.tenants if each.number in numbers]
        if tenant not in self._told:
            self.run.outcomes.fail_where_all_is_refused()
            found = {each.stream: each for each in self.run.outcomes.read(tenant)}
            counts = self._counts(client, tenant, found)
            whose = {
                "runId": self.run.outcomes.run_id,
                "tenantId": client.tenant_id,
                "tenantName": tenant.name or None,
                "timezone": tenant.timezone,
            }
            self._told[tenant] = [
                {**whose, **self._row(name, tenant, outcome), "sourceRows": counts.get(name)}
                for name, outcome in found.items()
            ]
        yield Page(self._told[tenant])

    def _row(self, name: str, tenant: Tenant, found: Outcome) -> dict[str, Any]:
        bookmark = bookmark_in(self.tap_state, name, tenant.context).value
        outcome, reason = self.run.outcomes.verdict(found)
        return {
            "stream": name,
            "startedAt": found.started_at and instants.render(found.started_at),
            "endedAt": found.ended_at and instants.render(found.ended_at),
            "outcome": outcome,
            "reason": reason,
            "rows": found.tally.rows,
            "requests": found.tally.requests,
            "retries": found.tally.retries,
            "waitedSeconds": round(found.tally.waited_seconds, 3),
            "bookmark": None if bookmark is None else str(bookmark),
            "reached": found.reached,
            "sourceRows": None,
            "unknownFields": sorted(found.unknown_fields),
            "tapVersion": __version__,
        }

    def _counts(
        self, client: Client, tenant: Tenant, found: Mapping[str, Outcome]
    ) -> dict[str, int | None]:
        """Return how many rows the API has of each stream that was read to its end."""
        outcomes = self.run.outcomes
        if outcomes.ended_early or outcomes.has_left(tenant):
            return {}
        names = [name for name, each in found.items() if each.result == COMPLETE]
        calls = [partial(self._count, client, name) for name in names]
        return dict(zip(names, self.run.helpers.results(calls), strict=True))

    def _count(self, client: Client, stream: str) -> int | None:
        """Return the API's count; nothing if that fails, as the run is good without it."""
        of_tap: Any = self._of_tap.streams[stream]
        try:
            count: int | None = of_tap.source_rows(client)
        except TapError as error:
            client.logger.warning("%s: the rows of the API were not counted: %s", stream, error)
            return None
        return count

    @override
    def probe(self, client: Client) -> None:
        """Ask for nothing: its rows come from the run."""
