"""Singer messages as lines on stdout, encoded by msgspec and buffered."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from singer_sdk.contrib.msgspec import encoder
from singer_sdk.singerlib.encoding.base import GenericSingerWriter, SingerMessageType
from singer_sdk.singerlib.encoding.simple import Message, RecordMessage
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime


class LineWriter(GenericSingerWriter[bytes, Message]):
    """Writes lines; what is in the buffer goes out with each STATE and whenever `flush` is called.

    Only the main thread writes.
    """

    @override
    def serialize_message(self, message: Message) -> bytes:
        return _unbroken(encoder.encode(message.to_dict())) + b"\n"

    @override
    def write_message(self, message: Message) -> None:
        sys.stdout.buffer.write(self.format_message(message))
        if message.type == SingerMessageType.STATE:
            self.flush()

    def write_records(
        self,
        stream: str,
        records: Sequence[dict[str, Any]],
        *,
        version: int | None,
        time_extracted: datetime,
    ) -> None:
        """Write a RECORD message for each record, as `write_message` would.

        All of them differ in the record only, and JSON has line breaks nowhere inside.
        """
        frame = RecordMessage(stream, {}, version=version, time_extracted=time_extracted)
        head, tail = self.serialize_message(frame).split(b"{}")
        rows = _unbroken(encoder.encode_lines(records))
        sys.stdout.buffer.write(head + rows[:-1].replace(b"\n", tail + head) + tail)

    def flush(self) -> None:
        """Let the target have all that has been written."""
        sys.stdout.flush()


_BREAKS = {"\x85": "u0085", "\u2028": "u2028", "\u2029": "u2029"}


def _unbroken(json: bytes) -> bytes:
    """Escape what JSON allows in a text, but Python's `splitlines` takes for the end of a line."""
    if not json.isascii():
        for character, code in _BREAKS.items():
            json = json.replace(character.encode(), b"\\" + code.encode())
    return json
