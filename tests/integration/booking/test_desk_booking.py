"""Bookings by the desk: the steps of `book_appointment`, once for each request, without the limits for callers."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from askproai_core.fault_injection import FaultPoints
from askproai_core.tenant_config import BookingField, BookingLimits, FieldSource, Weekday
from askproai_runtime import booking as booking_api
from askproai_runtime.booking import (
    Answer,
    CalendarState,
    Customer,
    DeskRequest,
    FunctionOutcome,
    InvalidBooking,
    Place,
    RequestUsed,
    UnclearStart,
    UnknownName,
)
from askproai_runtime.calendars import RefusalCause, Refused, Taken, Unavailable, Unknown
from tests.worlds.booking_environment import (
    HALF_PAST_TWO,
    MORNING,
    BookingService,
    Salon,
    ScriptedCalendar,
    booking_args,
    call,
    second_process,
)
from tests.worlds.calcom_environment import CalcomEnvironment

PETRA = Customer("Petra Müller", "0151 12345678", "petra@example.org", "braucht Hilfe an der Treppe")
ANNA = Place("mitte", "haarschnitt", "anna")


def desk() -> DeskRequest:
    return DeskRequest(uuid4(), "karin@laptop")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


async def book(
    salon: Salon | BookingService,
    start: str = HALF_PAST_TWO,
    place: Place = ANNA,
    request: DeskRequest | None = None,
    customer: Customer = PETRA,
) -> Answer:
    context = salon.booking if isinstance(salon, Salon) else salon
    return await booking_api.book_for_desk(context, request or desk(), place, at(start), customer, "corr-desk")


async def audit(salon: Salon) -> list[tuple[str, dict[str, Any]]]:
    rows = await salon.rows("SELECT actor, action, detail FROM audit_log ORDER BY id")
    assert {row["actor"] for row in rows} <= {"desk"}
    return [(row["action"], json.loads(row["detail"])) for row in rows]


class Killed(BaseException):
    """The process died here."""


class Killing(FaultPoints):
    """Dies at one point, without ending the test's own process."""

    def reach(self, name: str) -> None:
        if name == self.armed:
            raise Killed


async def test_the_desk_books_as_a_caller_does_and_the_audit_log_names_no_customer(new_salon) -> None:
    salon, request = await new_salon(), desk()
    answer = await book(salon, request=request)
    assert (answer.success, answer.message) == (
        True, "Der Termin ist eingetragen: Freitag, den 27. November, um 14 Uhr 30, Haarschnitt bei Anna.",
    )  # fmt: skip
    (row,) = await salon.live()
    assert (row["call_id"], row["customer_name"], row["notes"]) == (
        f"desk:{request.request_id}", "Petra Müller", PETRA.notes,
    )  # fmt: skip
    ((action, detail),) = await audit(salon)
    assert (action, detail["appointment"], detail["claimed_by"], detail["request"]) == (
        "appointment.booked", str(row["id"]), "karin@laptop", str(request.request_id),
    )  # fmt: skip
    kept = json.dumps([detail, *(str(row) for row in await salon.rows("SELECT * FROM call_actions"))])
    assert not [each for each in ("Petra", "15112345678", "Treppe") if each in kept]
    await salon.assert_claims_match()
    assert salon.metrics.bookings == [], "the metric is of callers: a dead telephone must not look alive"


async def test_who_was_booked_with_a_number_finds_the_appointment_by_telephone(new_salon) -> None:
    salon = await new_salon()
    await book(salon)
    found = await salon.booking.find_appointments(call("call_9", "+4915112345678"))
    assert "14 Uhr 30" in found.message
    strangers = await salon.booking.find_appointments(call("call_10", "+4915199999999"))
    assert strangers.outcome is FunctionOutcome.NONE_FOUND


async def test_what_is_left_out_is_the_only_branch_the_only_service_and_who_is_free(new_salon) -> None:
    salon = await new_salon()
    assert (await book(salon, place=Place())).success
    assert (await book(salon, place=Place(branch="Salon Müller Mitte", service="Haarschnitt"))).success
    assert {row["staff"] for row in await salon.live()} == {"anna", "mehmet"}
    third = await book(salon, place=Place())
    assert (third.success, third.outcome) == (False, FunctionOutcome.TAKEN)
    assert third.fields["alternatives"]


