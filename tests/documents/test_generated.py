"""The files that are made from the code, and the command that makes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from tools import generate, hub
from tools.markdown import ROOT

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.no_cover

FILES = generate.FILES


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_generated_file_is_what_the_code_says(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == FILES[path]()


def test_nothing_else_lies_where_only_generated_files_do() -> None:
    assert {*hub.FOLDER.iterdir()} - FILES.keys() == {hub.FOLDER / "logo.svg"}


def test_the_command_names_what_would_change_and_changes_it_only_when_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stale, missing, current = (tmp_path / name for name in ("stale", "missing", "current"))
    stale.write_text("before")
    current.write_text("now")
    made = dict.fromkeys((stale, missing, current), lambda: "now")
    monkeypatch.setattr(generate, "FILES", made)
    run = CliRunner().invoke

    checked = run(generate.main, ["--check"])
    assert (checked.exit_code, checked.stdout.count("\n")) == (1, 2)
    assert str(stale) in checked.stdout
    assert str(missing) in checked.stdout
    assert (stale.read_text(), missing.exists()) == ("before", False)

    assert run(generate.main, []).exit_code == 0
    assert stale.read_text() == missing.read_text() == "now"
    again = run(generate.main, ["--check"])
    assert (again.exit_code, again.stdout) == (0, "")


def test_a_list_whose_place_is_gone_is_not_written_elsewhere() -> None:
    assert (
        generate.between("a\nbegin\nold\nend\nz", "begin\n", "new\n", "end")
        == "a\nbegin\nnew\nend\nz"
    )
    for text in ("a\nend", "a\nbegin\nz"):
        with pytest.raises(LookupError, match="there is no 'begin"):
            generate.between(text, "begin\n", "new\n", "end")
