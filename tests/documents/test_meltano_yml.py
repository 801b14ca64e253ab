from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from tap_servicetitan_dispatch.settings import schema as settings
from tap_servicetitan_dispatch.tap import TapServiceTitanDispatch
from tools.markdown import ROOT


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((ROOT / "meltano.yml").read_text(encoding="utf-8"))
    return content


@pytest.fixture(scope="module")
def extractor(project: dict[str, Any]) -> dict[str, Any]:
    (plugin,) = project["plugins"]["extractors"]
    assert isinstance(plugin, dict)
    return plugin


def test_it_names_the_capabilities_that_the_tap_has(extractor: dict[str, Any]) -> None:
    about = CliRunner().invoke(TapServiceTitanDispatch.cli, ["--about", "--format", "json"])
    assert sorted(extractor["capabilities"]) == sorted(json.loads(about.stdout)["capabilities"])


def test_it_can_start_a_sandbox(extractor: dict[str, Any]) -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert extractor["commands"]["sandbox"]["executable"] in scripts["scripts"]
    assert extractor["pip_url"].endswith("[sandbox]")


def test_it_can_check_with_options_that_the_tap_has(extractor: dict[str, Any]) -> None:
    options = extractor["commands"]["check"]["args"].split()
    given = TapServiceTitanDispatch.get_singer_command().make_context("tap", options).params
    assert (given["config"].parse_env, given["check_as"]) == (True, "table")


def test_it_can_load_a_week_by_a_module_of_the_checkout(extractor: dict[str, Any]) -> None:
    week = extractor["commands"]["week"]
    assert week["executable"] == "python"  # that of the tap's own environment
    option, module = week["args"].split()
    assert option == "-m"
    assert (ROOT / f"{module.replace('.', '/')}.py").is_file()


def test_it_has_an_environment_for_each_of_the_taps_and_tries_the_sandbox_first(
    project: dict[str, Any], extractor: dict[str, Any]
) -> None:
    configured = {
        environment["name"]: [
            (plugin["name"], plugin["config"])
            for plugin in environment["config"]["plugins"]["extractors"]
        ]
        for environment in project["environments"]
    }
    own = {name: name for name in [settings.SANDBOX, *settings.ENVIRONMENTS]}
    assert configured == {
        name: [(extractor["name"], {"environment": environment})]
        for name, environment in {**own, "week": settings.SANDBOX}.items()
    }
    assert project["default_environment"] == settings.SANDBOX


TARGET = """
import logging
from singer_sdk import Target

class Any(Target):
    name = "target-postgres"

Any.cli
Any.logger.info("each insert")
logging.getLogger("singer_sdk.metrics").info("a metric")
Any.logger.warning("a warning")
Any.logger.error("an error")
"""


def test_target_postgres_logs_warnings_and_errors_only(project: dict[str, Any]) -> None:
    [loader] = [each for each in project["plugins"]["loaders"] if each["name"] == "target-postgres"]
    ran = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-c", TARGET],
        cwd=ROOT,
        env=os.environ | loader["env"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert ran.stderr.splitlines() == ["a warning", "an error"]


def test_nothing_in_it_makes_meltano_call_home(project: dict[str, Any]) -> None:
    # Meltano Hub is asked about a plugin without a namespace.
    plugins = [plugin for kind in project["plugins"].values() for plugin in kind]
    assert all(plugin["namespace"] and plugin["executable"] for plugin in plugins)
    assert project["send_anonymous_usage_stats"] is False


def test_meltano_finds_nothing_to_add_to_it(project: dict[str, Any]) -> None:
    # Meltano writes an ID into a project that has none, which a clone would show as a change.
    assert project["project_id"]
