"""The tap: settings in, streams out."""

from __future__ import annotations

import copy
import logging
import os
import sys
from typing import TYPE_CHECKING, Any, ClassVar, cast

from singer_sdk import Tap
from singer_sdk.cli import plugin_cli
from singer_sdk.exceptions import ConfigValidationError
from singer_sdk.singerlib import StateMessage
from typing_extensions import override

from tap_servicetitan_dispatch import NAME
from tap_servicetitan_dispatch.cli import files
from tap_servicetitan_dispatch.cli.command import Command
from tap_servicetitan_dispatch.errors import LogError
from tap_servicetitan_dispatch.log import redaction
from tap_servicetitan_dispatch.log.filters import quiet_logs
from tap_servicetitan_dispatch.run.run import Run
from tap_servicetitan_dispatch.run.signals import StopFlag
from tap_servicetitan_dispatch.settings import schema as settings
from tap_servicetitan_dispatch.settings import stream_maps, validation
from tap_servicetitan_dispatch.settings.environment import from_environment
from tap_servicetitan_dispatch.state.bookmarks import note_key, require_key_of
from tap_servicetitan_dispatch.state.catalog import checked_catalog, require_offered
from tap_servicetitan_dispatch.state.given import checked_state, require_state_of
from tap_servicetitan_dispatch.streams import (
    NAMES,
    ON_REQUEST,
    STREAMS,
    WITH_VERSIONS,
    not_offered,
    problems_of,
)
from tap_servicetitan_dispatch.streams.sync_log import SyncLog
from tap_servicetitan_dispatch.writer import LineWriter

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

    import click
    from singer_sdk import Stream
    from singer_sdk.singerlib import Catalog

    from tap_servicetitan_dispatch.streams.base import DispatchStream


