"""A service with a wait: the staff member is booked only while working, for all segments or none."""

import asyncio
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from askproai_core.tenant_config import Service
from askproai_core.tenant_config.services import Segment
from askproai_core.tenant_config.vocabulary import SegmentKind
from askproai_runtime.book.actor import DeskRequest
from askproai_runtime.calendar_sync.outbound import CalendarDisagrees
from askproai_runtime.desk.blocks import add_block, list_offers_within, remove_block, resolve_span
from tests.worlds.booking_environment import BookingService, Salon, call, join_waitlist
from tests.worlds.calcom_environment import CalcomEnvironment
from tests.worlds.caller_names import surname
from tests.worlds.segmented_services import ABLE, BERLIN, COLOUR, FRIDAY, at, booked_claims, free, join, with_services
from tests.worlds.waitlist_environment import FIRST, SECOND, offered
from tests.worlds.waitlist_environment import run as run_waitlist

CUT = Service(name="schnitt", display_name="Schnitt", duration_minutes=30, staff=ABLE)
TINT = Service(
    name="toenung", display_name="Tönung", duration_minutes=120, staff=ABLE,
    segments=(Segment(30), Segment(60, SegmentKind.WAIT), Segment(30)),
)  # fmt: skip


async def book(salon: Salon, service: Service, clock: str, number: int = 1, by: BookingService | None = None) -> Any:
    args = {"service": service.name, "start": at(clock), "customer_name": f"Rosa {surname(number)}"}
    context = call(f"call_{number}", f"+4915{number:08}")
    return await (by or salon.booking).book_appointment(context, args)


@pytest.fixture
async def salon(new_salon: Any) -> Salon:
    salon = await new_salon()
    salon.apply_config(with_services(salon.configs[-1], COLOUR, CUT))
    return salon


async def test_waiting_segment_allows_another_customer(salon: Salon) -> None:
    answer = await book(salon, COLOUR, "10:00")
    assert (answer.fields["start"], answer.fields["end"]) == (at("10:00"), at("11:45"))
    assert await booked_claims(salon) == [("10:00", "10:30"), ("11:00", "11:55")]
    assert (await book(salon, CUT, "10:30", 2)).success
    refused = await book(salon, CUT, "11:00", 3)
    assert (refused.success, refused.fields["obstacle"]) == (False, "taken")
    assert await booked_claims(salon) == [("10:00", "10:30"), ("10:30", "11:00"), ("11:00", "11:55")]


async def test_all_segments_are_booked_or_none(salon: Salon) -> None:
    assert (await book(salon, CUT, "11:30")).success
    refused = await book(salon, COLOUR, "10:00", 2)
    assert (refused.success, refused.fields["obstacle"]) == (False, "taken")
    assert await booked_claims(salon) == [("11:30", "12:00")]
    assert (await book(salon, COLOUR, "11:00", 2)).success, "the cut lies in the wait"


async def test_caller_hears_length_and_end_of_a_visit(salon: Salon) -> None:
    asked = await salon.booking.check_availability(call(), {"service": "Farbe", "date": str(FRIDAY), "time": "10 Uhr"})
    length = "insgesamt eine Stunde und 45 Minuten"
    assert f"Das dauert {length}, davon 30 Minuten Wartezeit." in asked.message
    answer = await book(salon, COLOUR, "10:00")
    said = "Der Termin ist eingetragen: Freitag, den 27. November, um 10 Uhr, Farbe bei"
    assert answer.message.startswith(said)
    assert f"Er ist auf den Namen Rosa Bmann. Er dauert {length}, bis 11 Uhr 45." in answer.message
    args = {"appointment_id": answer.fields["appointment_id"], "start": at("14:30")}
    moved = await salon.booking.reschedule_appointment(call("call_1", f"+4915{1:08}"), args)
    assert f"Er dauert {length}, bis 16 Uhr 15." in moved.message
    assert "insgesamt" not in (await book(salon, CUT, "10:00", 2)).message


async def test_hold_of_a_visit_leaves_its_wait_bookable(salon: Salon) -> None:
    await salon.booking.check_availability(call(), {"service": "Farbe", "date": str(FRIDAY), "time": "10 Uhr"})
    held = await salon.rows("SELECT block_start, block_end FROM claims WHERE state = 'held'")
    assert len(held) == 2
    assert not (await book(salon, CUT, "10:00", 2)).success
    assert (await book(salon, CUT, "10:30", 2)).success
    args = {"service": "farbe", "start": at("10:00"), "customer_name": "Rosa"}
    assert (await salon.booking.book_appointment(call(), args)).success, "who was offered a time gets it"


