"""The operator reads event types at Cal.com seldom, since requests for each key are limited; a real API server."""

import pytest

from askproai_operator.api import Key
from askproai_sandbox.calcom.event_types import EventType
from tests.worlds.operator_environment import TenantNamespace
from tests.worlds.waiting import SOON, eventually

pytestmark = pytest.mark.nightly

SERVICE = "haarschnitt"
OFFERING = {"kind": "ServiceOffering", "name": SERVICE}


async def open_salon(namespace: TenantNamespace) -> None:
    await namespace.create_salon("Branch", "Tenant")
    await namespace.create("ServiceOffering", SERVICE, spec={"requiredSkills": []})
    await namespace.wait_for_condition("CalendarLinked", "False", "EventTypeNotFound", **OFFERING)
    await namespace.wait_for_condition("CalendarSynced", "True")


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
    """Return in how many seconds a service is looked at again; 0 while that is not scheduled."""
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


async def test_service_with_a_taken_name_is_checked_slowly(namespace):
    """Only what a person puts right at Cal.com, which sends us nothing, is looked at again soon."""
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
    types = namespace.operator.calcom.account_of(namespace.calcom_key).event_types
    for number, fields in ((1001, {"lengthInMinutes": 30, "lengthInMinutesOptions": [30, 45]}), (1002, {})):
        types[number] = EventType.create(number, "anna", {"lengthInMinutes": 45, "afterEventBuffer": 10, **fields})
    await namespace.create_salon("Branch", "Tenant")
    await namespace.create("ServiceOffering", SERVICE)
    await namespace.wait_for_condition("CalendarLinked", "True", **OFFERING)
    assert (await namespace.get("ServiceOffering", SERVICE))["status"]["variableLengths"] == [
        {"eventTypeId": 1001, "defaultMinutes": 30}
    ]

    async def is_in_config() -> bool:
        (service,) = (await namespace.config()).get("services", ({},))
        lengths = {each["event_type_id"]: each.get("default_minutes") for each in service.get("event_types", ())}
        return lengths == {1001: 30, 1002: None}

    await eventually(is_in_config, SOON, "the default length in the config")


async def test_required_fields_are_answered_or_named_with_advice(namespace):
    types = namespace.operator.calcom.account_of(namespace.calcom_key).event_types
    asked = [
        {"type": "select", "slug": "haarlaenge", "required": True, "options": ["kurz", "lang"]},
        {"type": "phone", "slug": "telefon", "required": True},
        {"type": "text", "slug": "freiwillig"},
    ]
    for number in (1001, 1002):
        fields = {"lengthInMinutes": 45, "afterEventBuffer": 10, "bookingFields": asked}
        types[number] = EventType.create(number, "anna", fields)
    await namespace.create_salon("Branch", "Tenant")
    await namespace.create("ServiceOffering", SERVICE)
    found = await namespace.wait_for_condition("CalendarLinked", "False", "EventTypeMismatch", **OFFERING)
    assert "it requires the field 'haarlaenge' (select: kurz, lang), which nothing answers" in found["message"]
    answers = {"calcom": {"bookingFields": [{"slug": "haarlaenge", "value": "kurz"}]}}
    await namespace.edit(answers, "ServiceOffering", SERVICE)
    await namespace.wait_for_condition("CalendarLinked", "True", **OFFERING)

    async def is_in_config() -> bool:
        (service,) = (await namespace.config()).get("services", ({},))
        fields = [each.get("booking_fields") for each in service.get("event_types", ())]
        notes = {"slug": "notes", "source": "Notes"}  # Cal.com's own, which is optional
        return fields == [[{"slug": "haarlaenge", "value": "kurz"}, {"slug": "telefon", "source": "Phone"}, notes]] * 2

    await eventually(is_in_config, SOON, "the answers in the config")


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

    async def is_in_config() -> bool:
        (service,) = (await namespace.config()).get("services", ({},))
        segments = [(each["minutes"], each.get("kind", "Work")) for each in service.get("segments", ())]
        return segments == [(30, "Work"), (30, "Wait"), (45, "Work")] and "event_types" not in service

    await eventually(is_in_config, SOON, "the segments in the config, without event types")
