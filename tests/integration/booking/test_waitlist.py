"""The waiting list: a time that becomes free is offered to one person at a time, and an offer blocks nothing."""

import asyncio
from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import msgspec
import pytest

from askproai_core.fault_injection import FaultPoints
from askproai_core.tenant_config.branches import Absence
from askproai_runtime.book import waitlist_offers
from askproai_runtime.book.actor import DeskRequest
from askproai_runtime.book.store.appointments import release_holds
from askproai_runtime.book.store.waitlist import list_awaited_services
from askproai_runtime.book.waitlist_offers import WaitlistKeeper
from askproai_runtime.calendars import FreeTimes, FreeTimesQuery
from askproai_runtime.conversation import waitlist
from askproai_runtime.desk.blocks import add_block, list_offers_within, resolve_span
from askproai_runtime.desk.waitlist import remove_from_waitlist
from askproai_runtime.tasks import StaleRun, TaskRun
from tests.worlds.booking_environment import (
    HALF_PAST_TWO,
    MORNING,
    Salon,
    ScriptedCalendar,
    booking_args,
    call,
    join_waitlist,
)
from tests.worlds.full_calendar import nothing_free
from tests.worlds.studio import COURSE, CUT, MAX_UNITS, studio
from tests.worlds.waiting import SOON
from tests.worlds.waitlist_environment import (
    FIRST,
    FRIDAY,
    OFFERS,
    SECOND,
    book,
    decline,
    offer_freed_time,
    offered,
    run,
    task_run,
    wait,
)

pytestmark = pytest.mark.nightly


async def test_offer_of_blocked_time_is_not_passed_on(salon: Salon) -> None:
    await offer_freed_time(salon, FIRST, SECOND)
    assert await offered(salon) == [(FIRST, "open")]
    day = resolve_span("2026-11-27", None, ZoneInfo("Europe/Berlin"))
    await add_block(salon.booking, DeskRequest(uuid4(), "karin"), "anna", None, day, "krank", "corr-desk")
    for _ in range(2):
        await run(salon)
        assert await offered(salon) == [(FIRST, "taken")], "the next one hears nothing of a time that does not exist"


async def test_open_offers_within_a_block_are_listed(salon: Salon) -> None:
    (entry,) = await offer_freed_time(salon, FIRST)
    zone = ZoneInfo("Europe/Berlin")

    async def listed(first: str, last: str | None = None, staff: str = "mitte/anna") -> list[str]:
        found = await list_offers_within(salon.booking, [staff], resolve_span(first, last, zone))
        return [str(each.id) for each in found]

    assert await listed("2026-11-27") == [entry]
    assert await listed("2026-11-27T10:44", "2026-11-27T12:00") == [entry], "a part of it"
    assert await listed("2026-11-27T10:45", "2026-11-27T12:00") == [], "it ends before"
    assert await listed("2026-11-27T08:00", "2026-11-27T10:00") == []
    assert await listed("2026-11-27", staff="mitte/mehmet") == []
    assert await listed("2026-11-27", staff="west/anna") == []
    salon.clock.advance(timedelta(hours=2))
    assert await listed("2026-11-27") == [], "it has expired"


async def test_offer_ends_when_its_staff_member_is_absent(salon: Salon) -> None:
    await offer_freed_time(salon, FIRST)
    assert await offered(salon) == [(FIRST, "open")]
    config = salon.booking.config()
    (place,) = config.branches
    away = Absence(first=date(2026, 11, 27), last=date(2026, 11, 27))
    staff = tuple(msgspec.structs.replace(each, absences=(away,)) for each in place.staff)
    absent = msgspec.structs.replace(config, branches=(msgspec.structs.replace(place, staff=staff),))
    await WaitlistKeeper(replace(salon.booking, config=lambda: absent)).run(task_run())
    assert await offered(salon) == [(FIRST, "taken")]


async def test_booking_the_offered_time_ends_the_wait(salon: Salon) -> None:
    await offer_freed_time(salon, FIRST)
    await book(salon, call_id="call_first", caller=FIRST)
    await run(salon)
    assert await offered(salon) == [(FIRST, "booked")]
    assert [row["state"] for row in await salon.rows("SELECT state FROM waitlist")] == ["booked"]