async def test_visit_can_be_moved_into_its_own_wait(salon: Salon) -> None:
    answer = await book(salon, COLOUR, "10:00")
    before = await free(salon, CUT)
    context, args = call("call_1", f"+4915{1:08}"), {"appointment_id": answer.fields["appointment_id"]}
    moved = await salon.booking.reschedule_appointment(context, args | {"start": at("10:30")})
    assert moved.success
    assert await booked_claims(salon) == [("10:30", "11:00"), ("11:30", "12:25")]
    assert await free(salon, CUT) != before
    await salon.cancel(answer.fields["appointment_id"])
    assert await booked_claims(salon) == []


async def test_block_lists_visits_that_need_its_person(salon: Salon) -> None:
    await book(salon, COLOUR, "10:00")

    async def listed(first: str, last: str) -> int:
        span = resolve_span(at(first), at(last), BERLIN)
        request = DeskRequest(uuid4(), "karin")
        _, appointments = await add_block(salon.booking, request, "anna", None, span, "Weg", "corr")
        return len(appointments)

    assert [await listed("10:30", "11:00"), await listed("10:30", "11:05"), await listed("09:00", "10:05")] == [0, 1, 1]


async def test_block_inside_a_wait_ends_no_offer(salon: Salon) -> None:
    first = await book(salon, COLOUR, "10:00")
    args = {"service": "Farbe", "date": str(FRIDAY), "time": "10 Uhr", "customer_name": "Wanda"}
    assert (await join_waitlist(salon.booking, call("call_w", FIRST), args)).success
    await salon.cancel(first.fields["appointment_id"])
    await run_waitlist(salon)
    spans = ("10:30", "11:00", 0), ("10:30", "11:05", 1), ("10:25", "11:00", 1), ("09:00", "10:05", 1)
    for begins, ends, listed in spans:
        span = resolve_span(at(begins), at(ends), BERLIN)
        assert len(await list_offers_within(salon.booking, ["mitte/anna"], span)) == listed, begins
        request = DeskRequest(uuid4(), "karin")
        block, _ = await add_block(salon.booking, request, "anna", None, span, "Weg", "corr")
        if not listed:
            await run_waitlist(salon)
            assert await offered(salon) == [(FIRST, "open")], "what is not listed goes on"
        await remove_block(salon.booking, request, block.id, "corr")


async def test_booking_of_the_offered_work_segment_ends_offer(salon: Salon) -> None:
    first = await book(salon, COLOUR, "10:00")
    args = {"service": "Farbe", "date": str(FRIDAY), "time": "10 Uhr", "customer_name": "Wanda"}
    assert (await join_waitlist(salon.booking, call("call_w", FIRST), args)).success
    await salon.cancel(first.fields["appointment_id"])
    await run_waitlist(salon)
    assert await offered(salon) == [(FIRST, "open")]
    assert (await book(salon, CUT, "10:30", 2)).success
    await run_waitlist(salon)
    assert await offered(salon) == [(FIRST, "open")]
    assert (await book(salon, CUT, "10:00", 3)).success
    await run_waitlist(salon)
    assert (await offered(salon))[0] == (FIRST, "taken")


@pytest.mark.parametrize(
    ("service", "clock", "is_offered"),
    [
        (CUT, "10:30", True),  # all of it is in the wait of the colour
        (CUT, "10:45", False),  # at 11:00 the colour goes on
        (CUT, "11:45", False),  # the colour's buffer is until 11:55
        (COLOUR, "09:30", False),  # goes on from 10:30 to 11:25
        (TINT, "10:30", True),  # goes on at 12:00: each visit begins or ends in a wait of the other
    ],
)
async def test_open_offer_hides_only_conflicting_offers(salon: Salon, service, clock, is_offered) -> None:
    salon.apply_config(with_services(salon.configs[-1], COLOUR, CUT, TINT))
    for phone, wanted, when in ((FIRST, COLOUR, "10:00"), (SECOND, service, clock)):
        await join(salon, phone, service=wanted.name, time=when)
    for number, (freed, when) in enumerate(((COLOUR, "10:00"), (service, clock)), 1):
        booked = await book(salon, freed, when, number)
        await salon.cancel(booked.fields["appointment_id"])
        await run_waitlist(salon)
        assert (FIRST, "open") in await offered(salon)
    assert ((SECOND, "open") in await offered(salon)) is is_offered


