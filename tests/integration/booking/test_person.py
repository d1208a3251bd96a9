"""A person in two branches is one resource, for any caller, branch and version of the config."""

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import asyncpg
import pytest

from askproai_operator.store.admin import AdminStore
from askproai_operator.store.resources import PERSON
from askproai_runtime.calendar_sync.reading import CalendarEvent
from askproai_runtime.coordinator import store as coordinator_store
from tests.worlds.booking_environment import Salon, ScriptedCalendar
from tests.worlds.databases import Database
from tests.worlds.opening_salon import BERLIN
from tests.worlds.persons import FRIDAY, START, at, book, caller, compile_for, offering
from tests.worlds.waiting import SOON, eventually


def of_today(salon: Salon) -> Salon:
    """Return the salon with the clock at the real time, which is the database's."""
    salon.clock.advance(datetime.now(UTC) - salon.clock.now())
    return salon


@pytest.fixture
async def salon(new_salon) -> Salon:
    return of_today(await new_salon(people=[]))


@pytest.fixture
def admin(module_database: Database) -> AdminStore:
    return module_database.admin


async def double_bookings(database: Database, salon: Salon) -> int:
    async with asyncpg.create_pool(database.superuser_dsn, min_size=1, max_size=1) as pool:
        return (await coordinator_store.count_double_bookings(pool)).get(salon.store.tenant, 0)


async def assert_one_at_a_time(salon: Salon) -> None:
    overlaps = await salon.rows(
        """SELECT 1 FROM appointments a JOIN appointments b ON a.id < b.id AND a.starts_at < b.ends_at AND b.starts_at < a.ends_at
           WHERE a.status IN ('confirmed', 'pending_sync') AND b.status IN ('confirmed', 'pending_sync')"""
    )
    assert overlaps == []


async def test_two_branches_book_a_shared_person_once(salon: Salon, admin: AdminStore) -> None:
    salon.apply_config(await compile_for(admin, salon, {"mitte": "anna", "nord": "anna"}))
    answers = await asyncio.gather(book(salon, 1, "mitte"), book(salon, 2, "nord"))
    assert sorted(answer.success for answer in answers) == [False, True]
    await assert_one_at_a_time(salon)
    other = "nord" if answers[0].success else "mitte"
    free = await salon.booking.list_free_slots(other, "schnitt", FRIDAY)
    starts = {slot.start for slot in free.slots}
    wanted = datetime.fromisoformat(START)
    assert starts
    assert not any(wanted - timedelta(hours=1) < start < wanted + timedelta(hours=1) for start in starts)


async def test_equal_staff_ids_without_person_are_separate_people(salon: Salon, admin: AdminStore) -> None:
    salon.apply_config(await compile_for(admin, salon, {"mitte": None, "nord": None}))
    assert (await book(salon, 1, "mitte")).success
    assert (await book(salon, 2, "nord")).success


@pytest.mark.nightly
async def test_concurrent_callers_never_double_book_a_shared_person(salon: Salon, admin: AdminStore) -> None:
    before = await compile_for(admin, salon, {"mitte": None, "nord": None})
    after = await compile_for(admin, salon, {"mitte": "anna", "nord": "anna"})
    configs = [before, after]
    salon.apply_config(after)
    # Pods of both configs: each request reads another one.
    turn = iter(range(10_000))
    object.__setattr__(salon.booking, "config", lambda: configs[next(turn) % 2])
    starts = [at(f"{hour}:{minute}") for hour in (10, 11, 12) for minute in ("00", "30")]
    answers = await asyncio.gather(
        *(book(salon, number, ("mitte", "nord")[number % 2], starts[number % len(starts)]) for number in range(36))
    )
    assert any(answer.success for answer in answers)
    assert len(await salon.live()) == sum(answer.success for answer in answers)
    await assert_one_at_a_time(salon)


async def test_pods_with_older_config_cannot_double_book(salon: Salon, admin: AdminStore) -> None:
    salon.apply_config(await compile_for(admin, salon, {"mitte": None, "nord": None}))
    await compile_for(admin, salon, {"mitte": "anna", "nord": "anna"})  # no pod has read it yet
    assert (await book(salon, 1, "mitte")).success
    assert not (await book(salon, 2, "nord")).success
    await assert_one_at_a_time(salon)


async def test_earlier_appointments_block_the_person_everywhere(
    salon: Salon, admin: AdminStore, module_database: Database
) -> None:
    salon.apply_config(await compile_for(admin, salon, {"mitte": None, "nord": None}))
    assert (await book(salon, 1, "mitte")).success
    assert (await book(salon, 2, "nord", at("10:00"))).success
    salon.apply_config(await compile_for(admin, salon, {"mitte": "anna", "nord": "anna"}))
    assert not (await book(salon, 3, "nord")).success
    assert not (await book(salon, 4, "mitte", at("10:30"))).success
    assert await double_bookings(module_database, salon) == 0
    await assert_one_at_a_time(salon)


