"""Some tenants of one cluster, and successive releases of the operator. The tests themselves report pods as ready."""

import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

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
)
from tests.worlds.unscheduled_pods import RUNS, make_deployment_ready
from tests.worlds.waiting import SOON, eventually

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
