"""How a run ends that cannot continue: a `TapError`, whose text is the one line the user reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from typing_extensions import override

from tap_servicetitan_dispatch.log.redaction import MOST_OF_A_PART, one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

Concerns = Literal["stream", "tenant", "all"]


class TapError(Exception):
    """The run cannot continue; the text says what happened and what to do, in one line.

    `stream` is the name of the stream that was being read, `tenant` that of the tenant of a group,
    `tenant_id` its number, `hint` what only the stream knows; all are set on the way out.
    `token_endpoint` says whether that is what failed.
    """

    stream: str | None = None
    tenant: str = ""
    tenant_id: int | None = None
    hint: str = ""
    token_endpoint: bool = False

    @property
    def concerns(self) -> Concerns:
        """What cannot be read because of it."""
        return "all"

    @property
    def sort(self) -> str:
        """What is the same in errors that are alike."""
        return self._text()

    def told_of(self, *subjects: str | None) -> str:
        """Return the line, told of a tenant, of streams, or of nobody in particular."""
        text = " ".join(f"{self._text()} {self.hint}".split())
        where = ", ".join(filter(None, subjects))
        return one_line(f"{where}: {text}" if where else text)

    def __str__(self) -> str:
        return self.told_of(self.tenant, self.stream)

    def _text(self) -> str:
        return super().__str__()


class AnswerError(TapError):
    """The API answered something that would lose rows or never end."""

    @property
    @override
    def concerns(self) -> Concerns:
        return "stream"


class InputError(TapError):
    """A file that the run was given cannot be made sense of."""


class LogError(TapError):
    """The log cannot be set up as the environment asks for.

    Args:
        error: What Python's logging said.
    """

    def __init__(self, error: BaseException) -> None:
        while error.__cause__:
            error = error.__cause__
        super().__init__(
            f"the log cannot be set up ({one_line(error, MOST_OF_A_PART)}). What to do: correct "
            "LOGLEVEL (DEBUG, INFO, WARNING, ERROR or CRITICAL), or the file that "
            "SINGER_SDK_LOG_CONFIG names."
        )


class NoSandboxError(TapError):
    """The sandbox is asked for, and was not installed with the tap."""

    def __init__(self, missing: str | None) -> None:
        package = (missing or "more").partition(".")[0]
        super().__init__(
            f"the sandbox needs {package}, which is not installed. What to do: install the "
            "tap with its extra sandbox, as by pip install '.[sandbox]' in the clone; with "
            "Meltano, put [sandbox] behind its name or path in the pip_url."
        )


class StateError(InputError):
    """The state that the run was given holds something that cannot be resumed from."""

    @property
    @override
    def concerns(self) -> Concerns:
        return "stream" if self.stream else "all"


class Line(NamedTuple):
    """What is told of a failure."""

    text: str
    tenant_id: int | None = None
    """Number of the tenant that it concerns, in a group, if it is one alone."""


class StreamsFailedError(TapError):
    """Some streams or tenants failed, and the others have been read.

    Args:
        failures: What went wrong with each.
        tenants: How many tenants there are.
    """

    def __init__(self, failures: Sequence[TapError], tenants: int = 1) -> None:
        self._failures = failures
        self._tenants = tenants
        super().__init__("; ".join(line.text for line in self.lines))

    @property
    def tenants_that_failed(self) -> set[str]:
        """The tenants of which something could not be read."""
        return {error.tenant for error in self._failures}

    @property
    def lines(self) -> list[Line]:
        """A line for each; once for streams of a tenant, and for all tenants, that failed alike."""
        alike: dict[tuple[str, str], list[TapError]] = {}
        for error in self._failures:
            alike.setdefault((error.tenant, error.sort if error.tenant else str(error)), []).append(
                error
            )
        sorts = {(error.sort, error.concerns) for error in self._failures}
        all_failed = len(self.tenants_that_failed) == self._tenants > 1
        if all_failed and len(sorts) == 1 and sorts.pop()[1] == "tenant":
            return [Line(self._failures[0].told_of(f"all {self._tenants} tenants"))]
        return [
            Line(
                errors[0].told_of(tenant, *(error.stream for error in errors)),
                errors[0].tenant_id,
            )
            for (tenant, _), errors in alike.items()
        ]
