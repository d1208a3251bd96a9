"""Event types at Cal.com: they are read seldom, and pods never get those of another business; a real API server."""

import json
from typing import Any

import pytest

from askproai_operator.api import Key
from askproai_sandbox.calcom.event_types import EventType
from tests.worlds.operator_environment import NAME, TenantNamespace
from tests.worlds.waiting import SOON, eventually, until

pytestmark = pytest.mark.nightly

SERVICE = "haarschnitt"
OFFERING = {"kind": "ServiceOffering", "name": SERVICE}


def create_event_types(namespace: TenantNamespace, key: str, *numbers: int, **fields: Any) -> None:
    types = namespace.operator.calcom.account_of(key).event_types
    for number in numbers:
        types[number] = EventType.create(number, "anna", {"lengthInMinutes": 45, "afterEventBuffer": 10} | fields)


async def open_salon(namespace: TenantNamespace) -> None:
    await namespace.create_salon("Branch", "Tenant")
    await namespace.create("ServiceOffering", SERVICE, spec={"requiredSkills": []})
    await namespace.wait_for_condition("CalendarLinked", "False", "EventTypeNotFound", **OFFERING)
    await namespace.wait_for_condition("CalendarSynced", "True")


def service_in(config: dict[str, Any]) -> dict[str, Any]:
    """Return the only service of the pods' config; {} until there is one."""
    (service,) = config.get("services", ({},))
    return service


def readings(namespace: TenantNamespace) -> int:
    entries, last = namespace.operator.calcom.journal.entries, namespace.calcom_key[-4:]
    return sum(each["key"] == last and "/v2/event-types/" in each["path"] for each in entries)


async def edit_branch(namespace: TenantNamespace, people: int) -> None:
    """Have a given number of people work in the branch, and wait until the service has seen them."""
    staff = [{"id": f"p{number}", "displayName": f"Person {number}"} for number in range(people)]
    await namespace.edit({"staff": staff}, "Branch", "mitte")
    await namespace.wait_for(
        "ServiceOffering",
        SERVICE,
        lambda live: len(live["status"]["staff"]) == people,
        "the service's reconcile after the edit of its branch",
    )


def next_run(namespace: TenantNamespace, service: str) -> float:
    """Return the seconds until a service's next run; 0 if none is scheduled."""
    queue, now = namespace.operator.queue, namespace.operator.context.clock.monotonic()
    return queue._due.get(Key("ServiceOffering", namespace.name, service), (now,))[0] - now


async def test_branch_edit_rereads_no_event_type(namespace):
    await open_salon(namespace)
    before = readings(namespace)
    assert before > 0
    await edit_branch(namespace, 7)
    await edit_branch(namespace, 8)
    assert readings(namespace) == before


@pytest.mark.parametrize(
    "edit", [{"spec": {"durationMinutes": 40}}, {"metadata": {"annotations": {"askproai.de/reconcile-at": "now"}}}]
)
async def test_edit_of_the_service_reads_its_event_types(namespace, edit):
    await open_salon(namespace)
    before = readings(namespace)
    await namespace.client.merge(namespace.path("ServiceOffering", SERVICE), edit)
    await eventually(lambda: readings(namespace) > before, SOON, "a reading of the event types")


async def test_edited_calcom_key_rereads_its_event_types(namespace):
    await open_salon(namespace)
    namespace.calcom_key = "cal_another_one"
    await namespace.write_secret(**{"calcom-api-key": namespace.calcom_key})
    await namespace.client.merge(namespace.path("Tenant"), {"metadata": {"labels": {"edited": "yes"}}})
    await eventually(lambda: readings(namespace), SOON, "a reading of the event types with the new key")


async def test_service_with_a_taken_name_waits_for_resyncs(namespace):
    """Only a problem that a person corrects at Cal.com, which does not notify us, leads to an early run."""
    await namespace.create_salon("Branch", "Tenant")
    for name, displayed in (("a", "Gleich"), ("b", "  gleich")):
        await namespace.create("ServiceOffering", name, spec={"displayName": displayed, "calcom": None})
    for name in ("a", "b"):
        await namespace.wait_for_condition("Ready", "False", "NameTaken", kind="ServiceOffering", name=name)
    for name in ("a", "b"):
        await eventually(
            lambda name=name: next_run(namespace, name) > 500, SOON, lambda name=name: next_run(namespace, name)
        )
    await namespace.edit({"displayName": "Anders"}, "ServiceOffering", "b")
    for name in ("a", "b"):
        await namespace.wait_for_condition("NameUnique", "True", kind="ServiceOffering", name=name)


