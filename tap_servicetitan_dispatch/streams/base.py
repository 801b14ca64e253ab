"""What every stream declares, and what settings add."""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk.helpers.conform import TypeConformanceLevel

from tap_servicetitan_dispatch.errors import AnswerError
from tap_servicetitan_dispatch.streams.fields import (
    NEVER,
    TENANT_ID,
    UNKNOWN_FIELDS_PROPERTY,
    time_of_version,
)
from tap_servicetitan_dispatch.streams.hashing import paths_of, with_hashes
from tap_servicetitan_dispatch.streams.writing import WritingStream

if TYPE_CHECKING:
    from datetime import datetime

    from singer_sdk import Tap

    from tap_servicetitan_dispatch.client.client import Client
    from tap_servicetitan_dispatch.run.run import Run


def time_of(client: Client) -> datetime:
    """Return the time of the API's clock.

    Raises:
        AnswerError: The API does not give it.
    """
    now = client.now()
    if now is None:
        raise AnswerError(
            "the server's answers have no time (no Date), so the days to ask for are unknown",
            "check any proxy on the way; if there is none, report it",
        )
    return now


class DispatchStream(WritingStream):
    """A resource of the Dispatch API: a name, a path, scopes, a key and a schema.

    Args:
        tap: The tap, for the SDK.
        run: The parts of the run that streams share.
    """

    method: ClassVar[str] = "GET"
    """The HTTP method of the operation."""
    on_request: ClassVar[str] = ""
    """Why it is offered only if `extra_streams` names it, as the rest of a sentence about it."""

    primary_keys: tuple[str, ...] = ("id",)
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE  # values pass through untouched

    def __init__(self, tap: Tap, run: Run) -> None:
        super().__init__(tap, run)
        if run.is_of_group:
            self._add_tenant()
        if self.config.get("unknown_fields") == "keep":
            self._set_properties({**self.schema["properties"], **UNKNOWN_FIELDS_PROPERTY.to_dict()})
        self.sent_properties = self.schema["properties"]
        if self.name in (self.config.get("keep_history") or ()):
            self.version_field = time_of_version(self.sent_properties)
        if self.version_field:
            self._keep_history(self.version_field)
        self.own_keys = self.primary_keys  # a catalog may give others
        self.hashed_paths = paths_of(self.config, self.name, self.sent_properties)
        for path in self.hashed_paths:
            self.schema = with_hashes(self.schema, path)  # type: ignore[misc] # see the class

    def _add_tenant(self) -> None:
        """Make the tenant the first field and the first part of the key, as ids may collide."""
        self._set_properties({**TENANT_ID.to_dict(), **self.schema["properties"]})
        required = ["tenantId", *self.schema.get("required", [])]
        self.schema["required"] = list(dict.fromkeys(required))
        self.primary_keys = tuple(dict.fromkeys(("tenantId", *self.primary_keys)))

    def _keep_history(self, name: str) -> None:
        """Make the time of a version the last part of the key, so that versions differ in it.

        Args:
            name: The field with that time.
        """
        properties = self.schema["properties"]
        says = f"{properties[name]['description']} `{NEVER}` if the API does not say."
        stamp = {**properties[name], "type": ["string"], "description": says}
        self._set_properties({**properties, name: stamp})
        self.schema["required"] = [*self.schema["required"], name]
        self.primary_keys = (*self.primary_keys, name)

    def _set_properties(self, properties: dict[str, Any]) -> None:
        """Give this stream its own schema, with these properties."""
        self.schema = {**self.schema, "properties": properties}  # type: ignore[misc] # see the class

    @abc.abstractmethod
    def probe(self, client: Client) -> None:
        """Make the smallest request that shows whether the stream can be read.

        Raises:
            TapError: It cannot be read.
        """

    def source_rows(self, client: Client) -> int | None:
        """Return how many rows the API counts, inactive ones too; nothing if it has no count."""
