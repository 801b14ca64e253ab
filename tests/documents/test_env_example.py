from __future__ import annotations

import io

from dotenv import dotenv_values

from tap_servicetitan_dispatch import settings
from tests.documents.declared import own_settings, shown
from tests.documents.markdown import ROOT

PREFIX = "TAP_SERVICETITAN_DISPATCH_"
TEXT = (ROOT / ".env.example").read_text(encoding="utf-8")


def test_it_asks_for_the_credentials_and_nothing_else() -> None:
    asked = dotenv_values(stream=io.StringIO(TEXT))
    assert asked == {PREFIX + name.upper(): "" for name in settings.CREDENTIALS}


def test_it_shows_each_setting_with_its_default() -> None:
    uncommented = TEXT.replace(f"# {PREFIX}", PREFIX)
    assert dotenv_values(stream=io.StringIO(uncommented)) == {
        PREFIX + name.upper(): shown(setting.get("default", ""))
        for name, setting in own_settings().items()
    }


def test_a_copy_of_it_changes_nothing() -> None:
    config = dict.fromkeys(settings.CREDENTIALS, "")
    settings.tidy(config)
    assert not config