async def test_existing_overlap_is_reported_and_blocks_both_times(
    salon: Salon, admin: AdminStore, module_database: Database
) -> None:
    salon.apply_config(await compile_for(admin, salon, {"mitte": None, "nord": None}))
    assert (await book(salon, 1, "mitte")).success
    second = await book(salon, 2, "nord", at("15:00"))
    assert second.success
    salon.apply_config(await compile_for(admin, salon, {"mitte": "anna", "nord": "anna"}))
    assert await double_bookings(module_database, salon) == 1
    assert not (await book(salon, 3, "mitte", at("15:30"))).success
    assert not (await book(salon, 4, "nord", at("14:00"))).success
    moved = await salon.booking.reschedule_appointment(
        caller(2, "nord"), {"appointment_id": second.fields["appointment_id"], "start": at("16:30")}
    )
    assert moved.success
    assert await double_bookings(module_database, salon) == 0
    await assert_one_at_a_time(salon)


async def test_appointments_stay_with_the_original_person_after_separation(salon: Salon, admin: AdminStore) -> None:
    shared = await compile_for(admin, salon, {"mitte": "anna", "nord": "anna"})
    salon.apply_config(shared)
    assert (await book(salon, 1, "mitte")).success
    assert (await book(salon, 2, "nord", at("10:00"))).success
    salon.apply_config(await compile_for(admin, salon, {"mitte": "anna", "nord": "anna-schmidt"}))
    assert not (await book(salon, 3, "nord", at("10:00"))).success
    assert (await book(salon, 4, "mitte", at("10:00"))).success
    salon.apply_config(await compile_for(admin, salon, {"mitte": "anna", "nord": None}))
    assert not (await book(salon, 5, "nord", at("10:00"))).success
    assert not (await book(salon, 6, "mitte", at("10:00"))).success


async def test_appointments_of_a_removed_branch_block_their_person(salon: Salon, admin: AdminStore) -> None:
    salon.apply_config(await compile_for(admin, salon, {"mitte": "anna", "nord": "anna"}))
    assert (await book(salon, 1, "nord")).success
    salon.apply_config(await compile_for(admin, salon, {"mitte": "anna"}))
    assert not (await book(salon, 2, "mitte")).success


async def test_person_of_two_branches_shares_one_capacity(salon: Salon, admin: AdminStore) -> None:
    services = (offering("schnitt", "mitte"), offering("yoga", "nord", capacity=3))
    salon.apply_config(await compile_for(admin, salon, {"mitte": "anna", "nord": "anna"}, offerings=services))
    assert [person.units for each in salon.configs[-1].branches for person in each.staff] == [3, 3]
    assert (await book(salon, 1, "nord", service="yoga")).success
    assert (await book(salon, 2, "nord", service="yoga")).success
    assert not (await book(salon, 3, "mitte")).success
    assert (await book(salon, 4, "nord", service="yoga")).success
    assert not (await book(salon, 5, "nord", service="yoga")).success


async def test_person_never_works_in_two_branches_simultaneously(salon: Salon, admin: AdminStore) -> None:
    """One of three places in Nord takes the whole person in Mitte: nobody is in two branches at one time."""
    services = (offering("yoga", "nord", capacity=3), offering("pilates", "mitte", capacity=3))
    salon.apply_config(await compile_for(admin, salon, {"mitte": "anna", "nord": "anna"}, offerings=services))
    assert (await book(salon, 1, "nord", service="yoga")).success
    refused = await book(salon, 2, "mitte", service="pilates")
    assert (refused.success, refused.fields["obstacle"]) == (False, "taken")
    assert (await book(salon, 3, "nord", service="yoga")).success
    free = await salon.booking.list_free_slots("mitte", "pilates", FRIDAY)
    assert {f"{slot.start.astimezone(BERLIN):%H:%M}" for slot in free.slots}.isdisjoint({"14:00", "14:30", "15:00"})


async def test_travel_time_between_branches_is_kept_free(salon: Salon, admin: AdminStore) -> None:
    """Only Nord declares the travel time. Within a branch, appointments can follow each other directly."""
    salon.apply_config(await compile_for(admin, salon, {"mitte": "anna", "nord": "anna"}, travel=40))
    first = await book(salon, 1, "nord", at("12:00"))
    assert first.success
    for number, clock in enumerate(("10:30", "11:00", "13:00", "13:30"), 2):
        refused = await book(salon, number, "mitte", at(clock))
        assert (refused.success, refused.fields["obstacle"]) == (False, "taken"), clock
    listed = await salon.booking.list_free_slots("mitte", "schnitt", FRIDAY)
    free = {f"{slot.start.astimezone(BERLIN):%H:%M}" for slot in listed.slots}
    assert {"10:15", "13:45"} <= free
    assert free.isdisjoint({"10:30", "11:00", "12:00", "13:00", "13:30"})
    assert (await book(salon, 6, "nord", at("13:00"))).success
    assert (await book(salon, 7, "mitte", at("14:45"))).success
    moved = await salon.booking.reschedule_appointment(
        caller(1, "nord"), {"appointment_id": first.fields["appointment_id"], "start": at("16:15")}
    )
    assert (moved.success, moved.fields["obstacle"]) == (False, "taken"), "the one in Mitte ends at 15:45"


