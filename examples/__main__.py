"""The command: pictures of what was loaded, or what a query gives."""

import argparse
from datetime import date
from pathlib import Path

import duckdb

from examples import board, utilisation
from examples.database import NothingLoadedError, database
from examples.look import save

WIDE = 160


def main(arguments: list[str] | None = None) -> None:
    """Draw the board of a day, and the utilisation around the latest change."""
    parser = argparse.ArgumentParser(prog="python -m examples", description=__doc__)
    parser.add_argument(
        "folder", nargs="?", type=Path, default=Path("output"), help="where target-jsonl wrote to"
    )
    parser.add_argument("--into", type=Path, help="where the pictures go; the folder if not given")
    parser.add_argument(
        "--timezone", default="America/Chicago", help="whose hours and weeks (%(default)s)"
    )
    parser.add_argument(
        "--day", type=date.fromisoformat, help="the day of the board; that of the latest change"
    )
    parser.add_argument("--query", metavar="SQL", help="show what a query gives; draw nothing")
    given = parser.parse_args(arguments)
    into = given.into or given.folder
    try:
        with database(given.folder, given.timezone) as connection:
            if given.query:
                connection.sql(given.query).show(max_width=WIDE)
                return
            pictures = {
                "board.svg": board.draw(board.Board(connection, given.day), given.timezone),
                "utilisation.svg": utilisation.draw(
                    utilisation.Utilisation(connection), given.timezone
                ),
            }
    except duckdb.Error as error:  # a file or a time zone that is none
        parser.error(str(error))
    except NothingLoadedError:
        parser.error(f"there are no assignments in {given.folder}; load first")
    into.mkdir(parents=True, exist_ok=True)
    for name, figure in pictures.items():
        save(figure, into / name)
        print(into / name)


if __name__ == "__main__":
    main()
