"""Singer messages as lines on stdout, encoded by msgspec and buffered."""

from __future__ import annotations

import errno
import sys
from typing import TYPE_CHECKING, Any

import msgspec
from singer_sdk.singerlib.encoding.base import GenericSingerWriter, SingerMessageType
from singer_sdk.singerlib.encoding.simple import Message, StateMessage
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime


ENCODER = msgspec.json.Encoder(enc_hook=str, decimal_format="number")


class LineWriter(GenericSingerWriter[bytes, Message]):
    """Writes lines; the buffer is written with each STATE and whenever `flush` is called.

    A STATE that repeats the last line is not written. Only the main thread writes.
    """

    _last_state: bytes | None = None
    """The last line, if it was a STATE."""

    @override
    def serialize_message(self, message: Message) -> bytes:
        if isinstance(message, StateMessage):
            # `to_dict` would copy all of it, and a group writes one for each page
            content = {"type": "STATE", "value": message.value}
        else:
            content = message.to_dict()
        return _unbroken(ENCODER.encode(content)) + b"\n"

    @override
    def write_message(self, message: Message) -> None:
        line = self.format_message(message)
        if message.type != SingerMessageType.STATE:
            self._write(line)
        elif line != self._last_state:
            self._write(line)
            self._last_state = line
            self.flush()

    def write_records(
        self,
        stream: str,
        records: Sequence[Any],
        *,
        version: int | None,
        time_extracted: datetime,
    ) -> None:
        """Write a RECORD message for each record, as `write_message` would."""
        extracted = msgspec.Raw(ENCODER.encode(time_extracted))
        messages = [
            _Record(stream=stream, record=record, version=version, time_extracted=extracted)
            for record in records
        ]
        self._write(_unbroken(ENCODER.encode_lines(messages)))

    def _write(self, lines: bytes) -> None:
        """Write everything: without a buffer (PYTHONUNBUFFERED), a signal may cut a write short."""
        self._last_state = None
        rest = memoryview(lines)
        while rest:
            written = sys.stdout.buffer.write(rest)
            if written is None:  # unbuffered, and full; to try again would be to spin
                raise BlockingIOError(errno.EAGAIN, "stdout does not wait for its reader")
            rest = rest[written:]

    def flush(self) -> None:
        """Write everything in the buffer to the target."""
        sys.stdout.flush()


class _Record(
    msgspec.Struct, tag_field="type", tag="RECORD", kw_only=True, omit_defaults=True, gc=False
):
    """The SDK's RecordMessage, but faster to make and to encode."""

    stream: str
    record: Any
    version: int | None = None
    time_extracted: msgspec.Raw


_BREAKS = {"\x85": "u0085", "\u2028": "u2028", "\u2029": "u2029"}


def _unbroken(json: bytes) -> bytes:
    """Escape characters that are valid in JSON texts, but line ends to Python's `splitlines`."""
    if not json.isascii():
        for character, code in _BREAKS.items():
            json = json.replace(character.encode(), b"\\" + code.encode())
    return json
