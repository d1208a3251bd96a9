"""A block takes a person's time: it is neither offered nor booked, and earlier appointments in it are listed."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from askproai_operator.store.admin import AdminStore
from askproai_runtime.book.actor import DeskRequest
from askproai_runtime.book.blocks import Block, BlockedAppointment
from askproai_runtime.desk.blocks import (
    BlockExists,
    InvalidBlock,
    add_block,
    list_blocks_within,
    list_current_blocks,
    remove_block,
    resolve_span,
    show_block,
)
from askproai_runtime.language.names import UnknownName
from tests.worlds.booking_environment import HALF_PAST_TWO, MORNING, Salon, booking_args, call
from tests.worlds.calcom_environment import CalcomEnvironment
from tests.worlds.databases import Database
from tests.worlds.desk_bookings import desk
from tests.worlds.persons import FRIDAY as PERSONS_FRIDAY
from tests.worlds.persons import at, compile_for
from tests.worlds.persons import book as book_in_branch

BERLIN = ZoneInfo("Europe/Berlin")
FRIDAY = "2026-11-27"
PERSONS_DAY = PERSONS_FRIDAY.isoformat()  # ahead of the database's clock


async def block(
    salon: Salon, staff: str | None = "anna", first: str = FRIDAY, last: str | None = None, *,
    branch: str | None = None, request: DeskRequest | None = None, reason: str = "krank",
) -> tuple[Block, list[BlockedAppointment]]:  # fmt: skip
    span = resolve_span(first, last, BERLIN)
    return await add_block(salon.booking, request or desk(), staff, branch, span, reason, "corr-desk")


async def book(salon: Salon, start: str, number: int, staff: str | None = None) -> bool:
    context = call(f"call_{number}", f"+4915{number:08}")
    args = booking_args(start, f"Rosa {number}", **({"staff": staff} if staff else {}))
    answer = await salon.booking.book_appointment(context, args)
    return answer.success


async def free(salon: Salon, staff: str, day: str = FRIDAY, branch: str = "mitte", service: str = "haarschnitt") -> int:
    free = await salon.booking.list_free_slots(branch, service, datetime.fromisoformat(day).date())
    return len([slot for slot in free.slots if slot.staff == staff])


async def test_blocked_day_is_not_bookable_until_its_removal(salon: Salon) -> None:
    assert await free(salon, "anna")
    blocked, appointments = await block(salon)
    assert appointments == []
    assert (blocked.staff, blocked.reason, blocked.in_force) == (["mitte/anna"], "krank", True)
    assert await free(salon, "anna") == 0
    assert await free(salon, "mehmet") > 0
    assert await free(salon, "anna", "2026-11-26") > 0
    assert not await book(salon, MORNING, 1, "anna")
    answer = await salon.booking.check_availability(call("x"), {"date": FRIDAY, "time": "10 Uhr", "staff": "Anna"})
    assert not any(slot["start"].startswith(FRIDAY) and slot["staff"] == "anna" for slot in answer.fields["slots"])
    assert await remove_block(salon.booking, desk(), blocked.id, "c")
    assert await book(salon, MORNING, 1, "anna")


async def test_block_of_everybody_is_added_and_removed_whole(salon: Salon) -> None:
    assert await book(salon, MORNING, 1, "anna")
    assert await book(salon, HALF_PAST_TWO, 2, "mehmet")
    blocked, found = await block(salon, None, reason="Wasserschaden")
    assert blocked.staff == ["mitte/anna", "mitte/mehmet"]
    assert [appointment.customer_name for appointment in found] == ["Rosa 1", "Rosa 2"]
    assert [await free(salon, staff) for staff in ("anna", "mehmet")] == [0, 0]
    again, _ = await block(salon, None, branch="Mitte", reason="Schulung")
    assert again.id == blocked.id, "the same people and span"
    assert await remove_block(salon.booking, desk(), blocked.id, "c")
    assert await free(salon, "anna") > 0
    assert await free(salon, "mehmet") > 0


async def test_block_overrides_a_callers_hold(salon: Salon) -> None:
    offered = await salon.booking.check_availability(call(), {"date": FRIDAY, "time": "10 Uhr"})
    assert offered.fields["slots"][0]["staff"] == "anna"
    await block(salon)
    answer = await salon.book(MORNING)
    assert not answer.success
    assert answer.fields["alternatives"]


async def test_appointments_within_a_block_stay_and_are_listed(salon: Salon) -> None:
    assert await book(salon, MORNING, 1, "anna")
    assert await book(salon, HALF_PAST_TWO, 2, "mehmet")
    _, found = await block(salon, first=f"{FRIDAY}T10:30", last=f"{FRIDAY}T12:00")
    assert [(a.customer_name, a.phone, a.staff) for a in found] == [("Rosa 1", "+491500000001", "anna")]
    assert len(await salon.live()) == 2
    moved = await salon.booking.reschedule_appointment(
        call("y", "+491500000001"), {"start": "2026-11-27T11:00:00+01:00"}
    )
    assert not moved.success, "not within the block"
    assert (await salon.booking.cancel_appointment(call("y", "+491500000001"), {})).success
    _, found = await block(salon, first=f"{FRIDAY}T10:30", last=f"{FRIDAY}T12:00")
    assert found == []


@pytest.mark.nightly
async def test_concurrent_blocks_list_every_booking_they_cover(salon: Salon) -> None:
    """Each appointment within a block was either booked before, and is listed there, or is refused."""
    starts = [f"{FRIDAY}T{hour:02}:00:00+01:00" for hour in range(9, 18)]
    listed: set[UUID] = set()

    async def block_some(number: int) -> None:
        await asyncio.sleep(number * 0.05)
        for staff in ("anna", "mehmet"):
            _, found = await block(
                salon, staff, f"{FRIDAY}T{9 + number * 3:02}:00", f"{FRIDAY}T{12 + number * 3:02}:00"
            )
            listed.update(appointment.id for appointment in found)

    booked = await asyncio.gather(
        *(book(salon, starts[number % len(starts)], number) for number in range(36)), *map(block_some, range(3))
    )
    live = {row["id"] for row in await salon.live()}
    assert len(live) == sum(answer is True for answer in booked), "nothing acknowledged is lost"
    assert live == listed, "the three blocks together cover the day"
    await salon.assert_claims_match()
    assert not await book(salon, starts[0], 99)


async def test_repeated_block_request_makes_one_block(salon: Salon) -> None:
    request = desk()
    made = await asyncio.gather(*(block(salon, request=request) for _ in range(4)))
    assert {blocked.id for blocked, _ in made} == {request.request_id}
    assert len(await salon.rows("SELECT 1 FROM refusals")) == 1
    with pytest.raises(BlockExists):
        await block(salon, last="2026-11-28", request=request)
    await remove_block(salon.booking, desk(), request.request_id, "c")
    removed = await remove_block(salon.booking, desk(), request.request_id, "c")
    assert removed is not None
    assert not removed.in_force
    with pytest.raises(BlockExists):
        await block(salon, request=request)
    rows = await salon.rows("SELECT actor, action, detail FROM audit_log ORDER BY id")
    assert [(row["actor"], row["action"]) for row in rows] == [("desk", "block.added"), ("desk", "block.removed")]
    detail = json.loads(rows[0]["detail"])
    assert (detail["claimed_by"], detail["staff"]) == ("karin@laptop", ["mitte/anna"])
    assert "krank" not in rows[0]["detail"]


async def test_equal_block_request_makes_no_second_block(salon: Salon) -> None:
    made = await asyncio.gather(*(block(salon) for _ in range(4)))
    (only,) = {blocked.id for blocked, _ in made}
    again, _ = await block(salon, reason="Urlaub")
    assert (again.id, again.reason) == (only, "krank"), "the block that exists"
    assert len(await salon.rows("SELECT 1 FROM audit_log")) == 1
    assert len(await salon.rows("SELECT 1 FROM refusals")) == 1
    await remove_block(salon.booking, desk(), only, "c")
    assert (await block(salon))[0].id != only, "a removed one is no block"


@pytest.mark.parametrize(
    ("staff", "first", "last"),
    [("mehmet", FRIDAY, None), ("anna", FRIDAY, "2026-11-28"), ("anna", f"{FRIDAY}T10:00", None)],
)
async def test_block_of_another_person_or_span_is_separate(salon: Salon, staff, first, last) -> None:
    one, _ = await block(salon)
    other, _ = await block(salon, staff, first, last)
    assert one.id != other.id


async def test_block_removal_lists_overlapping_blocks(salon: Salon) -> None:
    removed, _ = await block(salon)
    week, _ = await block(salon, first="2026-11-26", last="2026-11-30", reason="Urlaub")
    await block(salon, "mehmet")
    await block(salon, first="2026-11-28")
    gone, _ = await block(salon, first=FRIDAY, last="2026-11-28")
    for each in (removed, gone):
        await remove_block(salon.booking, desk(), each.id, "c")
    assert await list_blocks_within(salon.booking, removed) == [week]
    assert await free(salon, "anna") == 0
    await remove_block(salon.booking, desk(), week.id, "c")
    assert await list_blocks_within(salon.booking, removed) == []
    assert await free(salon, "anna") > 0


async def test_person_stays_blocked_in_every_branch(new_salon, module_database: Database) -> None:
    salon: Salon = await new_salon(people=[])
    admin: AdminStore = module_database.admin
    salon.apply_config(await compile_for(admin, salon, {"mitte": "anna", "nord": "anna"}))
    blocked, _ = await block(salon, first=PERSONS_DAY, branch="nord")
    assert blocked.staff == ["mitte/anna", "nord/anna"]
    for number, branch in enumerate(("mitte", "nord")):
        assert not (await book_in_branch(salon, number, branch)).success
    salon.apply_config(await compile_for(admin, salon, {"mitte": None, "nord": None}))
    for number, branch in enumerate(("mitte", "nord")):
        assert not (await book_in_branch(salon, number, branch)).success
    await remove_block(salon.booking, desk(), blocked.id, "c")
    with pytest.raises(UnknownName, match="more than one person"):
        await block(salon, first=PERSONS_DAY)
    await block(salon, first=PERSONS_DAY, branch="nord")
    assert (await book_in_branch(salon, 1, "mitte")).success, "another Anna"
    assert not (await book_in_branch(salon, 2, "nord")).success
    salon.apply_config(await compile_for(admin, salon, {"mitte": "anna", "nord": "anna"}))
    assert not (await book_in_branch(salon, 3, "nord")).success
    assert not (await book_in_branch(salon, 4, "mitte", at("16:30"))).success, "they are one person now"


async def test_desk_cannot_find_another_tenants_block(new_salon) -> None:
    salon, other = await new_salon(), await new_salon()
    blocked, _ = await block(salon)
    assert await remove_block(other.booking, desk(), blocked.id, "c") is None
    assert await show_block(other.booking, blocked.id, blocked.id) == ([], [])
    assert await list_current_blocks(other.booking, None, 10) == []
    assert await book(other, MORNING, 1, "anna")
    mine, _ = await block(other, request=DeskRequest(blocked.id, "x"))
    assert mine.id == blocked.id, "ids of two tenants may be equal"


async def test_blocks_are_listed_until_they_end(salon: Salon) -> None:
    first, _ = await block(salon, first="2026-11-20T10:00", last="2026-11-20T12:00")
    second, _ = await block(salon, "mehmet", FRIDAY, "2026-11-29")
    assert [b.id for b in await list_current_blocks(salon.booking, None, 10)] == [first.id, second.id]
    after = (first.starts_at, first.id)
    assert [b.id for b in await list_current_blocks(salon.booking, after, 10)] == [second.id]
    salon.clock.advance(timedelta(hours=3))
    assert [b.id for b in await list_current_blocks(salon.booking, None, 10)] == [second.id]


async def test_calcom_booking_in_a_blocked_time_is_imported(env: CalcomEnvironment) -> None:
    await block(env.salon)
    await env.block(1001, MORNING)
    (booking,) = env.bookings
    assert (await env.receive_event(booking["uid"])).startswith("taken in")


@pytest.mark.parametrize(
    ("first", "last", "start", "end"),
    [
        ("2026-11-27", None, "2026-11-26T23:00", "2026-11-27T23:00"),
        ("2026-11-27", "2026-11-28", "2026-11-26T23:00", "2026-11-28T23:00"),
        ("2026-11-27T14:00", None, "2026-11-27T13:00", "2026-11-27T23:00"),
        ("2026-11-27T14:00", "2026-11-27T16:30", "2026-11-27T13:00", "2026-11-27T15:30"),
        ("2026-10-25", None, "2026-10-24T22:00", "2026-10-25T23:00"),  # 25 hours
        ("2027-03-28", None, "2027-03-27T23:00", "2027-03-28T22:00"),  # 23 hours
        ("2026-10-25T02:30", "2026-10-25T02:30", "2026-10-25T00:30", "2026-10-25T01:30"),  # twice: both
        ("2026-10-25T02:30:00+02:00", "2026-10-25T02:45:00+02:00", "2026-10-25T00:30", "2026-10-25T00:45"),
        ("2026-11-27T13:00Z", "2026-11-27T14:00Z", "2026-11-27T13:00", "2026-11-27T14:00"),
    ],
)
def test_block_days_are_whole_local_days(first, last, start, end) -> None:
    span = resolve_span(first, last, BERLIN)
    assert (span.start, span.end) == tuple(datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (start, end))


@pytest.mark.parametrize(
    ("first", "last", "message"),
    [
        ("2026-11-28", "2026-11-27", "ends after it begins"),
        ("2026-11-19", None, "over already"),
        ("2026-11-27", "2028-11-27", "400 days at most"),
        ("morgen", None, "such as 2026-11-27"),
        ("9999-12-31", None, "such as 2026-11-27"),
    ],
)
async def test_invalid_block_span_is_refused_with_the_correction(salon: Salon, first, last, message) -> None:
    with pytest.raises(InvalidBlock, match=message):
        await block(salon, first=first, last=last)


@pytest.mark.parametrize(
    ("staff", "branch", "names"),
    [("berta", None, "there are: anna, mehmet"), (None, "pankow", "no branch 'pankow'; there are: mitte")],
)
async def test_unknown_name_is_refused_with_the_blockable_ones(salon: Salon, staff, branch, names: str) -> None:
    with pytest.raises(UnknownName, match=names):
        await block(salon, staff, branch=branch)


@pytest.mark.parametrize("is_linked_before", [True, False])
async def test_block_list_is_complete_despite_new_person_key(
    new_salon, module_database: Database, is_linked_before: bool
) -> None:
    salon: Salon = await new_salon(people=[])
    admin, shared = module_database.admin, {"mitte": "anna", "nord": "anna"}
    salon.apply_config(await compile_for(admin, salon, {"mitte": None, "nord": None}))
    assert (await book_in_branch(salon, 1, "mitte")).success
    if is_linked_before:  # the rows are linked, and the pod has not read the new config yet
        await compile_for(admin, salon, shared)
    request = desk()
    blocked, listed = await block(salon, first=PERSONS_DAY, branch="mitte", request=request)
    assert len(listed) == 1
    salon.apply_config(await compile_for(admin, salon, shared))
    _, shown = await show_block(salon.booking, blocked.id, blocked.id)
    again, listed_again = await block(salon, first=PERSONS_DAY, branch="mitte", request=request)
    assert (again.id, shown, listed_again) == (blocked.id, listed, listed)
    with pytest.raises(BlockExists):
        await block(salon, first=PERSONS_DAY, branch="mitte", request=request, reason="Urlaub")


async def test_simultaneous_requests_with_one_id_block_one_person(salon: Salon) -> None:
    """The first one has added its rows and not committed yet, when the second one comes."""
    for number in range(5):
        request, day = desk(), f"2026-12-{number + 1:02}"
        made = await asyncio.gather(
            *(block(salon, staff, day, request=request) for staff in ("anna", "mehmet")), return_exceptions=True
        )
        assert sorted(type(answer).__name__ for answer in made) == ["BlockExists", "tuple"]
        rows = await salon.rows("SELECT resource_id FROM refusals WHERE block_id = $1", request.request_id)
        assert len(rows) == 1
