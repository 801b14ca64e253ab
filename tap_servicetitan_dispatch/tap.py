"""The tap: settings in, streams out."""

from __future__ import annotations

import copy
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, cast

import click
from singer_sdk import Tap
from singer_sdk.configuration._dict_config import parse_environment_config
from singer_sdk.exceptions import ConfigValidationError, MappingError
from singer_sdk.helpers._catalog import get_selected_schema
from singer_sdk.helpers._util import load_json, read_json_file
from typing_extensions import override

from tap_servicetitan_dispatch import check, settings
from tap_servicetitan_dispatch.auth import Credentials, TokenSource
from tap_servicetitan_dispatch.command import Command
from tap_servicetitan_dispatch.errors import InputError, NoSandboxError
from tap_servicetitan_dispatch.inputs import checked_catalog, checked_state
from tap_servicetitan_dispatch.progress import Progress, progress
from tap_servicetitan_dispatch.streams import STREAMS
from tap_servicetitan_dispatch.walks import LookAhead, Room
from tap_servicetitan_dispatch.writer import LineWriter

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

    from singer_sdk.singerlib import Catalog

    from tap_servicetitan_dispatch.check import Step
    from tap_servicetitan_dispatch.client import Client
    from tap_servicetitan_dispatch.streams.base import DispatchStream


LAST_RESORT_SECONDS = 4


