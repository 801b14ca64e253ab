"""Verdicts on beliefs, and how many rows each needs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tap_servicetitan_dispatch.survey.seen import Seen

Outcome = Literal["as believed", "otherwise", "could not tell"]
Mark = Literal["documented", "observed", "inferred", "unknown"]
Copes = Literal["yes", "in part", "no"]

ENOUGH = 300
"""Rows without an exception: with 95 % certainty, fewer than one in a hundred is an exception."""
ENOUGH_FOR_A_LOSS = 3_000
"""If one exception is one lost row: fewer than one in a thousand."""
ENOUGH_PAIRS = 10
"""Conclusive pairs in order: by chance, that happens one time in a thousand."""
_EXACT = 100

COUNTS = tuple[str, ...]


@dataclass(frozen=True)
class Verdict:
    """The verdict on a belief.

    Attributes:
        outcome: Whether it holds.
        seen: What was seen, in words and figures of this package.
        why: Why there is no conclusion; empty if there is one.
        sandbox: The switches of a sandbox that behaves like that.
    """

    outcome: Outcome
    seen: str
    why: str = ""
    sandbox: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Fact:
    """Something that the tap believes about the API, and a way to check it.

    Attributes:
        name: Its name.
        about: Its subject, such as the feed.
        believed: The belief.
        mark: Whether the vendor documents it, somebody observed it, or it is inferred.
        copes: Whether the tap copes if it is otherwise.
        consequence: What happens then.
        probe: How it is found out.
        judge: Judges it by what was seen.
        switches: The switches of the sandbox that decide it.
        questions: Beginnings of the names of the questions that it needs.
    """

    name: str
    about: str
    believed: str
    mark: Mark
    copes: Copes
    consequence: str
    probe: str
    judge: Callable[[Seen], Verdict] = field(repr=False)
    switches: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()


def fact(
    about: str,
    believed: str,
    mark: Mark,
    copes: Copes,
    consequence: str,
    probe: str,
    *,
    switches: tuple[str, ...] = (),
    questions: tuple[str, ...] = (),
) -> Callable[[Callable[[Seen], Verdict]], Fact]:
    """Return a decorator that makes a fact of the function that judges it, named after it."""

    def declared(judge: Callable[[Seen], Verdict]) -> Fact:
        return Fact(
            judge.__name__,
            about,
            believed,
            mark,
            copes,
            consequence,
            probe,
            judge,
            switches,
            questions,
        )

    return declared


def holds(seen: str, **sandbox: Any) -> Verdict:
    """Return that it is as believed."""
    return Verdict("as believed", seen, sandbox=sandbox)


def differs(seen: str, **sandbox: Any) -> Verdict:
    """Return that it is otherwise."""
    return Verdict("otherwise", seen, sandbox=sandbox)


def unknown(why: str, seen: str = "", **sandbox: Any) -> Verdict:
    """Return the verdict that nothing could be concluded."""
    return Verdict("could not tell", seen, why, sandbox)


def either(is_so: bool, seen: str, other: str, **sandbox: Any) -> Verdict:  # noqa: FBT001 - it is what is judged
    """Return the verdict for a condition: as believed, or otherwise."""
    return holds(seen, **sandbox) if is_so else differs(other, **sandbox)


def of_rows(
    exceptions: int,
    rows: int,
    what: str,
    *,
    least: int = ENOUGH,
    usual: Mapping[str, Any] | None = None,
    other: Mapping[str, Any] | None = None,
) -> Verdict:
    """Return the verdict on a property of each row.

    Args:
        exceptions: Number of rows that are otherwise.
        rows: Number of rows that were looked at.
        what: The text about the exceptions, as in `3 of 400 rows …`.
        least: Number of rows without an exception that it needs.
        usual: The switches of a sandbox whose rows are as believed.
        other: The switches of a sandbox whose rows are not.
    """
    text = f"{count(exceptions)} of {count(rows)} {what}"
    if exceptions:
        return differs(text, **(other or {}))
    return of_enough(rows, holds(text, **(usual or {})), least)


def of_enough(number: int, verdict: Verdict, least: int = ENOUGH, *, of: str = "row") -> Verdict:
    """Return a verdict, unless it confirms a belief by too few rows or other things."""
    if verdict.outcome != "as believed" or number >= least:
        return verdict
    why = f"too few {of}s: it takes {least:,}" if number else f"there was no such {of}"
    return Verdict("could not tell", verdict.seen if number else "", why, verdict.sandbox)


def count(number: int) -> str:
    """Return a number to show: exact if it is small, otherwise its first two digits."""
    return f"{rounded(number):,}"


def counted(number: int, one: str, several: str) -> str:
    """Return a number and what there is of it, as in `1 row has` or `20 rows have`."""
    return f"{count(number)} {one if number == 1 else several}"


def rounded(number: int) -> int:
    """Return a number rounded to two digits."""
    if number < _EXACT:
        return number
    unit = int(10 ** (len(str(number)) - 2))
    return number // unit * unit


def share(part: int, whole: int) -> str:
    """Return a share in words."""
    return f"{round(100 * part / whole)} %" if whole else "none"


def seconds(number: float) -> str:
    """Return a length of time in words, coarser the longer it is."""
    if number < 120:  # noqa: PLR2004 - two minutes
        return f"{number:.0f} s"
    if number < 7_200:  # noqa: PLR2004 - two hours
        return f"{number / 60:.0f} min"
    if number < 172_800:  # noqa: PLR2004 - two days
        return f"{number / 3_600:.0f} h"
    return f"{number / 86_400:.0f} days"