async def test_a_repeated_request_books_nothing_more_whatever_happened_meanwhile(new_salon) -> None:
    salon, request = await new_salon(), desk()
    first = await book(salon, request=request)
    again = await book(salon, request=request)
    assert (again.success, again.fields["appointment_id"]) == (True, first.fields["appointment_id"])
    appointment = UUID(first.fields["appointment_id"])
    await booking_api.move_for_desk(salon.booking, desk(), appointment, at(MORNING), None, "c")
    moved = await book(salon, request=request)
    assert (moved.success, moved.fields["start"]) == (True, MORNING)
    await booking_api.cancel_for_desk(salon.booking, desk(), appointment, None, "c")
    cancelled = await book(salon, request=request)
    assert (cancelled.success, cancelled.outcome) == (False, FunctionOutcome.GONE)
    assert await salon.live() == []
    assert (await book(salon)).success, "a new request books again"


async def test_the_id_of_a_request_is_used_for_no_other_booking(new_salon) -> None:
    salon, request = await new_salon(), desk()
    await book(salon, request=request)
    for other in (
        book(salon, MORNING, request=request),
        book(salon, place=Place("mitte", "haarschnitt", "mehmet"), request=request),
        book(salon, request=request, customer=replace(PETRA, name="Paula Meier")),
        book(salon, request=request, customer=replace(PETRA, phone=None)),
    ):
        with pytest.raises(RequestUsed):
            await other
    assert len(await salon.live()) == 1


async def test_copies_of_one_request_at_once_book_once_and_all_succeed(new_salon) -> None:
    salon, request = await new_salon(), desk()
    async with second_process(salon) as other:
        answers = await asyncio.gather(*(book(each, request=request) for each in (salon, other, salon, other)))
    assert [answer.success for answer in answers] == [True] * 4
    assert len({answer.fields["appointment_id"] for answer in answers}) == 1
    assert len(await salon.live()) == 1
    assert [action for action, _ in await audit(salon)] == ["appointment.booked"]


async def test_of_two_desks_and_callers_at_once_for_one_slot_one_gets_it(new_salon) -> None:
    salon = await new_salon()
    async with second_process(salon, max_size=4) as other:
        answers = await asyncio.gather(
            *(book(each) for each in (salon, other, salon, other)),
            *(
                each.book_appointment(call(f"call_{n}", f"+4915{n:08}"), booking_args(staff="anna"))
                for n, each in enumerate((salon.booking, other, salon.booking, other))
            ),
        )
    assert sum(answer.success for answer in answers) == 1
    assert len(await salon.live()) == 1
    assert len(await audit(salon)) == sum(answer.success for answer in answers[:4])
    await salon.assert_claims_match()


async def test_what_a_caller_was_just_offered_is_not_free_for_the_desk(new_salon) -> None:
    salon = await new_salon()
    offered = await salon.booking.check_availability(call(), {"start": HALF_PAST_TWO, "staff": "anna"})
    assert offered.success
    refused = await book(salon)
    assert (refused.success, refused.outcome) == (False, FunctionOutcome.TAKEN)
    assert (await salon.booking.book_appointment(call(), booking_args(staff="anna"))).success


async def test_the_limits_for_callers_neither_bind_the_desk_nor_count_its_bookings(new_salon) -> None:
    salon = await new_salon(booking_limits=BookingLimits(per_call=1, per_caller_and_day=1, anonymous_per_hour=1))
    for start in (HALF_PAST_TWO, MORNING):
        assert (await book(salon, start)).success
    anonymous = await salon.booking.book_appointment(call("call_1", None), booking_args(staff="mehmet"))
    assert anonymous.success, anonymous
    assert (await book(salon, "2026-11-27T12:00:00+01:00")).success
    more = booking_args("2026-11-27T16:00:00+01:00")
    refused = await salon.booking.book_appointment(call("call_2", None), more)
    assert refused.outcome is FunctionOutcome.LIMITED, "among themselves callers are limited as before"


