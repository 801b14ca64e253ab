"""dbt, started once and asked many times: to start it takes longer than most builds."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from tests.support.projects import inherited

if TYPE_CHECKING:
    from pathlib import Path

WORKER = """
import json, os, sys
from dbt.cli.main import dbtRunner
answers, sys.stdout = sys.stdout, sys.stderr
own = dict(os.environ)
try:
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager as kept
except ImportError:
    kept = None
for line in sys.stdin:
    asked = json.loads(line)
    os.environ.clear()
    os.environ.update(own | asked["variables"])
    told = []
    runner = dbtRunner(callbacks=[lambda event: told.append([event.info.level, event.info.msg])])
    ended = runner.invoke(asked["arguments"])
    if kept and kept._ENV:  # or nobody else could open the file
        kept._ENV.close()
        kept._ENV = None
    told += [["error", str(ended.exception)]] if ended.exception else []
    lines = [message for level, message in told if level != "debug"]
    warnings = [message for level, message in told if level in ("warn", "error")]
    answer = {"is_good": ended.success, "lines": lines, "warnings": warnings}
    print(json.dumps(answer), file=answers, flush=True)
"""


@dataclass(frozen=True)
class Ended:
    """How a command of dbt ended.

    Attributes:
        is_good: Whether its exit code would be 0.
        lines: What it said.
        warnings: What of it is a warning or an error.
    """

    is_good: bool
    lines: list[str]
    warnings: list[str]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    @property
    def trouble(self) -> str:
        """What is a warning or an error, on one line."""
        return " ".join(" ".join(self.warnings).split())


class Dbt:
    """A process in which dbt runs one command after the other.

    Args:
        python: The Python of an environment that has dbt and an adapter.
        project: The folder of a dbt project.
        target: Which output of its profile.
        folder: Where dbt may write.
        variables: Environment variables of all commands.
    """

    def __init__(
        self, python: Path, project: Path, target: str, folder: Path, **variables: str
    ) -> None:
        self._target = target
        self._folder = folder
        environment = inherited("DBT_", "DISPATCH_") | {
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
            # Nobody reads its files of JSON and its log here, and they take a quarter of its time
            "DBT_WRITE_JSON": "false",
            "DBT_LOG_LEVEL_FILE": "none",
            **self.project(project),
            **variables,
        }
        self._process = subprocess.Popen(  # noqa: S603 - our own command
            [python, "-c", WORKER],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def project(self, project: Path) -> dict[str, str]:
        """Return the variables with which commands concern a project."""
        where = self._folder / project.name
        return {
            "DBT_PROJECT_DIR": str(project),
            "DBT_PROFILES_DIR": str(project),
            "DBT_TARGET_PATH": str(where / f"target-{self._target}"),
            "DBT_LOG_PATH": str(where / f"logs-{self._target}"),
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def __call__(
        self, *arguments: str, said: dict[str, Any] | None = None, **variables: str
    ) -> Ended:
        """Run a command, with some vars of dbt, and with some environment variables."""
        given = ["--vars", json.dumps(said)] if said else []
        asked = {
            "arguments": [*arguments, "--target", self._target, *given],
            "variables": variables,
        }
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        return Ended(**json.loads(self._process.stdout.readline()))
