"""What is in `dist`, as somebody gets it who installs it: not the checkout, and nothing of it.

`uv build --clear` has to run first, so that what is tested is what is published. Therefore these
tests run only where they are asked for, with `pytest -m wheel`.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from email.parser import HeaderParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tap_servicetitan_dispatch import __version__
from tests.support.runs import FEED_ONLY, Command, Run, assert_fails, catalog_of
from tests.support.scripted_api import ScriptedApi, feed_of, page
from tests.support.streams import ALL_STREAMS, EXTRA
from tools.markdown import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.wheel]  # installs what it tests
UV = Path(sys.executable).with_name("uv")
PACKAGE = ROOT / "tap_servicetitan_dispatch"
TAP = "tap-servicetitan-dispatch"
SANDBOX = {"environment": "sandbox"}


def uv(*arguments: str | Path) -> None:
    subprocess.run([UV, *arguments], cwd=ROOT, check=True)  # noqa: S603 - our own command


@dataclass(frozen=True)
class Installed:
    """A virtual environment in which the wheel is installed, and nothing that it does not need."""

    folder: Path

    @classmethod
    def of(cls, requirement: str, folder: Path) -> Installed:
        uv("venv", "-q", "--no-project", "--python", sys.executable, folder / "venv")
        uv("pip", "install", "-q", "--python", folder / "venv", requirement)
        return cls(folder)

    def start(self, command: str, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(  # noqa: S603 - our own command
            [self.folder / "venv" / "bin" / command, *arguments],
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], "HOME": str(self.folder)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, command: str, *arguments: str) -> Run:
        with self.start(command, *arguments) as process:
            stdout, stderr = process.communicate()
        return Run(process.returncode, stdout, stderr)

    def load(
        self,
        config: dict[str, Any],
        state: dict[str, Any] | None = None,
        catalog: dict[str, Any] | None = None,
    ) -> Run:
        """Run the tap with files in the folder."""
        return self.run(TAP, *Command(self.folder).arguments(config, state, catalog))


@pytest.fixture(scope="module")
def wheel() -> Path:
    (path,) = (ROOT / "dist").glob(f"tap_servicetitan_dispatch-{__version__}-py3-none-any.whl")
    return path


@pytest.fixture(scope="module")
def plain(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return Installed.of(str(wheel), tmp_path_factory.mktemp("plain"))


@pytest.fixture(scope="module")
def with_sandbox(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return Installed.of(f"{TAP}[sandbox] @ {wheel.as_uri()}", tmp_path_factory.mktemp("sandbox"))


# What is in it --------------------------------------------------------------------------------


def test_it_holds_the_package_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        packed = {name: archive.read(name) for name in archive.namelist()}
    about_it = f"{PACKAGE.name}-{__version__}.dist-info/"
    assert {name: content for name, content in packed.items() if not name.startswith(about_it)} == {
        path.relative_to(ROOT).as_posix(): path.read_bytes()
        for path in PACKAGE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert f"{PACKAGE.name}/py.typed" in packed
    assert {name.removeprefix(about_it) for name in packed if name.startswith(about_it)} == {
        "METADATA",
        "RECORD",
        "WHEEL",
        "entry_points.txt",
        "licenses/LICENSE",
    }


def test_the_source_distribution_makes_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    (source,) = (ROOT / "dist").glob(f"tap_servicetitan_dispatch-{__version__}.tar.gz")
    for origin in (source, ROOT):
        uv("build", "-q", "--wheel", "--out-dir", tmp_path / origin.name, origin)
        (made,) = (tmp_path / origin.name).glob("*.whl")
        assert made.read_bytes() == wheel.read_bytes()


def test_the_source_distribution_holds_the_package_and_what_tells_of_it() -> None:
    (source,) = (ROOT / "dist").glob(f"tap_servicetitan_dispatch-{__version__}.tar.gz")
    with tarfile.open(source) as archive:
        packed = {name.partition("/")[2] for name in archive.getnames()}
    of_package = {name for name in packed if name.startswith(f"{PACKAGE.name}/")}
    assert f"{PACKAGE.name}/tap.py" in of_package
    assert packed - of_package == {
        ".gitignore",
        "CHANGELOG.md",
        "LICENSE",
        "PKG-INFO",
        "README.md",
        "pyproject.toml",
    }


def test_it_says_what_it_is(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        text = archive.read(f"{PACKAGE.name}-{__version__}.dist-info/METADATA").decode()
    metadata = HeaderParser().parsestr(text)
    assert (metadata["Name"], metadata["Version"]) == (TAP, __version__)
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata.get_all("Provides-Extra") == ["arrow", "page", "sandbox"]
    assert metadata["Description-Content-Type"] == "text/markdown"


def test_what_a_package_index_shows_is_the_readme_without_what_is_not_there(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        text = archive.read(f"{PACKAGE.name}-{__version__}.dist-info/METADATA").decode()
    shown = HeaderParser().parsestr(text).get_payload()
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert isinstance(shown, str)
    assert re.findall(r"<img|!\[|\]\((?!https://)", shown) == []
    assert re.findall(r"\]\(https://.*?\)", shown) == re.findall(r"\]\(https://.*?\)", readme)
    code = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
    assert code.findall(shown) == code.findall(readme)
    assert re.findall("^#.*", shown, re.MULTILINE) == re.findall("^#.*", readme, re.MULTILINE)
    assert ":\n\n#" not in shown, "what announced a picture"
    assert len(shown.split()) > 0.9 * len(readme.split())


# Without the extra ----------------------------------------------------------------------------


def test_it_is_not_the_checkout_that_runs(plain: Installed) -> None:
    code = "import tap_servicetitan_dispatch as t; print(t.__file__)"
    found = Path(plain.run("python", "-c", code).stdout.strip())
    assert found.is_relative_to(plain.folder / "venv")


def test_the_plain_tap_comes_without_the_libraries_of_sandbox_and_page(plain: Installed) -> None:
    names = ("fastapi", "uvicorn", "duckdb", "jinja2")
    code = f"import importlib.util as u; print([u.find_spec(each) for each in {names}])"
    assert plain.run("python", "-c", code).stdout == "[None, None, None, None]\n"


def test_it_has_the_version(plain: Installed) -> None:
    assert plain.run(TAP, "--version").stdout.startswith(f"{TAP} v{__version__}, Meltano SDK v")


def test_it_says_about_itself_what_the_checkout_says(plain: Installed, tap: Command) -> None:
    options = ("--about", "--format", "json")
    assert json.loads(plain.run(TAP, *options).stdout) == json.loads(
        tap.run(None, None, None, *options).stdout
    )


def test_it_has_the_catalog_of_the_checkout(plain: Installed, tap: Command) -> None:
    assert json.loads(plain.run(TAP, "--discover").stdout) == tap.discover()


def test_the_plain_tap_reads_and_shows_its_version_to_the_api(
    plain: Installed, api: ScriptedApi
) -> None:
    api.reply = feed_of(
        (None, page(1, 2, more=True, token="t1")), ("t1", page(3, more=False, token="t2"))
    )
    run = plain.load(api.config, None, catalog_of(*FEED_ONLY))
    assert (run.exit_code, run.ids, run.bookmark) == (0, [1, 2, 3], "t2")
    assert {call.headers["User-Agent"] for call in api.calls} == {f"{TAP}/{__version__}"}


def test_the_plain_tap_says_in_one_line_how_to_get_the_sandbox(plain: Installed) -> None:
    assert_fails(plain.load(SANDBOX), "install the tap with its extra sandbox")
    alone = plain.run("servicetitan-sandbox")
    assert (alone.exit_code, alone.stdout, len(alone.stderr.splitlines())) == (1, "", 1)
    assert "install the tap with its extra sandbox" in alone.stderr


def test_the_plain_tap_says_in_one_line_how_to_get_the_page(plain: Installed) -> None:
    alone = plain.run("dispatch-page")
    assert (alone.exit_code, alone.stdout, len(alone.stderr.splitlines())) == (1, "", 1)
    assert "install the tap with its extra page" in alone.stderr


# With the extra -------------------------------------------------------------------------------


@pytest.fixture
def address(with_sandbox: Installed) -> Iterator[str]:
    """Return where the wheel's own sandbox listens, whose clock stands still."""
    options = ("--port", "0", "--size", "500", "--speed", "0")
    with with_sandbox.start("servicetitan-sandbox", *options) as process:
        assert process.stdout
        served = re.search(r"http://[\d.:]+", process.stdout.readline())
        assert served
        yield served[0]
        process.terminate()


def test_it_loads_what_the_checkout_loads_and_so_does_the_next_run(
    with_sandbox: Installed, address: str, tap: Command
) -> None:
    config = SANDBOX | {"api_url": address}
    first, expected = with_sandbox.load(config), tap.run(config, streams=None)
    assert first.exit_code == 0
    assert len(first.records) > 400
    assert (first.records, first.states[-1]) == (expected.records, expected.states[-1])

    state = first.states[-1]
    second, expected = with_sandbox.load(config, state), tap.run(config, state, streams=None)
    assert second.exit_code == 0
    assert len(second.records) < 100, "what comes whole, and the latest row of each list"
    assert (second.records, second.states[-1]) == (expected.records, expected.states[-1])


def test_it_runs_the_sandbox_within_itself(with_sandbox: Installed) -> None:
    config = SANDBOX | {"extra_streams": [*EXTRA]}
    arguments = Command(with_sandbox.folder).arguments(config)
    run = with_sandbox.run(TAP, *arguments, "--test")
    assert run.exit_code == 0
    read = {message["stream"] for message in run.messages if message["type"] == "RECORD"}
    assert read >= {*ALL_STREAMS} - {"technician_tracking"}  # where by night there is nothing