async def test_booking_ends_the_wait_of_its_customer_only(salon: Salon) -> None:
    for name in ("Otto Kurz", booking_args(MORNING)["customer_name"]):
        await wait(salon, FIRST, customer_name=name)
    await book(salon, call_id="call_first", caller=FIRST)
    for _ in range(2):
        await run(salon)
        assert await salon.rows("SELECT name FROM waitlist WHERE state = 'waiting'") == [{"name": "Otto Kurz"}]


async def test_booking_ends_no_ambiguous_waiting_list_entry(salon: Salon) -> None:
    """Relatives share a surname: if several of them wait, a surname alone does not say which one has booked."""
    surname = booking_args(MORNING)["customer_name"].split()[-1]
    for name in (surname, "Anna Kurz"):
        await wait(salon, FIRST, customer_name=name)
    await book(salon, caller=FIRST)
    await run(salon)
    rows = await salon.rows("SELECT name FROM waitlist WHERE state = 'waiting' ORDER BY name")
    assert rows == [{"name": "Anna Kurz"}, {"name": surname}]


@pytest.mark.parametrize(
    ("args", "suits"),
    [
        ({"staff": "Anna"}, True),
        ({"staff": "Mehmet"}, False),
        ({"part_of_day": "vormittags"}, True),
        ({"part_of_day": "nachmittags"}, False),
        ({"date": "2026-11-26"}, False),
        ({"date": "nächste Woche"}, True),
        ({"date": "2026-11-27", "time": "10:00"}, True),
        ({"date": "2026-11-27", "time": "11:00"}, False),
    ],
)
async def test_freed_time_is_offered_only_to_matching_entries(salon: Salon, args: dict[str, str], suits: bool) -> None:
    await offer_freed_time(salon, FIRST, **args)
    assert bool(await offered(salon)) is suits


async def test_move_frees_the_appointments_old_time(salon: Salon) -> None:
    appointment = await book(salon)
    await wait(salon, part_of_day="vormittags")
    args = {"appointment_id": appointment, "start": "2026-11-27T15:30:00+01:00"}
    assert (await salon.booking.reschedule_appointment(call("call_b"), args)).success
    await run(salon)
    assert await offered(salon) == [(FIRST, "open")]


async def test_freed_time_must_be_free_at_calcom(new_salon) -> None:
    """An entry at Cal.com at that time would make the offer useless."""
    calendar = ScriptedCalendar()
    salon = await new_salon(calendar)
    appointment = await book(salon)
    await wait(salon)
    everything = calendar.read_free_times

    async def read_nothing(query: FreeTimesQuery, *, within: timedelta) -> FreeTimes:
        found = await everything(query, within=within)
        return FreeTimes(dict.fromkeys(found.days, ()))

    calendar.read_free_times = read_nothing  # type: ignore[method-assign]
    await salon.cancel(appointment)
    await salon.booking.sync_appointment(await salon.claim_job())
    await salon.pool.execute("UPDATE free_times SET read_at = NULL")
    await run(salon)
    assert await offered(salon) == []
    calendar.read_free_times = everything  # type: ignore[method-assign]
    await salon.pool.execute("UPDATE free_times SET read_at = NULL")
    await run(salon)
    assert await offered(salon) == [(FIRST, "open")]


@pytest.mark.real_clock  # which of the two is first is not certain
async def test_two_freed_times_are_offered_to_two_people(salon: Salon) -> None:
    one, other = await book(salon), await book(salon, "2026-11-27T11:00:00+01:00", "call_c")
    await wait(salon, FIRST)
    await wait(salon, SECOND)
    await asyncio.gather(salon.cancel(one), salon.cancel(other))
    await run(salon)
    assert sorted(await offered(salon)) == [(FIRST, "open"), (SECOND, "open")]
    starts = {row["starts_at"] for row in await salon.rows(OFFERS)}
    assert len(starts) == 2


async def test_two_simultaneous_workers_make_one_offer(salon: Salon) -> None:
    """Both have read the same freed time before either offers it; the index decides, although no fence does here."""
    appointment = await book(salon)
    await wait(salon, FIRST)
    await wait(salon, SECOND)
    await salon.cancel(appointment)
    both = asyncio.Barrier(2)

    def meeting_twice() -> TaskRun:
        """Return a run that waits for the other run before its first and its second transaction, which makes the first offer."""
        meetings = iter(range(2))

        async def check(_: object) -> None:
            if next(meetings, None) is not None:
                async with asyncio.timeout(SOON):
                    await both.wait()

        return replace(task_run(), check=check)

    await asyncio.gather(*(WaitlistKeeper(salon.booking).run(meeting_twice()) for _ in range(2)))
    assert [state for _, state in await offered(salon)] == ["open"]


