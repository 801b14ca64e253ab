"""Addresses, read by the parser that makes the connections."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

if TYPE_CHECKING:
    from urllib3.util import Url

_VISIBLE = re.compile(r"[!-\[\]-~]+")
"""ASCII without blanks, control characters and the backslash, on which parsers disagree."""
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?|\[[0-9A-Fa-f:.]+\]")
_PORTS = range(1, 2**16)


def parts_of(url: str) -> Url | None:
    """Return the parts of an address, or nothing if it is not valid.

    urllib3 connects to the host that its own parser finds, so that host counts. An address that the
    standard library reads differently is not valid.
    """
    if not _VISIBLE.fullmatch(url):
        return None
    try:
        parts = parse_url(url)
        hosts = {(parts.host or "").strip("[]"), urlsplit(url).hostname or ""}
    except (LocationParseError, ValueError):
        return None
    is_address = (
        len(hosts) == 1
        and parts.scheme is not None
        and _HOST.fullmatch(parts.host or "")
        and (parts.port is None or parts.port in _PORTS)
    )
    return parts if is_address else None


def is_loopback(url: str) -> bool:
    """Return whether an address names this machine, where plain http is no risk."""
    parts = parts_of(url)
    host = (parts.host or "").strip("[]") if parts else ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
