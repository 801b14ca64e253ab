from __future__ import annotations

import fcntl
import gc
import json
import logging
import os
import shutil
import signal
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest
from xdist.scheduler import LoadFileScheduling

from tap_servicetitan_dispatch.log.redaction import SECRETS
from tap_servicetitan_dispatch.run import prefetch
from tests.support import days
from tests.support.projects import Project
from tests.support.runs import Command, assert_no_secret
from tests.support.scripted_api import ScriptedApi
from tests.support.threads import Threads

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path

    from xdist.remote import Producer


STRUCTURED = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "singer_sdk.logging.StructuredFormatter"}},
    "handlers": {"err": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"level": "DEBUG", "handlers": ["err"]},
}

# How long an example takes to make or to try says how busy the machine is; which are tried does not
# change from run to run
hypothesis.settings.register_profile(
    "any machine",
    deadline=None,
    derandomize=True,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("any machine")


PROCESSES = "COVERAGE_PROCESS_CONFIG"
"""The variable by which coverage is measured in the processes that a test starts."""


MARTS = "tests/transform/"
"""The folder whose tests share marts, which take longest to make."""


class Modules(LoadFileScheduling):  # type: ignore[misc]  # xdist has no types
    """Gives whole modules to a worker, as their tests share what takes long to make.

    Those of the marts go to one worker.
    """

    def _split_scope(self, nodeid: str) -> str:  # what xdist's own schedulers override
        return MARTS if nodeid.startswith(MARTS) else super()._split_scope(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Modules:
    return Modules(config, log)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes() -> None:
    """Have no worker measure coverage from the beginning of its process on."""
    os.environ.pop(PROCESSES, None)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Have each worker measure coverage once.

    pytest-cov starts it twice there, and to pause stops but one of them.
    """
    control = _measuring(session.config)
    if hasattr(session.config, "workerinput") and control:
        control.pause()


def pytest_collection_finish() -> None:
    """Have the collector of garbage look at the tests' own objects only.

    What was imported stays, and to go through it takes a twelfth of the time of all tests.
    """
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """Have one worker measure what runs on import: all of them import the same."""
    control = _measuring(session.config)
    if not control or os.environ.get("PYTEST_XDIST_WORKER", "gw0") == "gw0":
        return (yield)
    control.pause()
    try:
        return (yield)
    finally:
        control.resume()


def _measuring(config: pytest.Config) -> Any:
    """Return what pauses and resumes the measuring of coverage, if it is measured."""
    plugin = config.pluginmanager.getplugin("_cov")
    return plugin and plugin.cov_controller


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, and measure no coverage where a property is tried.

    Tests of single cases reach each line that those of properties do. Others that take long and
    reach no line of their own have the mark `no_cover`: it takes three times as long to measure.
    A server that a module shares is not measured any more after such a test.
    """

    def turn(item: pytest.Item) -> int:
        if item.get_closest_marker("warehouse") is None:
            return 2
        return int(not item.nodeid.startswith(MARTS))

    items.sort(key=turn)
    for item in items:
        if item.nodeid.startswith(MARTS):
            item.add_marker(pytest.mark.timeout(1800))  # the first one installs dbt and builds them
        if hypothesis.is_hypothesis_test(getattr(item, "obj", None)):
            item.add_marker(pytest.mark.no_cover)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Measure no coverage where other programs do the work, of fixtures neither.

    It makes Python take three times as long, and what they run has no coverage measured anyway.
    """
    control = _measuring(item.config)
    if not control or item.get_closest_marker("warehouse") is None:
        return (yield)
    control.pause()
    for_processes = os.environ.pop(PROCESSES, None)
    try:
        return (yield)
    finally:
        if for_processes is not None:
            os.environ[PROCESSES] = for_processes
        control.resume()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Search what pytest itself captured: logs and prints."""
    report = yield
    try:
        for _, text in report.sections:
            assert_no_secret(text)
    except AssertionError as error:
        report.outcome, report.longrepr = "failed", str(error)
    return report


@pytest.fixture
def api() -> Iterator[ScriptedApi]:
    with ScriptedApi() as api:
        yield api


@pytest.fixture
def tap(tmp_path: Path) -> Command:
    return Command(tmp_path)


@pytest.fixture
def prefetching(monkeypatch: pytest.MonkeyPatch) -> Threads:
    """The threads that read ahead in this test."""
    return Threads(prefetch, monkeypatch)


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have calls sent again at once."""
    for name in ("_jitter", "_spread"):
        monkeypatch.setattr(f"tap_servicetitan_dispatch.client.backoff.{name}", lambda _: 0)


@pytest.fixture(params=["plain", "structured"])
def talkative(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> str:
    """Have everything logged, down to level debug, as lines of text or of JSON."""
    monkeypatch.setenv("LOGLEVEL", "DEBUG")
    if request.param == "structured":
        path = tmp_path / "logging.yml"
        path.write_text(json.dumps(STRUCTURED))  # which is YAML, too
        monkeypatch.setenv("SINGER_SDK_LOG_CONFIG", str(path))
    return str(request.param)


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Meltano project in which all plugins are installed; nobody runs it."""

    def install(folder: Path) -> None:
        Project.copied_to(folder).meltano("install")

    return _made_once("installed", install, tmp_path_factory)


@pytest.fixture(scope="session")
def project(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A Meltano project with all its plugins."""
    return Project.copied_to(tmp_path_factory.mktemp("project"), installed)


def _made_once(name: str, make: Callable[[Path], None], factory: pytest.TempPathFactory) -> Path:
    """Return a folder in which something was made, by this worker or by another one."""
    folder = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    folder = folder / name
    done = folder.with_suffix(".done")
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            done.touch()
    return folder


@pytest.fixture(scope="session", autouse=True)
def _days_are_remembered() -> Iterator[None]:
    with days.remembered():
        yield


@pytest.fixture(autouse=True)
def _no_secrets_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process knows the secrets of all its taps, and one of them may be a word to others."""
    monkeypatch.setattr(SECRETS, "_patterns", {})


@pytest.fixture(autouse=True)
def _signals_as_they_were() -> Iterator[None]:
    """Each tap takes over the signals of the process."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """Each tap adds a handler to the root logger; every line would go to those before it, too."""
    root = logging.getLogger()
    level, handlers, disabled = root.level, root.handlers[:], root.manager.disable
    yield
    logging.disable(disabled)
    root.setLevel(level)
    root.handlers[:] = handlers