async def test_worker_that_lost_its_run_offers_nothing(salon: Salon) -> None:
    appointment = await book(salon)
    await wait(salon)
    await salon.cancel(appointment)

    async def check(_: object) -> None:
        raise StaleRun("another worker")

    with pytest.raises(StaleRun):
        await WaitlistKeeper(salon.booking).run(replace(task_run(), check=check))
    assert await offered(salon) == []
    await run(salon)
    assert await offered(salon) == [(FIRST, "open")], "the next run"


class Dying(FaultPoints):
    """A process that dies at every fault point."""

    def reach(self, name: str) -> None:
        raise ConnectionResetError(name)


async def test_worker_killed_after_an_offer_repeats_no_offer(salon: Salon) -> None:
    appointment = await book(salon)
    await wait(salon, FIRST)
    await wait(salon, SECOND)
    await salon.cancel(appointment)
    with pytest.raises(ConnectionResetError):
        await WaitlistKeeper(replace(salon.booking, faults=Dying())).run(task_run())
    await run(salon)
    assert await offered(salon) == [(FIRST, "open")]


async def test_freed_time_is_not_offered_before_the_commit(salon: Salon) -> None:
    appointment = await book(salon)
    await wait(salon)
    async with salon.pool.acquire() as conn:
        cancelling = conn.transaction()
        await cancelling.start()
        await conn.execute("UPDATE claims SET state = 'released' WHERE appointment_id = $1", UUID(appointment))
        await run(salon)
        await cancelling.rollback()
    await run(salon)
    assert await offered(salon) == []
    assert await salon.rows("SELECT 1 FROM freed_times") == []


async def test_held_time_is_offered_after_the_hold(salon: Salon) -> None:
    appointment = await book(salon)
    await wait(salon, staff="Anna")
    await salon.cancel(appointment)
    held = await salon.booking.check_availability(call("call_h", "+4915133333333"), {"start": MORNING})
    assert held.success
    await run(salon)
    assert await offered(salon) == []
    await salon.pool.execute("DELETE FROM appointments WHERE status = 'held'")
    await run(salon)
    assert await offered(salon) == [(FIRST, "open")]


@pytest.mark.parametrize("is_booked", [False, True])
async def test_unbooked_hold_is_offered_to_a_waiting_caller(salon: Salon, is_booked: bool) -> None:
    at_ten, other = {"time": "10:00", "staff": "Anna"}, call("call_h", "+4915133333333")
    assert (await salon.booking.check_availability(other, FRIDAY | at_ten)).success
    joined = await join_waitlist(salon.booking, call("call_w", FIRST), FRIDAY | at_ten)
    assert joined.success, joined
    await run(salon)
    assert await offered(salon) == []
    if is_booked:
        assert (await salon.book(MORNING, staff="anna", by=other)).success
    else:
        async with salon.pool.acquire() as conn:
            await release_holds(conn, salon.store.tenant, [other.call_id])
    await run(salon)
    assert await offered(salon) == ([] if is_booked else [(FIRST, "open")])


@pytest.mark.parametrize("first_waits", [False, True])
async def test_time_freed_while_joining_is_offered(salon: Salon, monkeypatch, first_waits: bool) -> None:
    """The time is freed, and handled by a run, between the caller's look at the book and the entry."""
    appointment, join_list = await book(salon), waitlist.join

    async def join_later(*args: Any, **kwargs: Any) -> Any:
        await salon.cancel(appointment)
        await run(salon)
        return await join_list(*args, **kwargs)

    if first_waits:
        await wait(salon, SECOND, staff="Mehmet")
    monkeypatch.setattr(waitlist, "join", join_later)
    await wait(salon, FIRST, time="10:00", staff="Anna")
    await run(salon)
    assert await offered(salon) == [(FIRST, "open")]


