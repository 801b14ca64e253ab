"""The tap: settings in, streams out."""

from __future__ import annotations

import copy
import logging
import os
import sys
from typing import TYPE_CHECKING, Any, ClassVar, cast

from singer_sdk import Tap
from singer_sdk.cli import plugin_cli
from singer_sdk.configuration._dict_config import parse_environment_config
from singer_sdk.exceptions import ConfigValidationError
from singer_sdk.helpers._catalog import get_selected_schema
from singer_sdk.singerlib import StateMessage
from typing_extensions import override

from tap_servicetitan_dispatch.cli import files
from tap_servicetitan_dispatch.cli.command import Command
from tap_servicetitan_dispatch.errors import LogError
from tap_servicetitan_dispatch.log import redaction
from tap_servicetitan_dispatch.log.filters import quiet_logs
from tap_servicetitan_dispatch.run.run import Run
from tap_servicetitan_dispatch.run.signals import StopFlag
from tap_servicetitan_dispatch.settings import schema as settings
from tap_servicetitan_dispatch.settings import stream_maps, validation
from tap_servicetitan_dispatch.state.catalog import checked_catalog, require_offered
from tap_servicetitan_dispatch.state.given import checked_state, require_state_of
from tap_servicetitan_dispatch.streams import NAMES, STREAMS
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
    """Copies what the ServiceTitan Dispatch API v2 lets one read into any Singer target."""

    name = "tap-servicetitan-dispatch"
    message_writer_class = LineWriter
    config_jsonschema: ClassVar[dict[str, Any]] = copy.deepcopy(settings.SCHEMA)  # the SDK adds

    def __init__(
        self, *, state: Any = None, catalog: Catalog | dict[str, Any] | None = None, **kwargs: Any
    ) -> None:
        self._stop_flag = StopFlag()
        quiet_logs()
        redaction.guard_logs()
        redaction.SECRETS.add(*redaction.users_of_proxies(os.environ))
        super().__init__(
            state=checked_state(state, NAMES), catalog=checked_catalog(catalog, NAMES), **kwargs
        )
        require_offered(self.input_catalog, self.state, settings.not_offered(self.config))

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
        left_out = settings.not_offered(self.config)
        return [stream(self, run) for stream in STREAMS if stream.name not in left_out]  # type: ignore[misc] # each class has its own

    @override  # type: ignore[misc] # final for the type checker only
    def load_streams(self) -> list[Stream]:
        """Return the streams in the order in which they are read: the log of the run is last."""
        return sorted(super().load_streams(), key=lambda each: isinstance(each, SyncLog))

    def _write_state(self) -> None:
        """Write the state; the SDK would not, if rows came after the same state."""
        self.message_writer.write_message(StateMessage(value=self.state))

    @override
    def _reset_state_progress_markers(self) -> None:
        """Do nothing: ours have none, and what other taps have left in the state is theirs."""

    @override  # type: ignore[misc] # final for the type checker only
    def sync_all(self) -> None:
        """Sync all streams.

        Raises:
            StreamsFailedError: Some streams failed, and the others have been read.
        """
        streams = cast("list[DispatchStream]", list(self.streams.values()))
        log = next((each for each in streams if each.selected and isinstance(each, SyncLog)), None)
        read = [each for each in streams if each.selected and each is not log]
        sources = [source for each in read for source in each.sources()]
        run = streams[0].run
        run.outcomes.are_wanted = log is not None
        with run.all_streams(sources, log.sync if log else lambda: None):
            super().sync_all()

    @override
    def setup_mapper(self) -> None:
        """Set up stream maps; the SDK would have one for `*` fail on a deselected stream.

        Raises:
            StreamMapError: One of them makes no sense.
        """
        stream_maps.require_expressions(self.config.get("stream_maps") or {})
        with stream_maps.named():
            super(Tap, self).setup_mapper()
        for entry in self.catalog.streams:
            name, schema = entry.tap_stream_id, entry.schema.to_dict()
            selection = entry.metadata.resolve_selection()
            if selection[()]:  # otherwise no property would be left, so none for its keys
                schema = get_selected_schema(name, schema, selection)
            with stream_maps.named(name):
                self.mapper.register_raw_stream_schema(name, schema, entry.key_properties)
        fields = {name: stream.schema["properties"] for name, stream in self.streams.items()}
        stream_maps.explain_failures(self.mapper, fields)

    @override
    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:
        """Note the signal: at any moment, the SDK's own way of leaving could tear a line apart."""
        self._stop_flag.set(signum)

    @property
    def _env_var_config(self) -> dict[str, Any]:
        """The settings in the environment, as text; the SDK would trip over a bad number."""
        schema = self.config_jsonschema
        self.append_builtin_config(schema)
        texts = {"properties": {name: {"type": "string"} for name in schema["properties"]}}
        return parse_environment_config(texts, self._env_var_prefix)

    @override
    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        """Check all settings at once; the SDK knows only what a JSON schema can say."""
        redaction.SECRETS.add(*settings.secrets_in(self._config))
        stream_maps.require_nothing_else(self._config.get("stream_maps"))
        schema = self.config_jsonschema
        self.append_builtin_config(schema)
        validation.normalize(self._config, schema)
        errors = validation.problems(self._config, schema)
        if errors and raise_errors:
            raise ConfigValidationError("Config validation failed", errors=errors, schema=schema)
        return errors

    @override
    @classmethod
    def cb_config(cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]) -> Any:
        """Read the files given with --config.

        Raises:
            InputError: One of them cannot be read, or holds something other than settings.
        """
        given = super().cb_config(ctx, param, tuple(path for path in value if path == "ENV"))
        for path in value:
            if path != "ENV":  # read once, as it may be a pipe
                source = f"the file {path} given with --config"
                config = files.parsed(files.content_of(path, "--config"), source)
                given.config |= files.checked_config(config, source)
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
