"""Meltano, imported once and forked for each command: to import it takes longer than most of them.

What documents show is run by a shell, and so by the program itself.
"""

from __future__ import annotations

import os
import sys
import tempfile
from contextlib import ExitStack
from multiprocessing import get_context
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_CONTEXT = get_context("forkserver")
_CONTEXT.set_forkserver_preload(["meltano.cli", __name__])


def _run(
    arguments: list[str], folder: str, environment: dict[str, str], *outputs: str
) -> None:  # pragma: no cover - in a process of its own
    from meltano.cli import main  # noqa: PLC0415 - not for those who ask for it

    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for number, path in enumerate(outputs, start=1):
        os.dup2(os.open(path, os.O_WRONLY), number)
    sys.argv = ["meltano", *arguments]
    main()


class Meltano:
    """A command of Meltano that was started.

    Args:
        arguments: What follows `meltano`.
        folder: Where it runs.
        environment: All of its environment variables.
    """

    def __init__(self, arguments: list[str], folder: Path, environment: Mapping[str, str]) -> None:
        with ExitStack() as stack:
            self._outputs = [
                stack.enter_context(tempfile.NamedTemporaryFile("r+", encoding="utf-8"))
                for _ in range(2)
            ]
            names = [file.name for file in self._outputs]
            given = (arguments, str(folder), dict(environment), *names)
            self._process = _CONTEXT.Process(target=_run, args=given)
            self._process.start()
            self._stack = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.join()
        self._stack.close()

    @property
    def returncode(self) -> int | None:
        """Its exit code; nothing as long as it runs."""
        return self._process.exitcode

    def communicate(self) -> tuple[str, str]:
        """Wait until it has ended, and return its stdout and stderr."""
        self._process.join()
        stdout, stderr = (file.read() for file in self._outputs)
        return stdout, stderr