async def test_time_freed_in_a_concurrent_transaction_is_offered(salon: Salon) -> None:
    appointment = await book(salon)
    async with salon.pool.acquire() as conn, conn.transaction():
        await conn.execute("UPDATE claims SET state = 'released' WHERE appointment_id = $1", UUID(appointment))
        await wait(salon)
    await salon.pool.execute("UPDATE appointments SET status = 'cancelled'")
    await run(salon)
    assert await offered(salon) == [(FIRST, "open")]


async def test_entry_for_a_new_service_gets_the_time(salon: Salon, monkeypatch: pytest.MonkeyPatch) -> None:
    """The entry and the freed time are committed after a run has read which services are awaited."""
    taken, list_freed = await book(salon), waitlist_offers.list_freed

    async def list_awaited(*_: Any) -> list[str]:
        monkeypatch.setattr(waitlist_offers, "list_awaited_services", list_awaited_services)
        return ["another"]

    async def list_later(*args: Any) -> Any:
        monkeypatch.setattr(waitlist_offers, "list_freed", list_freed)
        await wait(salon, FIRST, staff="Anna", date="2026-11-27", time="10:00")
        await salon.cancel(taken)
        return await list_freed(*args)

    monkeypatch.setattr(waitlist_offers, "list_awaited_services", list_awaited)
    monkeypatch.setattr(waitlist_offers, "list_freed", list_later)
    await run(salon)
    await run(salon)
    assert await offered(salon) == [(FIRST, "open")]


@pytest.mark.parametrize(("canceller", "age"), [("+4915112345678", "6 minutes"), (FIRST, "0 minutes")])
async def test_earlier_and_own_freed_times_are_not_offered(salon: Salon, canceller: str, age: str) -> None:
    await salon.cancel(await book(salon, caller=canceller))
    await salon.pool.execute(f"UPDATE freed_times SET freed_at = freed_at - interval '{age}'")
    await wait(salon)
    await run(salon)
    assert await offered(salon) == []


@pytest.mark.parametrize("others", [{"branch": "pankow"}, {"staff": "mehmet"}, {"service": "faerben"}])
async def test_unsuitable_entries_do_not_displace_a_waiting_caller(salon: Salon, others: dict[str, str]) -> None:
    appointment = await book(salon)
    await wait(salon, FIRST, staff="Anna")
    row = {"branch": "mitte", "service": "haarschnitt", "staff": "anna"} | others
    await salon.pool.execute(
        """INSERT INTO waitlist (tenant, call_id, key, branch, service, staff, spans, requested, since, until, name, phone,
                                 correlation_id, created_at)
           SELECT tenant, call_id, key, $1, $2, $3, spans, requested, since, until, name, '+49301' || n, correlation_id,
                  created_at - interval '1 hour'
           FROM waitlist, generate_series(1000, 1299) n""",
        *row.values(),
    )  # fmt: skip
    await salon.cancel(appointment)
    await run(salon)
    assert await offered(salon) == [(FIRST, "open")]


async def test_removed_entrys_offer_goes_to_the_next_entry(salon: Salon) -> None:
    first, _ = await offer_freed_time(salon, FIRST, SECOND)
    removed = await remove_from_waitlist(salon.booking, DeskRequest(uuid4(), "karin"), UUID(first), "corr")
    assert removed is not None
    assert (removed.state, removed.offer) == ("removed", None)
    await run(salon)
    assert await offered(salon) == [(FIRST, "withdrawn"), (SECOND, "open")]


async def test_correcting_an_entry_withdraws_its_open_offer(salon: Salon) -> None:
    await offer_freed_time(salon, FIRST, SECOND)
    corrected = FRIDAY | {"date": "2026-11-26", "choice": "move"}
    async with nothing_free(salon):
        assert (await join_waitlist(salon.booking, call(f"call_of_{FIRST}", FIRST), corrected)).success
    assert await offered(salon) == [(FIRST, "withdrawn")]


async def test_nightly_offer_stays_open_until_the_morning(salon: Salon) -> None:
    appointment = await book(salon)
    await wait(salon)
    await salon.cancel(appointment)
    salon.clock.advance(timedelta(hours=11))  # 21:00 in Berlin
    await run(salon)
    (offer,) = await salon.rows(OFFERS)
    assert offer["expires_at"].isoformat() == "2026-11-21T09:00:00+00:00"


