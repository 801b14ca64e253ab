"""Settings that are given as environment variables, or in a `.env` file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from dotenv import load_dotenv

if TYPE_CHECKING:
    from collections.abc import Mapping


def from_environment(schema: Mapping[str, Any], tap: str) -> dict[str, str]:
    """Return the settings in the environment as text; those in a `.env` file take precedence.

    Args:
        schema: The JSON schema of all settings, the SDK's own included.
        tap: The name of the tap, with which the names of the variables begin.
    """
    load_dotenv(override=True)
    prefix = f"{tap}_".upper().replace("-", "_")
    names = {name: prefix + name.upper() for name in schema["properties"]}
    return {name: os.environ[key] for name, key in names.items() if key in os.environ}
