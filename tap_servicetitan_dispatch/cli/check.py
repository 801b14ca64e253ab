"""The check: tests step by step whether a run would get what it needs.

The steps are settings, token, app key and tenant, then one cheap probe of each stream, which shows
whether its scope is granted. After a failed step, steps that depend on it are not tried. A check
shows the present state: nothing is tried again, except for one new token after a 401.
"""

from __future__ import annotations

import itertools
import json
import time
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, TextIO, cast

from tap_servicetitan_dispatch.client.failures import FAILURES, ApiError, Kind
from tap_servicetitan_dispatch.errors import REMEDY, NoSandboxError, TapError
from tap_servicetitan_dispatch.log.redaction import one_line
from tap_servicetitan_dispatch.run.parallel import ParallelCalls
from tap_servicetitan_dispatch.settings import validation
from tap_servicetitan_dispatch.settings.stream_maps import StreamMapError
from tap_servicetitan_dispatch.streams import problems_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from singer_sdk import Tap

    from tap_servicetitan_dispatch.client.client import Client
    from tap_servicetitan_dispatch.settings.tenants import Tenant
    from tap_servicetitan_dispatch.streams.base import DispatchStream

OK, FAILED, SKIPPED, NOT_TRIED = "ok", "failed", "skipped", "not tried"
FINE, BAD_SETTINGS, BAD_ANSWER = "", "bad_settings", "bad_answer"
MARKS = {
    OK: ("✓", "+", "green"),
    FAILED: ("✗", "x", "red"),
    SKIPPED: ("!", "!", "yellow"),
    NOT_TRIED: ("–", "-", "dim"),  # noqa: RUF001 - a dash is meant
}
"""The mark of an outcome, its plain substitute, and its colour."""


@dataclass(frozen=True)
class Step:
    """A step of the check, and its result.

    Attributes:
        name: `settings`, `token`, `app key and tenant`, or the name of a stream.
        selected: Whether a run would read the stream; nothing for a step that is not a stream.
        scopes: The scopes that the stream needs.
        outcome: `ok`, `failed`, `skipped` (refused, but a run would do without it) or `not tried`.
        seconds: How long its calls took; nothing if it was not tried.
        kind: What went wrong, as a word: a key of `failures.FAILURES`, `bad_settings`, or
            `bad_answer` (not of the documented shape); empty if nothing did.
        happened: What went wrong, in words, a line for each thing.
        remedy: What the user should do about it.
        answer: The request that failed, and what came back.
        tenant: Its tenant, in a group.
        caution: What the settings may cost even if nothing goes wrong.
    """

    name: str
    selected: bool | None = None
    scopes: tuple[str, ...] = ()
    outcome: str = NOT_TRIED
    seconds: float | None = None
    kind: str = FINE
    happened: str = ""
    remedy: str = ""
    answer: str = ""
    tenant: str = ""
    caution: str = ""

    @property
    def ends_a_run(self) -> bool:
        """Whether it would make a run fail."""
        return self.outcome == FAILED and self.selected is not False


def perform(tap: Tap) -> list[Step]:
    """Check a tap's settings, and the API with them; return the steps."""
    settings, *others = _perform(tap)
    unknown = validation.unknown(tap.config, tap.config_jsonschema)
    return [replace(settings, caution=" ".join(unknown)), *others]


def _perform(tap: Tap) -> list[Step]:
    streams = [
        stream for stream in cast("list[DispatchStream]", list(tap.streams.values())) if stream.path
    ]  # what is not read from the API cannot fail
    if lines := problems_of(tap.config, tap.config_jsonschema):
        return _refused(streams, lines)
    try:
        tap.setup_mapper()
        run = streams[0].run
        with closing(run.new_clients(max_retries=0)) as clients:
            made = {tenant: clients.of(tenant) for tenant in clients.tenants}
            return _probed(tap, streams, made)
    except StreamMapError as error:
        return _refused(streams, [str(error)])
    except NoSandboxError as error:
        return _refused(streams, [f"environment: {error}"])


