"""Errors that end a run: a `TapError`, whose text is the one line that the user reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple

from tap_servicetitan_dispatch.log.redaction import one_line, part

if TYPE_CHECKING:
    from collections.abc import Sequence

Reach = Literal["stream", "tenant", "all"]


REMEDY = "What to do: "


def advice(happened: str, remedy: str) -> str:
    """Return what happened and what to do about it as one text; neither has a full stop yet."""
    return f"{happened}. {REMEDY}{remedy}." if remedy else happened


class TapError(Exception):
    """The run cannot continue; the text says what happened and what to do, in one line.

    Args:
        happened: What happened, without a full stop.
        remedy: What the user should do about it, without a full stop.

    Attributes:
        reach: The most of a run that it can make unreadable.
        stream: The name of the stream that was being read; set later, as the following ones are.
        tenant: The tenant of a group.
        tenant_id: Its number.
        hint: A sentence that only the stream can add.
    """

    reach: Reach = "all"
    stream: str | None = None
    tenant: str = ""
    tenant_id: int | None = None
    hint: str = ""

    def __init__(self, happened: str, remedy: str = "") -> None:
        super().__init__(happened)
        self.happened = happened
        self.remedy = remedy

    @property
    def likeness(self) -> str:
        """The part that similar errors have in common."""
        return self._text()

    def told_of(self, *subjects: str | None) -> str:
        """Return the line, with the tenant or the streams that it concerns, if any."""
        text = " ".join(f"{self._text()} {self.hint}".split())
        where = ", ".join(filter(None, subjects))
        return one_line(f"{where}: {text}" if where else text)

    def __str__(self) -> str:
        return self.told_of(self.tenant, self.stream)

    def _text(self) -> str:
        return advice(self.happened, self.remedy)


class AnswerError(TapError):
    """With this answer of the API, rows would be lost, or the read would never end."""

    reach = "stream"


class InputError(TapError):
    """A file that the run was given is not valid."""


class LogError(TapError):
    """The environment asks for a log that cannot be set up.

    Args:
        error: The error of Python's logging.
    """

    def __init__(self, error: BaseException) -> None:
        while error.__cause__:
            error = error.__cause__
        super().__init__(
            f"the log cannot be set up ({part(error)})",
            "correct LOGLEVEL (DEBUG, INFO, WARNING, ERROR or CRITICAL), or the file that "
            "SINGER_SDK_LOG_CONFIG names",
        )


class _NoExtraError(TapError):
    """A part is asked for that was not installed with the tap."""

    extra: ClassVar[str]

    def __init__(self, missing: str | None) -> None:
        package = (missing or "more").partition(".")[0]
        super().__init__(
            f"the {self.extra} needs {package}, which is not installed",
            f"install the tap with its extra {self.extra}, as by pip install '.[{self.extra}]' in "
            f"the clone; with Meltano, put [{self.extra}] behind its name or path in the pip_url",
        )


class NoSandboxError(_NoExtraError):
    """The sandbox is asked for, but was not installed with the tap."""

    extra = "sandbox"


class NoPageError(_NoExtraError):
    """The page is asked for, but was not installed with the tap."""

    extra = "page"


class StateError(InputError):
    """The run cannot resume from the state that it was given."""

    reach = "stream"


class Line(NamedTuple):
    """The message of a failure."""

    text: str
    tenant_id: int | None = None
    """Number of the tenant of a group that it concerns, if it concerns only one."""


class StreamsFailedError(TapError):
    """Some streams or tenants failed, and the others have been read.

    Args:
        lines: A line for each failure.
    """

    def __init__(self, lines: Sequence[Line]) -> None:
        self.lines = lines
        super().__init__("; ".join(line.text for line in lines))
