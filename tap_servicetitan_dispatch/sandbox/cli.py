"""The command `servicetitan-sandbox`."""

import json
import re
import signal
from collections.abc import Callable, Mapping
from dataclasses import Field, fields
from datetime import datetime
from http.client import HTTPConnection, HTTPException
from threading import Event
from types import MappingProxyType
from typing import Any, TypeVar
from urllib.parse import urlencode

import click
from pydantic import TypeAdapter, ValidationError

from tap_servicetitan_dispatch.sandbox.api.behaviour import Behaviour
from tap_servicetitan_dispatch.sandbox.faults.options import Faults
from tap_servicetitan_dispatch.sandbox.group import CREDENTIALS
from tap_servicetitan_dispatch.sandbox.like import (
    NotASurveyError,
    behaviour_like,
    choice_of,
    faults_like,
    read,
    size_like,
)
from tap_servicetitan_dispatch.sandbox.server import HOST, Sandbox, utc_now


def clock_at(speed: float, now: Callable[[], datetime] = utc_now) -> Callable[[], datetime]:
    """Return a clock that starts at `now` and runs `speed` times as fast."""
    start = now()
    return lambda: start + (now() - start) * speed


_PREFIX = "fault_"

Command = Callable[..., None]
Options = TypeVar("Options", Behaviour, Faults)


def options_of(kind: type[Options], prefix: str = "") -> Callable[[Command], Command]:
    """Return a decorator that adds an option for each field of a class; a flag takes no value."""
    schema = TypeAdapter(kind).json_schema()["properties"]

    def add(command: Command) -> Command:
        for field in reversed(fields(kind)):
            text = schema[field.name]["description"].replace("\n- ", " ").replace("`", "")
            if field.default is False:
                shape: dict[str, Any] = {"is_flag": True, "flag_value": "true", "default": None}
            else:
                values = schema[field.name].get("enum", ())
                shape = {"metavar": f"[{'|'.join(map(str, values))}]" if values else "VALUE"}
                default = default_of(field)
                text += f"  [default: {default}]" if default else ""
            name = prefix + field.name
            command = click.option(option_of(name), name, help=text, **shape)(command)
        return command

    return add


def option_of(name: str) -> str:
    """Return the option for a field."""
    return f"--{name}".replace("_", "-")


def default_of(field: Field[Any]) -> str:
    """Return the default of a field as on the command line; an empty text if it is empty."""
    values = field.default if isinstance(field.default, tuple | frozenset) else [field.default]
    return ",".join("none" if value is None else str(value) for value in values)


def made(
    kind: type[Options],
    given: dict[str, Any],
    prefix: str = "",
    usual: Mapping[str, Any] = MappingProxyType({}),
) -> Options:
    """Return an object made from options, which are removed from the given ones.

    Args:
        kind: The class of the object.
        given: The options by name.
        prefix: The beginning of their names.
        usual: Values of fields without an option.

    Raises:
        click.BadParameter: A value is not valid.
    """
    values = dict(usual) | {
        field.name: None if value == "none" else value
        for field in fields(kind)
        if (value := given.pop(prefix + field.name))
    }
    try:
        return TypeAdapter(kind).validate_python(values)
    except ValidationError as error:
        first = error.errors()[0]
        raise click.BadParameter(
            f"{first['msg']}: {first['input']!r}",
            param_hint=option_of(f"{prefix}{first['loc'][0]}"),
        ) from error


def tenant_numbers(
    _context: click.Context, _option: click.Parameter, text: str | None
) -> list[int] | None:
    """Return the numbers of tenants in the text of an option.

    Raises:
        click.BadParameter: They are not numbers, or two of them are the same.
    """
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",")]
    numbers = [int(part) for part in parts if re.fullmatch("[1-9][0-9]{0,17}", part)]
    if len(set(numbers)) < len(parts):
        raise click.BadParameter(
            f"not numbers of different tenants, such as 1000000001,1000000002: {text!r}",
            param_hint="--tenants",
        )
    return numbers


