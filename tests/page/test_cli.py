"""The command: where it looks, what it says, and what it says if something is wrong."""

from __future__ import annotations

import sys
from http.server import ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from click.testing import CliRunner

from tap_servicetitan_dispatch import __main__ as commands
from tap_servicetitan_dispatch.page import cli
from tap_servicetitan_dispatch.page.cli import main, place
from tests.page.made import tenant, write
from tools.markdown import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write(tmp_path / "dispatch.duckdb", tenants=[tenant()])


def run(*arguments: object, **variables: str) -> Result:
    return CliRunner().invoke(main, [*map(str, arguments)], env=variables)


def test_it_writes_the_pages_and_says_where(file: Path, tmp_path: Path) -> None:
    into = tmp_path / "page"
    ran = run("build", "--into", into, DISPATCH_DUCKDB=str(file))
    assert (ran.exit_code, ran.output) == (0, f"{into}/index.html: 1 page made of {file}\n")
    write(file, tenants=[tenant(1), tenant(2)])
    ran = run("build", DISPATCH_PAGE_INTO=str(into), DISPATCH_PAGE_DATABASE=str(file))
    assert ran.output.startswith(f"{into}/index.html: 3 pages made")


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (("duckdb", None, None, {}), ("output/dispatch.duckdb", None)),
        (("duckdb", None, "own", {"DISPATCH_DUCKDB": "x.duckdb"}), ("x.duckdb", "own")),
        (("postgres", "y.duckdb", None, {"DISPATCH_SCHEMA": "s"}), ("y.duckdb", None)),
        (("postgres", None, None, {}), ("postgresql://:@127.0.0.1:5432/", None)),
        (
            (
                "postgres",
                None,
                None,
                {
                    "TARGET_POSTGRES_HOST": "db",
                    "TARGET_POSTGRES_USER": "me",
                    "TARGET_POSTGRES_PASSWORD": "a/b@c",
                    "TARGET_POSTGRES_DATABASE": "warehouse",
                    "DISPATCH_SCHEMA": "s",
                },
            ),
            ("postgresql://me:a%2Fb%40c@db:5432/warehouse", "s"),
        ),
    ],
)
def test_it_looks_where_dbt_builds(asked: Any, found: Any) -> None:
    assert place(*asked) == found


def test_meltano_has_commands_that_there_are() -> None:
    project = yaml.safe_load((ROOT / "meltano.yml").read_text(encoding="utf-8"))
    plugin = next(
        each for each in project["plugins"]["utilities"] if each["name"] == "dispatch-page"
    )
    assert plugin["executable"] == "dispatch-page"
    for name, command in plugin["commands"].items():
        asked, *options = command["args"].split()
        given = main.commands[asked].make_context(asked, options).params
        kind, _, target = name.partition("-")
        assert (asked, given["target"]) == (kind, target or "duckdb")
    read = {
        parameter.envvar
        for command in main.commands.values()
        for parameter in command.params
        if parameter.envvar
    }
    assert {setting["env"] for setting in plugin["settings"]} == read
    page = (ROOT / "docs/page.md").read_text(encoding="utf-8")
    assert {name for name in read if f"| `{name}` |" in page} == read


def test_what_is_wrong_is_told_in_a_line(file: Path, tmp_path: Path) -> None:
    into = tmp_path / "page"
    none = run("build", "--database", tmp_path / "none.duckdb", "--into", into)
    assert (none.exit_code, none.output.count("\n")) == (1, 1)
    assert "cannot be opened" in none.output
    into.write_text("a file")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "page.css").mkdir()
    taken = run("build", "--database", file, "--into", tmp_path / "folder")
    assert "the pages cannot be written into" in taken.output
    assert taken.output.endswith("name another folder by --into.\n")
    write(file)
    assert "there is no tenant in" in run("build", "--database", file).output


def test_without_the_extra_it_says_in_one_line_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in [*sys.modules]:
        if name.startswith("tap_servicetitan_dispatch.page"):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(SystemExit) as ended:
        commands.page()
    assert str(ended.value).startswith(
        "dispatch-page: the page needs duckdb, which is not installed"
    )
    assert "extra page" in str(ended.value)


def test_with_the_extra_the_command_is_that_of_the_package(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["dispatch-page", "--help"])
    with pytest.raises(SystemExit, match="0"):
        commands.page()
    assert "build" in capsys.readouterr().out


def test_it_serves_until_it_is_interrupted(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ThreadingHTTPServer, "serve_forever", interrupted)
    ran = run("serve", "--database", file, "--into", tmp_path / "page", "--port", 0)
    assert ran.exit_code == 0
    assert "1 page made\n" in ran.output
    assert "http://127.0.0.1:" in ran.output
    assert (tmp_path / "page" / "index.html").exists()


def test_a_port_that_is_taken_is_told_of(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def taken(*_: object) -> None:
        raise OSError(98, "Address already in use")

    monkeypatch.setattr(cli, "server", taken)
    ran = run("serve", "--database", file, "--into", tmp_path / "page", "--port", 9)
    assert ran.exit_code == 1
    assert "port 9 cannot be served on (Address already in use)" in ran.output