async def test_the_minimum_notice_protects_the_tenant_from_callers_only(new_salon) -> None:
    salon = await new_salon()
    services = tuple(msgspec.structs.replace(s, minimum_notice_minutes=24 * 60) for s in salon.configs[0].services)
    salon.apply_config(msgspec.structs.replace(salon.configs[0], services=services))
    soon = "2026-11-20T15:00:00+01:00"
    assert not (await salon.booking.book_appointment(call(), booking_args(soon, staff="anna"))).success
    assert (await book(salon, soon)).success


@pytest.mark.parametrize(
    ("start", "outcome"),
    [
        ("2026-11-20T09:45:00+01:00", None),
        ("2026-11-20T09:30:00+01:00", None),
        ("2026-11-20T09:15:00+01:00", FunctionOutcome.PAST),
        ("2026-11-29T10:00:00+01:00", FunctionOutcome.CLOSED_DAY),
        ("2026-11-27T22:00:00+01:00", FunctionOutcome.OUTSIDE_HOURS),
        ("2026-11-27T14:33:00+01:00", FunctionOutcome.OFF_GRID),
        ("2028-11-27T10:00:00+01:00", FunctionOutcome.TOO_FAR),
    ],
)
async def test_a_walk_in_may_have_begun_half_an_hour_ago_and_other_rules_hold(new_salon, start, outcome) -> None:
    """It is ten o'clock."""
    salon = await new_salon()
    answer = await book(salon, start)
    assert (answer.success, None if answer.success else answer.outcome) == (outcome is None, outcome)
    free = [at(slot["start"]) for slot in answer.fields.get("alternatives", ())]
    assert all(start >= salon.clock.now() for start in free)
    assert bool(free) is (outcome is not None)


async def test_a_begun_time_that_is_taken_or_blocked_is_refused_as_taken(new_salon) -> None:
    salon, blocked, begun = await new_salon(), await new_salon(), "2026-11-20T09:45:00+01:00"
    assert (await book(salon, begun)).success
    span = booking_api.Span(salon.clock.now(), salon.clock.now() + timedelta(hours=1))
    await booking_api.add_block(blocked.booking, desk(), "anna", None, span, "krank", "c")
    for each in (salon, blocked):
        assert (await book(each, begun)).outcome is FunctionOutcome.TAKEN


async def test_the_desk_takes_back_what_it_has_just_entered_and_callers_do_not(new_salon) -> None:
    salon = await new_salon()
    answer = await book(salon, "2026-11-20T09:45:00+01:00")
    appointment = UUID(answer.fields["appointment_id"])
    of_caller = await salon.booking.cancel_appointment(
        call("call_9", "+4915112345678"), {"appointment_id": str(appointment)}
    )
    assert not of_caller.success
    cancelled = await booking_api.cancel_for_desk(salon.booking, desk(), appointment, None, "c")
    assert cancelled is not None
    assert cancelled.status == "cancelled"
    assert (await book(salon, "2026-11-20T09:45:00+01:00")).success, "its time is free again"
    await salon.assert_claims_match()


@pytest.mark.parametrize(
    ("place", "customer", "error"),
    [
        (Place(branch="nord"), PETRA, (UnknownName, "no branch 'nord'; there are: mitte")),
        (Place(service="Dauerwelle"), PETRA, (UnknownName, "offers no service 'Dauerwelle'; it offers: haarschnitt")),
        (Place(staff="berta"), PETRA, (UnknownName, "'berta' who does haarschnitt in mitte; there are: anna, mehmet")),
        (Place(), replace(PETRA, name="?!"), (InvalidBooking, "is no name")),
        (Place(), replace(PETRA, phone="12"), (InvalidBooking, "'12'")),
        (Place(), replace(PETRA, email="petra@"), (InvalidBooking, "is no e-mail address")),
    ],
)
async def test_what_is_mistyped_is_refused_and_not_left_out(new_salon, place, customer, error) -> None:
    salon = await new_salon()
    with pytest.raises(error[0], match=error[1]):
        await book(salon, place=place, customer=customer)
    assert await salon.live() == []
    assert await salon.rows("SELECT 1 FROM call_actions") == []


