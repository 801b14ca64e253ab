"""Which fields of a row go out: those that are in the schema, and selected."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from tap_servicetitan_dispatch.errors import AnswerError
from tap_servicetitan_dispatch.redaction import MOST_OF_A_PART, one_line

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterable, Sequence

    from tap_servicetitan_dispatch.walks import Record

MOST_WARNINGS = 5
"""Of unknown fields of a stream: the rows of a broken server may have a field of their own each."""


class FieldFilter:
    """Leaves out of the rows of a stream what is deselected or unknown, and warns of the latter.

    Walks of several tenants may use it at the same time; the lock guards what has been told.

    Args:
        stream: The name of the stream.
        keys: Its primary key, which no row may lack.
        known: The fields of its schema.
        selected: Those of them that are selected.
        logger: Warns, once for each unknown field, until there are too many.
    """

    def __init__(
        self,
        stream: str,
        *,
        keys: Sequence[str],
        known: Iterable[str],
        selected: Iterable[str],
        logger: logging.Logger,
    ) -> None:
        self._stream = stream
        self._keys = keys
        self._known = frozenset(known)
        self._selected = frozenset(selected)
        self._logger = logger
        self._unknown: set[str] = set()
        self._warnings = 0
        self._lock = threading.Lock()

    def filtered(self, rows: list[Record]) -> list[Record]:
        """Return the rows as they go out, without a look at each if nothing is to be left out.

        Raises:
            AnswerError: A row lacks its key.
        """
        fields: set[str] = set().union(*rows)
        if fields <= self._selected and not any(
            None in [row.get(key) for row in rows] for key in self._keys
        ):
            return rows
        return [self._filtered(row) for row in rows]

    def _filtered(self, row: Record) -> dict[str, Any]:
        for key in self._keys:
            if row.get(key) is None:
                has = one_line(", ".join(sorted(row)), MOST_OF_A_PART)
                raise AnswerError(
                    f"the API gave a row without {key}, it has: {has or 'nothing'}. What to do: "
                    "run again; if it stays, report it. The bookmark is safe."
                )
        if row.keys() <= self._selected:
            return row
        with self._lock:
            new = row.keys() - self._known - self._unknown
            if new and self._warnings < MOST_WARNINGS:
                self._warn(new)
        return {name: value for name, value in row.items() if name in self._selected}

    def _warn(self, new: set[str]) -> None:
        self._unknown |= new
        self._warnings += 1
        self._logger.warning(
            "The API sends what the schema does not know: %s. It is left out; please report it, so "
            "that the next version has it.%s Stream: %s.",
            one_line(", ".join(sorted(new)), MOST_OF_A_PART),
            " There are no more warnings of this kind." if self._warnings == MOST_WARNINGS else "",
            self._stream,
        )