def _probed(
    tap: Tap, streams: Sequence[DispatchStream], made: Mapping[Tenant, Client]
) -> list[Step]:
    """Return the steps for good settings.

    Args:
        tap: The tap to check.
        streams: All streams that are read from the API.
        made: The client of each tenant.
    """
    helpers = ParallelCalls(tap.config["max_concurrent_requests"])
    skip_forbidden = tap.config["skip_forbidden_streams"]
    if not streams[0].run.is_of_group:
        [client] = made.values()
        return probe_all(streams, client, helpers, skip_forbidden=skip_forbidden)
    selected = [stream for stream in streams if stream.selected]

    def probe_tenant(tenant: Tenant) -> list[Step]:
        steps = probe_all(selected, made[tenant], helpers, skip_forbidden=skip_forbidden)
        return [replace(step, tenant=str(tenant)) for step in steps]

    found = list(helpers.results([partial(probe_tenant, each) for each in made]))
    done, token, *_ = found[0]
    good_tokens = [steps[1] for steps in found if steps[1].outcome == OK]
    common = [
        replace(done, tenant=""),
        replace(good_tokens[0] if good_tokens else token, tenant=""),
    ]
    # A token that a tenant with a pair of its own does not get is that tenant's trouble.
    return common + [
        step
        for _, token, *rest in found
        for step in ([token] if good_tokens and token.outcome == FAILED else []) + rest
    ]


def _refused(streams: Sequence[DispatchStream], problems: Sequence[str]) -> list[Step]:
    """Return the steps for bad settings: nothing else is tried."""
    first, *others = _untried(streams)
    failed = replace(
        first,
        outcome=FAILED,
        seconds=0.0,
        kind=BAD_SETTINGS,
        happened="\n".join(problems),
        remedy="correct the settings",
    )
    return [failed, *others]


def probe_all(
    streams: Sequence[DispatchStream],
    client: Client,
    helpers: ParallelCalls,
    *,
    skip_forbidden: bool,
    clock: Callable[[], float] = time.monotonic,
) -> list[Step]:
    """Call the API with good settings; return the steps.

    App key and tenant need no call of their own: the first probe's answer tests them.

    Args:
        streams: All streams, selected or not.
        client: Calls the API, without retries.
        helpers: Probe several streams at a time.
        skip_forbidden: Whether a run would do without a refused stream.
        clock: Monotonic clock, in seconds.
    """
    first, token, access, *others = _untried(streams)
    of_streams = {step.name: step for step in others}
    attempt = partial(_attempt, clock=clock, skips_forbidden=skip_forbidden)

    def probe(stream: DispatchStream) -> Step:
        return attempt(of_streams[stream.name], partial(stream.probe, client))

    token = attempt(token, client.log_in)
    if token.outcome == OK:
        telling = next((stream for stream in streams if stream.selected), streams[0])
        answer = probe(telling)
        if _knows_tenant(answer.kind):
            access = replace(access, outcome=OK, seconds=answer.seconds)
        else:
            access = replace(answer, name=access.name, selected=None, scopes=())
        if access.outcome != FAILED:
            rest = [partial(probe, stream) for stream in streams if stream is not telling]
            probed = (answer, *helpers.results(rest))
            of_streams |= {step.name: step for step in probed}
            chosen = [step for step in probed if step.selected]
            if {(step.outcome, step.kind) for step in chosen} == {(SKIPPED, Kind.FORBIDDEN)}:
                # As in a run: a wrong app key may get this answer, and nothing would be read
                of_streams |= {step.name: replace(step, outcome=FAILED) for step in chosen}
    return [replace(first, outcome=OK, seconds=0.0), token, access, *of_streams.values()]


def _knows_tenant(kind: str) -> bool:
    """Return whether the API gives this answer only if it knows the app key and the tenant."""
    return kind in {FINE, BAD_ANSWER} or FAILURES[Kind(kind)].knows_tenant


def _untried(streams: Sequence[DispatchStream]) -> list[Step]:
    before = [Step(name) for name in ("settings", "token", "app key and tenant")]
    return before + [
        Step(each.name, each.selected, each.scopes, caution=each.caution) for each in streams
    ]