async def test_of_several_services_one_must_be_named(new_salon) -> None:
    salon = await new_salon()
    (service,) = salon.configs[0].services
    colour = msgspec.structs.replace(service, name="farbe", display_name="Farbe", spoken_names=())
    salon.apply_config(msgspec.structs.replace(salon.configs[0], services=(service, colour)))
    with pytest.raises(InvalidBooking, match="several services, name one: haarschnitt, farbe"):
        await book(salon, place=Place())
    assert (await book(salon, place=Place(service="Farbe"))).success


async def test_each_name_that_a_preview_shows_finds_itself_whatever_others_are_called(new_salon) -> None:
    """The command line shows the names that a preview has found, and books by them."""
    salon = await new_salon()
    config = salon.configs[0]
    cut = msgspec.structs.replace(config.services[0], display_name="Herrenhaarschnitt", spoken_names=())
    ladies = msgspec.structs.replace(cut, name="damen", display_name="Damen", spoken_names=("Haarschnitt", "Mitte"))
    (mitte,) = config.branches
    anna, mehmet = (
        msgspec.structs.replace(member, display_name=called)
        for member, called in zip(mitte.staff, ("mehmet", "Anna"), strict=True)
    )
    mitte = msgspec.structs.replace(mitte, staff=(anna, mehmet))
    salon.apply_config(msgspec.structs.replace(config, services=(ladies, cut), branches=(mitte,)))
    for service in ("Herrenhaarschnitt", "haarschnitt", "Damen", "DAMEN", "Mitte"):
        for staff in ("anna", "Anna", "mehmet", "Mehmet"):
            found, _ = booking_api.preview_booking(salon.booking, Place(None, service, staff), HALF_PAST_TWO)
            shown = Place(found.rules.branch.name, found.rules.service.name, found.staff)
            expected = "damen" if service in {"Damen", "DAMEN", "Mitte"} else "haarschnitt"
            assert (shown.service, shown.staff) == (expected, {"Anna": "mehmet", "Mehmet": "anna"}.get(staff, staff))
            again, _ = booking_api.preview_booking(salon.booking, shown, HALF_PAST_TWO)
            assert (again.rules.service.name, again.staff) == (shown.service, shown.staff)
    free = await booking_api.list_free_slots(salon.booking, "mitte", "haarschnitt", at(HALF_PAST_TWO).date())
    assert free.rules.service.name == "haarschnitt"


async def test_a_name_of_several_is_refused_with_the_list(new_salon) -> None:
    salon = await new_salon()
    config = salon.configs[0]
    (mitte,), (cut,) = config.branches, config.services
    staff = tuple(msgspec.structs.replace(member, display_name="Änne") for member in mitte.staff)
    colour = msgspec.structs.replace(cut, name="farbe")
    branches = (msgspec.structs.replace(mitte, staff=staff),)
    salon.apply_config(msgspec.structs.replace(config, branches=branches, services=(cut, colour)))
    for place, names in (
        (Place(service="haarschnitt", staff="Änne"), "'Änne' is the name of several: anna, mehmet"),
        (Place(service="Haarschnitt"), "'Haarschnitt' is the name of several: haarschnitt, farbe"),
    ):
        with pytest.raises(UnknownName, match=names):
            await book(salon, place=place)
    assert (await book(salon, place=Place(service="farbe", staff="mehmet"))).success


@pytest.mark.parametrize(
    ("text", "minutes", "start"),
    [
        (None, 0, "2026-11-20T10:00"),
        (None, 7, "2026-11-20T10:00"),
        (None, 16, "2026-11-20T10:15"),
        ("heute um zehn", 7, "2026-11-20T10:00"),
        ("in 23 Minuten", 7, "2026-11-20T10:30"),
        ("2026-11-20T10:00", 7, "2026-11-20T10:00"),
        ("2026-11-20T08:00:00+01:00", 7, "2026-11-20T08:00"),  # shown before: it is refused where it is booked
        ("am 27. November um halb drei", 0, "2026-11-27T14:30"),
    ],
)
async def test_a_start_is_now_or_what_words_name(new_salon, text: str | None, minutes: int, start: str) -> None:
    salon = await new_salon()
    salon.clock.advance(timedelta(minutes=minutes))
    service, found = booking_api.preview_booking(salon.booking, ANNA, text)
    assert (service.staff, found) == ("anna", at(f"{start}+01:00"))
    if text is None:
        assert (await book(salon, found.isoformat())).success


