"""Interleavings: each test puts one change between two steps that only chance would separate."""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from askproai_runtime.book.appointments import CancelledBy
from askproai_runtime.book.context import BookingSettings
from askproai_runtime.book.remote import enqueue_sync
from askproai_runtime.book.store.appointments import get_appointment, mark_cancelled
from askproai_runtime.calendars import Taken, Unknown
from askproai_runtime.jobs import RunAgain
from tests.worlds.booking_environment import MORNING, ScriptedCalendar, call
from tests.worlds.calcom_environment import CalcomEnvironment

FOUR = "2026-11-27T16:00:00+01:00"
NO_QUIET_PERIOD = BookingSettings(quiet_period=timedelta())


class LosesFirstMove(ScriptedCalendar):
    """A calendar that makes its first move and loses the answer."""

    lost = False

    async def move(self, uid: str, starts_at: datetime, **options: Any) -> Any:
        outcome = await super().move(uid, starts_at, **options)
        self.lost, lost_before = True, self.lost
        return outcome if lost_before else Unknown("timeout")

    async def get_booking(self, uid: str, **_: Any) -> Any:
        """Return the booking after all its moves, as Cal.com's `rescheduledToUid` shows it."""
        return self._remote_booking(next(iter(self.bookings.values()))) if self.bookings else None


async def test_cancellation_during_the_sync_jobs_end_reaches_calendar(new_salon) -> None:
    """The job has read the row and found nothing to do; a cancellation that relies on it commits before it ends."""
    calendar = ScriptedCalendar(Unknown("timeout"))
    salon = await new_salon(calendar, NO_QUIET_PERIOD)
    booked = await salon.book()
    job = await salon.claim_job()
    await salon.booking.sync_appointment(job)
    await salon.pool.execute("UPDATE jobs SET state = 'ready'")
    job = await salon.claim_job()  # there is nothing to do for it
    async with salon.pool.acquire() as conn, conn.transaction():
        appointment_id = UUID(booked.fields["appointment_id"])
        appointment = await get_appointment(conn, salon.store.tenant, appointment_id, lock=True)
        assert appointment is not None
        await mark_cancelled(conn, salon.store.tenant, appointment, CancelledBy.CALLER, None)
        await enqueue_sync(conn, salon.store.tenant, appointment_id, appointment.correlation_id)
        running = asyncio.create_task(salon.booking.sync_appointment(job))
        await asyncio.wait({running}, timeout=0.5)
    await running
    if await salon.rows("SELECT 1 FROM jobs WHERE state = 'ready'"):
        await salon.booking.sync_appointment(await salon.claim_job())
    assert calendar.bookings == {}


