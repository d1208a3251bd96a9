"""A booking changes at Cal.com after the handler of an earlier event has read it: one booking stays one appointment."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import pytest

from askproai_runtime.calendar_sync.reading import CalendarEvent
from askproai_runtime.calendars import CalendarUnavailable, RemoteBooking
from askproai_runtime.jobs import RunAgain
from tests.worlds.booking_environment import NOW, call
from tests.worlds.calcom_environment import CalcomEnvironment
from tests.worlds.guest_bookings import FOUR_UTC, GUEST, create

pytestmark = pytest.mark.nightly

HALF_PAST_ONE_UTC, FIVE_UTC = "2026-11-27T13:30:00Z", "2026-11-27T16:00:00Z"
LIVE = "SELECT id, starts_at, external_id FROM appointments WHERE status = 'confirmed'"


@dataclass
class ChangedAfterRead:
    """A worker's calendar. After the first read, `change` happens at Cal.com, and another worker handles its events."""

    env: CalcomEnvironment
    change: Callable[["ChangedAfterRead", str], Awaitable[None]] | None
    calendar: Any = field(init=False)
    notes: list[str] = field(default_factory=list)
    reads: int = 0
    fails_at: int | None = None  # the number of the read that gets no answer
    remote = True

    def __post_init__(self) -> None:
        self.calendar = self.env.worker.calendar
        self.env.replace_worker_calendar(self)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.calendar, name)

    async def get_booking(self, uid: str, **options: Any) -> RemoteBooking | None:
        self.reads += 1
        if self.reads == self.fails_at:
            raise CalendarUnavailable("away")
        read: RemoteBooking | None = await self.calendar.get_booking(uid, **options)
        change, self.change = self.change, None
        if change is not None:
            self.env.advance(_SECOND)
            await change(self, uid)
        return read

    async def handle_elsewhere(self, uid: str) -> None:
        other = replace(self.env, worker=replace(self.env.worker, calendar=self.calendar))
        self.notes.append(await other.receive_event(uid, self.env.salon.clock.now()))


_SECOND = datetime.resolution * 1_000_000


def moved_to(*starts: str) -> Callable[[ChangedAfterRead, str], Awaitable[None]]:
    """Return a change that moves a booking to each of `starts`; each event is handled at once."""

    async def move(world: ChangedAfterRead, uid: str) -> None:
        for start in starts:
            uid = (await world.env.dashboard("move", uid=uid, start=start))["uid"]
            await world.handle_elsewhere(uid)

    return move


async def cancelled(world: ChangedAfterRead, uid: str) -> None:
    await world.env.dashboard("cancel", uid=uid)
    await world.handle_elsewhere(uid)


async def assert_one_at(env: CalcomEnvironment, start: str) -> dict[str, Any]:
    (row,) = await env.salon.rows(LIVE)
    assert (row["starts_at"], row["external_id"]) == (datetime.fromisoformat(start), env.bookings[0]["uid"])
    await env.salon.assert_claims_match()
    return dict(row)


@pytest.mark.parametrize("starts", [(FOUR_UTC,), (FOUR_UTC, FIVE_UTC), (FOUR_UTC, HALF_PAST_ONE_UTC)], ids=len)
async def test_guest_booking_moved_after_reading_frees_old_time(env: CalcomEnvironment, starts) -> None:
    """The new booking has another uid, so the reading of the old one looks like a booking that is new here."""
    world = ChangedAfterRead(env, moved_to(*starts))
    await env.receive_event(await create(env, HALF_PAST_ONE_UTC))
    assert world.notes[0].startswith("taken in"), "the other worker had it first"
    await assert_one_at(env, starts[-1])


async def test_booking_moved_twice_around_a_read_stays_one(env: CalcomEnvironment) -> None:
    """The booking is read with its second uid. Our appointment has the first uid before, and the third one afterwards."""
    first = await create(env, HALF_PAST_ONE_UTC)
    await env.receive_event(first)
    (before,) = await env.salon.live()
    second = (await env.dashboard("move", uid=first, start=FOUR_UTC))["uid"]
    ChangedAfterRead(env, moved_to(FIVE_UTC))
    await env.receive_event(second)
    assert (await assert_one_at(env, FIVE_UTC))["id"] == before["id"]


async def test_guest_booking_cancelled_after_reading_blocks_nothing(env: CalcomEnvironment) -> None:
    ChangedAfterRead(env, cancelled)
    await env.receive_event(await create(env, HALF_PAST_ONE_UTC))
    assert await env.salon.live() == []
    await env.salon.assert_claims_match()


@pytest.mark.parametrize("change", [moved_to(FOUR_UTC), cancelled], ids=["moved", "cancelled"])
async def test_interrupted_rereading_is_left_to_the_next_attempt(env: CalcomEnvironment, change) -> None:
    """By then the event equals our row, and must not be taken for a report of our own change."""
    world = ChangedAfterRead(env, change, fails_at=2)
    uid = await create(env, HALF_PAST_ONE_UTC)
    says = datetime.fromisoformat(HALF_PAST_ONE_UTC)
    with pytest.raises(RunAgain):
        await env.receive_event(uid, starts_at=says)
    assert world.reads == 2
    await env.receive_event(uid, starts_at=says)
    assert [row["external_id"] for row in await env.salon.live()] == [each["uid"] for each in env.bookings]
    await env.salon.assert_claims_match()


async def test_worker_that_lost_its_job_imports_no_appointment(env: CalcomEnvironment) -> None:
    """The job's new worker may have ended it: nobody would read an imported booking again."""

    class TakenOver(Exception):
        pass

    async def check(_conn: Any) -> None:
        raise TakenOver

    async def finish(_conn: Any, _note: str) -> None:
        raise AssertionError("it is another worker's")

    event = CalendarEvent(await create(env), NOW, "corr-event")
    with pytest.raises(TakenOver):
        await env.worker.apply_calendar_event(event, finish, check)
    assert await env.salon.live() == []


async def test_duplicate_import_keeps_the_appointment_that_was_moved(env: CalcomEnvironment) -> None:
    """One booking has two appointments for a moment. The sentence that the caller heard about one of them stays true."""
    first = await create(env, HALF_PAST_ONE_UTC)
    await env.receive_event(first)
    (ghost,) = await env.salon.live()
    await env.salon.pool.execute("UPDATE appointments SET external_id = 'unknown' WHERE id = $1", ghost["id"])
    env.advance(_SECOND)
    second = (await env.dashboard("move", uid=first, start=FOUR_UTC))["uid"]
    await env.receive_event(second)
    await env.salon.pool.execute("UPDATE appointments SET external_id = $2 WHERE id = $1", ghost["id"], first)
    assert len(await env.salon.live()) == 2
    caller = call("x", GUEST["phoneNumber"])
    wish = {"appointment_id": str(ghost["id"]), "start": "2026-11-27T17:00:00+01:00"}
    assert (await env.salon.booking.reschedule_appointment(caller, wish)).success
    await env.receive_event(first)
    await env.run_sync_job()
    assert (await assert_one_at(env, FIVE_UTC))["id"] == ghost["id"]
