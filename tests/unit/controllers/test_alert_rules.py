"""Each alert by promtool, Prometheus's own tool: when it fires and when it does not."""

import json
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from askproai_operator.api import Tenant
from askproai_operator.controllers.tenant.children.monitoring import prometheus_rule
from askproai_operator.settings import Settings
from askproai_sandbox.example_tenant import load_manifests
from tests.worlds.tools import find_program

OWN, OTHER = 'tenant="salon-mueller.salon-mueller"', 'tenant="praxis.praxis"'


class Case(NamedTuple):
    """Samples that are scraped at the interval `every`, and whether the alert fires at the time `at`."""

    alert: str
    situation: str
    fires: bool
    series: dict[str, str]
    every: str
    at: str


def bookings(**outcomes: str) -> dict[str, str]:
    return {f'askproai_bookings_total{{{OWN},outcome="{name}",pod="a"}}': text for name, text in outcomes.items()}


def jobs(kind: str, **outcomes: str) -> dict[str, str]:
    name = f'askproai_jobs_total{{{OWN},kind="{kind}",pod="a"'
    return {f'{name},outcome="{outcome}"}}': text for outcome, text in outcomes.items()}


def webhooks(**outcomes: str) -> dict[str, str]:
    return {f'askproai_webhooks_received_total{{{OWN},outcome="{o}"}}': text for o, text in outcomes.items()}


def lookups(function: str = "check_availability", **outcomes: str) -> dict[str, str]:
    name = f'askproai_function_calls_total{{{OWN},function="{function}"'
    return {f'{name},outcome="{outcome}",pod="a"}}': text for outcome, text in outcomes.items()}


def calls_and_bookings(calls: str, booked: str) -> dict[str, str]:
    return metric("calls_with_functions_total", f'{OWN},pod="a"', calls) | bookings(confirmed=booked)


def metric(name: str, labels: str, values: str) -> dict[str, str]:
    return {f"askproai_{name}{{{labels}}}": values}


def oldest(priority: str, values: str) -> dict[str, str]:
    return metric("queue_oldest_seconds", f'{OWN},priority="{priority}"', values)


def circuit(state: str, values: str) -> dict[str, str]:
    return metric("circuit_state", f'{OWN},provider="calcom",state="{state}"', values)


def differences(values: str) -> dict[str, str]:
    return metric("calendar_differences", f'{OWN},sort="doubled",pod="a"', values)


def signatures(**values: str) -> dict[str, str]:
    return {
        series: text
        for result, value in values.items()
        for series, text in metric("signatures_total", f'{OWN},source="retell",result="{result}"', value).items()
    }


def failing(values: str) -> dict[str, str]:
    return metric("notifications_failing_seconds", OWN, values)


