"""The command line, where whatever goes wrong ends in one line and exit code 1."""

from __future__ import annotations

import json
import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

import click
import simplejson
from singer_sdk.exceptions import ConfigValidationError, SingerSDKError
from singer_sdk.plugin_base import SingerCommand
from typing_extensions import override

from tap_servicetitan_dispatch.errors import TapError

if TYPE_CHECKING:
    from collections.abc import Iterator


class Command(SingerCommand):
    """The tap's command line, where what goes wrong ends in one line and exit code 1."""

    @override
    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        with self._failing_in_one_line():  # the SDK runs --test and --discover in here
            return super().make_context(*args, **kwargs)

    @override
    def invoke(self, ctx: click.Context) -> Any:
        with self._failing_in_one_line():
            return super().invoke(ctx)

    @contextmanager
    def _failing_in_one_line(self) -> Iterator[None]:
        try:
            yield
        except (click.exceptions.Exit, click.ClickException, click.Abort):
            raise  # click's own ways to leave
        except TapError as error:
            self._fail(str(error))
        except ConfigValidationError as error:
            self._fail(*error.errors, str(error))
        except (json.JSONDecodeError, simplejson.JSONDecodeError) as error:
            self._fail(f"A file given on the command line is not JSON: {error}")
        except UnicodeDecodeError as error:
            self._fail(f"A file given on the command line is no text: {error}")
        except BrokenPipeError:
            # Else Python tries once more to flush what nobody reads.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            self._fail("The target has gone away; look at its log. The state it got is safe.")
        except (OSError, SingerSDKError) as error:
            self._fail(f"{type(error).__name__}: {error}")
        except Exception as error:
            self.logger.debug("This is where it happened:", exc_info=True)
            self._fail(
                f"Something unforeseen: {type(error).__name__}: {error}. What to do: report it, "
                "with what LOGLEVEL=DEBUG shows. The state that was written is safe."
            )

    def _fail(self, *lines: str) -> NoReturn:
        for line in lines:
            self.logger.error(line)
        sys.exit(1)
