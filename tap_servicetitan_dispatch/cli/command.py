"""The command line: runs what was asked for; each failure ends in one line."""

from __future__ import annotations

import errno
import json
import os
import signal
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, NoReturn

import click
from singer_sdk.exceptions import ConfigValidationError, SingerSDKError
from singer_sdk.plugin_base import SingerCommand
from typing_extensions import override

from tap_servicetitan_dispatch.cli import check, files, group_state
from tap_servicetitan_dispatch.errors import Line, StreamsFailedError, TapError, advice
from tap_servicetitan_dispatch.log.redaction import part
from tap_servicetitan_dispatch.streams import problems_of
from tap_servicetitan_dispatch.survey import ALSO

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from singer_sdk import Tap

CHECK = click.Option(
    ["--check", "check_as"],
    is_flag=False,
    flag_value="table",
    type=click.Choice(["table", "json"]),
    help=(
        "See whether a run would get what it needs: settings, token, app key and tenant, then "
        "each stream. Use --check=json for programs."
    ),
)


SURVEY = click.Option(
    ["--survey", "survey_as"],
    is_flag=False,
    flag_value="table",
    type=click.Choice(["table", "json"]),
    help=(
        "See what is true of the API at a tenant, and whether the tap copes: some 120 calls that "
        "read, three minutes at most. No value of any row is shown. Use --survey=json for a file "
        "to send."
    ),
)
SURVEY_ALSO = click.Option(
    ["--survey-also"],
    multiple=True,
    type=click.Choice(ALSO),
    help=(
        "Let the survey also try a made-up app key once (wrong-key), or name the tenant's number "
        "(tenant-number). May be repeated."
    ),
)
SURVEY_TENANT = click.Option(
    ["--survey-tenant"],
    multiple=True,
    type=int,
    metavar="NUMBER",
    help="Survey only this tenant of the group. May be repeated.",
)
SURVEY_MEMORY = click.Option(
    ["--survey-memory"],
    metavar="FILE",
    help=(
        "Have the survey keep in this file what a survey of another day compares itself with, or, "
        "if the file is there, compare itself: how long a token lives, what became of rows. It is "
        "private."
    ),
)


GROUP_STATE = click.Option(
    ["--group-state", "group_state"],
    multiple=True,
    metavar="[TENANT=]FILE",
    help=(
        "Print the state of a group of tenants, joined from files: the state of a group, and those "
        "of single runs as TENANT=FILE. May be repeated."
    ),
)
WITHOUT = click.Option(
    ["--without"],
    multiple=True,
    type=int,
    metavar="TENANT",
    help=(
        "Leave a tenant out of the state that --group-state prints, and print the SQL that deletes "
        "its rows to stderr. May be repeated."
    ),
)


class JsonFile(click.ParamType):  # type: ignore[type-arg] # generic from click 8.4 on only
    """A file with JSON, read while its name is known."""

    name = "filename"

    @override
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        option = param.opts[0] if param else ""
        content = sys.stdin.buffer.read() if value == "-" else files.content_of(value, option)
        return files.parsed(content, f"the file {value} given with {option}")


