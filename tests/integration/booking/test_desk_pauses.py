"""A pause blocks everybody's time from now on. Callers hear of it, and book again after its removal."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from askproai_core.languages import Language
from askproai_runtime.book.actor import DeskRequest
from askproai_runtime.book.blocks import Block
from askproai_runtime.desk.blocks import BlockExists, remove_block
from askproai_runtime.desk.pauses import list_current_pauses, pause_bookings
from askproai_runtime.sentences import speaking
from tests.worlds.booking_environment import MORNING, Salon, call
from tests.worlds.desk_bookings import desk

pytestmark = pytest.mark.nightly

BERLIN = ZoneInfo("Europe/Berlin")


async def pause(salon: Salon, until: datetime | None = None, request: DeskRequest | None = None) -> Block:
    block, _ = await pause_bookings(salon.booking, request or desk(), None, until, "Wasserschaden", "corr-desk")
    return block


async def test_pause_refuses_bookings_until_its_removal(salon: Salon) -> None:
    block = await pause(salon)
    (found,) = await list_current_pauses(salon.booking)
    assert (found.block.id, found.branches) == (block.id, ("mitte",))
    asked = {"date": "2026-11-27", "time": "10 Uhr"}
    answer = await salon.booking.check_availability(call("a"), asked)
    assert answer.message.endswith("Zurzeit nehmen wir keine neuen Termine an.")
    assert "Wasserschaden" not in answer.message
    assert answer.fields["slots"] == []
    refused = await salon.book(MORNING, "Rosa", by=call("b"))
    assert not refused.success
    assert refused.message.endswith("Zurzeit nehmen wir keine neuen Termine an.")
    with speaking(Language.EN):
        answer = await salon.booking.check_availability(call("c"), {"date": "2026-11-27", "time": "10:00"})
    assert answer.message.endswith("We take no new appointments at the moment.")
    assert await remove_block(salon.booking, desk(), block.id, "c")
    assert await list_current_pauses(salon.booking) == []
    assert (await salon.book(MORNING, "Rosa", by=call("d"))).success


async def test_pause_behind_many_blocks_is_listed(salon: Salon) -> None:
    block = await pause(salon)
    await salon.pool.execute(
        """INSERT INTO refusals (tenant, resource_id, starts_at, ends_at, until, block_id)
           SELECT tenant, resource_id, $1, $2, 'infinity', gen_random_uuid() FROM refusals, generate_series(1, 500)""",
        block.starts_at - timedelta(days=1), block.ends_at,
    )  # fmt: skip
    (found,) = await list_current_pauses(salon.booking)
    assert found.block.id == block.id


async def test_caller_hears_the_pauses_last_day(salon: Salon) -> None:
    end = datetime(2027, 1, 9, tzinfo=BERLIN)  # a midnight
    await pause(salon, end)
    answer = await salon.booking.check_availability(call("a"), {"date": "2026-11-27", "time": "10 Uhr"})
    assert answer.message.endswith(" Bis Freitag, den 8. Januar, nehmen wir keine neuen Termine an.")
    assert (await salon.booking.check_availability(call("b"), {"date": "2027-01-12"})).fields["slots"]
    salon.clock.advance(timedelta(days=40))
    answer = await salon.booking.check_availability(call("c"), {"date": "2027-01-04", "time": "10 Uhr"})
    assert answer.fields["slots"], "as with every block: the next time after it"


async def test_repeated_pause_request_adds_no_second_pause(salon: Salon) -> None:
    request = desk()
    first = await pause(salon, request=request)
    salon.clock.advance(timedelta(seconds=40))
    assert await pause(salon, request=request) == first
    assert await remove_block(salon.booking, desk(), first.id, "c")
    with pytest.raises(BlockExists):
        await pause(salon, request=request)
    assert await list_current_pauses(salon.booking) == []
