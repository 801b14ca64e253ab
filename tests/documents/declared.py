"""What the code declares, for comparison with what the documents say."""

from __future__ import annotations

from typing import Any

from tap_servicetitan_dispatch import settings
from tap_servicetitan_dispatch.tap import TapServiceTitanDispatch


def own_settings() -> dict[str, Any]:
    """Return the tap's settings by name, without those that the SDK adds to every tap."""
    added: dict[str, Any] = {"properties": {}}
    TapServiceTitanDispatch.append_builtin_config(added)
    return {
        name: setting
        for name, setting in settings.SCHEMA["properties"].items()
        if name not in added["properties"]
    }


def shown(default: Any) -> str:
    """Return a default the way YAML and an environment variable have it."""
    return str(default).lower() if isinstance(default, bool) else str(default)
