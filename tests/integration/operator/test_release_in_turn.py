"""A new release reaches tenants a few at a time, and stops at the first whose pods it makes unhealthy; a real API server."""

import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from askproai_core.clock import SystemClock
from askproai_operator import resources
from askproai_operator.api import Key
from askproai_operator.rollouts import Phase
from askproai_sandbox.cluster import ControlPlane, KubeClient
from askproai_sandbox.redis import EmbeddedRedis
from tests.worlds.databases import Database
from tests.worlds.operator_environment import (
    NAME,
    Providers,
    RunningOperator,
    TenantNamespace,
    create_namespace,
    running_operator,
    served_providers,
)
from tests.worlds.unscheduled_pods import RUNS, make_deployment_ready
from tests.worlds.waiting import SOON, eventually

pytestmark = pytest.mark.nightly

WEB, WORKER = f"{NAME}-web", f"{NAME}-worker"


@dataclass
class FleetUpgrade:
    """The cluster, and the tenants that were created in it."""

    control_plane: ControlPlane
    database: Database
    valkey: EmbeddedRedis
    client: KubeClient
    providers: Providers
    # Releases of this test only: an operator counts the Deployments of its release.
    former: str = field(default_factory=lambda: f"askproai:former-{uuid.uuid4().hex[:8]}")
    present: str = field(default_factory=lambda: f"askproai:present-{uuid.uuid4().hex[:8]}")
    tenants: list[TenantNamespace] = field(default_factory=list)

    @asynccontextmanager
    async def operator(
        self, image: str, *, at_once: int = 1, soak: int = 0, **further: Any
    ) -> AsyncIterator[RunningOperator]:
        """Run the operator of a release until the end of the block, as the only one."""
        settings = {"runtime_image": image, "rollout_max_tenants": at_once, "rollout_soak_seconds": soak} | further
        stores = (self.control_plane, self.database, self.valkey)
        async with running_operator(*stores, providers=self.providers, **settings) as running:
            for tenant in self.tenants:
                tenant.operator = running
                running.queue.add(key_of(tenant))
            yield running

    async def create_tenants(self, running: RunningOperator, number: int, **runtime: Any) -> Sequence[TenantNamespace]:
        """Create tenants with two ready pods each."""
        spec = RUNS | {"runtime": RUNS["runtime"] | runtime}
        created = [await create_namespace(running, self.client) for _ in range(number)]
        self.tenants += created
        for tenant in created:
            await tenant.write_secret()
            await tenant.create("Tenant", spec=spec)
        for tenant in created:
            for component in ("worker", "web") if runtime.get("mode") == "Split" else ("web",):
                await tenant.wait_for("Deployment", f"{NAME}-{component}", bool, f"the {component} pods")
                await make_deployment_ready(tenant, component)
            await tenant.wait_until_ready()
        return created

    async def begun(self, name: str = WEB) -> list[TenantNamespace]:
        """Return the tenants whose Deployment has the image of the present release."""
        return [tenant for tenant in self.tenants if await image_of(tenant, name) == self.present]

    async def wait_for_begun(self, number: int) -> list[TenantNamespace]:
        """Wait until `number` tenants have the present release and no reconcile that may change it is due; return the tenants."""

        async def have_begun() -> list[TenantNamespace]:
            found = await self.begun()
            return found if len(found) >= number else []

        found = await eventually(have_begun, SOON, f"{number} of {len(self.tenants)} tenants to have {self.present}")
        await self.reconcile_all()
        assert await self.begun() == found, f"{number} at once, and no more"
        return found

    async def reconcile_all(self) -> None:
        """Reconcile each tenant, so that the next tenants in turn begin now."""
        for tenant in self.tenants:
            await tenant.operator.reconcile_again(key_of(tenant))

    async def delete(self) -> None:
        """Delete the tenants with a running operator, so that they leave nothing for other tests."""
        async with self.operator(self.former):
            for tenant in self.tenants:
                await self.client.delete(tenant.path("Tenant"))
            for tenant in self.tenants:
                await tenant.wait_until_gone("Tenant")
                await self.client.delete(f"/api/v1/namespaces/{tenant.name}")


