"""The command `dispatch-page`."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from tap_servicetitan_dispatch.page.marts import Marts, MartsError, without_password
from tap_servicetitan_dispatch.page.server import Pages, server
from tap_servicetitan_dispatch.page.site import INDEX, NothingLoadedError, build, counted

Command = Callable[..., None]
_OPTIONS = (
    click.option(
        "--target",
        type=click.Choice(["duckdb", "postgres"]),
        default="duckdb",
        show_default=True,
        help="Which of the two databases that dbt builds, as for dbt itself: DISPATCH_DUCKDB, or "
        "the database that TARGET_POSTGRES_... names and DISPATCH_SCHEMA in it.",
    ),
    click.option(
        "--database",
        envvar="DISPATCH_PAGE_DATABASE",
        help="Another one: a file of DuckDB, or postgresql://user:password@host/database.",
    ),
    click.option("--schema", help="Where in that the marts are, if not where dbt puts them."),
    click.option(
        "--into",
        envvar="DISPATCH_PAGE_INTO",
        type=click.Path(path_type=Path, file_okay=False),
        default=Path("output/page"),
        show_default=True,
        help="The folder that the pages go into.",
    ),
)


def _with_options(command: Command) -> Command:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.group()
def main() -> None:
    """Make pages of the marts that dbt has built, to be opened in a browser."""


@main.command(name="build")
@_with_options
def build_(target: str, database: str | None, schema: str | None, into: Path) -> None:
    """Write the pages into a folder."""
    database, schema = place(target, database, schema, os.environ)
    with _told(database, into), Marts(database, schema) as marts:
        pages = build(marts, into)
    click.echo(f"{into / INDEX}: {counted(pages)} made of {without_password(database)}")


@main.command()
@_with_options
@click.option("--port", default=8450, show_default=True, help="0 is any that is free.")
def serve(target: str, database: str | None, schema: str | None, into: Path, port: int) -> None:
    """Serve the pages to this machine, made anew whenever the marts have changed."""
    database, schema = place(target, database, schema, os.environ)
    pages = Pages(database, schema, into, lambda line: click.echo(line, err=True))
    with _told(database, into):
        pages.make()
    try:
        serving = server(pages, port)
    except OSError as error:
        raise click.ClickException(
            f"port {port} cannot be served on ({error.strerror}). What to do: name another by "
            "--port."
        ) from None
    host, taken, *_ = serving.server_address
    click.echo(f"http://{host!s}:{taken}/ (Ctrl-C ends it)")
    with serving:
        try:
            serving.serve_forever()
        except KeyboardInterrupt:
            click.echo("Ended.", err=True)


def place(
    target: str, database: str | None, schema: str | None, environment: Mapping[str, str]
) -> tuple[str, str | None]:
    """Return database and schema of the marts, from the variables that dbt reads too."""
    if database:
        return database, schema
    if target == "duckdb":
        return environment.get("DISPATCH_DUCKDB", "output/dispatch.duckdb"), schema
    given = {
        name: quote(environment.get(f"TARGET_POSTGRES_{name.upper()}", default), safe="")
        for name, default in (
            ("host", "127.0.0.1"),
            ("port", "5432"),
            ("user", ""),
            ("password", ""),
            ("database", ""),
        )
    }
    address = "postgresql://{user}:{password}@{host}:{port}/{database}".format(**given)
    return address, schema or environment.get("DISPATCH_SCHEMA")


@contextmanager
def _told(database: str, into: Path) -> Iterator[Any]:
    """Turn an error into one line."""
    try:
        yield
    except MartsError as error:
        raise click.ClickException(str(error)) from None
    except NothingLoadedError:
        raise click.ClickException(
            f"there is no tenant in {without_password(database)}. What to do: load, and build the "
            "marts with dbt."
        ) from None
    except OSError as error:
        raise click.ClickException(
            f"the pages cannot be written into {into} ({error.strerror}). What to do: free it, or "
            "name another folder by --into."
        ) from None
