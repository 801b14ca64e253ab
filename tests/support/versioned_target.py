"""A target in memory that heeds ACTIVATE_VERSION, as those of SQL databases do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

Key = tuple[Any, ...]


@dataclass
class VersionedTarget:
    """What has arrived, by stream and key; runs may have been cut off after any message."""

    rows: dict[str, dict[Key, dict[str, Any]]] = field(default_factory=dict)
    gone: dict[str, set[Key]] = field(default_factory=dict)
    """The keys of rows that are marked as deleted."""
    state: dict[str, Any] | None = None
    _versions: dict[str, dict[Key, int | None]] = field(default_factory=dict)
    _keys: dict[str, list[str]] = field(default_factory=dict)

    def take(self, messages: Iterable[dict[str, Any]]) -> None:
        """Take messages in their order."""
        for message in messages:
            stream = message.get("stream", "")
            match message["type"]:
                case "STATE":
                    self.state = message["value"]
                case "SCHEMA":
                    self._keys[stream] = message["key_properties"]
                    self.rows.setdefault(stream, {})
                case "RECORD":
                    key = tuple(message["record"][name] for name in self._keys[stream])
                    self.rows[stream][key] = message["record"]
                    self._versions.setdefault(stream, {})[key] = message.get("version")
                    self.gone.setdefault(stream, set()).discard(key)
                case "ACTIVATE_VERSION":
                    old = {
                        key
                        for key, version in self._versions.get(stream, {}).items()
                        if version is None or version < message["version"]
                    }
                    self.gone.setdefault(stream, set()).update(old)

    def alive(self, stream: str) -> dict[Key, dict[str, Any]]:
        """Return the rows that are not marked."""
        gone = self.gone.get(stream, set())
        return {key: row for key, row in self.rows.get(stream, {}).items() if key not in gone}
