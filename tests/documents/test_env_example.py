from __future__ import annotations

import io
from typing import Any

from dotenv import dotenv_values

from tap_servicetitan_dispatch.settings import schema as settings
from tap_servicetitan_dispatch.settings import tenants, validation
from tools.declared import PREFIX
from tools.markdown import ROOT

TEXT = (ROOT / ".env.example").read_text(encoding="utf-8")


def test_a_copy_of_it_gives_the_tap_nothing_until_it_is_filled_in() -> None:
    copied = dotenv_values(stream=io.StringIO(TEXT))
    config = {name.removeprefix(PREFIX).lower(): value for name, value in copied.items()}
    assert tuple(config) == tenants.CREDENTIALS
    nothing: dict[str, Any] = {}
    for each in (config, nothing):
        validation.normalize(each, settings.schema({}, []))
    assert config == nothing
