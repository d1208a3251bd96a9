"""`askproai doctor` at a real API server with the chart, as an administrator and as the account of `helm test`."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from askproai_cli.doctor import CHECKS, Finding, Outcome, Scope, examine
from askproai_cli.doctor.rights import find_missing_rights, list_rights
from askproai_cli.doctor_command import render
from askproai_core.clock import SystemClock
from askproai_core.kube import Elector, HttpTransport, LeaseApi, LeaseTimes, leadership, read_access
from askproai_operator.installation_report import DatabaseReport, InstallationReport, report_manifest
from askproai_operator.resources import CONFIG_MAPS, MANAGER, SECRETS, TENANTS
from askproai_sandbox.cluster import ControlPlane, KubeClient
from tests.worlds.chart_render import SYSTEM
from tests.worlds.salon_objects import create_tenant
from tests.worlds.waiting import SOON

pytestmark = pytest.mark.nightly

CLOCK = SystemClock()
TIMES = LeaseTimes(timedelta(seconds=8), timedelta(seconds=5), timedelta(milliseconds=200))


@pytest.fixture
async def leader(control_plane: ControlPlane, installed: Path, kube_client: KubeClient) -> AsyncIterator[None]:
    """Hold the operator's Lease, and write its report, as an operator does whose PostgreSQL is away."""
    report = InstallationReport(
        at=CLOCK.now(), every_seconds=60, release="0.1.0", shards=1, shared_base_url="https://v.example", verify_exposure=True,
        database=DatabaseReport(problem="ConnectionRefusedError"),
    )  # fmt: skip
    stop = asyncio.Event()
    await kube_client.create(CONFIG_MAPS.path(SYSTEM), report_manifest(SYSTEM, report))
    async with LeaseApi(lambda: read_access(control_plane.kubeconfig), SYSTEM, MANAGER) as lease:
        elector = Elector(lease, CLOCK, identity="pod_1", times=TIMES)
        async with asyncio.timeout(SOON), leadership(elector, stop):
            yield
    await kube_client.delete(CONFIG_MAPS.path(SYSTEM, "askproai-report"))


async def look(kubeconfig: Path, namespace: str | None = None) -> dict[str, Finding]:
    findings = await examine(read_access(kubeconfig), Scope(SYSTEM, namespace), CLOCK)
    assert len(findings) == len(CHECKS)
    return {each.name: each for each in findings}


async def account_of(control_plane: ControlPlane, account: str, folder: Path) -> Path:
    """Return the kubeconfig of a service account of the release's namespace."""
    token = await control_plane.kubectl("create", "token", account, "-n", SYSTEM)
    config: dict[str, Any] = yaml.safe_load(control_plane.kubeconfig.read_text("utf-8"))
    config["users"][0]["user"] = {"token": token.strip()}
    file = folder / f"{account}.kubeconfig"
    file.write_text(json.dumps(config))
    return file


async def test_unrestricted_account_sees_everything(
    control_plane: ControlPlane, leader: None, kube_client: KubeClient, kube_namespace: str
) -> None:
    await create_tenant(kube_client, kube_namespace)
    found = await look(control_plane.kubeconfig, kube_namespace)
    assert found["cluster"].outcome is Outcome.OK
    assert found["custom resources"].outcome is Outcome.OK, "what the API server stored equals what this release builds"
    assert found["operator's rights"].outcome is Outcome.OK, found["operator's rights"]
    assert found["clocks"].outcome is Outcome.OK
    assert found["operator"].outcome is Outcome.FAILED, "it leads, and no kubelet runs its pods here"
    assert found["operator"].message.startswith("0 of 2 pods of askproai-operator are ready"), "after ten minutes, why"
    assert "nobody holds the Lease askproai-coordinator" in found["coordinator"].message
    assert f"{SYSTEM}/askproai-database does not exist" in found["named Secrets"].details
    assert found["operator's report"].outcome is Outcome.OK
    assert "ConnectionRefusedError" in found["PostgreSQL"].message
    assert found["Redis"].outcome is Outcome.SKIPPED
    assert found["tenants"].details == (f"Tenant {kube_namespace}/t: no operator has looked at it yet",)


async def test_simulators_url_is_not_checked_from_outside(
    control_plane: ControlPlane, leader: None, kube_client: KubeClient, kube_namespace: str
) -> None:
    """Only the cluster resolves the host of the simulators, so from outside it is no failure."""
    await create_tenant(kube_client, kube_namespace)
    token = {"kind": "Secret", "metadata": {"name": "t-admin"}, "stringData": {"token": "secret"}}
    await kube_client.create(SECRETS.path(kube_namespace), token)
    url = f"http://askproai-simulators.{SYSTEM}:9000/{kube_namespace}/t/webhooks/retell"
    status = {"status": {"webhookUrls": {"retell": url}}}
    await kube_client.merge(f"{TENANTS.path(kube_namespace, 't')}/status", status)
    found = (await look(control_plane.kubeconfig, kube_namespace))["public URLs"]
    assert list(render(found, 200)) == [
        "skipped  public URLs        needs a look from inside the cluster: helm test; the operator's own tests report no problem"
    ]


async def test_helm_tests_account_sees_all_but_secrets(control_plane: ControlPlane, leader: None, tmp_path) -> None:
    found = await look(await account_of(control_plane, "askproai-doctor", tmp_path))
    assert found["named Secrets"].outcome is Outcome.SKIPPED
    assert found["named Secrets"].message == f"needs get secrets in {SYSTEM}"
    skipped = {name for name, each in found.items() if each.outcome is Outcome.SKIPPED}
    assert skipped <= {
        "named Secrets",
        "pods",
        "migrations",
        "database roles",
        "Redis",
        "providers",
        "circuits",
        "public URLs",
        "certificates",
    }
    assert found["operator's rights"].outcome is Outcome.OK


async def test_account_without_rights_gets_a_reason_per_check(control_plane: ControlPlane, leader, tmp_path) -> None:
    found = await look(await account_of(control_plane, "default", tmp_path))
    assert {each.outcome for each in found.values()} == {Outcome.OK, Outcome.SKIPPED}
    assert found["operator's report"].message == f"needs get configmaps in {SYSTEM}"
    assert found["tenants"].message == "needs list tenants.askproai.de in all namespaces"
    assert found["operator"].message == f"needs get leases.coordination.k8s.io in {SYSTEM}"


async def test_a_right_that_is_missing_is_named(control_plane: ControlPlane, installed: Path) -> None:
    async with HttpTransport(lambda: read_access(control_plane.kubeconfig)) as transport:
        missing = await find_missing_rights(transport, SYSTEM, "askproai-coordinator", list_rights(SYSTEM, 1))
    assert missing is not None
    named = set(map(str, missing))
    lease = f"update leases.coordination.k8s.io {MANAGER} in {SYSTEM}"
    assert {"patch tenants.askproai.de/status", "create secrets", lease} <= named
    assert f"create leases.coordination.k8s.io in {SYSTEM}" not in named, "the coordinator has this one"
