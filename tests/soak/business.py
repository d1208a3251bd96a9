"""Play a tenant's week (`week.py`). All act independently, and nobody aims at a time that was just offered to a caller."""

import asyncio
import random
import time
from collections import Counter
from datetime import UTC, datetime, timedelta

from tests.soak.clients import change_at_calcom, reassign_at_calcom
from tests.soak.diary import Diary
from tests.soak.environment import EVENT_TYPES, Environment
from tests.soak.faults import Faults
from tests.soak.sentences import ZONE
from tests.soak.storm import LINES, Town
from tests.soak.week import OF_CALLERS, Deed, Planned, deeds_of, plan_week, some_start

_FAULT_PAUSE = (4.0, 12.0)  # seconds
_GREETING = (0.2, 1.0)  # seconds from the begin of a call to its question
_CONSIDERING = (0.0, 0.5)  # seconds between an offer and the yes
_TRIES = 5  # of a person who finds a time taken at Cal.com
_STAFF = tuple(EVENT_TYPES.values())


class Business:
    """The callers and the people of one tenant, in their week. `done` counts what was begun before the week was over."""

    def __init__(self, town: Town, seconds: float) -> None:
        self.town, self.done = town, Counter[Deed]()
        plan = town.tenant.plan
        self.plan = plan_week(town.choices_of("week"), seconds, deeds_of(local=plan.local, team=plan.team is not None))
        # A business has few lines, and one person at a time sits at its computer: further callers and people wait.
        self._lines, self._desk = asyncio.Semaphore(LINES), asyncio.Semaphore(1)

    async def run(self) -> None:
        """Do all that is planned when it is due, until the week is over."""
        began = time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            for number, planned in enumerate(self.plan):
                await asyncio.sleep(began + planned.at - time.monotonic())
                if self.town.stop.is_set():
                    return
                tasks.create_task(self._do(planned, self.town.choices_of(f"deed {number}")))

    async def _do(self, planned: Planned, choose: random.Random) -> None:
        of_caller = planned.deed in OF_CALLERS
        async with self._lines if of_caller else self._desk:
            if self.town.stop.is_set():
                return
            self.done[planned.deed] += 1
            if of_caller:
                await self._call(planned.deed, choose)
            elif self.town.diary is not None:
                await self._enter(planned.deed, choose, self.town.diary)

    async def _call(self, deed: Deed, choose: random.Random) -> None:
        """Play one call. Without an appointment to change, or with a withheld number, the caller asks and hangs up."""
        town = self.town
        known = [c for c in town.customers if c.caller is not None]
        customer = choose.choice(known) if known and deed in (Deed.CALLER_MOVES, Deed.CALLER_CANCELS) else None
        call = town.begin_call(choose, customer)
        await asyncio.sleep(choose.uniform(*_GREETING))
        if customer is None:
            offer = await call.ask("check_availability", service="Haarschnitt", date=_start(choose)[:10])
            slots = offer.body.get("slots") or []
            if slots and deed is Deed.CALLER_BOOKS:
                chosen = choose.choice(slots)
                await asyncio.sleep(choose.uniform(*_CONSIDERING))
                await town.book_at(choose, call, chosen["start"])
        else:
            await call.ask("find_appointments")
            if deed is Deed.CALLER_MOVES:
                await town.move(choose, call, customer, _start(choose))
            else:
                await town.cancel(choose, call, customer)
        await town.hang_up(choose, call)

    async def _enter(self, deed: Deed, choose: random.Random, diary: Diary) -> None:
        """Do what a person does at Cal.com."""
        env, tenant, staff = self.town.env, self.town.tenant, choose.choice(_STAFF)
        live = [b.uid for b in env.calcom.account_of(tenant.calcom_key).bookings.values() if b.live]
        start = datetime.fromisoformat(_start(choose))
        match deed:
            case Deed.PERSON_BOOKS:
                for _ in range(_TRIES):
                    if await self.town.create_at_calcom(choose, _utc(choose)):
                        break
            case Deed.PERSON_MOVES if live:
                for _ in range(_TRIES):
                    if await change_at_calcom(env, tenant, "move", choose.choice(live), start=_utc(choose)):
                        break
            case Deed.PERSON_CANCELS if live:
                await change_at_calcom(env, tenant, "cancel", choose.choice(live))
            case Deed.PERSON_REASSIGNS if live:
                await reassign_at_calcom(env, tenant, choose.choice(live), staff)
            case Deed.BUSY:
                await diary.enter_busy_time(staff, start, timedelta(minutes=choose.choice((30, 60, 120))))
            case Deed.ABSENT:
                await diary.enter_absence(staff, start, choose.choice((1, 1, 3)))
            case Deed.ABSENCE_CHANGES:
                await diary.change_absence(choose, staff, start, choose.choice((1, 2)))
            case Deed.REMOVED:
                await diary.remove_one(choose, staff)


async def play_week(env: Environment, seconds: float, seed: int) -> Counter[Deed]:
    """Let every tenant have its week in `seconds`, with faults; return what was begun when the last call has ended."""
    stop = asyncio.Event()
    businesses = [Business(Town(env, tenant, seed, stop), seconds) for tenant in env.tenants]
    async with asyncio.TaskGroup() as tasks:
        for business in businesses:
            tasks.create_task(business.run())
        tasks.create_task(Faults(env, seed, _FAULT_PAUSE).run(stop))
        await asyncio.sleep(seconds)
        stop.set()
    return sum((business.done for business in businesses), Counter[Deed]())


def _start(choose: random.Random) -> str:
    return some_start(choose, datetime.now(ZONE), ZONE).isoformat()


def _utc(choose: random.Random) -> str:
    return some_start(choose, datetime.now(ZONE), ZONE).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