async def test_event_type_with_several_lengths_fits_by_default(namespace):
    several = {"lengthInMinutes": 30, "lengthInMinutesOptions": [30, 45]}
    create_event_types(namespace, namespace.calcom_key, 1001, **several)
    create_event_types(namespace, namespace.calcom_key, 1002)
    await namespace.create_salon("Branch", "Tenant")
    await namespace.create("ServiceOffering", SERVICE)
    await namespace.wait_for_condition("CalendarLinked", "True", **OFFERING)
    assert (await namespace.get("ServiceOffering", SERVICE))["status"]["variableLengths"] == [
        {"eventTypeId": 1001, "defaultMinutes": 30}
    ]

    def has_lengths(config: dict[str, Any]) -> bool:
        types = service_in(config).get("event_types", ())
        return {each["event_type_id"]: each.get("default_minutes") for each in types} == {1001: 30, 1002: None}

    await until(namespace.config, has_lengths, "the default length in the config")


async def test_required_fields_are_answered_or_named_with_advice(namespace):
    asked = [
        {"type": "select", "slug": "haarlaenge", "required": True, "options": ["kurz", "lang"]},
        {"type": "phone", "slug": "telefon", "required": True},
        {"type": "text", "slug": "freiwillig"},
    ]
    create_event_types(namespace, namespace.calcom_key, 1001, 1002, bookingFields=asked)
    await namespace.create_salon("Branch", "Tenant")
    await namespace.create("ServiceOffering", SERVICE)
    found = await namespace.wait_for_condition("CalendarLinked", "False", "EventTypeMismatch", **OFFERING)
    assert "it requires the field 'haarlaenge' (select: kurz, lang), which nothing answers" in found["message"]
    answers = {"calcom": {"bookingFields": [{"slug": "haarlaenge", "value": "kurz"}]}}
    await namespace.edit(answers, "ServiceOffering", SERVICE)
    await namespace.wait_for_condition("CalendarLinked", "True", **OFFERING)

    def is_answered(config: dict[str, Any]) -> bool:
        fields = [each.get("booking_fields") for each in service_in(config).get("event_types", ())]
        notes = {"slug": "notes", "source": "Notes"}  # Cal.com's own, which is optional
        return fields == [[{"slug": "haarlaenge", "value": "kurz"}, {"slug": "telefon", "source": "Phone"}, notes]] * 2

    await until(namespace.config, is_answered, "the answers in the config")


async def test_empty_event_type_list_suggests_the_local_calendar(namespace):
    await open_salon(namespace)
    await namespace.edit({"calcom": {"eventTypes": []}}, "ServiceOffering", SERVICE)
    await namespace.wait_for_condition("CalendarLinked", "True", "NotRequested", **OFFERING)
    without_a_word = {"spec": {"calcom": {"eventTypes": None}}}
    await namespace.client.merge(namespace.path("ServiceOffering", SERVICE), without_a_word)
    await namespace.wait_for_condition("CalendarLinked", "False", "EventTypeMissing", **OFFERING)


async def test_service_with_a_wait_switches_to_own_book(namespace):
    await open_salon(namespace)
    parts = [{"kind": "Work", "minutes": 30}, {"kind": "Wait", "minutes": 30}, {"kind": "Work", "minutes": 45}]
    edit = {"calcom": None, "durationMinutes": 105, "segments": parts}
    await namespace.edit(edit, "ServiceOffering", SERVICE)
    found = await namespace.wait_for_condition("CalendarLinked", "True", "NotRequested", **OFFERING)
    assert "close Cal.com's pages of these people" in found["message"]
    assert "booked at Cal.com before, move and cancel it here and not there" in found["message"]

    def has_wait(config: dict[str, Any]) -> bool:
        service = service_in(config)
        segments = [(each["minutes"], each.get("kind", "Work")) for each in service.get("segments", ())]
        return segments == [(30, "Work"), (30, "Wait"), (45, "Work")] and "event_types" not in service

    await until(namespace.config, has_wait, "the segments in the config, without event types")


async def open_with_foreign(namespace: TenantNamespace, foreign: int, own: int) -> None:
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
    await open_with_foreign(namespace, 71001, 71002)
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
    await open_with_foreign(namespace, 72001, 72002)
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
    await open_with_foreign(namespace, 73001, 73002)
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
