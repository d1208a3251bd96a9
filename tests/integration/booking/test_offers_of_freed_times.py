"""A freed time is offered to one waiting caller at a time; test_waitlist.py has the rest, at night."""

from datetime import timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest

from askproai_runtime.book.actor import DeskRequest
from askproai_runtime.desk.appointments import RequestUsed
from askproai_runtime.desk.waitlist import decline_offer
from tests.worlds.booking_environment import HALF_PAST_TWO, Salon
from tests.worlds.waitlist_environment import FIRST, OFFERS, SECOND, book, decline, offer_freed_time, offered, run, wait


async def test_cancelled_time_is_offered_to_a_waiting_caller(salon: Salon) -> None:
    appointment = await book(salon)
    entry = await wait(salon)
    await run(salon)
    assert await offered(salon) == [], "times that were free before are no news"
    await salon.cancel(appointment)
    await run(salon)
    (offer,) = await salon.rows(OFFERS)
    assert (str(offer["entry_id"]), offer["state"], offer["staff"]) == (entry, "open", "anna")
    assert offer["starts_at"].isoformat() == "2026-11-27T09:00:00+00:00"
    assert offer["expires_at"] - salon.clock.now() == timedelta(hours=2)
    await run(salon)
    assert len(await salon.rows(OFFERS)) == 1


async def test_freed_time_is_offered_to_callers_in_turn(salon: Salon) -> None:
    appointment = await book(salon)
    first = await wait(salon, FIRST)
    await wait(salon, SECOND)
    await salon.cancel(appointment)
    for _ in range(3):
        await run(salon)
    assert await offered(salon) == [(FIRST, "open")]
    await decline(salon, first)
    await run(salon)
    assert await offered(salon) == [(FIRST, "declined"), (SECOND, "open")]
    salon.clock.advance(timedelta(hours=2))
    await run(salon)
    await run(salon)
    assert await offered(salon) == [(FIRST, "declined"), (SECOND, "expired")], "nobody is asked twice for one time"


async def test_repeated_decline_does_not_decline_the_next_offer(salon: Salon) -> None:
    """The answer to the first request was lost, or a person pressed late: meanwhile another time is offered."""
    first, second = await book(salon), await book(salon, HALF_PAST_TWO, "call_c", "+4915112345679")
    entry = UUID(await wait(salon))
    await salon.cancel(first)
    await run(salon)
    (offer,) = await salon.rows(OFFERS)
    declining = salon.booking, DeskRequest(uuid4(), "karin"), entry, offer["id"], "corr"
    assert await decline_offer(*declining)
    await salon.cancel(second)
    await run(salon)
    repeated = await decline_offer(*declining)
    assert repeated is not None
    assert repeated.offer is not None, "the desk sees what is offered now"
    assert await offered(salon) == [(FIRST, "declined"), (FIRST, "open")]
    with pytest.raises(RequestUsed):
        await decline_offer(*declining[:3], repeated.offer.id, "corr")


async def test_database_refuses_two_open_offers_of_a_time(salon: Salon) -> None:
    _, second = await offer_freed_time(salon, FIRST, SECOND)
    with pytest.raises(asyncpg.UniqueViolationError):
        await salon.pool.execute(
            """INSERT INTO waitlist_offers (tenant, entry_id, freed_id, staff, starts_at, ends_at, expires_at)
               SELECT tenant, $1, freed_id, staff, starts_at, ends_at, expires_at FROM waitlist_offers""",
            UUID(second),
        )
