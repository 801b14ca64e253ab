"""The tap: settings in, streams out, and a command that fails in one line."""

from __future__ import annotations

import copy
import json
import logging
import os
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

import click
import simplejson
from singer_sdk import Tap
from singer_sdk.configuration._dict_config import parse_environment_config
from singer_sdk.exceptions import ConfigValidationError, SingerSDKError
from singer_sdk.helpers._util import read_json_file
from singer_sdk.plugin_base import SingerCommand
from singer_sdk.singerlib import Catalog
from typing_extensions import override

from tap_servicetitan_dispatch import settings
from tap_servicetitan_dispatch.auth import Credentials, TokenSource
from tap_servicetitan_dispatch.errors import InputError, StateError, TapError
from tap_servicetitan_dispatch.streams import STREAMS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import FrameType

    from tap_servicetitan_dispatch.client import Client
    from tap_servicetitan_dispatch.streams.base import DispatchStream


logger = logging.getLogger("tap-servicetitan-dispatch")
LAST_RESORT_SECONDS = 4


class TapServiceTitanDispatch(Tap):
    """Copies what the ServiceTitan Dispatch API v2 lets one read into any Singer target."""

    name = "tap-servicetitan-dispatch"
    config_jsonschema: ClassVar[dict[str, Any]] = copy.deepcopy(settings.SCHEMA)  # the SDK adds

    def __init__(
        self, *, state: Any = None, catalog: Catalog | dict[str, Any] | None = None, **kwargs: Any
    ) -> None:
        self._told_to_stop = threading.Event()
        self._signal = 0
        self._last_resort = threading.Timer(LAST_RESORT_SECONDS, os._exit)  # not started
        self._making_client = threading.Lock()
        self._client: Client | None = None
        super().__init__(state=_checked_state(state), catalog=_checked_catalog(catalog), **kwargs)

    @override
    def discover_streams(self) -> Sequence[DispatchStream]:
        return [stream(self) for stream in STREAMS]

    @property
    def client(self) -> Client:
        """The one client of this tap, made when the first thread asks for it."""
        with self._making_client:
            if self._client is None:
                self._client = self._new_client()
            return self._client

    def _new_client(self) -> Client:
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
            os._exit(128 + signum)
        self._signal = signum
        self._last_resort = threading.Timer(LAST_RESORT_SECONDS, os._exit, (128 + signum,))
        self._last_resort.daemon = True
        self._last_resort.start()
        self._told_to_stop.set()

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
    def get_singer_command(cls) -> click.Command:
        command = super().get_singer_command()
        return _Command(
            **{name: getattr(command, name) for name in ("name", "callback", "params", "help")},
            context_settings=command.context_settings,
            logger=cls.logger,
        )


def _checked_state(state: Any) -> dict[str, Any]:
    """Return what counts of a state: bookmarks, of our streams with nothing but their value.

    What a run leaves there for itself may come from another tap; other taps' streams stay as they
    are.

    Raises:
        StateError: It is no state, or a bookmark has another shape than ours.
    """
    remedy = "What to do: correct the state, or take it out to read everything again."
    if state is None:
        return {}
    if isinstance(state, dict) and state and "bookmarks" not in state:
        raise StateError(f"the state has no bookmarks but: {', '.join(state)}. {remedy}")
    bookmarks = (state.get("bookmarks") or {}) if isinstance(state, dict) else None
    if not isinstance(bookmarks, dict):
        raise StateError(f'the state is no object with "bookmarks" in it. {remedy}')
    checked = {}
    ours = {stream.name for stream in STREAMS}  # type: ignore[misc] # each class has its own
    for name, bookmark in bookmarks.items():
        if not isinstance(bookmark, dict):
            raise StateError(f"the bookmark of {name} in the state is no object. {remedy}")
        if name in ours and bookmark.get("partitions"):
            raise StateError(
                f"the bookmark of {name} in the state is split into partitions, which this tap "
                f"does not know. {remedy}"
            )
        checked[name] = {
            key: value
            for key, value in bookmark.items()
            if name not in ours or key in {"replication_key", "replication_key_value"}
        }
    return {"bookmarks": checked} if checked else {}


def _checked_catalog(catalog: Catalog | dict[str, Any] | None) -> Catalog | None:
    """Return a catalog as the SDK wants it.

    Raises:
        InputError: It is no catalog.
    """
    if catalog is None or isinstance(catalog, Catalog):
        return catalog
    remedy = "What to do: make it anew with --discover."
    try:
        checked = Catalog.from_dict(catalog)  # type: ignore[arg-type] # the SDK's type is narrow
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        cause = f"{type(error).__name__}: {error}"
        raise InputError(f"the catalog is not well formed ({cause}). {remedy}") from error
    known = {stream.name for stream in STREAMS}  # type: ignore[misc] # each class has its own
    if not checked:
        raise InputError(f"the catalog is not well formed (it has no streams). {remedy}")
    for name, entry in checked.items():
        if name in known and not entry.schema.properties:
            raise InputError(f"the catalog is not well formed ({name}: no schema). {remedy}")
        if (method := entry.replication_method) not in {None, "INCREMENTAL", "FULL_TABLE"}:
            raise InputError(f"the catalog is not well formed ({name}: {method}). {remedy}")
    if strange := ", ".join(sorted(checked.keys() - known)):
        logger.warning("The catalog has streams that this tap does not have: %s", strange)
    return checked


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
        except (click.exceptions.Exit, click.ClickException, click.Abort):
            raise  # click's own ways to leave
        except TapError as error:
            self._fail(str(error))
        except ConfigValidationError as error:
            self._fail(*error.errors, str(error))
        except (json.JSONDecodeError, simplejson.JSONDecodeError) as error:
            self._fail(f"A file given on the command line is not JSON: {error}")
        except UnicodeDecodeError as error:
            self._fail(f"A file given on the command line is no text: {error}")
        except BrokenPipeError:
            # Else Python tries once more to flush what nobody reads.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            self._fail("The target has gone away; look at its log. The state it got is safe.")
        except (OSError, SingerSDKError) as error:
            self._fail(f"{type(error).__name__}: {error}")
        except Exception as error:
            self.logger.debug("This is where it happened:", exc_info=True)
            self._fail(
                f"Something unforeseen: {type(error).__name__}: {error}. What to do: report it, "
                "with what LOGLEVEL=DEBUG shows. The state that was written is safe."
            )

    def _fail(self, *lines: str) -> NoReturn:
        for line in lines:
            self.logger.error(line)
        sys.exit(1)
