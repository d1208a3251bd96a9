"""A provider that is away for longer than a deletion waits: the namespace ends, and later no orphan is left."""

from typing import Any

import pytest

from askproai_operator.engine import resources
from askproai_operator.orphans import LABEL
from tests.worlds.waiting import eventually

SOON = 20.0  # seconds


@pytest.fixture(autouse=True)
def clear_faults(operator):
    yield
    operator.retell.faults.clear()
    operator.calcom.faults.clear()


async def ledger(place: Any) -> list[dict[str, Any]]:
    """Return the entries of this namespace's objects."""
    entries = await place.operator.world.kube.list(resources.SECRETS, "default", LABEL)
    return [
        entry for entry in entries if f" {place.namespace}/" in entry["metadata"]["annotations"]["askproai.de/what"]
    ]


def forget_failures(place: Any) -> None:
    """Close the circuits, and make due what waits for its backoff."""
    place.operator.world.providers._states.clear()
    place.operator.retry_orphans()


async def emptied(place: Any) -> None:
    """Wait until the ledger is empty. Neither the backoff nor the circuit that the failures opened is tested here."""
    forget_failures(place)

    async def nothing_left() -> bool:
        return await ledger(place) == []

    await eventually(nothing_left, SOON, "the ledger to be empty")


def workspace(place: Any) -> dict[str, Any]:
    return place.operator.retell.dump()["workspaces"].get(place.key, {"agents": {}, "llms": {}})


async def create_all(place: Any) -> None:
    await place.secret()
    for kind in ("Branch", "ServiceOffering", "Tenant"):
        await place.create(kind, spec={"calcom": {"eventTypes": []}} if kind == "ServiceOffering" else None)
    await place.ready()
    await place.create("RetellAgent")
    await place.condition("Synced", "True", kind="RetellAgent", name="mitte")


async def test_a_namespace_ends_without_its_providers_and_no_orphan_is_left_when_they_are_back(place):
    await create_all(place)
    assert place.hooks()
    assert workspace(place)["agents"]
    place.operator.fault(place.operator.retell, "list-agents", "error-before-commit", 9999)
    place.operator.fault(place.operator.calcom, "list-webhooks", "error-before-commit", 9999)
    await place.client.delete(f"/api/v1/namespaces/{place.namespace}")
    for kind, name in (("RetellAgent", "mitte"), ("Tenant", "salon-mueller"), ("Secret", "salon-mueller-teardown")):
        await place.gone(kind, name)
    entries = await ledger(place)
    assert {entry["metadata"]["labels"][LABEL] for entry in entries} == {"agent", "webhook"}
    visible = str([entry["metadata"] for entry in entries])
    assert place.key not in visible
    assert place.calcom_key not in visible
    assert workspace(place)["agents"]

    place.operator.retell.faults.clear()
    place.operator.calcom.faults.clear()
    await emptied(place)
    assert (workspace(place)["agents"], workspace(place)["llms"]) == ({}, {})
    assert place.hooks() == []


async def test_a_refused_key_holds_up_nothing_and_a_new_one_in_the_entry_is_used(place):
    """A deletion gets no other key; into the ledger a person can put one."""
    await place.secret()
    await place.create("Tenant")
    await place.ready()
    webhooks = place.operator.calcom.dump()["accounts"][place.calcom_key]["webhooks"]
    assert webhooks
    await place.create("Branch")
    await place.create("RetellAgent", annotations={"askproai.de/paused": "true"}, finalizers=["example.com/hold"])
    await eventually(lambda: place.operator.world.relations.agent(place.namespace, "mitte"), SOON, "the agent")
    await place.client.delete(place.path("Tenant"))
    await place.condition("CredentialsValid", "False", "Deleting")  # from now on nothing is repaired
    bad = {"stringData": {"calcom-api-key": "wrong"}}
    await place.client.merge(place.path("Secret", "salon-mueller-teardown"), bad)
    await place.client.delete(place.path("RetellAgent", "mitte"))
    await place.client.merge(place.path("RetellAgent", "mitte"), {"metadata": {"finalizers": None}})
    await place.gone("Tenant")
    (entry,) = await ledger(place)
    path = resources.SECRETS.path("default", entry["metadata"]["name"])
    await place.client.merge(path, {"stringData": {"calcom-api-key": place.calcom_key}})
    await emptied(place)
    assert place.hooks() == []


async def test_a_namesakes_webhook_and_role_stay_its_own(place):
    await place.secret()
    await place.create("Tenant")
    await place.ready()
    place.operator.fault(place.operator.calcom, "list-webhooks", "error-before-commit", 9999)
    await place.client.delete(place.path("Tenant"))
    await place.gone("Tenant")
    await place.create("Tenant", spec={"calendar": {"provider": "Local", "calcom": None}})
    place.operator.calcom.faults.clear()

    async def waits() -> bool:
        return any(
            "again" in entry["metadata"]["annotations"]["askproai.de/last-error"] for entry in await ledger(place)
        )

    forget_failures(place)
    await eventually(waits, SOON, "the entry to wait for the namesake")
    assert len(place.hooks()) == 1
    await place.client.delete(place.path("Tenant"))
    await place.gone("Tenant")
    await emptied(place)
    assert place.hooks() == []
