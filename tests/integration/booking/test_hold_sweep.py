"""The coordinator sweeps expired holds while callers are offered times and book: no deadlock, no lost booking."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from askproai_core.database import Pool, open_pool
from askproai_runtime.book.context import BookingSettings
from askproai_runtime.coordinator.maintenance import sweep_holds
from tests.worlds.booking_environment import call
from tests.worlds.databases import Database
from tests.worlds.waiting import SOON, eventually

pytestmark = pytest.mark.nightly

BRIEF = BookingSettings(hold=timedelta(milliseconds=30), holds_per_caller=100)


@dataclass
class SweepContext:
    """The part of the coordinator's context that the sweep uses."""

    pool: Pool

    def fence(self) -> None:
        """Do nothing: this process holds the Lease."""


@pytest.fixture
async def sweep_context(module_database: Database):
    await module_database.admin.ensure_coordinator("p")
    async with open_pool(module_database.admin.coordinator_dsn("p"), max_size=2) as pool:
        yield SweepContext(pool)


async def deadlocks(database: Database, pool: Pool) -> int:
    return await pool.fetchval("SELECT deadlocks FROM pg_stat_database WHERE datname = $1", database.name)


async def test_sweeping_holds_neither_deadlocks_nor_loses_bookings(new_salon, sweep_context, module_database: Database):
    salon = await new_salon(settings=BRIEF)
    before, finished, swept = await deadlocks(module_database, sweep_context.pool), asyncio.Event(), 0

    async def sweep() -> None:
        nonlocal swept
        while not finished.is_set():
            swept += await sweep_holds(sweep_context)

    async def caller(number: int) -> list[dict[str, Any]]:
        answers = []
        for turn in range(6):
            context = call(f"call_{number}_{turn}", None)
            offer = await salon.booking.check_availability(context, {"service": "Haarschnitt", "date": "2026-11-27"})
            slots = offer.fields["slots"]
            if turn % 2 and slots:
                answers.append(await salon.book(slots[0]["start"], name=f"Rosa {number}", by=context))
        return answers

    async def is_swept() -> bool:
        return swept > 0 and await salon.rows("SELECT 1 FROM appointments WHERE status = 'held'") == []

    sweeping = asyncio.create_task(sweep())
    answers = await asyncio.gather(*(caller(number) for number in range(8)))
    # nobody books this day, so its hold is for the sweep, however slowly the callers went
    await salon.booking.check_availability(call("call_last", None), {"service": "Haarschnitt", "date": "2026-11-30"})
    await eventually(is_swept, SOON, "the sweep of the last hold")
    finished.set()
    await sweeping
    booked = [answer for of_caller in answers for answer in of_caller if answer.success]
    assert len(booked) == len(await salon.live()) > 0
    await salon.assert_claims_match()
    assert await deadlocks(module_database, sweep_context.pool) == before