async def test_flexible_caller_gets_a_time_without_open_offer(salon: Salon) -> None:
    await join(salon, FIRST, service="Farbe", time="10 Uhr")
    await join(salon, SECOND, service="Schnitt")
    for number, (freed, when) in enumerate(((COLOUR, "10:00"), (CUT, "10:45")), 1):
        booked = await book(salon, freed, when, number)
        await salon.cancel(booked.fields["appointment_id"])
        await run_waitlist(salon)
    starts = await salon.rows("SELECT starts_at FROM waitlist_offers WHERE state = 'open' ORDER BY id")
    assert [f"{row['starts_at'].astimezone(BERLIN):%H:%M}" for row in starts] == ["10:00", "10:30"]


async def test_calcom_booking_within_a_wait_is_an_appointment(env: CalcomEnvironment) -> None:
    salon = env.salon
    parts = (Segment(30), Segment(150, SegmentKind.WAIT), Segment(30))
    cure = msgspec.structs.replace(COLOUR, name="kur", display_name="Kur", duration_minutes=210, segments=parts)
    salon.apply_config(with_services(salon.configs[-1], *salon.configs[-1].services, cure))
    assert (await book(salon, cure, "12:00")).success
    assert env.bookings == [], "a booking there would block the wait"
    guest = {"name": "Karl", "email": "karl@example.com", "timeZone": "Europe/Berlin", "phoneNumber": "+4915177777777"}

    async def book_there(clock: str) -> str:
        start = datetime.fromisoformat(at(clock)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        remote = await env.dashboard("create", eventTypeId=1001, start=start, attendee=guest)
        return await env.receive_event(str(remote["uid"]))

    await book_there("14:15")  # until 15:00, when the work goes on; its buffer gives way
    assert await booked_claims(salon) == [("12:00", "12:30"), ("14:15", "15:00"), ("15:00", "15:40")]
    with pytest.raises(CalendarDisagrees):
        await book_there("12:15")


async def worked_twice(salon: Salon) -> list[tuple[datetime, datetime]]:
    """Return the minutes in which Anna works for two customers, counted from the appointments alone."""
    minute, taken, twice = timedelta(minutes=1), set[datetime](), []
    for row in await salon.live():
        work = [(0, 30), (60, 115)] if row["service"] == "farbe" else [(0, 30)]
        for n in (n for first, end in work for n in range(first, end)):
            at = row["starts_at"] + n * minute
            twice += [(at, row["starts_at"])] if at in taken else []
            taken.add(at)
    return twice


async def caller(salon: Salon, number: int, pods: list[BookingService]) -> None:
    """Book, move and cancel at random, at the pods in turn."""
    rng = random.Random(number)
    context = call(f"call_{number}", f"+4915{number:08}")
    for _ in range(6):
        pod, minutes = rng.choice(pods), rng.randrange(9 * 60, 18 * 60, 15)
        start = at(f"{minutes // 60:02}:{minutes % 60:02}")
        own = (await pod.find_appointments(context)).fields.get("appointments") or []
        match rng.choice(["book", "book", "book", "move", "cancel"]):
            case "move" if own:
                args = {"appointment_id": rng.choice(own)["appointment_id"], "start": start}
                await pod.reschedule_appointment(context, args)
            case "cancel" if own:
                await pod.cancel_appointment(context, {"appointment_id": rng.choice(own)["appointment_id"]})
            case _:
                args = {"service": rng.choice(["farbe", "schnitt"]), "customer_name": f"Rosa {surname(number)}"}
                await pod.book_appointment(context, args | {"start": start, "another": True})


async def test_pods_of_two_configs_never_double_book(salon: Salon) -> None:
    """The older pod blocks the whole visit, and sees each part that the newer pod has booked."""
    older = with_services(salon.configs[-1], msgspec.structs.replace(COLOUR, segments=()), CUT)
    before = replace(salon.booking, config=lambda: older)
    assert (await book(salon, COLOUR, "10:00", by=before)).success
    assert await booked_claims(salon) == [("10:00", "11:55")]
    assert not (await book(salon, CUT, "10:30", 2)).success
    assert (await book(salon, COLOUR, "13:00", 3)).success
    assert not (await book(salon, COLOUR, "13:30", 4, by=before)).success
    assert (await book(salon, CUT, "13:30", 5, by=before)).success
    await asyncio.gather(*(caller(salon, 100 + n, [salon.booking, before]) for n in range(20)))
    assert await worked_twice(salon) == []
    await salon.assert_no_double_booking()


@pytest.mark.parametrize("seed", range(4))
async def test_every_offered_time_can_be_booked(salon: Salon, seed: int) -> None:
    rng = random.Random(seed)
    for number in range(40):
        service = rng.choice([COLOUR, COLOUR, CUT])
        if times := await free(salon, service):
            answer = await book(salon, service, rng.choice(times), 200 + number)
            assert answer.success, answer
    assert await free(salon, COLOUR) == []
    assert await worked_twice(salon) == []