@pytest.mark.nightly
async def test_concurrent_callers_leave_the_travel_time_free(salon: Salon, admin: AdminStore) -> None:
    salon.apply_config(await compile_for(admin, salon, {"mitte": "anna", "nord": "anna"}, travel=30))
    starts = [at(f"{hour}:{minute}") for hour in range(10, 14) for minute in ("00", "15", "30", "45")]
    places = ("mitte", "nord")
    await asyncio.gather(*(book(salon, n, places[n % 2], starts[n * 7 % len(starts)]) for n in range(48)))
    rows = await salon.rows(
        "SELECT branch, starts_at, ends_at FROM appointments WHERE status = 'confirmed' ORDER BY starts_at"
    )
    assert len(rows) >= 3
    for one, after in pairwise(rows):
        way = timedelta(minutes=30 if one["branch"] != after["branch"] else 0)
        assert one["ends_at"] + way <= after["starts_at"]


async def test_absent_person_is_absent_from_all_branches(salon: Salon, admin: AdminStore) -> None:
    salon.apply_config(await compile_for(admin, salon, {"mitte": "anna", "nord": "anna"}, away="nord"))
    assert not (await book(salon, 1, "mitte")).success
    salon.apply_config(await compile_for(admin, salon, {"mitte": None, "nord": None}, away="nord"))
    assert (await book(salon, 2, "mitte")).success


async def test_calendar_booking_blocks_its_person_in_both_branches(new_salon, admin: AdminStore) -> None:
    calendar = ScriptedCalendar()
    salon = of_today(await new_salon(calendar, people=[]))
    services = (offering("schnitt", event_type=1001),)
    salon.apply_config(await compile_for(admin, salon, {"mitte": "anna", "nord": "anna"}, offerings=services))
    assert (await book(salon, 1, "nord")).success
    (uid,) = calendar.bookings.values()
    calendar.starts[uid] = ten = datetime.fromisoformat(at("10:00"))  # a person moves it there
    event = CalendarEvent(uid, salon.clock.now(), "corr", ten)

    async def finish(conn, note) -> None: ...

    await salon.booking.apply_calendar_event(event, finish)
    (row,) = await salon.live()
    assert (row["branch"], row["starts_at"]) == ("nord", ten)
    assert not (await book(salon, 2, "mitte", at("10:00"))).success
    assert (await book(salon, 3, "mitte")).success


async def test_resource_rows_are_locked_in_ascending_order(
    salon: Salon, admin: AdminStore, module_database: Database
) -> None:
    """The person's row becomes inactive, and its id is not the lowest: it must not be locked first."""
    tenant, own, person = salon.store.tenant, ("mitte", "anna", 1), (PERSON, "anna", 1)
    await admin.ensure_resources(tenant, [own])
    await admin.ensure_resources(tenant, [own, person], {own[:2]: "anna"})
    lowest, highest = sorted(row["id"] for row in await salon.rows("SELECT id FROM resources"))
    lock = "SELECT 1 FROM resources WHERE tenant = $1 AND id = $2 FOR UPDATE"
    async with asyncpg.create_pool(module_database.superuser_dsn, min_size=2, max_size=2) as pool:
        async with pool.acquire() as writer, writer.transaction():
            await writer.execute("SET LOCAL lock_timeout = '5s'")
            await writer.execute(lock, tenant, lowest)
            unlinking = asyncio.create_task(admin.ensure_resources(tenant, [own]))

            async def waits() -> bool:
                return bool(await pool.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"))

            await eventually(waits, SOON, "the operator's transaction to wait")
            await writer.execute(lock, tenant, highest)
    await asyncio.wait_for(unlinking, SOON)


async def test_claims_can_be_restored_without_a_search_path(
    salon: Salon, admin: AdminStore, module_database: Database
) -> None:
    """A restore of the data alone fires triggers, and `pg_restore` empties the path."""
    salon.apply_config(await compile_for(admin, salon, {"mitte": "anna", "nord": "anna"}))
    assert (await book(salon, 1, "mitte")).success
    columns = "tenant, appointment_id, resource_id, blocks, state"
    async with asyncpg.create_pool(module_database.superuser_dsn, min_size=1, max_size=1) as pool:
        async with pool.acquire() as conn, conn.transaction():
            schema = await conn.fetchval("SELECT current_schema()")
            (claim,) = await conn.fetch(f"DELETE FROM claims WHERE tenant = $1 RETURNING {columns}", salon.store.tenant)
            await conn.execute("SELECT pg_catalog.set_config('search_path', '', true)")
            await conn.execute(f"INSERT INTO {schema}.claims ({columns}) VALUES ($1, $2, $3, $4, $5)", *claim.values())
    (row,) = await salon.rows("SELECT r.branch FROM claims c JOIN resources r ON r.id = c.resource_id")
    assert row["branch"] == PERSON


async def test_repeated_compilation_returns_an_equal_config(salon: Salon, admin: AdminStore) -> None:
    await compile_for(admin, salon, {"mitte": None, "nord": None})
    first = await compile_for(admin, salon, {"mitte": "anna", "nord": "anna"})
    assert await compile_for(admin, salon, {"mitte": "anna", "nord": "anna"}) == first