class TapServiceTitanDispatch(Tap):
    """Copies what the ServiceTitan Dispatch API v2 lets one read into any Singer target."""

    name = "tap-servicetitan-dispatch"
    message_writer_class = LineWriter
    config_jsonschema: ClassVar[dict[str, Any]] = copy.deepcopy(settings.SCHEMA)  # the SDK adds

    def __init__(
        self, *, state: Any = None, catalog: Catalog | dict[str, Any] | None = None, **kwargs: Any
    ) -> None:
        self._told_to_stop = threading.Event()
        self._signal = 0
        self._last_resort = threading.Timer(LAST_RESORT_SECONDS, os._exit)  # not started
        self._making_client = threading.Lock()
        self._client: Client | None = None
        self._room = Room()
        self._begun: dict[str, LookAhead] | None = None
        self.progress = Progress()
        super().__init__(state=checked_state(state), catalog=checked_catalog(catalog), **kwargs)

    @override
    def discover_streams(self) -> Sequence[DispatchStream]:
        return [stream(self) for stream in STREAMS]

    @override
    def setup_mapper(self) -> None:
        """Set up stream maps; the SDK would have one for `*` fail on a deselected stream."""
        super(Tap, self).setup_mapper()
        for entry in self.catalog.streams:
            name, schema = entry.tap_stream_id, entry.schema.to_dict()
            selection = entry.metadata.resolve_selection()
            if selection[()]:  # otherwise no property would be left, so none for its keys
                schema = get_selected_schema(name, schema, selection)
            self.mapper.register_raw_stream_schema(name, schema, entry.key_properties)

    def begin_reading(self) -> None:
        """Let the first pages of all selected streams travel together, at the start of a sync."""
        if self._begun is None:
            self.progress = progress()
            streams = cast("dict[str, DispatchStream]", self.streams)
            self._begun = {
                name: self._look_ahead(stream)
                for name, stream in streams.items()
                if stream.selected
            }

    def pages_of(self, stream: DispatchStream) -> LookAhead:
        """Return the pages of a stream, which may be on their way already."""
        begun = (self._begun or {}).pop(stream.name, None)
        return begun or self._look_ahead(stream)

    def end_reading(self) -> None:
        """Leave the pages that nobody will read any more, and tell nothing more."""
        self.progress.end()
        while self._begun:
            self._begun.popitem()[1].close()

    def _look_ahead(self, stream: DispatchStream) -> LookAhead:
        return LookAhead(stream.pages(), self.before_waiting, self._room)

    @property
    def writer(self) -> LineWriter:
        """What writes the messages."""
        return cast("LineWriter", self.message_writer)

    def before_waiting(self) -> None:
        """Let the target have what there is; leave, if told to."""
        self.writer.flush()
        self.progress.tell()
        self.stop_if_told_to()

    @property
    def client(self) -> Client:
        """The one client of this tap, made when the first thread asks for it."""
        with self._making_client:
            if self._client is None:
                self._client = self._new_client(max_retries=self.config["max_retries"])
            return self._client

    def _new_client(self, *, max_retries: int) -> Client:
        from tap_servicetitan_dispatch.client import Client, Http, token_request  # noqa: PLC0415

        where = self._connection
        http = Http(self.config["request_timeout_seconds"])
        asks = token_request(where.auth_url, where.credentials)
        return Client(
            http=http,
            tokens=TokenSource(lambda: http.exchange(asks, token_endpoint=True).body),
            credentials=where.credentials,
            api_url=where.api_url,
            max_concurrent_requests=self.config["max_concurrent_requests"],
            max_requests_per_second=self.config["max_requests_per_second"],
            max_retries=max_retries,
            sleep=self._sleep,
        )

    def _sleep(self, seconds: float) -> None:
        """Wait, in a thread that calls the API.

        Raises:
            SystemExit: A signal has come; the main thread will see it too, and write the state.
        """
        if self._told_to_stop.wait(seconds):
            raise SystemExit(128 + self._signal)

    @property
    def _connection(self) -> settings.Connection:
        if self.config["environment"] != settings.SANDBOX:
            return settings.connection(self.config)
        try:
            from tap_servicetitan_dispatch.sandbox import CREDENTIALS, Sandbox  # noqa: PLC0415
        except ModuleNotFoundError as error:
            raise NoSandboxError(error.name) from error

        api_url = self.config.get("api_url")
        if not api_url:
            self._sandbox = Sandbox()
            self._sandbox.start()
            api_url = self._sandbox.url
        auth_url = self.config.get("auth_url") or f"{api_url}/connect/token"
        return settings.Connection(api_url, auth_url, Credentials(**CREDENTIALS))

    def stop_if_told_to(self) -> None:
        """Write the state and leave, if a signal has come; called where no line is half written.

        Raises:
            SystemExit: With 128 and the number of the signal, as a shell would have it.
        """
        if self._told_to_stop.is_set():
            self.state_writer.write_state(self.state)
            self._last_resort.cancel()
            self.logger.info("Stopped by a signal; the state that is safe has been written.")
            raise SystemExit(128 + self._signal)

    @override
    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:
        """Note the signal: at any moment, the SDK's own way of leaving could tear a line apart.

        A target that does not read holds up the line that is being written. So the process ends
        after `LAST_RESORT_SECONDS` whatever happens, and at once at a second signal.
        """
        if self._told_to_stop.is_set():
            self._leave_at_once(128 + signum)
        self._signal = signum
        leave = (128 + signum,)
        self._last_resort = threading.Timer(LAST_RESORT_SECONDS, self._leave_at_once, leave)
        self._last_resort.daemon = True
        self._last_resort.start()
        self._told_to_stop.set()

    def _leave_at_once(self, code: int) -> NoReturn:
        self.progress.abandon()
        os._exit(code)

    @property
    def _env_var_config(self) -> dict[str, Any]:
        """The settings in the environment, as text; the SDK would trip over what is no number."""
        schema = self.config_jsonschema
        self.append_builtin_config(schema)
        texts = {"properties": {name: {"type": "string"} for name in schema["properties"]}}
        return parse_environment_config(texts, self._env_var_prefix)

    @override
    @classmethod
    def cb_config(cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]) -> Any:
        """Read the files given with --config.

        Raises:
            InputError: One of them holds something other than an object.
        """
        for path in value:
            if path != "ENV" and not isinstance(read_json_file(path), dict):
                raise InputError(f"the file {path} given with --config holds no JSON object.")
        return super().cb_config(ctx, param, value)

    @override
    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        """Check all settings at once; the SDK knows only what a JSON schema can say."""
        schema = self.config_jsonschema
        self.append_builtin_config(schema)
        settings.tidy(self._config, schema)
        errors = settings.problems(self._config, schema)
        if errors and raise_errors:
            raise ConfigValidationError("Config validation failed", errors=errors, schema=schema)
        return errors

    @override
    @classmethod
    def invoke(cls, *, check_as: str | None = None, **given: Any) -> None:
        if check_as is None:
            super().invoke(**given)
            return
        files = {name: given[name] for name in ("state", "catalog")}
        tap = cls(
            **{name: file and load_json(file.read()) for name, file in files.items()},
            config=given["config"].config,
            parse_env_config=given["config"].parse_env,
            validate_config=False,
            setup_mapper=False,
        )
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)  # no state that would have to be written
        steps = tap.checked()
        if check_as == "json":
            click.echo(check.as_json(steps))
        else:
            check.print_table(steps, sys.stdout)
        if not check.is_good(steps):
            sys.exit(1)

    def checked(self) -> list[Step]:
        """Return the steps of a check of these settings, and of what they lead to."""
        streams = cast("list[DispatchStream]", list(self.streams.values()))
        if problems := self._validate_config(raise_errors=False):
            return check.refused(streams, problems)
        try:
            self.setup_mapper()
            client = self._new_client(max_retries=0)
        except MappingError as error:
            return check.refused(streams, [f"stream_maps: {error}"])
        except NoSandboxError as error:
            return check.refused(streams, [f"environment: {error}"])
        return check.checked(
            streams,
            client,
            at_once=self.config["max_concurrent_requests"],
            skip_forbidden=self.config["skip_forbidden_streams"],
        )

    @override
    @classmethod
    def get_singer_command(cls) -> click.Command:
        command = super().get_singer_command()
        command.params.append(
            click.Option(
                ["--check", "check_as"],
                is_flag=False,
                flag_value="table",
                type=click.Choice(["table", "json"]),
                help=(
                    "See whether a run would get what it needs: settings, token, app key and "
                    "tenant, then each stream. Use --check=json for programs."
                ),
            )
        )
        return Command(
            **{name: getattr(command, name) for name in ("name", "callback", "params", "help")},
            context_settings=command.context_settings,
            logger=cls.logger,
        )
