"""docs/on-call.md: all alerts of chart and tenants with their severity and runbook, and first commands that can be run."""

import re
from importlib.resources import files
from pathlib import PurePosixPath
from typing import Any, NamedTuple

import pytest
import yaml

from tests.worlds.chart_render import rendered
from tests.worlds.documented_commands import OURS, ROOT, list_commands
from tests.worlds.tools import find_program

PAGE = ROOT / "docs" / "on-call.md"


class Row(NamedTuple):
    """A row of the page's table."""

    severity: str
    command: str
    runbook: str


@pytest.fixture(scope="module")
def rows() -> dict[str, Row]:
    lines = re.findall(
        r"^\| `(Askproai\w+)` \| (\w+) \| .+? \| `([^`]+)` \| \[[\w-]+\]\((\S+)\) \|$",
        PAGE.read_text("utf-8"),
        re.MULTILINE,
    )
    assert len(lines) == len({name for name, *_ in lines}), "an alert has two rows"
    return {name: Row(*rest) for name, *rest in lines}


def alerts_of(groups: list[dict[str, Any]]) -> dict[str, tuple[str, str]]:
    """Return severity and the name of the runbook of each alert."""
    return {
        rule["alert"]: (rule["labels"]["severity"], PurePosixPath(rule["annotations"]["runbook_url"]).stem)
        for group in groups
        for rule in group["rules"]
        if "alert" in rule
    }


@pytest.fixture(scope="module")
def shipped() -> dict[str, tuple[str, str]]:
    """Severity and runbook of each alert of the chart, and of those that come with a tenant."""
    chart = yaml.safe_load_all(rendered(find_program("helm"), ("prometheusRule.enabled=true",)))
    (rule,) = [each for each in chart if each and each["kind"] == "PrometheusRule"]
    tenants = files("askproai_operator.controllers.tenant.children").joinpath("alerts.yaml").read_text("utf-8")
    return alerts_of(rule["spec"]["groups"]) | alerts_of(yaml.safe_load(tenants)["groups"])


def test_each_shipped_alert_has_severity_and_runbook(rows: dict[str, Row], shipped: dict[str, tuple[str, str]]) -> None:
    assert len(shipped) > 20
    named = {name: (row.severity, PurePosixPath(row.runbook).stem) for name, row in rows.items()}
    assert named == shipped


def test_paging_alerts_precede_mailed_ones(rows: dict[str, Row]) -> None:
    severities = [row.severity for row in rows.values()]
    assert severities == sorted(severities)  # critical, warning


def test_each_first_command_is_checked_like_other_commands(rows: dict[str, Row]) -> None:
    """tests/unit/docs/test_documented_commands.py parses each command of this list by its real parser."""
    checked = {command.text for command in list_commands() if command.page == PAGE and command.program in OURS}
    assert {row.command for row in rows.values()} - checked == set()
