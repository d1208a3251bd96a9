"""The annotation `askproai.de/plan`: nothing is applied while an object of any kind has it; a real API server, no kubelet."""

import json
from typing import Any

import pytest

from askproai_operator.api import Key
from tests.worlds.operator_environment import TenantNamespace
from tests.worlds.waiting import SOON, eventually

pytestmark = pytest.mark.nightly

CONFIG = "salon-mueller-config"
PLAN = {"metadata": {"annotations": {"askproai.de/plan": "true"}}}
APPLY = {"metadata": {"annotations": {"askproai.de/plan": None}}}
EDITS = {
    "Tenant": ("salon-mueller", {"spec": {"displayName": "Salon Neu"}}, "Salon Neu"),
    "Branch": ("mitte", {"spec": {"displayName": "Mitte Neu"}}, "Mitte Neu"),
    "ServiceOffering": ("haarschnitt", {"spec": {"displayName": "Schnitt Neu"}}, "Schnitt Neu"),
}


async def config_of(namespace: TenantNamespace) -> str:
    return str((await namespace.get("ConfigMap", CONFIG))["data"]["tenant.json"])


async def settle(namespace: TenantNamespace, *keys: Key) -> None:
    """Requeue keys and wait until the reconciles have ended."""
    queue = namespace.operator.queue
    for key in keys:
        queue.add(key)
    await eventually(lambda: not len(queue) and not queue._processing, SOON, "the reconciles")


def applied_writes(namespace: TenantNamespace, since: int) -> list[tuple[str, str]]:
    """Return the writes in the namespace that are neither a status nor an event."""
    writes = namespace.operator.writes[since:]
    return [
        each for each in writes if namespace.name in each[1] and "/status" not in each[1] and "/events" not in each[1]
    ]


@pytest.mark.parametrize("kind", EDITS)
async def test_nothing_is_applied_while_any_object_is_annotated(namespace: TenantNamespace, kind: str) -> None:
    await namespace.write_secret()
    for each in ("Branch", "ServiceOffering", "Tenant"):
        await namespace.create(each)
    await namespace.wait_until_ready()
    name, edit, trace = EDITS[kind]
    keys = [Key("Tenant", namespace.name, "salon-mueller"), Key(kind, namespace.name, name)]
    await settle(namespace, *keys)
    generation = (await namespace.get(kind, name))["status"]["observedGeneration"]
    before, writes = await config_of(namespace), len(namespace.operator.writes)

    await namespace.client.merge(namespace.path(kind, name), edit | PLAN)
    for held_kind, held in {("Tenant", "salon-mueller"), (kind, name)}:
        paused = await namespace.wait_for_condition("Paused", "True", "PlanUnsupported", kind=held_kind, name=held)
        assert f"askproai.de/plan is removed from {kind} {name}" in paused["message"]
    await settle(namespace, *keys)
    assert await config_of(namespace) == before
    assert applied_writes(namespace, writes) == []
    live = await namespace.get(kind, name)
    assert live["status"]["observedGeneration"] == generation, "the edit is not reported as seen"

    await namespace.client.merge(namespace.path(kind, name), APPLY)
    await eventually(lambda: _contains(namespace, trace), SOON, "the edit in the config")
    await namespace.wait_for(kind, name, lambda live: not is_paused(live), "the end of the pause")


async def _contains(namespace: TenantNamespace, text: str) -> bool:
    return text in await config_of(namespace)


def is_paused(live: dict[str, Any]) -> bool:
    return any(each["type"] == "Paused" and each["status"] == "True" for each in live["status"]["conditions"])


@pytest.mark.parametrize("holder", ["Branch", "ServiceOffering"])
@pytest.mark.parametrize("kind", ["Branch", "ServiceOffering"])
async def test_ready_confirms_no_edits_withheld_by_plan_annotation(
    namespace: TenantNamespace, holder: str, kind: str
) -> None:
    """The config is compiled of all objects of the Tenant, so none of them has an effect before the annotation is gone."""
    await namespace.write_secret()
    await namespace.create("Branch")
    await namespace.create("Branch", "west", spec={"phoneNumbers": []})
    await namespace.create("ServiceOffering")
    name = "bartpflege" if kind == "ServiceOffering" else "west"
    await namespace.create(
        "ServiceOffering",
        "bartpflege",
        spec={"branchRef": {"name": "west"}, "displayName": "Bartpflege", "calcom": None},
    )
    await namespace.create("Tenant")
    await namespace.wait_until_ready()
    edited = Key(kind, namespace.name, name)
    await settle(namespace, edited, Key("Tenant", namespace.name, "salon-mueller"))
    generation = (await namespace.get(kind, name))["status"]["observedGeneration"]
    holding = EDITS[holder][0]
    await namespace.client.merge(namespace.path(holder, holding), PLAN)
    await namespace.wait_for_condition("Paused", "True", "PlanUnsupported")

    await namespace.client.merge(namespace.path(kind, name), {"spec": {"displayName": "Westlich Neu"}})
    ready = await namespace.wait_for_condition("Ready", "True", "PlanUnsupported", kind=kind, name=name)
    assert ready["message"].endswith(f"until the annotation askproai.de/plan is removed from {holder} {holding}")
    await settle(namespace, edited)
    live = await namespace.get(kind, name)
    assert live["status"]["observedGeneration"] == generation, "kubectl wait goes on waiting"
    assert not await _contains(namespace, "Westlich Neu")

    await namespace.client.merge(namespace.path(holder, holding), APPLY)
    await eventually(lambda: _contains(namespace, "Westlich Neu"), SOON, "the edit in the config")

    def is_confirmed(live: dict[str, Any]) -> bool:
        return bool(live["status"]["observedGeneration"] == live["metadata"]["generation"])

    await namespace.wait_for(kind, name, is_confirmed, "the edit as seen")


async def test_new_tenant_with_the_annotation_gets_nothing(namespace: TenantNamespace) -> None:
    await namespace.write_secret()
    await namespace.create("Tenant", annotations=PLAN["metadata"]["annotations"])
    await namespace.wait_for_condition("Paused", "True", "PlanUnsupported")
    tenant = await namespace.get("Tenant")
    assert "finalizers" not in tenant["metadata"]
    assert await namespace.get("ConfigMap", CONFIG) is None
    await namespace.client.delete(namespace.path("Tenant"))
    await namespace.wait_until_gone("Tenant", "salon-mueller")


async def test_pods_keep_their_knowledge_of_planned_agents(namespace: TenantNamespace) -> None:
    """Else a function would be refused to the published agent, which still has it."""
    await namespace.write_secret()
    for each in ("Branch", "Tenant", "RetellAgent"):
        await namespace.create(each)
    await namespace.wait_until_ready()
    name = "mitte"
    await eventually(lambda: _contains(namespace, "BookAppointment"), SOON, "the functions in the config")
    await namespace.client.merge(
        namespace.path("RetellAgent", name), PLAN | {"spec": {"functions": ["CheckAvailability"]}}
    )
    await namespace.client.merge(namespace.path("Branch", "mitte"), {"spec": {"displayName": "Mitte Neu"}})
    await eventually(lambda: _contains(namespace, "Mitte Neu"), SOON, "the edit of the branch")
    (agent,) = json.loads(await config_of(namespace))["agents"]
    assert "BookAppointment" in json.dumps(agent)
    await namespace.client.merge(namespace.path("RetellAgent", name), APPLY)

    async def taken_over() -> bool:
        (agent,) = json.loads(await config_of(namespace))["agents"]
        return "BookAppointment" not in json.dumps(agent)

    await eventually(taken_over, SOON, "the new functions")
