"""A real Prometheus uses what the operator created for a tenant: it finds the pods, loads the rules, and an alert fires."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest
import yaml

from askproai_sandbox.cluster import ProcessError, free_port, spawn
from askproai_sandbox.example_tenant import SALON
from tests.worlds.foreign_crds import MONITORING, crd_files
from tests.worlds.running_demo import fetch, send, signed
from tests.worlds.tools import find_program
from tests.worlds.waiting import SOON, eventually

pytestmark = pytest.mark.nightly

ROOT = Path(__file__).parents[2]
NAME = SALON.tenant.partition(".")[2]


async def targets(demo: Any, monitor: dict[str, Any]) -> list[str]:
    """Return the targets of a ServiceMonitor, as the Prometheus operator finds them: Services, their pods, their ports by name."""
    labels = ",".join(f"{name}={value}" for name, value in monitor["selector"]["matchLabels"].items())
    services = await demo.kubectl("get", "services", "-n", SALON.namespace, "-l", labels, "-o", "json")
    (service,) = json.loads(services)["items"]
    selector = ",".join(f"{name}={value}" for name, value in service["spec"]["selector"].items())
    pods = json.loads(await demo.kubectl("get", "pods", "-n", SALON.namespace, "-l", selector, "-o", "json"))["items"]
    ports = {port["name"]: port["targetPort"] for port in service["spec"]["ports"]}
    scraped = {ports[endpoint["port"]] for endpoint in monitor["endpoints"]}
    return [
        f"{pod['status']['podIP']}:{port['containerPort']}"
        for pod in pods
        for container in pod["spec"]["containers"]
        for port in container["ports"]
        if port["name"] in scraped and "deletionTimestamp" not in pod["metadata"]
    ]


def operator_target(demo: Any) -> str:
    variables = Path(f"/proc/{demo.state.pids['operator'][0]}/environ").read_text().split("\0")
    port = dict(variable.split("=", 1) for variable in variables if "=" in variable)["ASKPROAI_METRICS_PORT"]
    return f"127.0.0.1:{port}"


async def coordinator_targets(demo: Any) -> list[str]:
    listed = await demo.kubectl(
        "get", "pods", "-n", "askproai-system", "-l", "app.kubernetes.io/component=coordinator", "-o", "json"
    )
    pods = [pod for pod in json.loads(listed)["items"] if "deletionTimestamp" not in pod["metadata"]]
    return [f"{pod['status']['podIP']}:{pod['spec']['containers'][0]['ports'][0]['containerPort']}" for pod in pods]


@dataclass(frozen=True)
class Prometheus:
    """A Prometheus that scrapes the demo."""

    url: str
    targets: list[str]

    async def query(self, path: str) -> Any:
        return (await fetch(f"{self.url}/api/v1/{path}"))["data"]


@pytest.fixture(scope="module")
async def prometheus(demo, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Prometheus]:
    program = find_program("prometheus")
    for file in crd_files(*MONITORING):
        await demo.kubectl("apply", "--server-side", "-f", str(file))

    async def created_for_the_tenant() -> list[dict[str, Any]]:
        """The two definitions are served one after the other, so that one may exist without the other."""
        try:
            where = (NAME, "-n", SALON.namespace, "-o", "json")
            kinds = ("servicemonitor", "prometheusrule")
            return [json.loads(await demo.kubectl("get", kind, *where)) for kind in kinds]
        except ProcessError:  # not served yet, or not created yet
            return []

    monitor, rules = await eventually(created_for_the_tenant, 150, "monitor and rules", every=1)
    # Pods as a release leaves them, so that no series rests on what another test has done.
    await demo.kubectl("rollout", "restart", "deployment", "-n", SALON.namespace)
    await demo.kubectl("rollout", "status", "deployment", "-n", SALON.namespace, "--timeout=120s")
    groups = rules["spec"]["groups"]
    for rule in groups[0]["rules"]:
        if "alert" in rule:
            rule["for"] = "1s"  # how long a fault must last is tested by tests/unit/controllers/test_alert_rules.py
    folder, port = tmp_path_factory.mktemp("prometheus"), free_port()
    (folder / "rules.yml").write_text(yaml.safe_dump({"groups": groups}))
    addresses = [*(await targets(demo, monitor["spec"])), *(await coordinator_targets(demo)), operator_target(demo)]
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": ["rules.yml"],
        "scrape_configs": [{"job_name": "askproai", "static_configs": [{"targets": addresses}]}],
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    command = [program, "--config.file=prometheus.yml", f"--storage.tsdb.path={folder}/data"]
    server = await spawn(
        "prometheus", [*command, f"--web.listen-address=127.0.0.1:{port}"], directory=folder, cwd=folder
    )
    server_api = Prometheus(f"http://127.0.0.1:{port}", addresses)

    async def scraped() -> bool:
        try:
            return {target["health"] for target in (await server_api.query("targets"))["activeTargets"]} == {"up"}
        except aiohttp.ClientError:
            return False

    await eventually(scraped, SOON, f"all targets to be up; see {server.log}")
    yield server_api
    await server.stop()


async def test_prometheus_finds_all_pods_coordinators_and_the_operator(prometheus, demo):
    web_pods = len(demo.state.podUrls[SALON.tenant])
    assert len(prometheus.targets) == 2 * web_pods + 2 + 1
    found = await prometheus.query("query?query=count(askproai_config_hash_info)")
    assert found["result"][0]["value"][1] == str(2 * web_pods)


async def test_prometheus_evaluates_every_alert_rule(prometheus):
    (group,) = (await prometheus.query("rules"))["groups"]
    assert len(group["rules"]) >= 6

    async def evaluated() -> bool:
        (group,) = (await prometheus.query("rules"))["groups"]
        return {rule["health"] for rule in group["rules"]} == {"ok"}

    await eventually(evaluated, SOON, "every rule to be evaluated without an error")


DASHBOARDS = ROOT / "charts" / "askproai" / "dashboards"


def queries() -> Iterator[tuple[str, str, bool]]:
    """Yield where each query of the dashboards is, the query, and whether it has series although nothing goes wrong."""
    declared = yaml.safe_load((ROOT / "hack" / "dashboards.yaml").read_text("utf-8"))
    for name, dashboard in declared.items():
        rendered = json.loads((DASHBOARDS / f"{name}.json").read_text("utf-8"))
        for panel, source in zip(rendered["panels"], dashboard["panels"], strict=True):
            for target in panel["targets"]:
                query = target["expr"].replace("$tenant", ".+").replace("$__rate_interval", "1m")
                yield f"{name}: {panel['title']}: {target['legendFormat']}", query, not source.get("quiet", False)


async def test_each_dashboard_query_returns_series(prometheus, demo):
    """With `$tenant` and the interval as Grafana fills them in. Callers ask, and a job is a dead letter, while it is scraped."""
    missing: list[str] = []

    async def all_have() -> bool:  # a rate needs two samples, and some metrics come with the first run of a task
        await demo.open_days(1, 0, 1, 2, 3, 4)  # between two scrapes, since the first sample of a series is no rise
        missing[:] = [
            where
            for where, query, has_series in queries()
            if has_series and not (await prometheus.query(f"query?{urlencode({'query': query})}"))["result"]
        ]
        return not missing

    body, headers = signed("call_started", "call_dashboards_1", to_number="+493099999998")
    assert (await send(demo, body, headers))[0] == 200
    await eventually(all_have, 180, lambda: f"series for {'; '.join(missing)}", every=2)
    await demo.rows("DELETE FROM jobs WHERE state = 'dead'")


async def test_metrics_follow_the_naming_rules_of_prometheus(prometheus):
    """`promtool check metrics` has no complaint."""
    promtool = find_program("promtool")
    for target in prometheus.targets:
        async with aiohttp.ClientSession() as session, session.get(f"http://{target}/metrics") as answer:
            text = await answer.read()
        pipe = asyncio.subprocess.PIPE
        checked = await asyncio.create_subprocess_exec(
            promtool, "check", "metrics", stdin=pipe, stdout=pipe, stderr=pipe
        )
        output = await checked.communicate(text)
        assert (checked.returncode, output) == (0, (b"", b"")), target


async def test_a_dead_letter_alerts_until_it_is_gone(prometheus, demo):
    """An event for an undeclared number is acknowledged, audited, and dead at its first attempt."""
    body, headers = signed("call_started", "call_alert_1", to_number="+493099999999")
    assert (await send(demo, body, headers))[0] == 200

    async def firing() -> list[dict[str, Any]]:
        alerts = (await prometheus.query("alerts"))["alerts"]
        return [
            alert
            for alert in alerts
            if (alert["labels"]["alertname"], alert["labels"].get("tenant")) == ("AskproaiDeadLetters", SALON.tenant)
            and alert["state"] == "firing"
        ]

    (alert,) = await eventually(firing, 60, "the alert")
    assert alert["labels"]["severity"] == "critical"
    assert alert["annotations"]["runbook_url"].endswith("/dead-letters.md")

    async def quiet() -> bool:
        await demo.rows("DELETE FROM jobs WHERE state = 'dead'")  # jobs of other tests in the demo may die meanwhile
        return not await firing()

    await eventually(quiet, 90, "the end of the alert", every=1)
