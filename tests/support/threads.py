"""Which threads a module starts while a test runs, whatever others there are in the process."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from tests.support.waiting import until

if TYPE_CHECKING:
    from types import ModuleType

    import pytest


class Threads:
    """All threads that a module starts from now on, until the test ends.

    Args:
        module: It uses them by `threading.Thread`.
        monkeypatch: Takes the noting back.
    """

    def __init__(self, module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
        self.started: list[threading.Thread] = []

        def noted(*args: Any, **kwargs: Any) -> threading.Thread:
            thread = threading.Thread(*args, **kwargs)
            self.started.append(thread)
            return thread

        its_own = SimpleNamespace(**{**vars(threading), "Thread": noted})
        monkeypatch.setattr(module, "threading", its_own)

    @property
    def alive(self) -> list[threading.Thread]:
        return [each for each in self.started if each.is_alive()]

    def assert_end(self) -> None:
        """Wait until all have ended, of which there must be some."""
        assert self.started
        until(lambda: not self.alive)
