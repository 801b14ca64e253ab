"""What would be handed in to Meltano Hub: current, and of the form that the Hub asks for.

The keys are those of the Hub's own schemas, as far as they concern extractors.
"""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest
import yaml
from click.testing import CliRunner

from tap_servicetitan_dispatch.settings.tenants import CREDENTIALS
from tap_servicetitan_dispatch.tap import TapServiceTitanDispatch
from tests.support.projects import ROOT, Project, records_in
from tests.support.streams import OFFERED, ON_REQUEST
from tools.hub import FILES, FOLDER, NAME, OWNER
from tools.markdown import commands

if TYPE_CHECKING:
    from pathlib import Path

REQUIRED = {"name", "namespace", "quality", "variant"}
KNOWN = REQUIRED | {
    "capabilities",
    "commands",
    "definition",
    "description",
    "docs",
    "domain_url",
    "executable",
    "hidden",
    "keywords",
    "label",
    "log_parser",
    "logo_url",
    "maintenance_status",
    "metadata",
    "next_steps",
    "pip_url",
    "prereq",
    "python",
    "repo",
    "requires",
    "schema",
    "select",
    "settings",
    "settings_group_validation",
    "settings_preamble",
    "supported_python_versions",
    "usage",
}
# Beyond what the Hub insists on: what its page is made of.
SHOWN = {"description", "docs", "keywords", "label", "logo_url", "pip_url", "repo", "usage"}
SETTING_REQUIRED = {"description", "kind", "label", "name"}
SETTING_KNOWN = SETTING_REQUIRED | {"options", "sensitive", "value"}
KINDS = {"array", "boolean", "date_iso8601", "decimal", "integer", "object", "options", "string"}
CAPABILITIES = {
    "about",
    "activate-version",
    "batch",
    "catalog",
    "discover",
    "log-based",
    "properties",
    "schema-flattening",
    "state",
    "stream-maps",
    "structured-logging",
    "test",
}


@pytest.fixture(scope="module")
def definition() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((FOLDER / "definition.yml").read_text("utf-8"))
    return content


@pytest.fixture(scope="module")
def about() -> dict[str, Any]:
    ran = CliRunner().invoke(TapServiceTitanDispatch.cli, ["--about", "--format", "json"])
    content: dict[str, Any] = json.loads(ran.stdout)
    return content


def test_it_has_each_key_that_the_hub_needs_and_none_that_it_does_not_know(
    definition: dict[str, Any],
) -> None:
    assert (REQUIRED | SHOWN) - definition.keys() == set()
    assert definition.keys() - KNOWN == set()
    assert [key for key, value in definition.items() if not value] == []


def test_its_values_are_among_those_that_the_hub_knows(definition: dict[str, Any]) -> None:
    assert definition["maintenance_status"] in {"active", "beta", "development", "inactive"}
    assert definition["quality"] in {"gold", "silver", "bronze", "unknown"}
    assert set(definition["capabilities"]) <= CAPABILITIES
    assert "meltano_sdk" in definition["keywords"]
    assert re.fullmatch(r"/assets/logos/extractors/[a-z-]+\.svg", definition["logo_url"])


def test_each_setting_has_a_kind_and_no_key_that_the_hub_does_not_know(
    definition: dict[str, Any],
) -> None:
    for setting in definition["settings"]:
        assert SETTING_REQUIRED - setting.keys() == set(), setting["name"]
        assert setting.keys() - SETTING_KNOWN == set(), setting["name"]
        assert setting["kind"] in KINDS, setting["name"]
        assert (setting["kind"] == "options") == ("options" in setting), setting["name"]


def test_it_has_the_settings_that_the_tap_has(
    definition: dict[str, Any], about: dict[str, Any]
) -> None:
    names = [setting["name"] for setting in definition["settings"]]
    assert len(names) == len(set(names))
    tops = {name.partition(".")[0] for name in names}
    faker = {"faker_config"}  # for a library that the tap comes without
    assert tops == about["settings"]["properties"].keys() - faker
    assert "batch_config.storage.root" in names


def test_it_has_the_capabilities_and_the_pythons_that_the_tap_has(
    definition: dict[str, Any], about: dict[str, Any]
) -> None:
    assert definition["capabilities"] == sorted(about["capabilities"])
    assert definition["supported_python_versions"] == about["supported_python_versions"]


