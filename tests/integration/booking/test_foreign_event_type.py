"""An event type of another business: nothing is sent to it, and callers are promised no booking there."""

from datetime import date
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from askproai_core.provider_limits import CircuitBreakers, CircuitRules, RequestBudget
from askproai_core.tenant_config import Function, Withheld
from askproai_core.tenant_config.services import EventType
from askproai_runtime.admin_api import Access, ApiRequest, Role
from askproai_runtime.admin_api.slots import list_day
from askproai_runtime.calendars import ProviderCallRecorder, build_calendar
from askproai_runtime.conversation.instead import AgentFunctions, offer_instead
from askproai_runtime.jobs import RunAgain
from tests.worlds.booking_environment import booking_args, call, join_waitlist
from tests.worlds.calcom_environment import KEY, CalcomEnvironment
from tests.worlds.tenant_redis import tenant_client

OTHER_BUSINESS = "cal_other_business"
FOREIGN = 5005
FOUR = "2026-11-27T16:00:00+01:00"


@pytest.fixture(autouse=True)
async def foreign_event_type(env: CalcomEnvironment) -> None:
    """Anna's event type is another business's, in an account of the same server."""
    salon = env.salon
    body = {"key": OTHER_BUSINESS, "id": FOREIGN, "lengthInMinutes": 45, "afterEventBuffer": 10, "host": "eva"}
    async with env.session.post(f"{env.url}/_sim/event-types", json=body) as response:
        assert response.status == 201, await response.text()
    env.calendar = build_calendar(  # type: ignore[assignment]
        lambda: env.config, lambda _: KEY, env.session, CircuitBreakers(None, salon.clock), CircuitRules(), salon.clock,
        ProviderCallRecorder(salon.pool, salon.store.tenant, salon.metrics),
        RequestBudget(tenant_client(None, salon.store.tenant), salon.clock, "calcom", lambda: 0, for_callers=True),
    )  # fmt: skip
    env.replace_worker_calendar(env.calendar)
    name_event_type(env, FOREIGN, Withheld.NOT_FOUND)


def name_event_type(env: CalcomEnvironment, number: int, withheld: Withheld | None) -> None:
    """Name anna's event type to the pods, as the operator compiles it; mehmet's is the salon's own."""
    hers, his = EventType(staff="anna", event_type_id=number, withheld=withheld), EventType("mehmet", 1002)
    services = (msgspec.structs.replace(env.config.services[0], event_types=(hers, his)), *env.config.services[1:])
    env.config = msgspec.structs.replace(env.config, services=services)
    env.salon.apply_config(env.config)


def foreign_bookings(env: CalcomEnvironment) -> list[dict[str, object]]:
    return env.calcom.dump()["accounts"][OTHER_BUSINESS]["bookings"]


async def test_nothing_is_sent_to_a_foreign_event_type(env: CalcomEnvironment) -> None:
    """The caller hears that it is not booked, and who can help; the other staff members are booked as ever."""
    answer = await env.salon.book(staff="anna")
    assert not answer.success
    assert "er ist also nicht gebucht" in answer.message
    await env.salon.booking.check_availability(call(), booking_args(staff="anna"))
    assert foreign_bookings(env) == []
    assert [entry for entry in env.calcom.journal.entries if str(FOREIGN) in f"{entry}"] == []
    other = await env.salon.book(by=call("call_2"))
    assert (other.fields["staff"], other.fields["status"]) == ("mehmet", "confirmed")


async def test_foreign_event_type_is_not_offered(env: CalcomEnvironment) -> None:
    """The caller hears this before the name and the number are asked for."""
    booking, day = env.salon.booking, {"date": "2026-11-27"}
    hers = await booking.check_availability(call(), {"staff": "anna", **day})
    assert (hers.success, hers.outcome, hers.fields["slots"]) == (False, "refused", [])
    assert hers.message.startswith("Dafür kann ich im Moment leider keinen Termin eintragen.")
    said = offer_instead(hers, Function.CHECK_AVAILABILITY, AgentFunctions(leaves_messages=True)).message
    assert said.endswith("Soll ich dem Team etwas ausrichten?")
    anybody = await booking.check_availability(call(), day)
    assert {slot["staff"] for slot in anybody.fields["slots"]} == {"mehmet"}
    listed = await booking.list_free_slots("mitte", "haarschnitt", date(2026, 11, 27))
    assert ({slot.staff for slot in listed.slots}, listed.refused) == ({"mehmet"}, {"anna"})


