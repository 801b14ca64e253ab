"""The command `servicetitan-sandbox`."""

import re
import signal
from collections.abc import Callable
from dataclasses import fields
from datetime import datetime
from threading import Event
from typing import Any, get_args

import click
from pydantic import TypeAdapter, ValidationError

from tap_servicetitan_dispatch.sandbox.api.behaviour import Behaviour, LastPageToken, TokenServes
from tap_servicetitan_dispatch.sandbox.faults.options import Faults
from tap_servicetitan_dispatch.sandbox.group import CREDENTIALS
from tap_servicetitan_dispatch.sandbox.server import Sandbox, utc_now


def clock_at(speed: float, now: Callable[[], datetime] = utc_now) -> Callable[[], datetime]:
    """Return a clock that runs `speed` times as fast as `now`, beginning at it."""
    start = now()
    return lambda: start + (now() - start) * speed


_PREFIX = "fault_"


def fault_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add an option for each fault; several values are separated by commas."""
    schema = TypeAdapter(Faults).json_schema()["properties"]
    for field in reversed(fields(Faults)):
        text = schema[field.name]["description"].replace("\n- ", " ").replace("`", "")
        default = field.default if isinstance(field.default, tuple) else (field.default,)
        command = click.option(
            f"--{_PREFIX}{field.name}".replace("_", "-"),
            metavar="VALUE",
            help=f"{text}  [default: {','.join(map(str, default))}]",
        )(command)
    return command


def faults_of(options: dict[str, Any]) -> Faults:
    """Return the faults that options ask for.

    Raises:
        click.BadParameter: A value is not valid.
    """
    given: dict[str, Any] = {
        name.removeprefix(_PREFIX): None if value == "none" else value
        for name, value in options.items()
        if value
    }
    try:
        return Faults(**given)
    except ValidationError as error:
        first = error.errors()[0]
        option = f"--{_PREFIX}{first['loc'][0]}".replace("_", "-")
        raise click.BadParameter(
            f"{first['msg']}: {first['input']!r}", param_hint=option
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


_MOST_SHOWN = 3


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


GUIDE = """\
The Dispatch API v2 is served at {url}, for {tenants}.

  the tap's settings   environment: sandbox
                       api_url: {url}{setting}
  every operation      {url}/docs
  what goes wrong      {url}/sandbox/faults (PUT there to change it)
  by hand              token=$(curl -s {url}/connect/token -d grant_type=client_credentials \\
                         -d client_id={client_id} -d client_secret={client_secret} \\
                         | sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')
                       curl -H "Authorization: Bearer $token" -H "ST-App-Key: {app_key}" \\
                         "{url}/dispatch/v2/tenant/{tenant_id}/export/appointment-assignments"

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
    "--export-page-size",
    default=Behaviour.export_page_size,
    show_default=True,
    type=click.IntRange(1),
    help="Rows on a page of the export feed.",
)
@click.option(
    "--last-page-token",
    default=Behaviour.last_page_token,
    show_default=True,
    type=click.Choice(get_args(LastPageToken)),
    help="What continueFrom is on the page that ends the feed.",
)
@click.option("--empty-pages", is_flag=True, help="Put empty pages into the middle of the feed.")
@click.option(
    "--hard-deletes", is_flag=True, help="Delete rows for good, not by making them inactive."
)
@click.option(
    "--token-serves",
    default=Behaviour.token_serves,
    show_default=True,
    type=click.Choice(get_args(TokenServes)),
    help="Whether an access token is good for all tenants, or only for the first it is used for.",
)
@click.option(
    "--tokens-per-minute",
    type=click.IntRange(1),
    help="Access tokens that are issued within any minute; more requests get a 429.",
)
@click.option(
    "--without-scope",
    multiple=True,
    metavar="SCOPE",
    help="A scope that is not granted, such as tn.dis.zones:r. May be repeated.",
)
@click.option(
    "--allow-host",
    multiple=True,
    metavar="NAME",
    help="Another host name to answer to than this machine's own. May be repeated.",
)
@fault_options
def main(  # noqa: PLR0913 - an argument for each option
    *,
    port: int,
    tenants: list[int] | None,
    seed: int,
    size: int | None,
    speed: float,
    export_page_size: int,
    last_page_token: LastPageToken,
    empty_pages: bool,
    hard_deletes: bool,
    token_serves: TokenServes,
    tokens_per_minute: int | None,
    without_scope: tuple[str, ...],
    allow_host: tuple[str, ...],
    **fault_values: str | None,
) -> None:
    """Serve a sandbox of ServiceTitan's Dispatch API v2 on localhost.

    With --fault-rate and the options like it, requests fail on purpose.
    """
    behaviour = Behaviour(
        export_page_size=export_page_size,
        last_page_token=last_page_token,
        empty_pages=empty_pages,
        deletes="hard" if hard_deletes else "soft",
        token_serves=token_serves,
        tokens_per_minute=tokens_per_minute,
        missing_scopes=frozenset(without_scope),
    )
    sandbox = Sandbox(
        tenants=tenants,
        seed=seed,
        assignments=size,
        clock=clock_at(speed),
        port=port,
        behaviour=behaviour,
        faults=faults_of(fault_values),
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
            tenants=_tenants_shown(sandbox, seed),
            setting=_tenant_setting(sandbox),
            **sandbox.credentials,
        )
    )
    # In slices, because on Windows a wait without end does not notice Ctrl-C.
    while not stop.wait(0.5):
        pass
    sandbox.stop()
    click.echo("Stopped.")