@pytest.fixture
async def daily_salon(new_salon) -> Salon:
    """A salon that is open on every day."""
    salon: Salon = await new_salon()
    (mitte,) = salon.configs[0].branches
    hours = tuple(msgspec.structs.replace(each, days=tuple(Weekday)) for each in mitte.opening_hours)
    staff = tuple(msgspec.structs.replace(member, working_hours=hours) for member in mitte.staff)
    branches = (msgspec.structs.replace(mitte, opening_hours=hours, staff=staff),)
    salon.apply_config(msgspec.structs.replace(salon.configs[0], branches=branches))
    return salon


@pytest.mark.parametrize(
    ("text", "minutes", "readings"),
    [
        ("10:00", 10, "Freitag, 20. November 2026, 10:00 Uhr or Samstag, 21. November 2026, 10:00 Uhr"),
        ("um zehn", 29, "Freitag, 20. November 2026, 10:00 Uhr or Samstag, 21. November 2026, 10:00 Uhr"),
        ("Freitag um zehn", 29, "Freitag, 20. November 2026, 10:00 Uhr or Freitag, 27. November 2026, 10:00 Uhr"),
    ],
)
async def test_a_time_that_may_be_the_one_that_has_just_begun_is_asked_about(
    daily_salon: Salon, text: str, minutes: int, readings: str
) -> None:
    daily_salon.clock.advance(timedelta(minutes=minutes))
    with pytest.raises(UnclearStart) as unclear:
        booking_api.preview_booking(daily_salon.booking, ANNA, text)
    assert str(unclear.value) == f"{text!r} can mean {readings}: write it as 2026-11-27T10:00"


@pytest.mark.parametrize(
    ("text", "minutes", "start"),
    [
        ("Freitag um zehn", 31, "2026-11-27T10:00"),  # what began more than half an hour ago is not booked
        ("heute um zehn", 10, "2026-11-20T10:00"),
        ("heute um neun", -50, "2026-11-20T09:00"),  # nobody works at 21:00
        ("2026-11-20T10:00", 10, "2026-11-20T10:00"),
        ("in 20 Minuten", 10, "2026-11-20T10:30"),
        ("in einer halben Stunde", 15, "2026-11-20T10:45"),
        ("morgen um zehn", 10, "2026-11-21T10:00"),
    ],
)
async def test_a_time_that_has_just_begun_is_entered_where_nothing_else_can_be_meant(
    daily_salon: Salon, text: str, minutes: int, start: str
) -> None:
    daily_salon.clock.advance(timedelta(minutes=minutes))
    _, found = booking_api.preview_booking(daily_salon.booking, ANNA, text)
    assert found == at(f"{start}+01:00")


@pytest.mark.parametrize("text", ["gestern um zehn", "Freitag", "nach dem Urlaub"])
async def test_a_text_that_names_no_start_is_refused(new_salon, text: str) -> None:
    salon = await new_salon()
    with pytest.raises(UnclearStart, match="write it as 2026-11-27T10:00"):
        booking_api.preview_booking(salon.booking, ANNA, text)


async def test_nothing_crosses_tenants(new_salon) -> None:
    salon, other, request = await new_salon(), await new_salon(), desk()
    first, second = await book(salon, request=request), await book(other, request=request)
    assert first.fields["appointment_id"] != second.fields["appointment_id"]
    assert (len(await salon.live()), len(await other.live())) == (1, 1)


# Cal.com


async def state(env: CalcomEnvironment, answer: Answer) -> CalendarState:
    appointment = UUID(answer.fields["appointment_id"])
    (found,) = await booking_api.find_by_id(env.salon.booking, appointment, appointment)
    return await booking_api.calendar_state(env.salon.booking, found)