def _attempt(
    step: Step, call: Callable[[], object], *, clock: Callable[[], float], skips_forbidden: bool
) -> Step:
    """Make a call and return its step; a run may skip a stream that is refused."""
    begin = clock()
    try:
        call()
    except ApiError as error:
        is_skipped = skips_forbidden and error.failure.refuses == "scope"
        return replace(
            step,
            outcome=SKIPPED if is_skipped else FAILED,
            seconds=clock() - begin,
            kind=error.kind,
            happened=error.failure.meaning,
            remedy=error.remedy,
            answer=" ".join(error.answer.split()),
        )
    except TapError as error:
        return replace(
            step,
            outcome=FAILED,
            seconds=clock() - begin,
            kind=BAD_ANSWER,
            happened=one_line(error.happened),
            remedy=error.remedy,
        )
    return replace(step, outcome=OK, seconds=clock() - begin)


# How it is shown ------------------------------------------------------------------------------


def is_good(steps: Sequence[Step]) -> bool:
    """Return whether a run would get through."""
    return not any(step.ends_a_run for step in steps)


def as_json(steps: Sequence[Step]) -> str:
    """Return `{"ok": …, "steps": […]}`, with all fields of each `Step`."""
    return json.dumps({"ok": is_good(steps), "steps": [asdict(step) for step in steps]})


def print_table(steps: Sequence[Step], file: TextIO) -> None:
    """Print the steps as a table, with colours on a terminal only, and the conclusion."""
    from rich.console import Console  # noqa: PLC0415 - not needed for a run
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    encoding = file.encoding or "utf-8"
    plain = "?" in "".join(mark for mark, _, _ in MARKS.values()).encode(
        encoding, errors="replace"
    ).decode(encoding)

    def cell(text: str, style: str = "") -> Text:
        return Text(text.encode(encoding, errors="replace").decode(encoding), style)

    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column()
    table.add_column("Step", no_wrap=True)
    table.add_column("Time", justify="right", no_wrap=True)
    table.add_column("What it needs, and what to do", overflow="fold")
    for step in _of_interest(steps):
        mark, instead, colour = MARKS[step.outcome]
        table.add_row(
            cell(instead if plain else mark, colour),
            cell(step.name),
            "" if step.seconds is None else f"{step.seconds:.1f} s",
            cell(_remark(step)),
        )
    console = Console(file=file)
    console.print(table)
    for step in steps:
        if step.answer:  # whole, as the vendor's support asks for it
            console.print(cell(f"\n{_full_name(step)}: {step.answer}"), soft_wrap=True)
    console.print(cell(f"\n{_conclusion(steps)}"))
    cautions = {
        step.name: step.caution for step in steps if step.caution and step.selected is not False
    }
    for name, caution in cautions.items():
        console.print(cell(f"\n{name}: {caution}"), soft_wrap=True)


def _of_interest(steps: Sequence[Step]) -> Iterator[Step]:
    """Yield the steps to show: for a group, a line for each tenant, and the failures."""
    for tenant, group in itertools.groupby(steps, key=lambda step: step.tenant):
        of_tenant = list(group)
        if not tenant:
            yield from of_tenant
            continue
        streams = [step for step in of_tenant if step.selected]
        readable = sum(step.outcome == OK for step in streams)
        yield Step(
            tenant,
            outcome=FAILED if any(step.ends_a_run for step in of_tenant) else OK,
            seconds=sum(step.seconds or 0 for step in of_tenant),
            happened=f"{readable} of {len(streams)} selected streams can be read",
        )
        for step in of_tenant:
            if step.outcome in {FAILED, SKIPPED}:
                yield replace(step, name=f"  {step.name}")


def _full_name(step: Step) -> str:
    return f"{step.tenant}, {step.name}" if step.tenant else step.name


def _remark(step: Step) -> str:
    if step.outcome == NOT_TRIED:
        return ""
    lines = list(step.scopes)
    if step.selected is False:
        lines.append("(not selected)")
    if step.outcome == SKIPPED:
        lines.append("A run leaves it out, as skip_forbidden_streams is set:")
    if step.happened:
        lines.append(step.happened)
    if step.remedy:
        lines.append(f"{REMEDY}{step.remedy}.")
    return "\n".join(lines)


def _conclusion(steps: Sequence[Step]) -> str:
    if failed := [_full_name(step) for step in steps if step.ends_a_run]:
        return (
            f"A run would fail at: {'; '.join(failed) if steps[-1].tenant else ', '.join(failed)}."
        )
    selected = [step for step in steps if step.selected]
    readable = sum(step.outcome == OK for step in selected)
    return f"A run would read {readable} of {len(selected)} selected streams."
