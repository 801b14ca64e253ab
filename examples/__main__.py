"""The command: pictures of what was loaded, or what a query gives."""

import argparse
from datetime import date
from pathlib import Path

from examples import availability, board
from examples.database import Error, Marts, NothingLoadedError
from examples.look import save


def main(arguments: list[str] | None = None) -> None:
    """Draw the board of a day, and the availability around the latest change."""
    parser = argparse.ArgumentParser(prog="python -m examples", description=__doc__)
    parser.add_argument(
        "database",
        nargs="?",
        default="output/dispatch.duckdb",
        help="a file of DuckDB, or postgresql://user:password@host/database (%(default)s)",
    )
    parser.add_argument(
        "--into", type=Path, default=Path("output"), help="where the pictures go (%(default)s)"
    )
    parser.add_argument("--timezone", help="in which hours and weeks are shown; the tenant's own")
    parser.add_argument(
        "--day", type=date.fromisoformat, help="the day of the board; that of the latest change"
    )
    parser.add_argument("--tenant", type=int, help="whose; the lowest number that there is")
    parser.add_argument("--query", metavar="SQL", help="show what a query gives; draw nothing")
    given = parser.parse_args(arguments)
    try:
        with Marts(given.database, given.timezone, given.tenant) as marts:
            if given.query:
                print(table(marts.shown(given.query)))
                return
            pictures = {
                "board.svg": board.draw(board.Board(marts, given.day), marts.timezone),
                "availability.svg": availability.draw(
                    availability.Availability(marts), marts.timezone
                ),
            }
    except Error as error:  # a database that is not there, or a time zone that is none
        parser.error(str(error))
    except NothingLoadedError:
        parser.error(f"there are no assignments in {given.database}; load and build first")
    given.into.mkdir(parents=True, exist_ok=True)
    for name, figure in pictures.items():
        save(figure, given.into / name)
        print(given.into / name)


def table(rows: list[tuple[str, ...]]) -> str:
    """Return rows as text, each column as wide as it has to be."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
    return "\n".join(lines)


if __name__ == "__main__":
    main()