async def test_afternoon_time_goes_to_a_matching_caller(salon: Salon) -> None:
    """The first one has an offer already: the second time is not kept for that person."""
    morning, afternoon = await book(salon), await book(salon, HALF_PAST_TWO, "call_c")
    await wait(salon, FIRST)
    await salon.cancel(morning)
    await run(salon)
    await salon.cancel(afternoon)
    await run(salon)
    assert await offered(salon) == [(FIRST, "open")]
    await wait(salon, SECOND)
    await run(salon)
    assert await offered(salon) == [(FIRST, "open"), (SECOND, "open")]


@pytest.fixture
async def shared(new_salon) -> Salon:
    """A studio in which an appointment of `schnitt` takes both units of Anna or Mehmet, and one of `kurs` takes one of them."""
    people = [("mitte", person, unit) for person in ("anna", "mehmet") for unit in range(1, MAX_UNITS + 1)]
    salon = await new_salon(people=people)
    salon.apply_config(studio(salon, CUT, COURSE))
    return salon


COURSE_ARGS = {"service": "kurs", "staff": "anna", "start": MORNING, "customer_name": "Kurt Kurs"}


async def book_course(shared: Salon) -> list[str]:
    """Book both places of a course; return the appointments."""
    callers = [call(f"call_{number}", f"+4915200000{number:03}") for number in range(2)]
    answers = [await shared.booking.book_appointment(each, COURSE_ARGS) for each in callers]
    assert all(answer.success for answer in answers), answers
    return [answer.fields["appointment_id"] for answer in answers]


async def test_free_group_place_reaches_waiting_caller_once(shared: Salon) -> None:
    """Somebody books the freed place, and the other place is still free."""
    booked = await book_course(shared)
    await wait(shared, FIRST, service="kurs", staff="anna", date="2026-11-27")
    for appointment in booked:
        await shared.cancel(appointment)
    await run(shared)
    assert await offered(shared) == [(FIRST, "open")]
    assert (await shared.booking.book_appointment(call("call_o", "+4915299999999"), COURSE_ARGS)).success
    for _ in range(5):
        await run(shared)
    assert await offered(shared) == [(FIRST, "taken"), (FIRST, "open")], "the other place is free"


async def test_each_freed_group_place_reaches_one_waiting_caller(shared: Salon) -> None:
    booked = await book_course(shared)
    third = "+4915100000003"
    for phone in (FIRST, SECOND, third):
        await wait(shared, phone, service="kurs", staff="anna", date="2026-11-27")
    await shared.cancel(booked[0])
    await run(shared)
    assert await offered(shared) == [(FIRST, "open")]
    await shared.cancel(booked[1])
    for _ in range(2):
        await run(shared)
    assert await offered(shared) == [(FIRST, "open"), (SECOND, "open")]


async def test_time_freed_again_is_offered_again(salon: Salon) -> None:
    await offer_freed_time(salon, FIRST)
    taken = await book(salon, call_id="call_other", caller="+4915199999999")
    await run(salon)
    await salon.cancel(taken)
    await run(salon)
    assert await offered(salon) == [(FIRST, "taken"), (FIRST, "open")]


async def test_freed_exclusive_appointment_is_offered_once_per_caller(shared: Salon) -> None:
    args = {"service": "schnitt", "staff": "anna", "start": MORNING, "customer_name": "Petra"}
    answer = await shared.booking.book_appointment(call("call_b"), args)
    assert answer.success, answer
    first = await wait(shared, FIRST, service="schnitt", staff="anna")
    second = await wait(shared, SECOND, service="schnitt", staff="anna")
    await shared.cancel(answer.fields["appointment_id"])
    assert len(await shared.rows("SELECT 1 FROM freed_times")) == 2
    await run(shared)
    assert await offered(shared) == [(FIRST, "open")]
    for entry in (first, second):
        await decline(shared, entry)
        await run(shared)
        await run(shared)
    assert await offered(shared) == [(FIRST, "declined"), (SECOND, "declined")], "nobody is asked twice"


async def test_offer_without_its_freed_time_still_expires(salon: Salon) -> None:
    entry = await wait(salon)
    await salon.pool.execute(
        """INSERT INTO waitlist_offers (tenant, entry_id, freed_id, staff, starts_at, ends_at, expires_at)
           VALUES ($1, $2, 999999999, 'anna', $3, $3, $3)""",
        salon.store.tenant, UUID(entry), salon.clock.now(),
    )  # fmt: skip
    await run(salon)
    assert await offered(salon) == [(FIRST, "expired")]