async def test_cal_com_has_it_at_the_answer(env: CalcomEnvironment) -> None:
    answer = await book(env.salon)
    assert (answer.success, answer.fields["status"], await state(env, answer)) == (
        True, "confirmed", CalendarState.DONE,
    )  # fmt: skip
    (booking,) = env.bookings
    assert datetime.fromisoformat(booking["start"]) == at(HALF_PAST_TWO)
    assert booking["attendees"][0]["email"] == PETRA.email


async def test_while_cal_com_is_away_it_is_pending_and_said_so(env: CalcomEnvironment) -> None:
    env.disconnect()
    answer = await book(env.salon)
    assert (answer.success, answer.fields["status"], await state(env, answer)) == (
        True, "pending_sync", CalendarState.QUEUED,
    )  # fmt: skip
    assert "Der Kalender muss ihn noch bestätigen" in answer.message
    env.reconnect()
    await env.run_sync_job()
    (booking,) = env.bookings
    assert datetime.fromisoformat(booking["start"]) == at(HALF_PAST_TWO)
    assert await state(env, answer) is CalendarState.DONE


async def test_at_cal_com_nothing_is_booked_that_has_begun(env: CalcomEnvironment) -> None:
    answer = await book(env.salon, "2026-11-20T09:45:00+01:00")
    assert (answer.success, answer.outcome, answer.cause) == (
        False, FunctionOutcome.PAST, "it has begun, and Cal.com books nothing then",
    )  # fmt: skip
    assert env.count_requests("create-booking") == 0
    env.salon.clock.advance(timedelta(minutes=7))
    _, start = booking_api.preview_booking(env.salon.booking, ANNA, None)
    assert start == at("2026-11-20T10:15:00+01:00"), "a walk-in gets the next start"


async def test_a_time_that_is_taken_at_cal_com_is_refused_with_free_times(env: CalcomEnvironment) -> None:
    await env.block(1001, at(HALF_PAST_TWO).isoformat())
    answer = await book(env.salon)
    assert (answer.success, answer.outcome) == (False, FunctionOutcome.TAKEN)
    assert HALF_PAST_TWO not in {slot["start"] for slot in answer.fields["alternatives"] if slot["staff"] == "anna"}
    assert await env.salon.live() == []


@pytest.mark.parametrize("point", ["after:book-commit", "after:calcom-create"])
async def test_after_a_kill_in_the_middle_the_repeated_request_finds_its_booking(
    env: CalcomEnvironment, point: str
) -> None:
    request = desk()
    dying = replace(env.salon.booking, faults=Killing(point))
    with pytest.raises(Killed):
        await book(dying, request=request)
    await env.salon.pool.execute("UPDATE call_actions SET lease_until = clock_timestamp() WHERE state = 'in_flight'")
    assert (await book(env.salon, request=request)).success
    await env.run_sync_job()
    assert (len(env.bookings), len(await env.salon.live())) == (1, 1)
    assert [action for action, _ in await audit(env.salon)] == ["appointment.booked"]


async def test_after_a_kill_a_repeated_request_books_nothing_that_was_cancelled_since(new_salon) -> None:
    salon, request = await new_salon(ScriptedCalendar()), desk()
    with pytest.raises(Killed):
        await book(replace(salon.booking, faults=Killing("after:book-commit")), request=request)
    (row,) = await salon.live()
    await booking_api.cancel_for_desk(salon.booking, desk(), row["id"], None, "c")
    await salon.pool.execute("UPDATE call_actions SET lease_until = clock_timestamp() WHERE state = 'in_flight'")
    for _ in range(2):
        assert (await book(salon, request=request)).outcome is FunctionOutcome.GONE
    assert await salon.live() == []


async def test_what_cal_com_refuses_is_not_booked_audited_and_can_be_tried_again(new_salon) -> None:
    calendar = ScriptedCalendar(Refused("not now", RefusalCause.EVENT_TYPE))
    salon, request = await new_salon(calendar), desk()
    refused = await book(salon, request=request)
    assert (refused.success, refused.outcome) == (False, FunctionOutcome.REFUSED)
    assert await salon.live() == []
    assert [action for action, _ in await audit(salon)] == ["appointment.booked", "appointment.booking_refused"]
    assert (await book(salon, request=request)).success
    assert len(await salon.live()) == 1