def _like(path: str | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the fields of `Behaviour` and of `Faults` that the file of a survey names.

    Raises:
        click.BadParameter: It is not the file of a survey.
    """
    if path is None:
        return {}, {}
    try:
        survey = read(path)
        behaviour, faults = behaviour_like(survey), faults_like(survey, Faults())
    except (OSError, NotASurveyError) as error:
        raise click.BadParameter(f"{path}: {error}", param_hint="--like") from error
    if choice := choice_of(survey):
        click.echo(choice, err=True)
    return _set_in(behaviour), _set_in(faults)


def _set_in(options: Behaviour | Faults) -> dict[str, Any]:
    """Return the fields that have a value, by name."""
    values = {field.name: getattr(options, field.name) for field in fields(options)}
    return {name: value for name, value in values.items() if value is not None}


_MOST_SHOWN = 3
_USUAL_TENANT = int(CREDENTIALS["tenant_id"])


def _tenants_shown(sandbox: Sandbox, seed: int) -> str:
    numbers = list(sandbox.tenants)
    if len(numbers) == 1:
        rows = f"{len(sandbox.tenant.assignments.current):,}"
        return f"tenant {numbers[0]} (seed {seed}, {rows} assignments)"
    shown = ", ".join(map(str, numbers[:_MOST_SHOWN]))
    more = f" and {len(numbers) - _MOST_SHOWN} more" if len(numbers) > _MOST_SHOWN else ""
    return f"tenants {shown}{more} (seed {seed})"


def _tenant_setting(sandbox: Sandbox) -> str:
    numbers = list(sandbox.tenants)
    if str(numbers) == f"[{CREDENTIALS['tenant_id']}]":
        return ""
    setting = f"tenants: {numbers}" if len(numbers) > 1 else f"tenant_id: {numbers[0]}"
    return f"\n{' ' * 23}{setting}"


def curl_command(port: int, path: str, tenant: int = _USUAL_TENANT) -> str:
    """Return a curl command for a running sandbox, none of whose parts needs quotes.

    Raises:
        click.ClickException: Nothing answers there.
    """
    form = {"grant_type": "client_credentials", **CREDENTIALS}
    connection = HTTPConnection(HOST, port, timeout=10)  # which asks no proxy
    try:
        connection.request("POST", "/connect/token", urlencode(form), {"Content-Type": _FORM})
        token = json.load(connection.getresponse())["access_token"]
    except (OSError, HTTPException, ValueError, KeyError) as error:
        raise click.ClickException(
            f"No sandbox gives a token at port {port}. Start one, or name its --port."
        ) from error
    finally:
        connection.close()
    address = f"http://{HOST}:{port}/dispatch/v2/tenant/{tenant}/{path}"
    app_key = CREDENTIALS["app_key"]
    return f"curl -s --oauth2-bearer {token} -H ST-App-Key:{app_key} {address}"


_FORM = "application/x-www-form-urlencoded"
GUIDE = """\
The Dispatch API v2 is served at {url}, for {tenants}.

  the tap's settings   environment: sandbox
                       api_url: {url}{setting}
  see its day go by    {url}/
  every operation      {url}/docs
  what goes wrong      {url}/sandbox/faults (PUT there to change it)
  by hand              $(servicetitan-sandbox --port {port}{of_tenant} --curl zones)

Press Ctrl-C to stop it."""


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--port", default=8321, show_default=True, help="Port on 127.0.0.1; 0 takes a free one."
)
@click.option(
    "--tenants",
    metavar="NUMBERS",
    callback=tenant_numbers,
    help="Numbers of the tenants, separated by commas, each another contractor.  [default: "
    f"{CREDENTIALS['tenant_id']}]",
)
@click.option(
    "--curl",
    metavar="PATH",
    help="Print a curl command for a path of a sandbox that runs, such as zones; start none.",
)
@click.option("--seed", default=1, show_default=True, help="Another seed is another contractor.")
@click.option(
    "--size",
    type=click.IntRange(1, 1_000_000),
    help="Approximate number of appointment assignments of each tenant.  [default: 20000 for "
    f"tenant {CREDENTIALS['tenant_id']}, 300 to 3000 for others]",
)
@click.option(
    "--speed",
    default=1.0,
    show_default=True,
    type=click.FloatRange(0, 100_000),
    help="How fast the sandbox's clock runs, starting now; 60 makes a minute an hour.",
)
@click.option(
    "--allow-host",
    multiple=True,
    metavar="NAME",
    help="Another host name to answer to than this machine's own. May be repeated.",
)
@click.option(
    "--like",
    metavar="FILE",
    help="Behave like the tenant of a survey, a file that the tap prints with --survey=json; of a "
    "group, like the first tenant that could be asked. Other options win.",
)
@options_of(Behaviour)
@options_of(Faults, _PREFIX)
def main(
    *,
    port: int,
    tenants: list[int] | None,
    curl: str | None,
    seed: int,
    size: int | None,
    speed: float,
    allow_host: tuple[str, ...],
    like: str | None,
    **switches: str | None,
) -> None:
    """Serve a sandbox of ServiceTitan's Dispatch API v2 on localhost.

    Options from --export-page-size to --missing-scopes choose what is unknown about the real API.
    With --fault-rate and the options like it, requests fail on purpose.
    """
    if curl is not None:
        click.echo(curl_command(port, curl, *(tenants or [])[:1]))
        return
    usual, faults = _like(like)
    behaviour = made(Behaviour, switches, usual=usual)
    sandbox = Sandbox(
        tenants=tenants,
        seed=seed,
        assignments=size or size_like(behaviour),
        clock=clock_at(speed),
        port=port,
        behaviour=behaviour,
        faults=made(Faults, switches, _PREFIX, faults),
        allowed_hosts=allow_host,
    )
    try:
        sandbox.start()
    except OSError as error:
        raise click.ClickException(
            f"Port {port} cannot be used: {error.strerror}. Choose another with --port."
        ) from error
    stop = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    click.echo(
        GUIDE.format(
            url=sandbox.url,
            port=sandbox.url.rpartition(":")[2],
            tenants=_tenants_shown(sandbox, seed),
            setting=_tenant_setting(sandbox),
            of_tenant="" if tenants is None else f" --tenants {tenants[0]}",
        )
    )
    # In slices, because on Windows a wait without end does not notice Ctrl-C.
    while not stop.wait(0.5):
        pass
    sandbox.stop()
    click.echo("Stopped.")