class TapServiceTitanDispatch(Tap):
    """Copies the ServiceTitan Dispatch API v2 into any Singer target."""

    name = NAME
    message_writer_class = LineWriter
    # From 0.55 on; start_date here is for a first run, also where a bookmark is from before
    capabilities: ClassVar[Any] = [each for each in Tap.capabilities if str(each) != "start-date"]
    config_jsonschema: ClassVar[dict[str, Any]] = settings.schema(ON_REQUEST, WITH_VERSIONS)

    def __init__(
        self,
        *,
        config: dict[str, Any] | None = None,
        state: Any = None,
        catalog: Catalog | dict[str, Any] | None = None,
        parse_env_config: bool = False,
        validate_config: bool = True,
        **kwargs: Any,
    ) -> None:
        self._stop_flag = StopFlag()
        quiet_logs()
        redaction.guard_logs()
        redaction.SECRETS.add(*redaction.users_of_proxies(os.environ))
        state, catalog = checked_state(state, NAMES), checked_catalog(catalog, NAMES)
        schema = self.config_jsonschema
        self.append_builtin_config(schema)
        given = {**(config or {})}
        if parse_env_config:
            given |= from_environment(schema, self.name)
        redaction.SECRETS.add(*settings.secrets_in(given))
        stream_maps.require_nothing_else(given.get("stream_maps"))
        validation.normalize(given, schema)
        if validate_config and (errors := problems_of(given, schema)):
            raise ConfigValidationError("Config validation failed", errors=errors, schema=schema)
        super().__init__(
            config=given, state=state, catalog=catalog, validate_config=False, **kwargs
        )
        for line in validation.unknown(given, schema):
            self.logger.warning("%s", line)
        require_offered(self.input_catalog, self.state, not_offered(self.config))

    @override
    @classmethod
    def append_builtin_config(cls, config_jsonschema: dict[str, Any]) -> None:
        """Add the settings of every tap, except the one that is refused."""
        super().append_builtin_config(config_jsonschema)
        properties = config_jsonschema["properties"]
        properties.pop("emit_activate_version_messages", None)
        # Before 0.55 the SDK knows the formats of its own here, and none of a plug-in
        properties["batch_config"] = batches = copy.deepcopy(properties["batch_config"])
        batches["properties"]["encoding"]["properties"]["format"].pop("enum", None)

    @override
    def load_state(self, state: dict[str, Any]) -> None:
        require_state_of(state, NAMES, group="tenants" in self.config)
        super().load_state(state)
        for name in state.get("bookmarks", {}):  # those without a bookmark, too, have been read
            self.state.setdefault("bookmarks", {}).setdefault(name, {})

    @override
    def discover_streams(self) -> Sequence[DispatchStream]:
        run = Run(
            self.config,
            stop_flag=self._stop_flag,
            writer=cast("LineWriter", self.message_writer),
            write_state=self._write_state,
        )
        left_out = not_offered(self.config)
        return [stream(self, run) for stream in STREAMS if stream.name not in left_out]  # type: ignore[misc] # each class has its own

    @property
    @override
    def streams(self) -> dict[str, Stream]:
        """The streams in the order in which they are read; the run's own log is last."""
        return dict(sorted(super().streams.items(), key=lambda item: isinstance(item[1], SyncLog)))

    def _write_state(self) -> None:
        """Write the state; the SDK would not repeat a state, even after further rows."""
        self.message_writer.write_message(StateMessage(value=self.state))

    @override  # type: ignore[misc] # final for the type checker only
    def sync_all(self) -> None:
        """Sync all streams; the SDK's own method would also tidy the state of other taps' streams.

        Raises:
            StreamsFailedError: Some streams failed, and the others have been read.
        """
        streams = cast("list[DispatchStream]", list(self.streams.values()))
        log = next((each for each in streams if each.selected and isinstance(each, SyncLog)), None)
        read = [each for each in streams if each.selected and each is not log]
        for each in read:
            require_key_of(self.state, each.name, keeps_history=bool(each.version_field))
        walks = [walk for each in read for walk in each.sources()]
        for each in read:
            if each.version_field:
                note_key(cast("dict[str, Any]", self.state), each.name)
        run = streams[0].run
        run.outcomes.log = log.name if log else None
        with run.all_streams(walks, log.sync if log else lambda: None):
            if self.state:
                self._write_state()
            for stream in streams:
                if stream.selected:
                    stream.sync()
                    stream.finalize_state_progress_markers()
            for stream in streams:
                stream.log_sync_costs()

    @override
    def setup_mapper(self) -> None:
        """Set up stream maps; before SDK 0.55, one for `*` would fail on a deselected stream.

        Raises:
            StreamMapError: A stream map makes no sense.
        """
        stream_maps.require_expressions(self.config.get("stream_maps") or {})
        with stream_maps.named():
            super(Tap, self).setup_mapper()
        stream_maps.register(self.mapper, self.catalog)
        fields = {name: stream.schema["properties"] for name, stream in self.streams.items()}
        stream_maps.explain_failures(self.mapper, fields)

    @override
    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:
        """Note the signal; the SDK would leave at once, even in the middle of a line."""
        self._stop_flag.set(signum)

    @override
    @classmethod
    def invoke(  # type: ignore[override] # as the SDK's own does
        cls,
        *,
        about: bool = False,
        about_format: str | None = None,
        config: Any = None,
        state: Any = None,
        catalog: Any = None,
    ) -> None:
        """Run the tap; the command line has already read the state and the catalog."""
        super(Tap, cls).invoke(about=about, about_format=about_format)
        cls.print_version(print_fn=cls.logger.info)
        tap = cls(
            config=config.config,
            state=state,
            catalog=catalog,
            parse_env_config=config.parse_env,
        )
        tap.sync_all()

    @override
    @classmethod
    def cb_config(cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]) -> Any:
        """Read the files given with --config.

        Raises:
            InputError: One of them cannot be read, or is not a file of settings.
        """
        given = super().cb_config(ctx, param, tuple(path for path in value if path == "ENV"))
        for path in value:
            if path != "ENV":  # read once, as it may be a pipe
                given.config |= files.settings_in(path)
        return given

    @plugin_cli
    def cli(cls) -> click.Command:  # noqa: N805 - the SDK hands the class over
        """Set up the log, and return the command."""
        try:
            command = super().cli
        except Exception as error:  # noqa: BLE001 - whatever its configuration asks for
            sys.exit(f"{cls.name}: {LogError(error)}")
        redaction.guard_logs()
        logging.captureWarnings(capture=True)
        return command

    @override
    @classmethod
    def get_singer_command(cls) -> click.Command:
        return Command(cls, super().get_singer_command())