def test_secrets_and_nothing_else_are_sensitive(
    definition: dict[str, Any], about: dict[str, Any]
) -> None:
    settings = about["settings"]["properties"].items()
    assert {each["name"] for each in definition["settings"] if each.get("sensitive")} == {
        name for name, setting in settings if setting.get("secret")
    }


def test_credentials_of_a_tenant_or_a_group_are_required_or_only_an_environment(
    definition: dict[str, Any],
) -> None:
    one, group, sandbox = definition["settings_group_validation"]
    assert one == list(CREDENTIALS)
    assert {*one} ^ {*group} == {"tenant_id", "tenants"}
    assert sandbox == ["environment"]
    assert {*group} <= {setting["name"] for setting in definition["settings"]}
    assert {name for name in CREDENTIALS if name in definition["settings_preamble"]} == set(
        CREDENTIALS
    )


def test_the_usage_notes_name_the_streams_that_are_left_out(definition: dict[str, Any]) -> None:
    assert re.findall(r"^- `(\w+)`", definition["usage"], re.MULTILINE) == [*ON_REQUEST]


def test_the_other_entries_belong_to_the_same_plugin(definition: dict[str, Any]) -> None:
    entries = {name: yaml.safe_load(text()) for name, text in FILES.items()}
    assert definition["name"] == NAME
    assert entries["default_variant.yml"] == {"extractors": {NAME: definition["variant"]}}
    (maintainer,) = entries["maintainer.yml"].items()
    assert maintainer[0] == maintainer[1]["name"] == definition["variant"]
    assert maintainer[1].keys() == {"label", "name", "url"}
    assert definition["repo"] == f"{maintainer[1]['url']}/{NAME}"
    assert OWNER.lower() == OWNER
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["urls"]["Source"] == definition["repo"]
    assert all(url.startswith(definition["repo"]) for url in project["urls"].values())


def test_the_logo_is_a_square_without_letters_and_without_pictures_from_elsewhere() -> None:
    logo = ET.fromstring((FOLDER / "logo.svg").read_text("utf-8"))  # noqa: S314 - our own file
    _, _, width, height = logo.attrib["viewBox"].split()
    assert width == height
    tags = {element.tag.rpartition("}")[2] for element in logo.iter()}
    assert tags & {"text", "image", "use", "script", "style", "foreignObject"} == set()


def test_meltano_adds_the_plugin_from_the_file_without_asking_anybody(
    tmp_path: Path, definition: dict[str, Any]
) -> None:
    file = tmp_path / "meltano.yml"
    file.write_text("project_id: test\n")
    project = Project(tmp_path)
    project.meltano("add", "--no-install", "--from-ref", str(FOLDER / "definition.yml"), NAME)
    (added,) = yaml.safe_load(file.read_text())["plugins"]["extractors"]
    kept = ("capabilities", "executable", "namespace", "pip_url", "settings", "variant")
    assert {key: added[key] for key in kept} == {key: definition[key] for key in kept}

    set_environment, *_ = commands(definition["next_steps"])
    _, *arguments = shlex.split(set_environment)
    project.meltano(*arguments)
    (added,) = yaml.safe_load(file.read_text())["plugins"]["extractors"]
    assert added["config"] == {"environment": "sandbox"}


@pytest.mark.warehouse
def test_added_from_the_file_the_plugin_loads_no_stream_that_was_not_asked_for(
    tmp_path: Path,
) -> None:
    (tmp_path / "meltano.yml").write_text("project_id: test\n")
    project = Project(tmp_path)
    project.meltano("add", "--no-install", "--from-ref", str(FOLDER / "definition.yml"), NAME)
    project.meltano("config", "set", NAME, "_pip_url", f"{ROOT}[sandbox]")
    loader = {
        "name": "target-jsonl",
        "namespace": "target_jsonl",
        "executable": "target-jsonl",
        "pip_url": "target-jsonl==0.1.4",
        "config": {"destination_path": "output"},
    }
    project.describe({"plugins": {"loaders": [loader]}})
    (tmp_path / "output").mkdir()
    project.meltano("install", NAME, "target-jsonl")
    project = replace(project, is_installed=True)
    sandbox = {"TAP_SERVICETITAN_DISPATCH_ENVIRONMENT": "sandbox"}
    project.meltano("el", NAME, "target-jsonl", **sandbox)
    assert records_in(project.files("jsonl")).keys() == {*OFFERED}

    more = sandbox | {"TAP_SERVICETITAN_DISPATCH_EXTRA_STREAMS": '["capacities"]'}
    loaded = project.load("--select", "capacities", **more)
    assert loaded.keys() == {"capacities"}