async def test_waiting_repeated_booking_books_nothing_after_a_move(new_salon, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two identical requests are under way. The first is answered, and a person moves its appointment before the second looks."""
    asked, answer = asyncio.Event(), asyncio.Event()

    class SlowCalendar(ScriptedCalendar):
        async def create(self, request, *, within):
            asked.set()
            await answer.wait()
            return await super().create(request, within=within)

    async def move_meanwhile(_duration: timedelta) -> None:
        answer.set()
        await first
        await salon.pool.execute("DELETE FROM claims")
        await salon.pool.execute(
            "UPDATE appointments SET starts_at = starts_at + $1, ends_at = ends_at + $1", timedelta(days=1)
        )

    salon = await new_salon(SlowCalendar(), NO_QUIET_PERIOD)
    first = asyncio.create_task(salon.book())
    await asked.wait()
    monkeypatch.setattr(salon.clock, "sleep", move_meanwhile)
    second = await salon.book()
    assert (await first).success
    assert not second.success
    assert len(await salon.rows("SELECT 1 FROM appointments WHERE status = 'confirmed'")) == 1


async def test_cancellation_during_a_failing_job_reruns_it(new_salon) -> None:
    """A refused last attempt must not become a dead letter: its appointment is cancelled meanwhile."""

    class RefusingCalendar(ScriptedCalendar):
        async def create(self, request, *, within):
            if self.requests:
                assert (await salon.booking.cancel_appointment(call(), {})).success
            self.requests.append(request)
            return Taken("no") if len(self.requests) > 1 else Unknown("timeout")

    salon = await new_salon(RefusingCalendar(), NO_QUIET_PERIOD)
    await salon.book()
    with pytest.raises(RunAgain, match="changed here meanwhile"):
        await salon.booking.sync_appointment(await salon.claim_job())
    await salon.booking.sync_appointment(await salon.claim_job())
    (row,) = await salon.rows("SELECT status, error FROM appointments")
    assert (row["status"], row["error"]) == ("cancelled", None)
    assert {row["state"] for row in await salon.rows("SELECT state FROM jobs")} == {"done"}


async def test_moved_and_cancelled_lost_create_is_cancelled_remotely(new_salon) -> None:
    """The booking's uid is unknown here, and the appointment was moved away from the booking's time in the calendar."""
    calendar = ScriptedCalendar(lambda request: calendar.commit(request) and Unknown("timeout"))
    salon = await new_salon(calendar, NO_QUIET_PERIOD)
    await salon.book()
    assert (await salon.booking.reschedule_appointment(call(), {"start": FOUR})).success
    assert (await salon.booking.cancel_appointment(call(), {})).success
    await salon.booking.sync_appointment(await salon.claim_job())
    assert calendar.bookings == {}
    await salon.assert_claims_match()


@pytest.mark.parametrize("end", ["cancelled", "moved again"])
async def test_booking_with_lost_answer_between_moves_is_found(new_salon, end: str) -> None:
    """The first POST was lost; the job's POST made it at the second time, and its answer was lost; then it was moved again."""
    calendar = ScriptedCalendar(Unknown("lost"), lambda request: calendar.commit(request) and Unknown("timeout"))
    salon = await new_salon(calendar, NO_QUIET_PERIOD)
    await salon.book(staff="anna")
    assert (await salon.booking.reschedule_appointment(call(), {"start": FOUR})).success
    with pytest.raises(RunAgain):
        await salon.booking.sync_appointment(await salon.claim_job())
    assert (await salon.booking.reschedule_appointment(call(), {"start": MORNING})).success
    if end == "cancelled":
        assert (await salon.booking.cancel_appointment(call(), {})).success
    await salon.booking.sync_appointment(await salon.claim_job())
    expected = [] if end == "cancelled" else [datetime.fromisoformat(MORNING)]
    assert [calendar.starts[uid] for uid in calendar.bookings.values()] == expected
    await salon.assert_claims_match()


async def test_lookup_at_calcom_covers_times_between_moves(env: CalcomEnvironment) -> None:
    """Cal.com lists the bookings within a span: the span of the old claims, with buffers, must contain the booking."""
    env.disconnect()
    booked = await env.salon.book(staff="anna")
    assert (await env.salon.booking.reschedule_appointment(call(), {"start": FOUR})).success
    guest = {"name": "Petra Müller", "email": "petra@example.com", "timeZone": "Europe/Berlin"}
    metadata = {"requestId": booked.fields["appointment_id"]}
    await env.dashboard("create", eventTypeId=1001, start="2026-11-27T15:00:00Z", attendee=guest, metadata=metadata)
    assert (await env.salon.booking.reschedule_appointment(call(), {"start": MORNING})).success
    assert (await env.salon.booking.cancel_appointment(call(), {})).success
    env.reconnect()
    await env.run_sync_job()
    assert env.bookings == []


async def test_booking_appearing_during_lookup_is_cancelled_later(new_salon) -> None:
    """The quiet period of the POST ends during the lookup. The booking appears after the last list was read."""

    class SlowCalendar(ScriptedCalendar):
        async def find(self, request):
            found = await super().find(request)
            if request.made_after is not None and not self.starts:
                await asyncio.sleep(2 * quiet_period.total_seconds())
                self.commit(request)
            return found

    quiet_period = timedelta(seconds=1)  # longer than all before the lookup takes
    calendar = SlowCalendar(Unknown("timeout"))
    salon = await new_salon(calendar, BookingSettings(quiet_period=quiet_period))
    await salon.book()
    assert (await salon.booking.cancel_appointment(call(), {})).success
    with pytest.raises(RunAgain, match="may still appear"):
        await salon.booking.sync_appointment(await salon.claim_job())
    await salon.booking.sync_appointment(await salon.claim_job())
    assert calendar.bookings == {}


async def test_second_move_after_lost_move_makes_no_duplicate(new_salon) -> None:
    """The answers of the create and of the job's move are lost, and then the caller moves it again."""
    calendar = LosesFirstMove(lambda request: calendar.commit(request) and Unknown("timeout"))
    salon = await new_salon(calendar, NO_QUIET_PERIOD)
    await salon.book(staff="anna")
    assert (await salon.booking.reschedule_appointment(call(), {"start": FOUR})).success
    with pytest.raises(RunAgain):
        await salon.booking.sync_appointment(await salon.claim_job())
    assert (await salon.booking.reschedule_appointment(call(), {"start": MORNING})).success
    await salon.booking.sync_appointment(await salon.claim_job())
    assert [calendar.starts[uid] for uid in calendar.bookings.values()] == [datetime.fromisoformat(MORNING)]
    assert len(calendar.requests) == 1
    await salon.assert_claims_match()


async def test_cancellation_finds_a_booking_moved_too_late(env: CalcomEnvironment) -> None:
    """The move's POST arrives after the job's lookup, and its answer is lost. The booking to cancel has a new uid."""
    await env.salon.book(staff="anna")
    (row,) = await env.salon.live()
    await env.salon.booking.cancel_appointment(call(), {})
    calendar, moved = env.worker.calendar, []

    class LateMove:
        remote = True

        def __getattr__(self, name: str) -> Any:
            return getattr(calendar, name)

        async def cancel(self, uid: str, **options: Any) -> Any:
            if not moved:
                moved.append(await env.dashboard("move", uid=row["external_id"], start="2026-11-27T15:00:00Z"))
            return await calendar.cancel(uid, **options)

    env.replace_worker_calendar(LateMove())
    with pytest.raises(RunAgain):
        await env.run_sync_job()
    await env.run_sync_job()
    assert env.bookings == []


async def test_unconfirmed_booking_moved_at_calcom_is_moved_here(env: CalcomEnvironment) -> None:
    """No change of ours is in progress, so the salon's change of the unconfirmed booking counts."""
    await env.event_type(1001, "anna", confirmationPolicy={"type": "always"})
    await env.salon.book(staff="anna")
    (row,) = await env.salon.live()
    moved = await env.dashboard("move", uid=row["external_id"], start="2026-11-27T15:00:00Z")
    assert (await env.receive_event(moved["uid"])).startswith("moved")
    (row,) = await env.salon.live()
    assert (row["starts_at"], row["external_id"]) == (datetime.fromisoformat(FOUR), moved["uid"])
    await env.salon.assert_claims_match()


async def test_buffer_before_an_imported_booking_ends_at_neighbour(env: CalcomEnvironment) -> None:
    """The buffer is longer than its appointment, and another appointment lies between the two."""
    await env.event_type(1001, "another")  # so that Cal.com does not refuse it
    await env.salon.book(staff="anna")  # blocks 14:30 to 15:25
    lengths = {"duration_minutes": 30, "buffer_before_minutes": 120, "buffer_after_minutes": 0}
    services = tuple(msgspec.structs.replace(service, **lengths) for service in env.config.services)
    env.config = msgspec.structs.replace(env.config, services=services)
    guest = {"name": "Karl Hoffmann", "email": "karl@example.com", "timeZone": "Europe/Berlin"}
    remote = await env.dashboard("create", eventTypeId=1001, start="2026-11-27T14:30:00Z", attendee=guest)
    assert (await env.receive_event(remote["uid"])).startswith("taken in")
    (claim,) = await env.salon.rows(
        "SELECT c.block_start, c.block_end FROM claims c JOIN appointments a ON a.id = c.appointment_id WHERE external_id = $1",
        remote["uid"],
    )
    assert claim["block_start"] <= datetime.fromisoformat("2026-11-27T14:30:00Z")
    assert claim["block_end"] >= datetime.fromisoformat("2026-11-27T15:15:00Z")