# The interval of the samples, and the time at which the rules are evaluated.
USUAL, HOUR, TWO_HOURS, SIX_HOURS = ("1m", "10m"), ("1m", "1h"), ("5m", "2h"), ("5m", "6h")
# Rules over days are evaluated every 15 minutes: promtool would take minutes for them otherwise.
THREE_DAYS = ("15m", "72h")
# A week and six hours: the last six hours are samples 2,016 to 2,088, those of a week before 0 to 72.
WEEK = ("5m", "174h")
DAYS = (THREE_DAYS[1], WEEK[1])
FOUR_FAIL = "0x20 1 2 3 4x60"
TABLE: dict[tuple[str, tuple[str, str]], list[tuple[str, bool, dict[str, str]]]] = {
    ("DeadLetters", USUAL): [
        ("a job is a dead letter", True, metric("dead_letters", OWN, "0 0 1x20")),
        ("it was redriven", False, metric("dead_letters", OWN, "1x5 0x20")),
        ("another tenant's", False, metric("dead_letters", OTHER, "3x20")),
    ],
    ("BookingFailures", SIX_HOURS): [
        ("a third", True, bookings(confirmed="0+0.3x80", failed="0x30 0+0.3x50")),
        ("busy", True, bookings(pending_sync="0+1x20 20x60", busy="0x30 0+1x15 15x40")),
        ("nobody came since", True, bookings(confirmed="0+0.1x30 3x50", failed=FOUR_FAIL)),
        ("it books again", False, bookings(confirmed="0x60 1 2 3x20", failed=FOUR_FAIL)),
        ("2 of 2", False, bookings(confirmed="0x80", failed="0x30 2x50")),
        ("5 of 77", False, bookings(confirmed="0+1x72", failed="0x30 5x50")),
        ("taken times", False, bookings(confirmed="0+1x72", not_free="0+1x72")),
    ],
    ("BookingBudget", THREE_DAYS): [
        ("9 of 66", True, bookings(confirmed="0+0.2x288", failed="0x100 0+0.05x188")),
        ("4 of 61", False, bookings(confirmed="0+0.2x288", failed="0x100 0+0.02x188")),
        ("9 of 297", False, bookings(confirmed="0+1x288", failed="0x100 0+0.05x188")),
        ("over", False, bookings(confirmed="0+0.2x288", failed="0x100 0+0.1x90 9x120")),
    ],
    ("LookupFailures", HOUR): [
        ("all fail", True, lookups(failed="0x30 1 2 3 4x30")),
        ("a third", True, lookups(offered="0+1x60", too_slow="0x30 0+1x30")),
        ("2 of 2", False, lookups(failed="0x30 1 2x30")),
        ("5 of 65", False, lookups(offered="0+1x60", failed="0x30 5x30")),
        ("closed", False, lookups(offered="0+1x60", closed_day="0+9x60")),
        ("bookings", False, lookups("book_appointment", failed="0+1x60")),
    ],
    ("NoBookings", WEEK): [
        ("14 calls", True, calls_and_bookings("0x2016 0+0.2x72", "0+0.1x72 7x2016")),
        ("one booked", False, calls_and_bookings("0x2016 0+0.2x72", "0+0.1x72 7x1980 8x36")),
        ("7 calls", False, calls_and_bookings("0x2016 0+0.1x72", "0+0.1x72 7x2016")),
        ("Sunday", False, calls_and_bookings("0x2016 0+0.2x72", "0x72 0x2016")),
        ("its first day", False, calls_and_bookings("_x2016 0+0.2x72", "_x2016 0x72")),
    ],
    ("WebhookFailures", HOUR): [
        ("2 %", True, webhooks(accepted="0+98x60", unavailable="0+2x60")),
        ("2 % are too many", True, webhooks(accepted="0+98x60", limited="0+2x60")),
        ("1 %", False, webhooks(accepted="0+99x60", limited="0+1x60")),
        ("over", False, webhooks(accepted="0+9x60", unavailable="0x30 0+2x20 40x20")),
        ("5 of 65", False, webhooks(accepted="0+1x60", unavailable="0x30 5x30")),
        ("forgeries", False, webhooks(accepted="0+1x60", unauthorized="0+99x60")),
    ],
    ("WebhookBudget", THREE_DAYS): [
        ("1 %", True, webhooks(accepted="0+99x288", unavailable="0+1x288")),
        ("over", False, webhooks(accepted="0+99x288", limited="0+1x250 250x40")),
        ("14 of 314", False, webhooks(accepted="0+1x300", limited="0+0.05x288")),
    ],
    ("JobBudget", THREE_DAYS): [
        ("2 %", True, jobs("webhook-event", done="0+49x288", dead="0+1x288")),
        ("half %", False, jobs("webhook-event", done="0+199x288", dead="0+1x288")),
        ("4 of 4", False, jobs("calendar-sync", done="0x288", dead="0x100 4x188")),
    ],
    ("CalendarSyncBudget", THREE_DAYS): [
        ("4 %", True, jobs("webhook-event", done="0+99x288") | jobs("calendar-sync", done="0+24x288", dead="0+1x288")),
        ("over", False, jobs("calendar-sync", done="0+9x288", dead="0+1x250 250x40")),
        ("events", False, jobs("webhook-event", done="0+9x288", dead="0+1x288")),
    ],
    ("RequestsRefused", USUAL): [
        ("all are", True, signatures(refused_own="0x5 0+1x15", valid="0x20")),
        ("another key passes", False, signatures(refused_own="0+1x20", valid="0+1x20")),
        ("strangers", False, signatures(refused="0+9x20", refused_own="0x20", valid="0x20")),
    ],
    ("MetricsMissing", ("1m", "40m")): [
        ("no pod is read", True, metric("config_hash_info", OTHER, "1x60")),
        ("pods were away", False, metric("config_hash_info", OWN, "1x5 _x20 1x60")),
    ],
    ("CircuitOpen", USUAL): [
        ("it stays open", True, circuit("open", "1x20")),
        ("it closed again", False, circuit("open", "0 1 1 0x20") | circuit("closed", "1 0 0 1x20")),
    ],
    ("QueueAge", USUAL): [
        ("calls' events wait", True, oldest("critical", "0+60x20")),
        ("a short burst", False, oldest("critical", "0x5 200 200 0x20")),
        ("jobs that may wait", False, oldest("maintenance", "9000x20")),
    ],
    ("RedisDegraded", USUAL): [
        ("it does not come back", True, metric("redis_degraded", OWN, "1x20")),
        ("it restarted", False, metric("redis_degraded", OWN, "1x4 0x20")),
    ],
    ("DoubleBookings", USUAL): [
        ("two appointments overlap", True, metric("double_bookings", OWN, "0 1x20")),
        ("one was moved", False, metric("double_bookings", OWN, "1x4 0x20")),
        ("those of another tenant", False, metric("double_bookings", OTHER, "1x20")),
    ],
    ("CalendarDiffers", TWO_HOURS): [
        ("for two hours", True, differences("1x30")),
        ("gone after half an hour", False, differences("1x6 0x30")),
        ("none", False, differences("0x30")),
    ],
    ("NotificationsFailing", USUAL): [
        ("one is dead", True, metric("notifications_dead", OWN, "0 1x20")),
        ("redriven", False, metric("notifications_dead", OWN, "1x4 0x20")),
        ("those of others", False, metric("notifications_dead", OTHER, "3x20")),
    ],
    ("NotificationsFailing", ("1m", "30m")): [("a day's outage", True, failing("7000+60x40"))],
    ("NotificationsFailing", HOUR): [("an hour's outage", False, failing("0+60x60 0x9"))],
    ("SpoolNotDrained", USUAL): [
        ("events wait", True, metric("spool_oldest_seconds", OWN, "0+60x20")),
        ("an outage of four minutes", False, metric("spool_oldest_seconds", OWN, "0+60x4 0x20")),
        ("those of others wait", False, metric("spool_oldest_seconds", OTHER, "0+60x20")),
    ],
}
CASES = [Case(f"Askproai{alert}", *row, *span) for (alert, span), rows in TABLE.items() for row in rows]


