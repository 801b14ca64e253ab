"""The command `servicetitan-sandbox`."""

import signal
from collections.abc import Callable
from dataclasses import fields
from datetime import datetime
from threading import Event
from typing import Any, get_args

import click
from pydantic import TypeAdapter, ValidationError

from tap_servicetitan_dispatch.sandbox.api.behaviour import Behaviour, LastPageToken
from tap_servicetitan_dispatch.sandbox.faults.options import Faults
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
    given = {name.removeprefix(_PREFIX): value for name, value in options.items() if value}
    try:
        return Faults(**given)
    except ValidationError as error:
        first = error.errors()[0]
        option = f"--{_PREFIX}{first['loc'][0]}".replace("_", "-")
        raise click.BadParameter(
            f"{first['msg']}: {first['input']!r}", param_hint=option
        ) from error


GUIDE = """\
The Dispatch API v2 is served at {url}, for tenant {tenant_id} (seed {seed}, {rows} assignments).

  the tap's settings   environment: sandbox
                       api_url: {url}
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
@click.option("--seed", default=1, show_default=True, help="Another seed is another contractor.")
@click.option(
    "--size",
    default=20_000,
    show_default=True,
    type=click.IntRange(1, 1_000_000),
    help="Approximate number of appointment assignments.",
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
    seed: int,
    size: int,
    speed: float,
    export_page_size: int,
    last_page_token: LastPageToken,
    empty_pages: bool,
    hard_deletes: bool,
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
        missing_scopes=frozenset(without_scope),
    )
    sandbox = Sandbox(
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
    rows = f"{len(sandbox.tenant.assignments.current):,}"
    click.echo(GUIDE.format(url=sandbox.url, seed=seed, rows=rows, **sandbox.credentials))
    # In slices, because on Windows a wait without end does not notice Ctrl-C.
    while not stop.wait(0.5):
        pass
    sandbox.stop()
    click.echo("Stopped.")