async def test_if_cal_com_has_nobody_else_the_next_staff_member_is_booked(new_salon) -> None:
    salon = await new_salon(ScriptedCalendar(Taken("taken there")))
    assert (await book(salon, place=Place())).success
    assert len(await salon.live()) == 1
    assert [action for action, _ in await audit(salon)] == [
        "appointment.booked", "appointment.booking_refused", "appointment.booked",
    ]  # fmt: skip


@pytest.mark.parametrize("outcome", [Unknown("lost"), Unavailable("away")])
async def test_an_answer_that_is_lost_leaves_it_to_the_sync_job(new_salon, outcome) -> None:
    salon = await new_salon(ScriptedCalendar(outcome))
    assert (await book(salon)).fields["status"] == "pending_sync"


async def test_a_telephone_number_that_cal_com_requires_is_asked_for(new_salon) -> None:
    salon = await new_salon(ScriptedCalendar())
    (service,) = salon.configs[0].services
    required = (BookingField(slug="telefon", source=FieldSource.PHONE),)
    types = tuple(msgspec.structs.replace(each, booking_fields=required) for each in service.event_types)
    service = msgspec.structs.replace(service, event_types=types)
    salon.apply_config(msgspec.structs.replace(salon.configs[0], services=(service,)))
    refused = await book(salon, customer=replace(PETRA, phone=None))
    assert (refused.success, refused.cause) == (False, "Cal.com requires a valid telephone number for this service")
    assert (await book(salon)).success


async def test_the_note_of_the_desk_is_not_sent_to_cal_com_which_may_mail_it(env: CalcomEnvironment) -> None:
    required = {"type": "textarea", "slug": "notes", "required": True}
    await env.event_type(1001, "anna", bookingFields=[required])
    answer = BookingField(slug="notes", source=FieldSource.NOTES, value="telefonisch gebucht")
    (service,) = env.config.services
    types = tuple(msgspec.structs.replace(each, booking_fields=(answer,)) for each in service.event_types)
    env.config = msgspec.structs.replace(env.config, services=(msgspec.structs.replace(service, event_types=types),))
    env.salon.apply_config(msgspec.structs.replace(env.salon.configs[-1], services=env.config.services))
    assert (await book(env.salon)).success
    env.disconnect()
    assert (await book(env.salon, MORNING)).fields["status"] == "pending_sync"
    env.reconnect()
    await env.run_sync_job()
    assert [each["bookingFieldsResponses"]["notes"] for each in env.bookings] == ["telefonisch gebucht"] * 2
    assert {row["notes"] for row in await env.salon.live()} == {PETRA.notes}, "here it is kept"


async def test_the_minimum_notice_of_cal_com_counts_for_the_desk_and_the_refusal_names_it(
    env: CalcomEnvironment,
) -> None:
    soon = "2026-11-20T11:00:00+01:00"
    for number, host in ((1001, "anna"), (1002, "mehmet")):
        await env.event_type(number, host, minimumBookingNotice=120)
    refused = await book(env.salon, soon)
    assert (refused.success, refused.outcome) == (False, FunctionOutcome.TAKEN)
    assert refused.cause is not None
    assert "minimumBookingNotice" in refused.cause
    assert "minimumBookingNotice" in (await book(env.salon, soon, place=Place())).cause
    later = await book(env.salon)
    moved = await booking_api.move_for_desk(
        env.salon.booking, desk(), UUID(later.fields["appointment_id"]), at(soon), None, "c"
    )
    assert (moved.outcome, "minimumBookingNotice" in (moved.cause or "")) == (FunctionOutcome.TAKEN, True)


async def test_without_a_minimum_notice_at_cal_com_a_walk_in_is_entered_there(env: CalcomEnvironment) -> None:
    await env.event_type(1001, "anna", minimumBookingNotice=0)
    assert (await book(env.salon, "2026-11-20T10:15:00+01:00")).success