@pytest.fixture(scope="module")
def rules() -> dict:
    raw = load_manifests()["Tenant"][0]
    return prometheus_rule(Tenant.from_raw(raw), Settings())["spec"]


@pytest.fixture(scope="module")
def promtool(rules: dict, tmp_path_factory: pytest.TempPathFactory):
    """Return a function that runs promtool in a folder with `rules.yml` and returns its exit code and its output."""
    program = find_program("promtool")
    folder = tmp_path_factory.mktemp("rules")
    (folder / "rules.yml").write_text(yaml.safe_dump(rules))

    def run(*arguments: str, **files: object) -> tuple[int, str]:
        for name, content in files.items():
            Path(folder, f"{name}.yml").write_text(json.dumps(content))
        completed = subprocess.run([program, *arguments], cwd=folder, capture_output=True, text=True, timeout=150)
        return completed.returncode, completed.stdout + completed.stderr

    return run


@pytest.mark.nightly
def test_the_rules_are_valid_prometheus_rules(promtool, rules):
    code, output = promtool("check", "rules", "rules.yml")
    assert code == 0, output
    assert f"{len(rules['groups'][0]['rules'])} rules found" in output


def test_every_alert_has_firing_and_silent_examples():
    (group,) = prometheus_rule(Tenant.from_raw(load_manifests()["Tenant"][0]), Settings())["spec"]["groups"]
    names = {rule["alert"] for rule in group["rules"] if "alert" in rule}
    assert {(case.alert, case.fires) for case in CASES} == {(name, fires) for name in names for fires in (True, False)}


@pytest.mark.nightly
@pytest.mark.parametrize("interval", ["1m", "15m"])
def test_alerts_fire_when_they_should_and_only_then(promtool, interval: str):
    groups = [
        {
            "interval": case.every,
            "name": f"{case.alert}: {case.situation}",
            "input_series": [{"series": series, "values": values} for series, values in case.series.items()],
            "promql_expr_test": [
                {
                    "expr": f'count(ALERTS{{alertname="{case.alert}",alertstate="firing"}})',
                    "eval_time": case.at,
                    "exp_samples": [{"labels": "{}", "value": 1}] if case.fires else [],
                }
            ],
        }
        for case in CASES
        if (case.at in DAYS) == (interval == "15m")
    ]
    cases = {"rule_files": ["rules.yml"], "evaluation_interval": interval, "tests": groups}
    code, output = promtool("test", "rules", "cases.yml", cases=cases)
    assert code == 0, output


@pytest.mark.nightly
def test_firing_alert_names_tenant_problem_and_runbook(promtool):
    expected = {
        "exp_labels": {"severity": "warning", "tenant": "salon-mueller.salon-mueller", "provider": "calcom"},
        "exp_annotations": {
            "summary": "salon-mueller.salon-mueller asks calcom nothing any more: too many failures",
            "runbook_url": "https://askproai.de/docs/runbooks/circuit-open.md",
        },
    }
    group = {
        "interval": "1m",
        "input_series": [{"series": series, "values": values} for series, values in circuit("open", "1x20").items()],
        "alert_rule_test": [{"eval_time": "10m", "alertname": "AskproaiCircuitOpen", "exp_alerts": [expected]}],
    }
    code, output = promtool("test", "rules", "single.yml", single={"rule_files": ["rules.yml"], "tests": [group]})
    assert code == 0, output
