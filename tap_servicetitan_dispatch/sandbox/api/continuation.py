"""Continuation tokens of the export feed: opaque, and valid only for the feed that issued them."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from hashlib import blake2b
from struct import Struct

import msgspec

_LAYOUT = Struct(">qq?q?")
_CHECK_BYTES = 7


class Place(msgspec.Struct, frozen=True):
    """Where an export resumes: after the row `id` at `instant`.

    Attributes:
        instant: When that row was changed.
        id: Its id.
        pause: Whether an empty page comes first (which the real feed may do).
        issued_on: When the token for it was issued.
        recent: Whether recent changes were asked for then.
    """

    instant: int
    id: int
    pause: bool = False
    issued_on: int = 0
    recent: bool = False


def _check(feed: str, packed: bytes) -> bytes:
    return blake2b(packed, digest_size=_CHECK_BYTES, person=feed.encode()[:16]).digest()


def write(feed: str, place: Place) -> str:
    """Return the token of a place in a feed."""
    packed = _LAYOUT.pack(place.instant, place.id, place.pause, place.issued_on, place.recent)
    return urlsafe_b64encode(_check(feed, packed) + packed).decode().rstrip("=")


def read(feed: str, token: str) -> Place:
    """Return the place that a token stands for.

    Raises:
        ValueError: This feed never issued that token.
    """
    try:
        token = token.rstrip("~")  # with which a long one is filled up
        raw = urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
    except (Base64Error, UnicodeEncodeError) as error:
        raise ValueError("not a token") from error
    packed = raw[_CHECK_BYTES:]
    if len(packed) != _LAYOUT.size or raw[:_CHECK_BYTES] != _check(feed, packed):
        raise ValueError("not a token of this feed")
    return Place(*_LAYOUT.unpack(packed))
