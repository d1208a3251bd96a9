"""What comes between two steps: each test puts one change where only bad luck would put it."""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
from booking_world import MORNING, ScriptedCalendar, call, wants
from calcom_world import World

from askproai_core.tenant_config import TenantConfig
from askproai_runtime.booking import BookingSettings, changes, ledger
from askproai_runtime.booking.ledger import CancelledBy
from askproai_runtime.booking.sync import resync
from askproai_runtime.calendars import Taken, Unknown
from askproai_runtime.jobs import RunAgain

FOUR = "2026-11-27T16:00:00+01:00"
AT_ONCE = BookingSettings(quiet=timedelta())


class Losing(ScriptedCalendar):
    """Does the first move, and its answer is lost."""

    lost = False

    async def move(self, uid: str, starts_at: datetime, *, correlation_id: str, within: timedelta) -> Any:
        done = await super().move(uid, starts_at, correlation_id=correlation_id, within=within)
        self.lost, before = True, self.lost
        return done if before else Unknown("timeout")

    async def get_booking(self, uid: str, *, correlation_id: str) -> Any:
        """Follow moves, as Cal.com's `rescheduledToUid` lets us."""
        return self._standing(next(iter(self.book.values()))) if self.book else None


async def test_cancelled_while_its_job_ends_the_calendar_still_hears_of_it(new_salon) -> None:
    """The job has looked, sees nothing to do, and a cancellation that relies on it commits before it ends."""
    calendar = ScriptedCalendar(Unknown("timeout"))
    salon = await new_salon(calendar, AT_ONCE)
    made = await salon.booking.book_appointment(call(), wants())
    job = await salon.claim_job()
    await salon.booking.sync_appointment(job)
    await salon.pool.execute("UPDATE jobs SET state = 'ready'")
    job = await salon.claim_job()  # there is nothing to do for it
    async with salon.pool.acquire() as conn, conn.transaction():
        own = await ledger.appointment(conn, salon.store.tenant, UUID(made.fields["appointment_id"]), lock=True)
        assert own is not None
        await changes.cancel(conn, salon.store.tenant, own, CancelledBy.CALLER, None)
        await resync(conn, salon.store.tenant, own)
        running = asyncio.create_task(salon.booking.sync_appointment(job))
        await asyncio.wait({running}, timeout=0.5)
    await running
    if await salon.rows("SELECT 1 FROM jobs WHERE state = 'ready'"):
        await salon.booking.sync_appointment(await salon.claim_job())
    assert calendar.book == {}


async def test_cancelled_while_its_job_dies_the_job_looks_once_more(new_salon) -> None:
    """A last try that is refused must not be a dead letter about what the caller has cancelled meanwhile."""

    class Refusing(ScriptedCalendar):
        async def create(self, request, *, within):
            if self.asked:
                assert (await salon.booking.cancel_appointment(call(), {})).success
            self.asked.append(request)
            return Taken("no") if len(self.asked) > 1 else Unknown("timeout")

    salon = await new_salon(Refusing(), AT_ONCE)
    await salon.booking.book_appointment(call(), wants())
    with pytest.raises(RunAgain, match="changed here meanwhile"):
        await salon.booking.sync_appointment(await salon.claim_job())
    await salon.booking.sync_appointment(await salon.claim_job())
    (row,) = await salon.rows("SELECT status, error FROM appointments")
    assert (row["status"], row["error"]) == ("cancelled", None)
    assert {row["state"] for row in await salon.rows("SELECT state FROM jobs")} == {"done"}


async def test_made_there_unheard_then_moved_then_cancelled_it_is_cancelled_there(new_salon) -> None:
    """Its uid is not known, and it stands there at a time that ours has left."""
    calendar = ScriptedCalendar(lambda request: calendar.commit(request) and Unknown("timeout"))
    salon = await new_salon(calendar, AT_ONCE)
    await salon.booking.book_appointment(call(), wants())
    assert (await salon.booking.reschedule_appointment(call(), {"start": FOUR})).success
    assert (await salon.booking.cancel_appointment(call(), {})).success
    await salon.booking.sync_appointment(await salon.claim_job())
    assert calendar.book == {}
    await salon.books_agree()


@pytest.mark.parametrize("end", ["cancelled", "moved again"])
async def test_made_there_unheard_at_a_time_between_two_moves_it_is_found_there(new_salon, end: str) -> None:
    """The booking was lost, the job made it unheard where it was moved to, and then ours left that time as well."""
    calendar = ScriptedCalendar(Unknown("lost"), lambda request: calendar.commit(request) and Unknown("timeout"))
    salon = await new_salon(calendar, AT_ONCE)
    await salon.booking.book_appointment(call(), wants(staff="anna"))
    assert (await salon.booking.reschedule_appointment(call(), {"start": FOUR})).success
    with pytest.raises(RunAgain):
        await salon.booking.sync_appointment(await salon.claim_job())
    assert (await salon.booking.reschedule_appointment(call(), {"start": MORNING})).success
    if end == "cancelled":
        assert (await salon.booking.cancel_appointment(call(), {})).success
    await salon.booking.sync_appointment(await salon.claim_job())
    wanted = [] if end == "cancelled" else [datetime.fromisoformat(MORNING)]
    assert [calendar.times[uid] for uid in calendar.book.values()] == wanted
    await salon.books_agree()


