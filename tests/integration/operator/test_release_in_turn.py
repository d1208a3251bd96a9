"""A new release reaches tenants a few at a time, and stops at the first whose pods it makes unhealthy; a real API server."""

from collections.abc import AsyncIterator

import pytest

from askproai_core.clock import SystemClock
from askproai_operator import resources
from askproai_operator.rollouts import Phase
from askproai_sandbox.cluster import ControlPlane, KubeClient
from askproai_sandbox.redis import EmbeddedRedis
from tests.worlds.databases import Database
from tests.worlds.fleet_upgrade import WEB, FleetUpgrade, admit_pods, image_of, phases, refuse_pods
from tests.worlds.operator_environment import NAME, RunningOperator, TenantNamespace, served_providers
from tests.worlds.unscheduled_pods import make_deployment_ready
from tests.worlds.waiting import SOON, eventually

pytestmark = pytest.mark.nightly


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
