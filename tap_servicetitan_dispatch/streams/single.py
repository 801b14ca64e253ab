"""Resources with one object for each tenant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import override

from tap_servicetitan_dispatch.state.bookmarks import Bookmark
from tap_servicetitan_dispatch.streams.base import DispatchStream
from tap_servicetitan_dispatch.walks import Page, malformed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tap_servicetitan_dispatch.client.client import Client


class SingleStream(DispatchStream):
    """One object for each tenant, read in full; its key is the tenant."""

    primary_keys = ("tenantId",)
    added_fields = ("tenantId",)
    can_be_whole = True

    @override
    def walk(self, client: Client, bookmark: Bookmark) -> Iterable[Page]:
        body = client.get(self.path, {}).body
        if isinstance(body, dict) and "data" in body:
            body = body["data"]
        rows = body if isinstance(body, list) else [body]
        if not all(isinstance(row, dict) for row in rows):
            raise malformed("an object in it", body)
        of_tenant = {"tenantId": client.tenant_id}
        yield Page(rows, extra=of_tenant, is_whole=bool(rows))  # nothing at all is no answer

    @override
    def probe(self, client: Client) -> None:
        list(self.walk(client, Bookmark()))