async def test_a_time_between_two_moves_is_asked_of_calcom_too(world: World) -> None:
    """Cal.com lists a span of time: the claims' one, buffers included, must show what stands in it."""
    world.cut_off()
    made = await world.salon.booking.book_appointment(call(), wants(staff="anna"))
    assert (await world.salon.booking.reschedule_appointment(call(), {"start": FOUR})).success
    guest = {"name": "Petra Müller", "email": "petra@example.com", "timeZone": "Europe/Berlin"}
    ours = {"requestId": made.fields["appointment_id"]}
    await world.dashboard("create", eventTypeId=1001, start="2026-11-27T15:00:00Z", attendee=guest, metadata=ours)
    assert (await world.salon.booking.reschedule_appointment(call(), {"start": MORNING})).success
    assert (await world.salon.booking.cancel_appointment(call(), {})).success
    world.back()
    await world.sync()
    assert world.bookings == []


async def test_what_appears_while_its_job_looks_is_not_taken_for_gone(new_salon) -> None:
    """The quiet time of its POST ends while the job looks, and it appears behind the job's back."""

    class Slow(ScriptedCalendar):
        async def find(self, request):
            found = await super().find(request)
            if not self.book and not self.times:
                await asyncio.sleep(2 * quiet.total_seconds())
                self.commit(request)
            return found

    calendar, quiet = Slow(Unknown("timeout")), timedelta(seconds=0.2)
    salon = await new_salon(calendar, BookingSettings(quiet=quiet))
    await salon.booking.book_appointment(call(), wants())
    assert (await salon.booking.cancel_appointment(call(), {})).success
    with pytest.raises(RunAgain, match="may still appear"):
        await salon.booking.sync_appointment(await salon.claim_job())
    await salon.booking.sync_appointment(await salon.claim_job())
    assert calendar.book == {}


async def test_a_move_lost_by_the_job_and_another_move_make_no_second_booking_there(new_salon) -> None:
    """Made there unheard, moved here; the job's own move is unheard, too, and then the caller moves it again."""
    calendar = Losing(lambda request: calendar.commit(request) and Unknown("timeout"))
    salon = await new_salon(calendar, AT_ONCE)
    await salon.booking.book_appointment(call(), wants(staff="anna"))
    assert (await salon.booking.reschedule_appointment(call(), {"start": FOUR})).success
    with pytest.raises(RunAgain):
        await salon.booking.sync_appointment(await salon.claim_job())
    assert (await salon.booking.reschedule_appointment(call(), {"start": MORNING})).success
    await salon.booking.sync_appointment(await salon.claim_job())
    assert [calendar.times[uid] for uid in calendar.book.values()] == [datetime.fromisoformat(MORNING)]
    assert len(calendar.asked) == 1
    await salon.books_agree()


async def test_cancelled_between_look_and_move_it_is_cancelled_where_it_went(world: World) -> None:
    """The move's POST arrives after the job has looked, and its answer never; the booking to cancel has a new uid."""
    await world.salon.booking.book_appointment(call(), wants(staff="anna"))
    (row,) = await world.salon.live()
    await world.salon.booking.cancel_appointment(call(), {})
    calendar, moved = world.worker._desk.calendar, []

    class Late:
        remote = True

        def __getattr__(self, name: str) -> Any:
            return getattr(calendar, name)

        async def cancel(self, uid: str, **more: Any) -> Any:
            if not moved:
                moved.append(await world.dashboard("move", uid=row["external_id"], start="2026-11-27T15:00:00Z"))
            return await calendar.cancel(uid, **more)

    world.worker._desk = type(world.worker._desk)(
        *(Late() if name == "calendar" else getattr(world.worker._desk, name) for name in world.worker._desk.__slots__)
    )
    with pytest.raises(RunAgain):
        await world.sync()
    await world.sync()
    assert world.bookings == []


async def test_a_request_that_is_moved_there_is_followed(world: World) -> None:
    """Nothing of ours is on its way: what the salon does with a request counts."""
    await world.event_type(1001, "anna", confirmationPolicy={"type": "always"})
    await world.salon.booking.book_appointment(call(), wants(staff="anna"))
    (row,) = await world.salon.live()
    moved = await world.dashboard("move", uid=row["external_id"], start="2026-11-27T15:00:00Z")
    assert (await world.follow(moved["uid"])).startswith("moved")
    (row,) = await world.salon.live()
    assert (row["starts_at"], row["external_id"]) == (datetime.fromisoformat(FOUR), moved["uid"])
    await world.salon.books_agree()


async def test_what_gives_way_to_neighbours_is_the_buffer_and_never_the_appointment(world: World) -> None:
    """A buffer that is longer than its appointment, and somebody else's appointment between the two."""
    await world.event_type(1001, "another")  # so that Cal.com does not refuse it
    await world.salon.booking.book_appointment(call(), wants(staff="anna"))  # blocks 14:30 to 15:25
    world.config = _with(world.config, duration_minutes=30, buffer_before_minutes=120, buffer_after_minutes=0)
    guest = {"name": "Karl Hoffmann", "email": "karl@example.com", "timeZone": "Europe/Berlin"}
    made = await world.dashboard("create", eventTypeId=1001, start="2026-11-27T14:30:00Z", attendee=guest)
    assert (await world.follow(made["uid"])).startswith("taken in")
    (claim,) = await world.salon.rows(
        "SELECT c.block_start, c.block_end FROM claims c JOIN appointments a ON a.id = c.appointment_id WHERE external_id = $1",
        made["uid"],
    )
    assert claim["block_start"] <= datetime.fromisoformat("2026-11-27T14:30:00Z")
    assert claim["block_end"] >= datetime.fromisoformat("2026-11-27T15:15:00Z")


def _with(config: TenantConfig, **changes: Any) -> TenantConfig:
    services = tuple(msgspec.structs.replace(service, **changes) for service in config.services)
    return msgspec.structs.replace(config, services=services)
