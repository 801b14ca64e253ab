"""`examples/README.md` says what there is, and what it says to do works."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

import pytest

from examples.__main__ import main
from examples.database import SQL, VIEWS, database
from tests.examples.made import assignment, slot
from tests.examples.tables import TIMEZONE, results, write
from tools.markdown import ROOT, blocks, commands

if TYPE_CHECKING:
    from pathlib import Path

PAGE = (ROOT / "examples" / "README.md").read_text(encoding="utf-8")
QUESTIONS = blocks(PAGE, "sql")


def test_every_view_is_linked_and_every_link_leads_somewhere() -> None:
    targets = re.findall(r"\]\((?!https:)([^)#]+)(?:#[^)]*)?\)", PAGE)
    assert [target for target in targets if not (ROOT / "examples" / target).exists()] == []
    linked = {target for target in targets if target.startswith("sql/")}
    assert linked == {f"sql/{file.name}" for file in SQL.iterdir()}
    assert {f"sql/{name}.sql" for name in ("tables", *VIEWS)} == linked


@pytest.mark.parametrize("name", VIEWS)
def test_a_file_makes_the_view_of_its_name(name: str) -> None:
    made = re.findall(r"view (\w+) as", (SQL / f"{name}.sql").read_text(encoding="utf-8"))
    assert made == [name]


@pytest.mark.parametrize("question", QUESTIONS, ids=range(len(QUESTIONS)))
def test_a_question_of_the_page_gets_an_answer(
    day_folder: Path, tmp_path: Path, question: str
) -> None:
    snapshots = slot("2026-06-17T12:00:00Z", 6, 5), slot("2026-06-19T12:00:00Z", 6, 3)
    write(tmp_path, "capacities", *snapshots)
    (file,) = tmp_path.iterdir()
    with database(day_folder, TIMEZONE) as connection:
        connection.execute("copy capacities from $file (format json)", {"file": str(file)})
        assert results(connection, question.strip().removesuffix(";"))


def test_the_query_of_the_page_is_answered(
    day_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (line,) = (line for line in commands(PAGE) if "--query" in line)
    _, _, _, *options = shlex.split(line)
    main([str(day_folder), *options])
    assert "appointment_id" in capsys.readouterr().out


def test_the_way_to_fill_a_table_outside_the_command_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (script,) = blocks(PAGE, "text")
    (tmp_path / "output").mkdir()
    write(tmp_path / "output", "appointment_assignments", assignment("15:00:00"))
    monkeypatch.chdir(tmp_path)
    with database(tmp_path, "UTC") as connection:
        connection.execute(script)
        assert len(results(connection, "from current_assignments")) == 1


def test_the_pictures_are_made_into_where_the_documents_show_them() -> None:
    lines = [line for line in commands(PAGE) if line.startswith(".venv/bin/python -m examples")]
    shown = re.findall(r"!\[[^\]]+\]\(\.\./(docs/images)/\w+\.svg\)", PAGE)
    assert lines[-2].endswith(f"output/day --into {shown[0]}")
    assert f"{lines[1]}" == ".venv/bin/python -m examples.sandbox_day output/day"