class Command(SingerCommand):
    """The SDK's command line of a tap, with `--check`; a failure is one line and exit code 1.

    Args:
        tap_class: The tap.
        command: The SDK's own command line.
    """

    def __init__(self, tap_class: type[Tap], command: click.Command) -> None:
        super().__init__(
            name=command.name,
            callback=command.callback,
            params=[
                *command.params,
                CHECK,
                SURVEY,
                SURVEY_ALSO,
                SURVEY_TENANT,
                SURVEY_MEMORY,
                GROUP_STATE,
                WITHOUT,
            ],
            help=command.help,
            context_settings=command.context_settings,
            logger=tap_class.logger,
        )
        self._tap_class = tap_class
        for option in self.params:
            if option.name in {"state", "catalog"}:
                option.type = JsonFile()

    @override
    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        if sys.stdout is None:  # Python has none where it was started with a closed one
            self._fail(
                advice(
                    "stdout is closed, so the tap cannot write",
                    "connect it to a target, a file or /dev/null",
                )
            )
        with self._failing_in_one_line():  # the SDK runs --test and --discover in here
            return super().make_context(*args, **kwargs)

    @override
    def invoke(self, ctx: click.Context) -> Any:
        with self._failing_in_one_line():
            check_as, given, without = (
                ctx.params.pop(each) for each in ("check_as", "group_state", "without")
            )
            survey_as, also, only, memory = (ctx.params.pop(each) for each in _OF_SURVEY)
            if given or without:
                click.echo(json.dumps(group_state.made_of(given, without)))
                return click.echo(group_state.removal_of(without), err=True, nl=False)
            if survey_as is not None:
                return self._survey(self._tap(ctx.params), survey_as, also, only, memory)
            if check_as is None:
                return super().invoke(ctx)
            return self._check(check_as, self._tap(ctx.params))

    def _tap(self, given: Mapping[str, Any]) -> Tap:
        """Return a tap that has not checked its settings."""
        return self._tap_class(
            state=given["state"],
            catalog=given["catalog"],
            config=given["config"].config,
            parse_env_config=given["config"].parse_env,
            validate_config=False,
            setup_mapper=False,
        )

    def _survey(
        self,
        tap: Tap,
        survey_as: str,
        also: Sequence[str],
        only: Sequence[int],
        file: str | None,
    ) -> None:
        from tap_servicetitan_dispatch.survey import memory, report, survey  # noqa: PLC0415 - not for --discover

        if lines := problems_of(tap.config, tap.config_jsonschema):
            self._fail(*lines)
        before = memory.read(file) if file else {}
        came: list[int] = []
        for number in _SIGNALS:
            signal.signal(number, lambda signum, _: _interrupt(signum, came))

        def show(text: str) -> None:
            if sys.stderr is not None and sys.stderr.isatty():
                click.echo(f"\r\x1b[K{text}", err=True, nl=False)

        surveys: Sequence[survey.Survey] = []
        with suppress(KeyboardInterrupt):  # before the first call there is nothing to keep
            surveys = survey.survey(
                tap,
                also=also,
                only=only,
                tell=lambda stage, calls: show(f"{calls:3} calls so far: {stage}"),
                before=before,
            )
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        show("")
        if survey_as == "json":
            click.echo(report.as_json(surveys))
        else:
            report.print_tables(surveys, sys.stdout)
        if file:
            kept = {each.kept.tenant: each.kept for each in surveys if each.kept}
            memory.write(file, (kept | before).values())  # the first one stays: tokens grow older
        if came:
            sys.exit(128 + came[0])
        if failures := [each.failure for each in surveys if each.failure]:
            self._fail(*failures)

    def _check(self, check_as: str, tap: Tap) -> None:
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_DFL)  # no state that would have to be written
        steps = check.perform(tap)
        if check_as == "json":
            click.echo(check.as_json(steps))
        else:
            check.print_table(steps, sys.stdout)
        if not check.is_good(steps):
            sys.exit(1)

    @contextmanager
    def _failing_in_one_line(self) -> Iterator[None]:
        try:
            yield
        except (click.exceptions.Exit, click.ClickException, click.Abort):
            raise  # click's own ways to leave
        except StreamsFailedError as error:
            self._fail(*error.lines)
        except ConfigValidationError as error:
            self._fail(*error.errors, str(error))
        except TapError as error:
            self._fail(str(error))
        except Exception as error:
            if isinstance(error, OSError):
                _give_stdout_up()
            self.logger.debug("This is where it happened:", exc_info=True)
            self._fail(_line_of(error))

    def _fail(self, *lines: str | Line) -> NoReturn:
        for each in lines:
            line = each if isinstance(each, Line) else Line(each)
            self.logger.error("%s", line.text, extra={"tenant_id": line.tenant_id})
        sys.exit(1)


_OF_SURVEY = ("survey_as", "survey_also", "survey_tenant", "survey_memory")
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def _interrupt(signum: int, came: list[int]) -> NoReturn:
    """Note the signal, and end the survey at any point; a second signal ends the process."""
    came.append(signum)
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    raise KeyboardInterrupt


def _give_stdout_up() -> None:
    """Keep Python from writing once more, at the end, what stdout did not take."""
    with suppress(OSError):  # it may be no file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


_SAFE = "The state that was written is safe"
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_LINES: tuple[tuple[Any, str, str], ...] = (
    (BrokenPipeError, "The target has gone away", f"look at its log. {_SAFE}"),
    (
        BlockingIOError,
        "stdout does not wait for its reader, as it is set to non-blocking",
        f"give the tap a pipe or a file that blocks. {_SAFE}",
    ),
    (
        OSError,
        "the operating system reports an error: {text}",
        f"correct that, and run again. {_SAFE}",
    ),
    (
        MemoryError,
        "there is not enough memory",
        f"give the tap more, or lower page_size and max_concurrent_requests. {_SAFE}",
    ),
    (SingerSDKError, "{kind}: {text}", ""),
    (
        Exception,
        "Unexpected error: {kind}: {text}",
        f"report it, with what LOGLEVEL=DEBUG shows. {_SAFE}",
    ),
)
"""Messages and remedies by kind of error; the first that matches counts."""


def _line_of(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno in _FULL:
        return advice("there is no disk space for the tap's output", f"make room on disk. {_SAFE}")
    happened, remedy = next(told for kinds, *told in _LINES if isinstance(error, kinds))
    text = part(error).rstrip(".")
    return advice(happened.format(kind=type(error).__name__, text=text), remedy)
