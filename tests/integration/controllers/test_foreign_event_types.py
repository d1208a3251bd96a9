"""A wrong event type id: the pods are never given another business's event type to book at; a real API server and Cal.com."""

import json
from typing import Any

import pytest

from askproai_sandbox.calcom.event_types import EventType
from tests.worlds.operator_environment import NAME, TenantNamespace
from tests.worlds.waiting import SOON, eventually, until

pytestmark = pytest.mark.nightly

SERVICE = "haarschnitt"
OFFERING = {"kind": "ServiceOffering", "name": SERVICE}


def create_event_types(namespace: TenantNamespace, key: str, *numbers: int) -> None:
    types = namespace.operator.calcom.account_of(key).event_types
    for number in numbers:
        types[number] = EventType.create(number, "anna", {"lengthInMinutes": 45, "afterEventBuffer": 10})


async def open_salon(namespace: TenantNamespace, foreign: int, own: int) -> None:
    """Open a salon that names another business's event type for anna, and its own for mehmet."""
    create_event_types(namespace, f"cal_other_{namespace.name}", foreign)
    create_event_types(namespace, namespace.calcom_key, own)
    links = [{"staff": "anna", "eventTypeId": foreign}, {"staff": "mehmet", "eventTypeId": own}]
    await namespace.create_salon("Branch")
    await namespace.create("ServiceOffering", SERVICE, spec={"calcom": {"eventTypes": links}})
    await namespace.create("Tenant")


async def withheld(namespace: TenantNamespace) -> dict[int, str | None]:
    """Return the event types in the pods' config, and why each is withheld from them."""
    services: list[dict[str, Any]] = (await namespace.config()).get("services", [])
    return {
        each["event_type_id"]: each.get("withheld") for service in services for each in service.get("event_types", ())
    }


async def wait_for_withheld(namespace: TenantNamespace, expected: dict[int, str | None]) -> None:
    await until(lambda: withheld(namespace), lambda found: found == expected, f"event types {expected} in the config")


async def rename(namespace: TenantNamespace) -> None:
    """Rename the Tenant, and wait until the config has the name."""
    await namespace.edit({"displayName": "Salon Meyer"})
    await until(namespace.config, lambda config: config.get("display_name") == "Salon Meyer", "the edit in the config")


async def test_another_accounts_event_type_is_withheld_from_pods(namespace):
    await open_salon(namespace, 71001, 71002)
    found = await namespace.wait_for_condition("CalendarLinked", "False", "EventTypeNotFound", **OFFERING)
    assert "event type 71001 of anna is not in this Cal.com account, so nothing is sent to it" in found["message"]
    await wait_for_withheld(namespace, {71001: "NotFound", 71002: None})
    create_event_types(namespace, namespace.calcom_key, 71003)
    links = [{"staff": "anna", "eventTypeId": 71003}, {"staff": "mehmet", "eventTypeId": 71002}]
    edit = {"spec": {"calcom": {"eventTypes": links}}}
    await namespace.client.merge(namespace.path("ServiceOffering", SERVICE), edit)
    await wait_for_withheld(namespace, {71003: None, 71002: None})


async def test_unseen_event_type_waits_during_calcom_outage(namespace):
    """It also waits after an upgrade from a release that kept no list of seen event types."""
    namespace.operator.inject_fault(namespace.operator.calcom, "get-event-type", "down", 1000)
    await open_salon(namespace, 72001, 72002)
    await wait_for_withheld(namespace, {72001: "NotLookedUp", 72002: "NotLookedUp"})
    former = await namespace.config()
    for each in former["services"][0]["event_types"]:
        del each["withheld"]
    data = {"data": {"tenant.json": json.dumps(former)}}
    await namespace.client.merge(namespace.path("ConfigMap", f"{NAME}-config"), data)
    await rename(namespace)
    assert await withheld(namespace) == {72001: None, 72002: None}
    namespace.operator.end_faults()
    await namespace.annotate("reconcile-at", "now", kind="ServiceOffering", of=SERVICE)
    await wait_for_withheld(namespace, {72001: "NotFound", 72002: None})


async def test_deleting_a_service_keeps_its_event_type_withheld(namespace):
    """The service's future appointments remain, and a booking at this event type would be another business's booking."""
    await open_salon(namespace, 73001, 73002)
    await wait_for_withheld(namespace, {73001: "NotFound", 73002: None})
    await namespace.client.delete(namespace.path("ServiceOffering", SERVICE))

    async def is_left_in_the_config(*expected: int) -> bool:
        return (await namespace.config()).get("withheld_event_types", []) == [*expected]

    async def without_a_service() -> bool:
        return await withheld(namespace) == {} and await is_left_in_the_config(73001)

    await eventually(without_a_service, SOON, "a config without the service, that withholds its event type")
    await rename(namespace)
    assert await is_left_in_the_config(73001)
    create_event_types(namespace, namespace.calcom_key, 73001)
    links = [{"staff": "anna", "eventTypeId": 73001}]
    await namespace.create("ServiceOffering", SERVICE, spec={"calcom": {"eventTypes": links}})
    await wait_for_withheld(namespace, {73001: None})
    assert await is_left_in_the_config()
    await namespace.wait_for(
        "Tenant",
        NAME,
        lambda tenant: tenant is not None and "eventTypesNotFound" not in tenant["status"],
        "a Tenant that keeps nothing of it",
    )