def key_of(tenant: TenantNamespace) -> Key:
    return Key("Tenant", tenant.name, NAME)


async def image_of(tenant: TenantNamespace, name: str = WEB) -> str:
    live = await tenant.get("Deployment", name)
    assert live is not None
    return str(live["spec"]["template"]["spec"]["containers"][0]["image"])


async def refuse_pods(tenant: TenantNamespace) -> None:
    """Make the cluster refuse further pods of a tenant; its two pods stay."""
    quotas = f"/api/v1/namespaces/{tenant.name}/resourcequotas"
    body = {"metadata": {"name": "two"}, "spec": {"hard": {"pods": "2"}}}
    await tenant.client.create(quotas, {"kind": "ResourceQuota"} | body)

    async def counts() -> bool:
        quota = await tenant.client.get(f"{quotas}/two")
        return bool((quota.get("status") or {}).get("used", {}).get("pods") == "2")

    await eventually(counts, SOON, "the quota to count the pods")


async def admit_pods(tenant: TenantNamespace) -> None:
    """Undo `refuse_pods`."""
    await tenant.client.delete(f"/api/v1/namespaces/{tenant.name}/resourcequotas/two")


def phases(running: RunningOperator) -> dict[Phase, int]:
    """Return the number of tenants in each phase, without done or held ones, since other tests have some of these."""
    counts = running.context.rollouts.count_phases()
    return {phase: count for phase, count in counts.items() if count and phase not in {Phase.DONE, Phase.HELD}}


@pytest.fixture
async def fleet(
    control_plane: ControlPlane, crds: None, module_database: Database, valkey: EmbeddedRedis, kube_client: KubeClient
) -> AsyncIterator[FleetUpgrade]:
    """A cluster without tenants and without an operator."""
    async with served_providers(SystemClock()) as providers:
        found = FleetUpgrade(control_plane, module_database, valkey, kube_client, providers)
        yield found
        await found.delete()


async def stops(running: RunningOperator, tenant: TenantNamespace) -> list[str]:
    """Return what Events in the operator's namespace say about a stop at a tenant."""
    events = await running.context.kube.list(resources.EVENTS, "default")
    found = [each["message"] for each in events if each["reason"] == "RolloutStopped"]
    return [message for message in found if f"in namespace {tenant.name} were healthy" in message]


async def reason_of(tenant: TenantNamespace) -> str:
    live = await tenant.get("Tenant")
    return next(each["reason"] for each in live["status"]["conditions"] if each["type"] == "RolloutHealthy")


async def test_tenants_get_releases_one_by_one_staying_ready(fleet):
    async with fleet.operator(fleet.former) as running:
        await fleet.create_tenants(running, 3)
    async with fleet.operator(fleet.present) as running:
        for number in (1, 2, 3):
            begun = await fleet.wait_for_begun(number)
            waiting = [tenant for tenant in fleet.tenants if tenant not in begun]
            for tenant in waiting:
                condition = await tenant.wait_for_condition("RolloutHealthy", "True", "ReleaseWaits")
                assert f"(image {fleet.former})" in condition["message"]
                await tenant.wait_for_condition("Ready", "True", "AsDeclared")
            expected = {Phase.UNDER_WAY: 1} | ({Phase.WAITING: len(waiting)} if waiting else {})
            assert phases(running) == expected
            versions = [(await tenant.get("Tenant") or {})["metadata"]["resourceVersion"] for tenant in waiting]
            await fleet.reconcile_all()
            again = [(await tenant.get("Tenant") or {})["metadata"]["resourceVersion"] for tenant in waiting]
            assert again == versions, "who waits writes nothing at each look"
            for tenant in begun:
                await make_deployment_ready(tenant, "web")
        for tenant in fleet.tenants:
            await tenant.wait_for_condition("RolloutHealthy", "True", "AsDeclared")
        await eventually(lambda: not phases(running), SOON, "all to be done")


