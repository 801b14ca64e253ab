"""How tests run the tap: the real command, in this process or in one of its own."""

from __future__ import annotations

import contextlib
import functools
import io
import json
import subprocess
import sys
from base64 import b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

from tap_servicetitan_dispatch.tap import TapServiceTitanDispatch
from tests.support.scripted_api import SECRETS
from tests.support.streams import OFFERED, ON_REQUEST

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path


def forms_of(secret: str) -> Iterator[str]:
    """Yield what a secret may look like in a text: as it is, quoted, and within base64."""
    yield from (secret, quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1])
    for before in ("", "a", "aa"):
        whole = b64encode(f"{before}{secret}".encode()).decode()
        within = whole[4 * len(before[:1]) : -4]
        yield from (within, within.replace("+", "-").replace("/", "_"))


def assert_no_secret(text: str, secrets: Iterable[str] = SECRETS) -> None:
    """The one place where all captured output is searched for secrets."""
    found = [secret[:4] + "…" for secret in secrets if any(f in text for f in forms_of(secret))]
    assert not found, f"secrets in the output: {found}"


@dataclass(frozen=True)
class Run:
    """What a run of the command left behind."""

    exit_code: int
    stdout: str
    stderr: str

    def __post_init__(self) -> None:
        assert_no_secret(self.stdout)
        assert_no_secret(self.stderr)

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stdout.splitlines()]

    @property
    def records(self) -> list[dict[str, Any]]:
        return records_in(self.messages)

    @property
    def ids(self) -> list[int]:
        return [record["id"] for record in self.records]

    @property
    def states(self) -> list[dict[str, Any]]:
        return [message["value"] for message in self.messages if message["type"] == "STATE"]

    @property
    def bookmark(self) -> Any:
        """The stored token of the export feed, nothing if there is none."""
        last = self.states[-1] if self.states else {}
        stream = last.get("bookmarks", {}).get("appointment_assignments", {})
        return stream.get("replication_key_value")

    @property
    def errors(self) -> list[str]:
        """What the log says at level error, without its time stamps."""
        return [
            line.split("| ", maxsplit=2)[-1].split(" | ", maxsplit=1)[-1]
            for line in self.stderr.splitlines()
            if "| ERROR" in line
        ]


FEED_ONLY = ("appointment_assignments",)


@functools.cache
def _catalog() -> str:
    config = {"extra_streams": [*ON_REQUEST]}
    return json.dumps(TapServiceTitanDispatch(config=config, validate_config=False).catalog_dict)


def offering(config: dict[str, Any], catalog: Any) -> dict[str, Any]:
    """Return settings that offer what a catalog names, unless they say what they offer."""
    written = json.dumps(catalog)
    named = [name for name in ON_REQUEST if f'"tap_stream_id": "{name}"' in written]
    return {"extra_streams": named, **config} if named else config


def catalog_of(*streams: str, with_others: bool = False) -> dict[str, Any]:
    """Return a catalog in which these streams are selected and no others.

    The others are in it only if asked for: to read them takes longer than most tests.
    """
    catalog: dict[str, Any] = json.loads(_catalog())
    named = {*OFFERED, *streams} if with_others else streams
    catalog["streams"] = [
        stream for stream in catalog["streams"] if stream["tap_stream_id"] in named
    ]
    for stream in catalog["streams"]:
        entry = next(entry for entry in stream["metadata"] if not entry["breadcrumb"])
        entry["metadata"]["selected"] = stream["tap_stream_id"] in streams
    return catalog


def records_in(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [message["record"] for message in messages if message["type"] == "RECORD"]


def bookmarked(
    value: Any, key: str = "continueFrom", stream: str = "appointment_assignments"
) -> dict[str, Any]:
    """Return a state in which the export feed has come to a token, or another stream to a date."""
    bookmark = {"replication_key": key, "replication_key_value": value}
    return {"bookmarks": {stream: bookmark}}


def assert_fails(run: Run, text: str) -> None:
    """The run ended in one line at level error that has the text in it, and exit code 1."""
    assert run.exit_code == 1
    assert len(run.errors) == 1, run.stderr
    assert text in run.errors[0]
    assert "What to do:" in run.errors[0]
    assert "Traceback" not in run.stderr


def select(catalog: dict[str, Any], breadcrumb: tuple[str, ...], *, selected: bool) -> None:
    """Select or deselect the first stream of a catalog, or a property of it."""
    entries = catalog["streams"][0]["metadata"]
    entry = next(entry for entry in entries if tuple(entry["breadcrumb"]) == breadcrumb)
    entry["metadata"]["selected"] = selected


@dataclass(frozen=True)
class Command:
    """Runs the tap's command with files in a folder."""

    folder: Path

    def arguments(
        self,
        config: dict[str, Any] | None,
        state: dict[str, Any] | None = None,
        catalog: dict[str, Any] | None = None,
        *more: str,
    ) -> list[str]:
        arguments = list(more)
        if config is not None and catalog is not None:
            config = offering(config, catalog)
        for name, content in (("config", config), ("state", state), ("catalog", catalog)):
            if content is not None:
                path = self.folder / f"{name}.json"
                path.write_text(json.dumps(content))
                arguments += [f"--{name}", str(path)]
        return arguments

    def run(
        self,
        config: dict[str, Any] | None,
        state: dict[str, Any] | None = None,
        catalog: dict[str, Any] | None = None,
        *more: str,
        streams: tuple[str, ...] | None = FEED_ONLY,
    ) -> Run:
        """Run the command in this process.

        A sync without a catalog gets one that selects `streams`; with `None`, it gets none.
        """
        if catalog is None and streams is not None and not more:
            catalog = catalog_of(*streams)
        stdout = io.TextIOWrapper(io.BytesIO(), write_through=True)
        stderr = io.StringIO()
        code: Any = 0
        with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
            try:
                TapServiceTitanDispatch.cli.main(
                    args=self.arguments(config, state, catalog, *more), prog_name="tap"
                )
            except SystemExit as leaving:
                code = leaving.code
        stdout.seek(0)
        return Run(code or 0, stdout.read(), stderr.getvalue())

    def discover(self, *streams: str, **config: Any) -> dict[str, Any]:
        """Return the catalog for some settings, with these streams selected if any are named."""
        catalog: dict[str, Any] = json.loads(self.run(config, None, None, "--discover").stdout)
        for stream in catalog["streams"] if streams else ():
            root = next(entry for entry in stream["metadata"] if not entry["breadcrumb"])
            root["metadata"]["selected"] = stream["tap_stream_id"] in streams
        return catalog

    def start(
        self,
        config: dict[str, Any],
        state: dict[str, Any] | None = None,
        streams: tuple[str, ...] = FEED_ONLY,
        command: tuple[str, ...] = ("tap_servicetitan_dispatch",),
        catalog: dict[str, Any] | None = None,
    ) -> subprocess.Popen[str]:
        """Start the command in a process of its own, for some streams, or with a catalog."""
        arguments = self.arguments(config, state, catalog or catalog_of(*streams))
        return subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "-m", *command, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
