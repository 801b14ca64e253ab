"""The tap as Meltano Hub describes plugins: what `.github/hub` holds, the logo apart.

The Hub wants its YAML with sorted keys.
"""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING, Any

import yaml
from click.testing import CliRunner
from typing_extensions import override

from tap_servicetitan_dispatch.settings import tenants
from tap_servicetitan_dispatch.streams import ON_REQUEST
from tap_servicetitan_dispatch.tap import TapServiceTitanDispatch
from tools.declared import all_settings, meltano_setting
from tools.markdown import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

FOLDER = ROOT / ".github" / "hub"
NAME = TapServiceTitanDispatch.name
# Stands in until the repository has an address: whose account it is in, in lower case.
OWNER = "placeholder-owner"
ACCOUNT = f"https://github.com/{OWNER}"

PREREQUISITES = """\
To try it, nothing else: with `environment: sandbox` the tap reads the same API on your own machine,
with a made-up contractor.

For a real tenant:

- an application in ServiceTitan's developer portal (My Apps), with the scopes of the streams that
  you want, and its app key
- this application connected to the tenant by an administrator (Settings > Integrations > API
  Application Access), with the tenant ID, client ID and client secret that are shown there
"""

SETTINGS_PREAMBLE = """\
With `environment: sandbox` no other setting is needed. With `production` or `integration`,
`client_id`, `client_secret`, `app_key` and `tenant_id` are required. For a group of tenants set
`tenants` in place of `tenant_id`.
"""

OF_A_GROUP = [*(name for name in tenants.CREDENTIALS if name != "tenant_id"), "tenants"]
"""The settings that a group of tenants needs."""

NEXT_STEPS = f"""\
See it work before you have credentials:

```sh
meltano config set {NAME} environment sandbox
meltano add target-jsonl
meltano run {NAME} target-jsonl
```

Run it again after a few minutes: it reads only what changed in between, or little more.

Then load a real tenant, in another environment of your Meltano project, as it has a state of its
own:

```sh
meltano --environment=prod config set --interactive {NAME}
meltano --environment=prod run {NAME} target-jsonl
```
"""

ON_REQUEST_LINES = "\n".join(f"- `{name}` {reason}." for name, reason in ON_REQUEST.items())
USAGE = f"""\
### Streams on request

These are offered only if `extra_streams` names them:

{ON_REQUEST_LINES}

To load one of them too:

```sh
meltano config set {NAME} extra_streams '["capacities"]'
```

### The 15 minute delay

The vendor says that the export feed shows a change about 15 minutes after it was made, and shows it
once. With `include_recent_changes` it shows changes at once, and some of them again in the next
run.

### The latest assignment counts

For each technician and appointment the latest row by `modifiedOn` counts, whatever older rows say.
Inactive rows are delivered too, so that you hear of an assignment that was taken back.

### The sandbox on its own

```sh
meltano invoke {NAME}:sandbox
```

This serves the sandbox until Ctrl-C, with every write of the API: set `api_url` to the address that
it prints, change something, and watch it arrive with the next run. If you never need it, set
`pip_url` to `{NAME}`, and less is installed.
"""


def definition() -> dict[str, Any]:
    """Return the plugin's definition."""
    about = json.loads(
        CliRunner().invoke(TapServiceTitanDispatch.cli, ["--about", "--format", "json"]).stdout
    )
    project = yaml.safe_load((ROOT / "meltano.yml").read_text(encoding="utf-8"))
    (plugin,) = project["plugins"]["extractors"]
    return {
        "name": NAME,
        "variant": OWNER,
        "namespace": plugin["namespace"],
        "label": plugin["label"],
        "description": "Assignments, shifts, skills, teams, zones and capacity of the technicians "
        "of a service company, from the ServiceTitan Dispatch API v2",
        "keywords": ["api", "dispatch", "field_service", "meltano_sdk", "servicetitan"],
        "domain_url": "https://www.servicetitan.com",
        "docs": f"{ACCOUNT}/{NAME}#readme",
        "repo": f"{ACCOUNT}/{NAME}",
        "logo_url": "/assets/logos/extractors/servicetitan-dispatch.svg",
        "maintenance_status": "beta",
        "quality": "unknown",  # the Hub's to say, by how many use it
        # With the sandbox: whoever finds the tap on the Hub tries it before asking for credentials.
        "pip_url": f"{NAME}[sandbox]",
        "executable": plugin["executable"],
        "supported_python_versions": about["supported_python_versions"],
        "capabilities": sorted(about["capabilities"]),
        "commands": {
            name: command
            for name, command in plugin["commands"].items()
            if command.get("executable") != "python"  # runs a module of this checkout
        },
        "settings": [meltano_setting(*setting) for setting in all_settings().items()],
        "settings_group_validation": [list(tenants.CREDENTIALS), OF_A_GROUP, ["environment"]],
        "settings_preamble": SETTINGS_PREAMBLE,
        "prereq": PREREQUISITES,
        "next_steps": NEXT_STEPS,
        "usage": USAGE,
    }


def maintainer() -> dict[str, Any]:
    """Return the entry in the Hub's list of maintainers."""
    (author,) = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["authors"]
    return {OWNER: {"label": author["name"], "name": OWNER, "url": ACCOUNT}}


def default_variant() -> dict[str, Any]:
    """Return the entry in the Hub's list of what `meltano add` takes if not told otherwise."""
    return {"extractors": {NAME: OWNER}}


class _Dumper(yaml.SafeDumper):
    """Writes a text of several lines as one reads it."""

    @override
    def represent_str(self, data: str) -> yaml.ScalarNode:
        style = "|" if "\n" in data else None
        return self.represent_scalar("tag:yaml.org,2002:str", data, style)


_Dumper.add_representer(str, _Dumper.represent_str)


def shown(content: dict[str, Any]) -> str:
    """Return a content as the text of a file."""
    return yaml.dump(content, Dumper=_Dumper, allow_unicode=True, width=90)


FILES: dict[str, Callable[[], str]] = {
    "definition.yml": lambda: shown(definition()),
    "maintainer.yml": lambda: shown(maintainer()),
    "default_variant.yml": lambda: shown(default_variant()),
}
"""What makes the contents of the files in `.github/hub`."""
