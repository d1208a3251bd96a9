"""docs/install.md to the letter: its values render, the chart finds nothing missing, and a rollback reverts newer migrations."""

import json
from typing import Any

import pytest
import yaml

from tests.worlds.chart_render import ROOT

PAGE = (ROOT / "docs" / "install.md").read_text("utf-8")


def values_of_the_page() -> dict[str, Any]:
    """Return the values file that step 4 prints."""
    lines = PAGE[PAGE.index("Write `askproai-values.yaml`") :].splitlines()[1:]
    first = next(number for number, line in enumerate(lines) if line.startswith("    "))
    last = next(number for number, line in enumerate(lines[first:], first) if line and not line.startswith("    "))
    return yaml.safe_load("\n".join(line[4:] for line in lines[first:last]))


def options(values: dict[str, Any]) -> tuple[str, ...]:
    return tuple(f"{name}={json.dumps(value)}" for name, value in values.items())


@pytest.mark.parametrize("with_redis", [True, False])
@pytest.mark.parametrize("by_gateway", [True, False])
def test_values_of_the_page_install_in_all_variants(render, notes, with_redis, by_gateway):
    values = values_of_the_page()
    settings = values["settings"]
    if not by_gateway:
        assert "# sharedIngressClass: nginx" in PAGE
        del settings["sharedGateway"]
        settings["sharedIngressClass"] = "nginx"
    if not with_redis:
        del values["redis"]
    env = render(*options(values))["Deployment", "askproai-operator"]["spec"]["template"]["spec"]["containers"][0][
        "env"
    ]
    names = {variable["name"] for variable in env}
    assert {"ASKPROAI_SHARED_INGRESS_CLASS", "ASKPROAI_SHARED_GATEWAY"} & names
    assert ("ASKPROAI_REDIS_ADMIN_URL_FILE" in names) is with_redis
    printed = notes(*options(values))
    assert "WARNING" not in printed
    assert ("redis.existingSecret is not set" in printed) is not with_redis


def test_install_commands_name_the_pages_values_file():
    for command in ("helm install askproai charts/askproai", "helm upgrade askproai charts/askproai"):
        (line,) = [each for each in PAGE.splitlines() if each.strip().startswith(command)]
        assert "-f askproai-values.yaml" in line
    assert "helm rollback askproai REVISION" in PAGE
