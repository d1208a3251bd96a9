"""A service with other lengths for some staff members: offered, claimed, moved and booked at Cal.com by their length."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import msgspec
import pytest

from askproai_core.tenant_config import Service
from askproai_core.tenant_config.services import StaffOverride
from askproai_runtime.book.actor import DeskRequest
from askproai_runtime.book.outcomes import Moved
from askproai_runtime.desk.appointments import move_for_desk
from tests.worlds.booking_environment import Salon, call
from tests.worlds.calcom_environment import CalcomEnvironment
from tests.worlds.caller_names import surname

pytestmark = pytest.mark.nightly

BERLIN = ZoneInfo("Europe/Berlin")
FRIDAY = date(2026, 11, 27)  # Anna works from nine, Mehmet from noon on
BOTH = {"mitte": ("anna", "mehmet")}
SLOW_ANNA = (StaffOverride("anna", 60),)
CUT = Service(
    name="schnitt", display_name="Schnitt", duration_minutes=30, slot_step_minutes=30, staff=BOTH,
    staff_overrides=SLOW_ANNA,
)  # fmt: skip
WASH = Service(name="waschen", display_name="Waschen", duration_minutes=15, staff=BOTH)


def at(clock: str) -> str:
    """Return a time of the Friday as an argument."""
    return f"{FRIDAY}T{clock}:00+01:00"


@pytest.fixture
async def salon(new_salon: Any) -> Salon:
    salon = await new_salon()
    salon.apply_config(msgspec.structs.replace(salon.configs[-1], services=(CUT, WASH)))
    return salon


async def book(salon: Salon, clock: str, number: int = 1, **more: str) -> Any:
    args = {"service": "schnitt", "start": at(clock), "customer_name": f"Rosa {surname(number)}"} | more
    return await salon.booking.book_appointment(call(f"call_{number}", f"+4915{number:08}"), args)


async def free(salon: Salon, staff: str) -> list[str]:
    found = await salon.booking.list_free_slots("mitte", "schnitt", FRIDAY)
    return [f"{slot.start.astimezone(BERLIN):%H:%M}" for slot in found.slots if slot.staff == staff]


async def booked(salon: Salon) -> list[tuple[str, ...]]:
    """Return staff member, start and end of each appointment, which its claims must match."""
    appointments = await salon.rows(
        "SELECT staff, starts_at, ends_at FROM appointments WHERE status <> 'cancelled' ORDER BY starts_at, staff"
    )
    claims = await salon.rows(
        """SELECT r.staff, c.block_start, c.block_end FROM claims c JOIN resources r ON r.id = c.resource_id
           WHERE c.state = 'booked' ORDER BY c.block_start, r.staff"""
    )
    found = [tuple(row.values()) for row in appointments]
    assert [tuple(row.values()) for row in claims] == found
    return [(staff, *(f"{each.astimezone(BERLIN):%H:%M}" for each in span)) for staff, *span in found]


async def test_appointment_has_its_staff_members_length(salon: Salon) -> None:
    slow, quick = await book(salon, "14:00", 1, staff="Anna"), await book(salon, "14:00", 2, staff="Mehmet")
    assert (slow.fields["end"], quick.fields["end"]) == (at("15:00"), at("14:30"))
    assert await booked(salon) == [("anna", "14:00", "15:00"), ("mehmet", "14:00", "14:30")]
    assert "Er dauert insgesamt eine Stunde, bis 15 Uhr." in slow.message
    assert "Er dauert insgesamt 30 Minuten, bis 14 Uhr 30." in quick.message


async def test_short_gap_is_offered_only_with_quick_staff(salon: Salon) -> None:
    for staff, number in (("Anna", 1), ("Mehmet", 3)):
        assert (await book(salon, "13:30", number, staff=staff)).success
    assert (await book(salon, "15:00", 2, staff="Anna")).success
    assert (await book(salon, "14:30", 4, staff="Mehmet")).success
    # Anna is free from 14:30 to 15:00, Mehmet from 14:00 to 14:30.
    assert "14:30" not in await free(salon, "anna")
    assert "14:00" in await free(salon, "mehmet")
    refused = await book(salon, "14:30", 5)
    assert (refused.success, refused.fields["obstacle"]) == (False, "taken")
    assert (await book(salon, "14:00", 6)).fields["staff"] == "mehmet"


async def test_length_is_spoken_if_all_offers_share_it(salon: Salon) -> None:
    about = {"service": "Schnitt", "date": str(FRIDAY), "time": "14 Uhr"}
    asked = await salon.booking.check_availability(call(), about | {"staff": "Anna"})
    assert "Das dauert insgesamt eine Stunde." in asked.message
    everybody = await salon.booking.check_availability(call("call_2"), about | {"time": "nachmittags"})
    spans = [[datetime.fromisoformat(each[at]) for at in ("start", "end")] for each in everybody.fields["slots"]]
    lengths = {end - start for start, end in spans}
    assert ("Das dauert" in everybody.message) == (len(lengths) == 1)


async def test_move_keeps_length_unless_desk_changes_staff(salon: Salon) -> None:
    answer = await book(salon, "14:00", 1, staff="Anna")
    context, args = call("call_1", f"+4915{1:08}"), {"appointment_id": answer.fields["appointment_id"]}
    moved = await salon.booking.reschedule_appointment(context, args | {"start": at("15:00")})
    assert (moved.success, moved.fields["end"]) == (True, at("16:00")), moved
    start, appointment = datetime.fromisoformat(at("15:30")), UUID(answer.fields["appointment_id"])
    desk = DeskRequest(uuid4(), "karin@laptop")
    given = await move_for_desk(salon.booking, desk, appointment, start, "mehmet", "c")
    assert isinstance(given, Moved), given
    assert await booked(salon) == [("mehmet", "15:30", "16:00")]


async def test_visit_sums_its_staff_members_lengths(salon: Salon) -> None:
    assert (await book(salon, "13:00", 1, service="schnitt+waschen", staff="Anna")).success
    assert (await book(salon, "13:00", 2, service="schnitt+waschen", staff="Mehmet")).success
    assert await booked(salon) == [("anna", "13:00", "14:15"), ("mehmet", "13:00", "13:45")]


async def test_calcom_gets_the_staff_members_length(env: CalcomEnvironment) -> None:
    """Anna's event type has several lengths, and the booking names hers. Mehmet's has only the service's length."""
    await env.event_type(1001, "anna", lengthInMinutes=30, lengthInMinutesOptions=[30, 45, 60])
    (service,) = env.config.services
    types = tuple(
        msgspec.structs.replace(each, default_minutes=30 if each.event_type_id == 1001 else None)
        for each in service.event_types
    )
    env.offer(msgspec.structs.replace(service, event_types=types, staff_overrides=SLOW_ANNA))
    for number, staff in enumerate(("anna", "mehmet")):
        caller = call(f"call_{number}", f"+4915{number:08}")
        answer = await env.salon.book(staff=staff, by=caller)
        assert answer.success, answer
    spans = ((datetime.fromisoformat(each["start"]), datetime.fromisoformat(each["end"])) for each in env.bookings)
    assert sorted(end - start for start, end in spans) == [timedelta(minutes=45), timedelta(minutes=60)]
    local = {row["staff"]: row["ends_at"] - row["starts_at"] for row in await env.salon.live()}
    assert local == {"anna": timedelta(minutes=60), "mehmet": timedelta(minutes=45)}
