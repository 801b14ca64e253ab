"""What settings are refused, in one line each and before any request, and what is made of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from singer_sdk.exceptions import ConfigValidationError

from tap_servicetitan_dispatch.settings import schema as settings
from tap_servicetitan_dispatch.settings import tenants, validation
from tap_servicetitan_dispatch.tap import TapServiceTitanDispatch
from tests.support.runs import FEED_ONLY, catalog_of
from tests.support.scripted_api import APP_KEY, CLIENT_SECRET, Answer, ScriptedApi, feed_of, page

if TYPE_CHECKING:
    from tests.support.runs import Command

GOOD = {
    "client_id": "cid.test",
    "client_secret": CLIENT_SECRET,
    "app_key": APP_KEY,
    "tenant_id": "1234",
}

BATCHES = {"encoding": {"format": "jsonl"}, "storage": {"root": "file:///tmp/batches"}}


def problems(config: dict[str, Any]) -> list[str]:
    schema = TapServiceTitanDispatch.config_jsonschema
    TapServiceTitanDispatch.append_builtin_config(schema)
    return validation.problems(config, schema)


def test_good_settings_have_no_problem_and_get_their_defaults() -> None:
    config: dict[str, Any] = dict(GOOD)
    assert problems(config) == []
    validation.normalize(config, TapServiceTitanDispatch.config_jsonschema)
    declared = settings.schema({}, [])["properties"].items()
    defaults = {name: each["default"] for name, each in declared if "default" in each}
    assert config == {**GOOD, **defaults}


@pytest.mark.parametrize(
    ("setting", "line"),
    [
        ({"environment": "prod"}, "environment: 'prod' is not one of production, integration, s"),
        ({"tenant_id": "acme"}, "tenant_id: is not a tenant number, which has digits only"),
        ({"tenant_id": -5}, "tenant_id: is not a tenant number, which has digits only"),
        ({"tenant_id": "12²"}, "tenant_id: is not a tenant number, which has digits only"),
        ({"tenant_id": 1.5}, "tenant_id: 1.5 is not of type string or integer"),
        ({"start_date": "last week"}, "start_date: 'last week' is neither a date nor a date-time"),
        ({"start_date": 2026}, "start_date: 2026 is not of type string"),
        ({"api_url": "http://api.example.com"}, "api_url: must be https"),
        ({"auth_url": "http://api.example.com"}, "auth_url: must be https"),
        ({"api_url": "api.example.com"}, "api_url: is not an http(s) address"),
        ({"api_url": "ftp://api.example.com"}, "api_url: is not an http(s) address"),
        ({"api_url": "https://me:pw@example.com"}, "api_url: must not have a user"),
        ({"api_url": "https://example.com?a=1"}, "api_url: must not have a user, a query"),
        ({"page_size": 0}, "page_size: 0 is less than 1"),
        ({"page_size": 5001}, "page_size: 5001 is more than 5000"),
        ({"page_size": "many"}, "page_size: 'many' is not of type integer"),
        ({"page_size": "1e3"}, "page_size: '1e3' is not of type integer"),
        ({"max_requests_per_second": 61}, "max_requests_per_second: 61 is more than 60"),
        (
            {"capacity_skill_based_availability": True},
            "capacity_skill_based_availability: needs capacity_job_type_id",
        ),
        ({"stream_map_config": [1]}, "stream_map_config: [1] is not of type object"),
        (
            {"batch_config": {"encoding": {"format": "x"}, "storage": {"root": "file:///tmp"}}},
            "batch_config.encoding.format: 'x' is not one of ",
        ),
        ({"tenant_id": "9" * 20}, "tenant_id: is not a tenant number"),
        ({"api_url": "https://[::1"}, "api_url: is not an http(s) address"),
        ({"start_date": "0001-01-01T00:00:00+14:00"}, "start_date: '0001-01-01T00:00:00+14:00'"),
        ({"tracking_lookback_days": 1_000_000}, "tracking_lookback_days: 1000000 is more than"),
        ({"stream_maps": {"zones": 5}}, "stream_maps.zones: 5 is not valid under any of the"),
        ({"timezone": "Mars/Base"}, "timezone: 'Mars/Base' is not an IANA time zone"),
        ({"capacity_days_per_request": 15}, "capacity_days_per_request: 15 is more than 14"),
        ({"active": "yes"}, "active: 'yes' is not one of Any, True, False"),
        ({"include_recent_changes": "yes"}, "include_recent_changes: 'yes' is not of type boole"),
        ({"client_secret": "two words"}, "client_secret: has a character that no credential has"),
        (
            {"emit_activate_version_messages": True},
            "emit_activate_version_messages: would make the target mark all rows as deleted",
        ),
        (
            {"detect_deleted_every_hours": 24, "start_date": "2026-11-01"},
            "detect_deleted_every_hours: cannot be used with start_date",
        ),
        (
            {"detect_deleted_every_hours": 24, "batch_config": BATCHES},
            "detect_deleted_every_hours: cannot be used with batch_config",
        ),
        (
            {"stream_maps": {"zones": {"name": "md5(name)"}}, "batch_config": BATCHES},
            "stream_maps: cannot be used with batch_config: the SDK writes rows",
        ),
        (
            {"keep_history": ["zons"]},
            "keep_history.0: 'zons' is not one of appointment_assignments, appointment_assignments",
        ),
        ({"keep_history": ["arrival_windows"]}, "keep_history.0: 'arrival_windows' is not one of"),
        ({"keep_history": ["sync_log"]}, "keep_history.0: 'sync_log' is not one of"),
        ({"hash_fields": ["zones.name"]}, "hash_salt: is required if hash_fields is set"),
        ({"hash_fields": [5], "hash_salt": "x" * 16}, "hash_fields.0: 5 is not of type string"),
        ({"hash_salt": "too short"}, "hash_salt: has fewer than 16 characters, and can be g"),
        ({"hash_salt": 5}, "hash_salt: the value is not of type string"),
        ({"detect_deleted_every_hours": 0}, "detect_deleted_every_hours: 0 is less than 1"),
        ({"app_key": 5}, "app_key: the value is not of type string"),
    ],
)
def test_a_bad_value_is_named(setting: dict[str, Any], line: str) -> None:
    [found] = problems(GOOD | setting)
    assert found.startswith(line)


@pytest.mark.parametrize(
    "setting",
    [
        {"tenant_id": 1234},
        {"tenant_id": settings.LARGEST_NUMBER},
        {"client_secret": "".join(map(chr, range(ord("!"), ord("~") + 1)))},
        {"timezone": "America/Chicago"},
        {"start_date": "2026-11-01"},
        {"start_date": "2026-11-01T08:00:00Z"},
        {"start_date": "2026-11-01T08:00:00+02:00"},
        {"api_url": "http://127.0.0.1:8321"},
        {"api_url": "http://localhost:8321"},
        {"api_url": "http://[::1]:8321"},
        {"api_url": "https://api.example.com/"},
    ],
)
def test_a_good_value_is_taken(setting: dict[str, Any]) -> None:
    assert problems(GOOD | setting) == []


@pytest.mark.parametrize("environment", ["production", "integration"])
def test_credentials_are_required_outside_the_sandbox(environment: str) -> None:
    assert problems({"environment": environment}) == [
        f"{name}: is required, unless environment is sandbox" for name in tenants.CREDENTIALS
    ]


def test_no_credential_is_required_in_the_sandbox() -> None:
    assert problems({"environment": "sandbox"}) == []


def test_all_that_is_wrong_is_said_at_once_before_any_request(
    api: ScriptedApi, tap: Command
) -> None:
    bad = {"tenant_id": "acme", "page_size": 0, "start_date": "?", "client_secret": ""}
    run = tap.run(api.config | bad)
    assert run.exit_code == 1
    assert run.errors == [
        "page_size: 0 is less than 1",
        "client_secret: is required, unless environment is sandbox",
        "tenant_id: is not a tenant number, which has digits only",
        "start_date: '?' is neither a date nor a date-time (ISO 8601)",
        "Config validation failed",
    ]
    assert api.calls == []
    assert "Traceback" not in run.stderr


def test_bad_settings_are_said_the_same_way_under_test(tap: Command) -> None:
    run = tap.run({"environment": "nowhere"}, None, None, "--test")
    assert run.exit_code == 1
    assert run.errors[0].startswith("environment: 'nowhere' is not one of")
    assert "Traceback" not in run.stderr


def test_white_space_around_a_credential_is_stripped_with_a_warning(
    api: ScriptedApi, tap: Command
) -> None:
    api.reply = feed_of((None, page(more=False, token="t1")))
    pasted = {name: f" {api.config[name]}\n" for name in tenants.CREDENTIALS}
    run = tap.run(api.config | pasted)
    assert run.exit_code == 0
    for name in tenants.CREDENTIALS:
        assert f"{name}: white space around it was stripped." in run.stderr
    assert api.token_calls[0].body.endswith(f"client_secret={CLIENT_SECRET}")
    assert api.api_calls[0].headers["ST-App-Key"] == APP_KEY


def test_a_whole_number_may_be_written_as_a_fraction(api: ScriptedApi, tap: Command) -> None:
    """JSON knows but one kind of number."""
    api.reply = lambda _: Answer({"hasMore": False, "data": []})
    tap.run(api.config | {"page_size": 50.0}, streams=("zones",))
    assert api.api_calls[0].query["pageSize"] == "50"


def test_an_empty_setting_counts_as_not_given(api: ScriptedApi, tap: Command) -> None:
    api.reply = feed_of((None, page(more=False, token="t1")))
    run = tap.run(api.config | {"start_date": "", "page_size": None, "active": ""})
    assert run.exit_code == 0
    assert api.api_calls[0].query == {"active": "Any"}


@pytest.mark.parametrize(
    ("environment", "api_url", "auth_url"),
    [
        (
            "production",
            "https://api.servicetitan.io",
            "https://auth.servicetitan.io/connect/token",
        ),
        (
            "integration",
            "https://api-integration.servicetitan.io",
            "https://auth-integration.servicetitan.io/connect/token",
        ),
    ],
)
def test_an_environment_stands_for_two_addresses(
    environment: str, api_url: str, auth_url: str
) -> None:
    where = settings.environment_of(GOOD | {"environment": environment})
    assert (where.api_url, where.auth_url) == (api_url, auth_url)


def test_addresses_override_the_environment() -> None:
    overrides = {"api_url": "https://a.example/", "auth_url": "https://b.example/token"}
    where = settings.environment_of(GOOD | {"environment": "production"} | overrides)
    assert (where.api_url, where.auth_url) == ("https://a.example", "https://b.example/token")


def test_secrets_are_marked_and_never_shown_by_credentials() -> None:
    secret = {
        name for name, each in settings.schema({}, [])["properties"].items() if each.get("secret")
    }
    assert secret == {"client_secret", "app_key", "hash_salt", "tenants"}
    for config in (GOOD, GOOD | {"tenants": [1234, {"tenant_id": 5, "app_key": APP_KEY}]}):
        shown = repr(tenants.tenants_in(config, with_credentials=True))
        assert GOOD["client_id"] in shown
        assert CLIENT_SECRET not in shown
        assert APP_KEY not in shown


def test_every_setting_has_title_description_and_type() -> None:
    for name, setting in settings.schema({}, [])["properties"].items():
        assert setting["title"], name
        assert setting["description"].endswith("."), name
        assert setting["type"], name


def test_settings_are_read_from_the_environment(
    api: ScriptedApi, tap: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.reply = feed_of((None, page(more=False, token="t1")))
    for name, value in (api.config | {"include_recent_changes": "true"}).items():
        monkeypatch.setenv(f"TAP_SERVICETITAN_DISPATCH_{name.upper()}", value)
    run = tap.run(None, None, catalog_of(*FEED_ONLY), "--config", "ENV")
    assert run.exit_code == 0
    assert api.api_calls[0].query == {"active": "Any", "includeRecentChanges": "true"}


def test_the_setting_of_the_sdk_that_is_refused_is_not_offered() -> None:
    about = CliRunner().invoke(TapServiceTitanDispatch.cli, ["--about", "--format=json"])
    offered = json.loads(about.stdout)["settings"]["properties"]
    assert "batch_config" in offered
    assert "emit_activate_version_messages" not in offered
    with pytest.raises(ConfigValidationError) as raised:
        TapServiceTitanDispatch(config=GOOD | {"emit_activate_version_messages": True})
    [line] = raised.value.errors
    assert "detect_deleted_every_hours" in line


def test_two_taps_of_one_process_share_no_token(api: ScriptedApi) -> None:
    taps = [TapServiceTitanDispatch(config=dict(api.config)) for _ in range(2)]
    clients = []
    for tap in taps:
        runs: set[Any] = {each.run for each in tap.streams.values()}  # type: ignore[attr-defined]  # the SDK's type is wider
        [run] = runs
        [tenant] = run.clients.tenants
        assert run.clients.of(tenant) is run.clients.of(tenant)
        clients.append(run.clients.of(tenant))
    assert clients[0] is not clients[1]


UNKNOWN = {
    "skip_failed_tenant": "Did you mean skip_failed_tenants?",
    "tennant_id": "Did you mean tenant_id?",
    "tenant_ids": "Did you mean tenant_id?",
    "timeout": "",
    "colour": "",
}


@pytest.mark.parametrize(("name", "end"), UNKNOWN.items())
def test_a_setting_that_nobody_knows_is_told_with_the_one_that_was_meant(
    api: ScriptedApi, tap: Command, name: str, end: str
) -> None:
    config = api.config | {name: "the value"}
    api.reply = feed_of((None, page(more=False, token="t1")))
    run = tap.run(config)
    [line] = [each for each in run.stderr.splitlines() if "is not a setting" in each]
    assert run.exit_code == 0
    assert "| WARNING" in line or line.startswith("WARNING")
    told = f"{name} is not a setting, so it does nothing. {end}".rstrip()
    assert line.endswith(f"| {told}")
    assert "the value" not in line
    checked = tap.run(config, None, None, "--check=json")
    assert json.loads(checked.stdout)["steps"][0]["caution"].endswith(told)
    assert name in tap.run(config, None, None, "--check").stdout


def test_no_setting_of_the_sdk_is_unknown(api: ScriptedApi, tap: Command) -> None:
    api.reply = feed_of((None, page(more=False, token="t1")))
    run = tap.run(api.config | {"stream_maps": {}, "flattening_enabled": False})
    assert "is not a setting" not in run.stderr
