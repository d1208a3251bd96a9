"""Removing a block offers the freed time to waiting callers, as a cancellation does."""

import asyncio
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import msgspec
import pytest

from askproai_core.tenant_config import TenantConfig
from askproai_runtime.availability.slots import Claims, Span
from askproai_runtime.book import waitlist_offers
from askproai_runtime.book.actor import DeskRequest
from askproai_runtime.desk import blocks
from askproai_runtime.desk.blocks import add_block, list_unblocked_times, remove_block, resolve_span
from tests.worlds.booking_environment import MORNING, Salon, call, join_waitlist
from tests.worlds.full_calendar import nothing_free
from tests.worlds.studio import COURSE, CUT, MAX_UNITS, studio
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
    wait,
)

pytestmark = pytest.mark.nightly

BERLIN = ZoneInfo("Europe/Berlin")
FREED = "SELECT starts_at, ends_at FROM freed_times WHERE handled_at IS NULL ORDER BY starts_at"


async def block(salon: Salon, first: str = "2026-11-27", last: str | None = None, staff: str = "anna") -> UUID:
    span = resolve_span(first, last, BERLIN)
    added, _ = await add_block(salon.booking, DeskRequest(uuid4(), "karin"), staff, None, span, "krank", "corr-block")
    return added.id


async def unblock(salon: Salon, block_id: UUID) -> None:
    assert await remove_block(salon.booking, DeskRequest(uuid4(), "karin"), block_id, "corr-unblock")


async def test_time_of_a_removed_block_is_offered(salon: Salon) -> None:
    ill = await block(salon)
    await wait(salon, time="10:30", staff="Anna")
    await run(salon)
    assert await offered(salon) == []
    await unblock(salon, ill)
    await run(salon)
    (offer,) = await salon.rows(OFFERS)
    assert (offer["phone"], offer["state"], offer["staff"]) == (FIRST, "open", "anna")
    assert offer["starts_at"].isoformat() == "2026-11-27T09:30:00+00:00"
    await run(salon)
    assert len(await salon.rows(OFFERS)) == 1


async def test_offer_ended_by_a_block_returns_afterwards(salon: Salon) -> None:
    await offer_freed_time(salon, FIRST, staff="Anna", time="10:00")
    ill = await block(salon)
    await run(salon)
    assert await offered(salon) == [(FIRST, "taken")]
    await unblock(salon, ill)
    await run(salon)
    assert await offered(salon) == [(FIRST, "taken"), (FIRST, "open")]


async def test_unblocked_day_is_offered_to_several_callers(salon: Salon) -> None:
    ill = await block(salon)
    entry = await wait(salon, FIRST, staff="Anna")
    await wait(salon, SECOND, staff="Anna")
    await unblock(salon, ill)
    for _ in range(3):
        await run(salon)
    assert await offered(salon) == [(FIRST, "open"), (SECOND, "open")]
    one, other = await salon.rows(OFFERS)
    assert one["ends_at"] <= other["starts_at"]
    await decline(salon, entry)
    for _ in range(3):
        await run(salon)
    again = await salon.rows(OFFERS + " DESC LIMIT 1")
    assert again[0]["phone"] == FIRST
    assert again[0]["starts_at"] >= other["ends_at"], "neither what was declined nor what somebody else considers"


async def test_booked_or_still_blocked_time_is_not_offered(salon: Salon) -> None:
    await book(salon, MORNING)
    ill, longer = await block(salon), await block(salon, "2026-11-27", "2026-11-28")
    await wait(salon, staff="Anna", time="10:00")
    await wait(salon, SECOND, staff="Anna", time="11:00")
    await unblock(salon, ill)
    await run(salon)
    assert await offered(salon) == [], "the longer block is in force"
    await unblock(salon, longer)
    await run(salon)
    assert await offered(salon) == [(SECOND, "open")], "ten o'clock is booked"


async def test_only_future_requested_opening_hours_are_recorded(salon: Salon) -> None:
    ill = await block(salon, "2026-11-20", "2026-11-28")
    await wait(salon)
    salon.clock.advance(timedelta(days=7))
    now = salon.clock.now()
    await unblock(salon, ill)
    spans = [(row["starts_at"], row["ends_at"]) for row in await salon.rows(FREED)]
    assert spans, "Friday is to come, and somebody waits for it"
    assert spans[0][0] == now, "not what is over"
    assert {start.astimezone(BERLIN).date().isoformat() for start, _ in spans} == {"2026-11-27"}
    assert all(timedelta() < end - start <= timedelta(hours=1) for start, end in spans)
    assert spans[-1][1].astimezone(BERLIN).hour <= 20


async def test_removed_block_records_nothing_while_nobody_waits(salon: Salon) -> None:
    await unblock(salon, await block(salon))
    assert await salon.rows(FREED) == []


async def test_block_removed_twice_is_offered_once(salon: Salon) -> None:
    ill = await block(salon)
    await wait(salon, staff="Anna", time="10:30")
    await asyncio.gather(*(unblock(salon, ill) for _ in range(4)), run(salon))
    recorded = await salon.rows("SELECT starts_at, ends_at FROM freed_times")
    assert len(recorded) == len({tuple(row) for row in recorded})
    await run(salon)
    entry = (await salon.rows(OFFERS))[0]["entry_id"]
    await decline(salon, entry)
    await unblock(salon, ill)
    await run(salon)
    assert await offered(salon) == [(FIRST, "declined")], "removing it once more frees nothing"


