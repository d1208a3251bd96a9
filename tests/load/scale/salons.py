"""Many salons: their manifests, and what each has at the providers before it uses AskProAI."""

import asyncio
import copy
from collections.abc import Awaitable, Callable, Iterable
from functools import cache
from typing import Any

import aiohttp

from askproai_operator import resources
from askproai_sandbox.cluster import KubeClient
from askproai_sandbox.example_tenant import Salon, load_manifests, seed_simulators

AT_ONCE = 8  # requests; as many as the operator has workers
SERVICES = ("haarschnitt", "farbe", "bart")
STAFF = ("anna", "mehmet")
APPLY = "application/apply-patch+yaml"
# Objects of each salon, by kind; all of them have the condition Ready.
OBJECTS = {"Tenant": 1, "Branch": 1, "ServiceOffering": len(SERVICES), "RetellAgent": 1}


def salon(number: int) -> Salon:
    """Return the names and keys of the n-th salon. The last four characters of a key are its number: journals show them."""
    name = f"salon-{number:04}"
    ids = [1001 + index for index in range(len(SERVICES) * len(STAFF))]
    return Salon(
        namespace=name,
        tenant=f"{name}.{name}",
        number=f"+49301{100_000 + number}",
        retell_key=f"key_scale_{number:04}",
        calcom_key=f"cal_scale_{number:04}",
        event_types=tuple((each, STAFF[index % len(STAFF)]) for index, each in enumerate(ids)),
    )


@cache
def _example() -> dict[str, list[dict[str, Any]]]:
    return load_manifests()


def manifests(number: int) -> list[dict[str, Any]]:
    """Return the manifests of the n-th salon in order: `examples/salon.yaml` with three services."""
    names, found = salon(number), copy.deepcopy(_example())
    ((secret,), (tenant,), (branch,), (agent,)) = (
        found[kind] for kind in ("Secret", "Tenant", "Branch", "RetellAgent")
    )
    keys = {"retell-api-key": names.retell_key, "calcom-api-key": names.calcom_key}
    secret["stringData"] = secret["stringData"] | keys
    tenant["metadata"]["name"] = names.namespace
    branch["spec"]["tenantRef"]["name"] = names.namespace
    branch["spec"]["phoneNumbers"] = [{"number": names.number}]
    objects = [secret, tenant, branch, *(_service(index, names) for index in range(len(SERVICES))), agent]
    for each in objects:
        each["metadata"]["namespace"] = names.namespace
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": names.namespace}}
    return [namespace, *objects]


def _service(index: int, names: Salon) -> dict[str, Any]:
    (service,) = copy.deepcopy(_example()["ServiceOffering"])
    service["metadata"]["name"] = SERVICES[index]
    service["spec"] |= {"displayName": SERVICES[index].capitalize(), "spokenNames": []}
    own = names.event_types[index * len(STAFF) : (index + 1) * len(STAFF)]
    service["spec"]["calcom"]["eventTypes"] = [{"staff": staff, "eventTypeId": each} for each, staff in own]
    return service


async def seed(numbers: Iterable[int], retell_url: str, calcom_url: str) -> None:
    """Create the salons' numbers at Retell and event types at Cal.com."""
    await in_parallel(numbers, lambda number: seed_simulators(retell_url, calcom_url, salon(number)))
    async with aiohttp.ClientSession(raise_for_status=True) as session:
        await session.post(f"{retell_url}/_sim/settings", json={"any_key": 0.0})


async def apply(client: KubeClient, numbers: Iterable[int]) -> None:
    """Apply the salons by server-side apply, as a GitOps controller does."""

    async def apply_one(number: int) -> None:
        for manifest in manifests(number):
            await server_side_apply(client, manifest)

    await in_parallel(numbers, apply_one)


async def server_side_apply(client: KubeClient, manifest: dict[str, Any]) -> None:
    meta = manifest["metadata"]
    path = resources.resource_of(manifest).path(meta.get("namespace"), meta["name"])
    await client.request("PATCH", path, manifest, content_type=APPLY, fieldManager="scale", force="true")


async def in_parallel(items: Iterable[int], work: Callable[[int], Awaitable[None]], at_once: int = AT_ONCE) -> None:
    """Do `work` for each item, a bounded number at once."""
    waiting = iter(items)

    async def worker() -> None:
        for item in waiting:
            await work(item)

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(worker())