async def test_release_with_uncreated_pods_stops_and_rolls_back(fleet):
    async with fleet.operator(fleet.former) as running:
        await fleet.create_tenants(running, 3)
        for tenant in fleet.tenants:
            await refuse_pods(tenant)
    async with fleet.operator(fleet.present) as running:
        (stuck,) = await fleet.wait_for_begun(1)
        await stuck.wait_for_condition("Ready", "False", "RolloutStuck")
        (message,) = await eventually(lambda: stops(running, stuck), SOON, "the Event about the stop")
        assert "helm rollback" in message
        await fleet.reconcile_all()
        assert await fleet.begun() == [stuck]
        assert phases(running) == {Phase.UNHEALTHY: 1, Phase.WAITING: 2}

        # After the repair, the release goes on, and stops at the next tenant.
        await admit_pods(stuck)
        await make_deployment_ready(stuck, "web")
        begun = await fleet.wait_for_begun(2)
        second = next(tenant for tenant in begun if tenant is not stuck)
        await second.wait_for_condition("RolloutHealthy", "False", "RolloutStuck")
        await eventually(lambda: stops(running, second), SOON, "the Event about the second stop")
        third = next(tenant for tenant in fleet.tenants if tenant not in begun)
        assert await image_of(third) == fleet.former
    # No place is free for the stuck tenant: the other tenant with the present release may come first.
    async with fleet.operator(fleet.former) as running:
        await eventually(lambda: has_image(second, fleet.former), SOON, "the stuck tenant to go back")
        await second.wait_for_condition("RolloutHealthy", "True", "AsDeclared")
        await eventually(lambda: has_image(stuck, fleet.former), SOON, "the other tenant to go back")
        await make_deployment_ready(stuck, "web")
        assert await reason_of(third) == "AsDeclared"
        await eventually(lambda: not phases(running), SOON, "all to have the former release")


async def has_image(tenant: TenantNamespace, image: str) -> bool:
    return await image_of(tenant) == image


async def test_edit_of_a_waiting_tenant_also_applies_release(fleet):
    async with fleet.operator(fleet.former) as running:
        await fleet.create_tenants(running, 3, web={"minReplicas": 2, "maxReplicas": 2})
    async with fleet.operator(fleet.present):
        (first,) = await fleet.wait_for_begun(1)
        edited, other = (tenant for tenant in fleet.tenants if tenant is not first)
        await other.edit({"displayName": "Salon Neu", "runtime": {"web": {"minReplicas": 3, "maxReplicas": 3}}})
        await other.wait_for("Deployment", WEB, lambda live: live["spec"]["replicas"] == 3, "three pods")
        config = f"{NAME}-config"
        await other.wait_for("ConfigMap", config, lambda live: "Salon Neu" in live["data"]["tenant.json"], "the name")
        assert await reason_of(other) == "ReleaseWaits"
        await edited.edit({"runtime": {"pods": {"nodeSelector": {"none": "such", "disk": "ssd"}}}})
        await eventually(lambda: has_image(edited, fleet.present), SOON, "the edit to be applied")
        await fleet.reconcile_all()
        assert await image_of(other) == fleet.former


async def test_canary_pods_wait_for_their_tenants_turn(fleet):
    canary = f"{NAME}-canary"
    async with fleet.operator(fleet.former) as running:
        await fleet.create_tenants(running, 2, canary={"image": f"{fleet.former}-trial"})
        for tenant in fleet.tenants:
            await tenant.wait_for("Deployment", canary, bool, "the pods on trial")
    async with fleet.operator(fleet.present, tracing_endpoint="http://collector:4318"):
        (first,) = await fleet.wait_for_begun(1)
        for tenant in fleet.tenants:
            live = await tenant.wait_for("Deployment", canary, bool, "the pods on trial")
            assert ("ASKPROAI_TRACING_ENDPOINT" in str(live["spec"])) is (tenant is first)