async def test_failed_removal_of_a_block_frees_nothing(salon: Salon, monkeypatch: pytest.MonkeyPatch) -> None:
    ill = await block(salon)
    await wait(salon, staff="Anna", time="10:30")

    async def fail(*_: object, **__: object) -> None:
        raise ConnectionResetError

    with monkeypatch.context() as broken:
        broken.setattr(blocks, "record_desk_change", fail)
        with pytest.raises(ConnectionResetError):
            await unblock(salon, ill)
    assert await salon.rows(FREED) == []
    await run(salon)
    assert await offered(salon) == []
    await unblock(salon, ill)
    await run(salon)
    assert await offered(salon) == [(FIRST, "open")]


async def test_unblocked_time_is_not_offered_to_unsuitable_callers(salon: Salon) -> None:
    ill = await block(salon, "2026-11-27T09:00", "2026-11-27T12:00")
    await wait(salon, staff="Mehmet")
    await wait(salon, SECOND, staff="Anna", part_of_day="nachmittags")
    await unblock(salon, ill)
    await run(salon)
    assert await offered(salon) == []


async def test_open_offer_does_not_delay_a_second_offer(salon: Salon, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run examines a limited number of hours. Hours do not count if all their waiting callers have an open offer."""
    monkeypatch.setattr(waitlist_offers, "_MOST_FREED", 3)
    ill = await block(salon)
    await wait(salon, FIRST, staff="Anna")
    await wait(salon, SECOND, staff="Anna", time="16:00")
    await unblock(salon, ill)
    for _ in range(2):
        await run(salon)
    assert await offered(salon) == [(FIRST, "open"), (SECOND, "open")]


async def test_only_the_free_group_place_is_offered(new_salon) -> None:
    """A place that was booked before the block stays booked. An offer of that place would end as taken at the next run."""
    people = [("mitte", person, unit) for person in ("anna", "mehmet") for unit in range(1, MAX_UNITS + 1)]
    salon = await new_salon(people=people)
    salon.apply_config(studio(salon, CUT, COURSE))
    course = {"service": "kurs", "staff": "anna", "start": MORNING, "customer_name": "Kurt Kurs"}
    assert (await salon.booking.book_appointment(call("call_b", "+4915200000001"), course)).success
    ill = await block(salon)
    await wait(salon, service="kurs", staff="anna", time="10:00")
    await unblock(salon, ill)
    for _ in range(3):
        await run(salon)
    assert await offered(salon) == [(FIRST, "open")]


async def test_time_booked_during_the_run_is_not_offered(salon: Salon, monkeypatch: pytest.MonkeyPatch) -> None:
    """The free times of a day are read once for all of its hours, and a run of many hours takes its time."""
    ill = await block(salon)
    await wait(salon, FIRST, staff="Anna", time="10:00")
    await wait(salon, SECOND, staff="Anna", time="11:00")
    await unblock(salon, ill)
    announce = waitlist_offers.announce_offer

    async def announce_and_book(*args: Any) -> None:
        monkeypatch.undo()
        await book(salon, "2026-11-27T11:00:00+01:00", caller="+4915200000002")
        await announce(*args)

    monkeypatch.setattr(waitlist_offers, "announce_offer", announce_and_book)
    await run(salon)
    assert await offered(salon) == [(FIRST, "open")]


async def test_unblocking_computes_only_days_with_waiting_callers(salon: Salon, monkeypatch) -> None:
    """All hours of the horizon take the event loop hundreds of milliseconds, in which callers wait."""
    computed: list[Span] = []

    def compute(config: TenantConfig, blocked: Collection[int], span: Span, now: datetime) -> Claims:
        computed.append(span)
        return list_unblocked_times(config, blocked, span, now)

    monkeypatch.setattr(blocks, "list_unblocked_times", compute)
    await unblock(salon, await block(salon, "2026-11-20", "2027-11-20"))
    assert computed == [], "nobody waits"
    ill = await block(salon, "2026-11-20", "2027-11-20")
    await wait(salon, time="10:30")
    await unblock(salon, ill)
    (span,) = computed
    assert span.end - span.start < timedelta(days=3)
    recorded = [(row["starts_at"].isoformat(), row["ends_at"].isoformat()) for row in await salon.rows(FREED)]
    assert recorded == [("2026-11-27T09:00:00+00:00", "2026-11-27T10:00:00+00:00")]


def in_two_branches(salon: Salon) -> TenantConfig:
    """Return the salon's config with Anna as one person in two branches, under an id of its own in each."""
    (branch,), (service,) = salon.configs[-1].branches, salon.configs[-1].services
    anna = next(member for member in branch.staff if member.id == "anna")
    west = msgspec.structs.replace(branch, name="west", display_name="West", phone_numbers=())
    branches = tuple(
        msgspec.structs.replace(each, staff=(msgspec.structs.replace(anna, id=f"anna-{each.name}"),))
        for each in (branch, west)
    )
    staff = {each.name: (f"anna-{each.name}",) for each in branches}
    services = (msgspec.structs.replace(service, branch=None, staff=staff),)
    return msgspec.structs.replace(salon.configs[-1], branches=branches, services=services)


async def test_offers_in_two_branches_never_overlap_per_person(salon: Salon) -> None:
    salon.apply_config(in_two_branches(salon))
    ill = await block(salon, staff="Anna")
    await wait(salon, FIRST, time="10:30")
    async with nothing_free(salon):
        asked = {**FRIDAY, "time": "11:00"}
        joined = await join_waitlist(salon.booking, replace(call("call_w", SECOND), branch="west"), asked)
    assert joined.success, joined
    await unblock(salon, ill)
    for _ in range(2):
        await run(salon)
    assert await offered(salon) == [(FIRST, "open")], "half past ten to a quarter past eleven"