async def test_waiting_for_a_foreign_event_type_is_refused(env: CalcomEnvironment) -> None:
    """A yes to such an offer would only be refused, and nobody waits for a slot that is never offered."""
    booking, friday = env.salon.booking, {"date": "2026-11-27", "customer_name": "Wanda Wartend"}
    hers = await join_waitlist(booking, call(), {"staff": "anna", **friday})
    assert (hers.success, hers.outcome, hers.fields["slots"]) == (False, "refused", [])
    assert await env.salon.rows("SELECT id FROM appointments") == [], "nothing is held"
    anybody = await join_waitlist(booking, call(), friday)
    assert {slot["staff"] for slot in anybody.fields["slots"]} == {"mehmet"}
    assert await env.salon.rows("SELECT id FROM waitlist") == []


async def test_desk_sees_that_calcom_lacks_the_event_types(env: CalcomEnvironment) -> None:
    links = tuple(
        EventType(staff=each, event_type_id=FOREIGN, withheld=Withheld.NOT_FOUND) for each in ("anna", "mehmet")
    )
    services = (msgspec.structs.replace(env.config.services[0], event_types=links), *env.config.services[1:])
    env.salon.apply_config(msgspec.structs.replace(env.config, services=services))
    answer = await env.salon.booking.check_availability(call(), {})
    assert (answer.success, answer.outcome) == (False, "refused")
    api: Any = SimpleNamespace(process=SimpleNamespace(booking=lambda: env.salon.booking))
    request = ApiRequest(api, Access(Role.OWNER, admin_secret="admin"), "c", "", ZoneInfo("Europe/Berlin"))
    listed = await list_day(request, "mitte", "haarschnitt", date(2026, 11, 27))
    assert listed.slots == []
    assert listed.closed == "the remote calendar does not have the event types of anna, mehmet: see CalendarLinked"


async def test_unverified_event_type_is_booked_after_its_lookup(env: CalcomEnvironment) -> None:
    name_event_type(env, 1001, Withheld.NOT_LOOKED_UP)
    answer = await env.salon.book(staff="anna")
    assert (answer.success, answer.fields["status"]) == (True, "pending_sync")
    assert env.bookings == []
    with pytest.raises(RunAgain, match="not yet known to be in"):
        await env.run_sync_job()
    assert "see CalendarLinked" in (await env.salon.rows("SELECT error FROM appointments"))[0]["error"]
    name_event_type(env, 1001, None)
    await env.run_sync_job()
    assert [booking["eventTypeId"] for booking in env.bookings] == [1001]


async def test_appointment_at_a_foreign_event_type_stays_there(env: CalcomEnvironment) -> None:
    """It was booked when the event type was the tenant's own. Nothing of another account is moved or cancelled by itself."""
    name_event_type(env, FOREIGN, None)
    answer = await env.salon.book(staff="anna")
    assert answer.fields["status"] == "confirmed"
    name_event_type(env, FOREIGN, Withheld.NOT_FOUND)
    moved = await env.salon.booking.reschedule_appointment(call(), {"start": FOUR})
    assert not moved.success
    await env.salon.cancel(answer.fields["appointment_id"])
    (booking,) = foreign_bookings(env)
    assert (booking["status"], booking["start"]) == ("accepted", "2026-11-27T13:30:00.000Z")


async def test_corrected_event_type_id_is_not_booked_automatically(env: CalcomEnvironment) -> None:
    """The appointment waits at the former id, whose owner was never looked up."""
    name_event_type(env, FOREIGN, Withheld.NOT_LOOKED_UP)
    assert (await env.salon.book(staff="anna")).success
    name_event_type(env, 1001, None)
    with pytest.raises(RunAgain, match="names event type 5005"):
        await env.run_sync_job()
    (appointment,) = await env.salon.rows("SELECT error FROM appointments")
    assert appointment["error"].endswith(
        "is promised to the customer, but no ServiceOffering names event type 5005 any more, so nothing is booked at it until one"
        " names it again: it is tried again by itself; enter it by hand or call the customer if that cannot wait"
    )
    assert foreign_bookings(env) == []


async def test_booking_at_foreign_event_type_is_not_imported(env: CalcomEnvironment) -> None:
    """The key sees such a booking, for example, if its user is invited to it."""
    await env.block(FOREIGN, "2026-11-27T13:30:00Z")
    await env.receive_event(str(foreign_bookings(env)[0]["uid"]))
    assert await env.salon.live() == []
    name_event_type(env, FOREIGN, None)
    await env.receive_event(str(foreign_bookings(env)[0]["uid"]))
    assert len(await env.salon.live()) == 1, "the event is of a booking that is taken in where it is the salon's"
