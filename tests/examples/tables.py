"""Rows into files, as target-jsonl writes them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    Row = dict[str, Any]


def write(folder: Path, stream: str, *rows: Row, run: str = "20260618T120000") -> None:
    """Write the rows of a stream as target-jsonl does."""
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / f"{stream}-{run}.jsonl").write_text(text, encoding="utf-8")
