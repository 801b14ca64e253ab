"""The tap: settings in, streams out, and a command that fails in one line."""

from __future__ import annotations

import copy
import json
import os
import sys
import threading
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

import simplejson
from singer_sdk import Tap
from singer_sdk.exceptions import ConfigValidationError
from singer_sdk.plugin_base import SingerCommand
from typing_extensions import override

from tap_servicetitan_dispatch import settings
from tap_servicetitan_dispatch.auth import Credentials, TokenSource
from tap_servicetitan_dispatch.errors import TapError
from tap_servicetitan_dispatch.streams import STREAMS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import FrameType

    import click

    from tap_servicetitan_dispatch.client import Client
    from tap_servicetitan_dispatch.streams.base import DispatchStream


class TapServiceTitanDispatch(Tap):
    """Copies what the ServiceTitan Dispatch API v2 lets one read into any Singer target."""

    name = "tap-servicetitan-dispatch"
    config_jsonschema: ClassVar[dict[str, Any]] = copy.deepcopy(settings.SCHEMA)  # the SDK adds

    def __init__(self, **kwargs: Any) -> None:
        self._told_to_stop = threading.Event()
        self._signal = 0
        super().__init__(**kwargs)

    @override
    def discover_streams(self) -> Sequence[DispatchStream]:
        return [stream(self) for stream in STREAMS]

    @cached_property
    def client(self) -> Client:
        """The one client of this tap, made when the first stream asks for it."""
        from tap_servicetitan_dispatch.client import Client, Http, token_request  # noqa: PLC0415

        where = self._connection
        http = Http(self.config["request_timeout_seconds"])
        asks = token_request(where.auth_url, where.credentials)
        return Client(
            http=http,
            tokens=TokenSource(lambda: http.exchange(asks, token_endpoint=True).body),
            credentials=where.credentials,
            api_url=where.api_url,
            max_requests_per_second=self.config["max_requests_per_second"],
            max_retries=self.config["max_retries"],
            sleep=self._told_to_stop.wait,
        )

    @property
    def _connection(self) -> settings.Connection:
        if self.config["environment"] != settings.SANDBOX:
            return settings.connection(self.config)
        from tap_servicetitan_dispatch.sandbox import CREDENTIALS, Sandbox  # noqa: PLC0415

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
            self.logger.info("Stopped by a signal; the state that is safe has been written.")
            raise SystemExit(128 + self._signal)

    @override
    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:
        """Note the signal: at any moment, the SDK's own way of leaving could tear a line apart."""
        self._signal = signum
        self._told_to_stop.set()

    @override
    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        """Check all settings at once; the SDK knows only what a JSON schema can say."""
        schema = self.config_jsonschema
        self.append_builtin_config(schema)
        settings.tidy(self._config)
        errors = settings.problems(self._config, schema)
        if errors and raise_errors:
            raise ConfigValidationError("Config validation failed", errors=errors, schema=schema)
        return errors

    @override
    @classmethod
    def get_singer_command(cls) -> click.Command:
        command = super().get_singer_command()
        return _Command(
            **{name: getattr(command, name) for name in ("name", "callback", "params", "help")},
            context_settings=command.context_settings,
            logger=cls.logger,
        )


class _Command(SingerCommand):
    """The tap's command line, where what goes wrong ends in one line and exit code 1."""

    @override
    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        with self._failing_in_one_line():  # the SDK runs --test and --discover in here
            return super().make_context(*args, **kwargs)

    @override
    def invoke(self, ctx: click.Context) -> Any:
        with self._failing_in_one_line():
            return super().invoke(ctx)

    @contextmanager
    def _failing_in_one_line(self) -> Iterator[None]:
        try:
            yield
        except TapError as error:
            self._fail(str(error))
        except ConfigValidationError as error:
            self._fail(*error.errors, str(error))
        except (json.JSONDecodeError, simplejson.JSONDecodeError) as error:
            self._fail(f"A file given on the command line is not JSON: {error}")
        except FileNotFoundError as error:
            self._fail(str(error))
        except BrokenPipeError:
            # Else Python tries once more to flush what nobody reads.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            self._fail("The target has gone away; look at its log. The state it got is safe.")

    def _fail(self, *lines: str) -> NoReturn:
        for line in lines:
            self.logger.error(line)
        sys.exit(1)
