"""The storm: callers of every tenant, people at Cal.com, Stripe, and faults beside them, until the time is over."""

import asyncio
import itertools
import random
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.soak.clients import Call, change_at_calcom, reassign_at_calcom, send_billing
from tests.soak.diary import Diary
from tests.soak.environment import EVENT_TYPES, Environment, Team, Tenant
from tests.soak.faults import Faults
from tests.soak.history import Answer
from tests.soak.sentences import ZONE, Said, read
from tests.worlds.caller_names import surname

LINES = 3  # lines of each tenant
_PATIENCE = 4  # how often a caller asks again without a certain answer
_DAYS = (2, 60)  # from today: far enough that no appointment begins during the storm
_CROWDED_DAYS = 3
_THINKING = (0.2, 2.0)  # seconds between the calls of a line
_GREETING = (0.2, 1.0)  # seconds from the begin of a call to its first question
_ELSEWHERE = (1.0, 7.0)  # seconds between entries of a tenant's people in their own calendars
_KEPT = 6  # of such entries of a staff member; with more one is deleted
_OFFERED = 10  # answers: so old is a time that a person takes while its caller considers it
_TAKEN_AWAY = 0.15  # of the offered times that a caller is about to take
_ANSWERING = 2.1  # seconds: without a transcript a question counts as answered after two
_STAFF = tuple(EVENT_TYPES.values())


@dataclass
class Customer:
    """Somebody who has an appointment according to the answers."""

    caller: str | None
    name: str
    call_id: str
    appointment_id: str


@dataclass
class Town:
    """The callers of one tenant, and the people who work there. All choices come from the seed."""

    env: Environment
    tenant: Tenant
    seed: int
    stop: asyncio.Event
    customers: list[Customer] = field(default_factory=list)
    numbers: "itertools.count[int]" = field(default_factory=itertools.count)
    diary: Diary | None = None

    def __post_init__(self) -> None:
        if not self.tenant.plan.local:
            self.diary = Diary(self.env, self.tenant)

    async def run(self) -> None:
        people = [self._line(n) for n in range(LINES)]
        people.append(self._billing())
        if self.diary:
            people += [self._salon(), self._life(self.diary)]
        await asyncio.gather(*people)

    def choices_of(self, name: str) -> random.Random:
        return random.Random(f"{self.seed}:{self.tenant.key}:{name}")

    async def _line(self, line: int) -> None:
        choose = self.choices_of(f"line {line}")
        scenarios = ((self._book, 5), (self._come_back, 6), (self._crowd, 1), (self._stammer, 2))
        actions, weights = zip(*scenarios, strict=True)
        while not self.stop.is_set():
            (action,) = choose.choices(actions, weights)
            await action(choose)
            await asyncio.sleep(choose.uniform(*_THINKING))

    # Callers

    def begin_call(self, choose: random.Random, customer: Customer | None = None) -> Call:
        """Begin a call, with the id of another tenant's call: ids are unique only within each sender's account."""
        number = next(self.numbers)
        plan, withheld = self.tenant.plan, choose.random() < 0.1
        caller = customer.caller if customer else None if withheld else f"{plan.prefix}{number % 1000:03d}"
        name = (
            customer.name if customer else f"{choose.choice(('Petra', 'Peter', 'Uwe'))} {plan.token} {surname(number)}"
        )
        call = Call(self.env, self.tenant, f"call_{self.seed}_{number}", caller, name)
        call.send("call_started")
        return call

    async def hang_up(self, choose: random.Random, call: Call) -> None:
        """End a call. Now and then an answer is lost, an event comes twice, or Retell's worker mixes up two tenants' URLs."""
        others = [t for t in (tenant for tenant in self.env.tenants) if t is not self.tenant]
        transcript = f"Agent: Guten Tag.\nUser: Hier ist {call.name}.\n"
        call.send(
            "call_ended", impatient=choose.uniform(0.001, 0.05) if choose.random() < 0.1 else 0.0, transcript=transcript,
            stray=choose.choice(others) if choose.random() < 0.1 else None, call_status="ended",
            end_timestamp=int(time.time() * 1000), disconnection_reason="user_hangup",
        )  # fmt: skip
        if choose.random() < 0.1:
            call.send("call_ended")
        call.send(
            "call_analyzed", call_analysis={"call_summary": f"{call.name} hat angerufen.", "call_successful": True}
        )
        await call.close()

    async def _certain(self, choose: random.Random, call: Call, function: str, **args: Any) -> Answer:
        """Ask until the answer is certain, as a model does that heard "einen Moment bitte"."""
        for _ in range(_PATIENCE):
            answer = await call.ask(function, **args)
            if read(answer).said is not Said.OPEN:
                break
            await asyncio.sleep(choose.uniform(0.2, 2.0))
        return answer

    async def book_at(self, choose: random.Random, call: Call, start: str, staff: str | None = None) -> Customer | None:
        args = {
            "service": "Haarschnitt",
            "customer_name": call.name,
            "start": start,
            **({"staff": staff} if staff else {}),
        }
        answer = await self._certain(choose, call, "book_appointment", **args)
        if read(answer).said is not Said.THERE:
            return None
        customer = Customer(call.caller, call.name, call.call_id, str(answer.body["appointment_id"]))
        self.customers.append(customer)
        return customer

    async def _book(self, choose: random.Random) -> None:
        """Ask what is free, book it or another time; some change their mind at once."""
        call = self.begin_call(choose)
        start, staff = _some_start(choose), choose.choice((*_STAFF, None))
        await asyncio.sleep(choose.uniform(*_GREETING))
        offer = await call.ask("check_availability", service="Haarschnitt", date=start[:10])
        slots = offer.body.get("slots") or []
        if slots and choose.random() < 0.7:
            chosen = choose.choice(slots)
            start, staff = chosen["start"], None
            if self.diary and choose.random() < _TAKEN_AWAY:
                await self._take_away(choose, self.diary, chosen)
        await asyncio.sleep(choose.uniform(0, 0.5))
        customer = await self.book_at(choose, call, start, staff)
        while customer and choose.random() < 0.4:
            await self._change_mind(choose, call, customer)
        await self.hang_up(choose, call)

    async def _take_away(self, choose: random.Random, diary: Diary, slot: dict[str, str]) -> None:
        """Let the offered staff member become busy or absent while the caller considers the offer."""
        start = datetime.fromisoformat(slot["start"]).astimezone(ZONE)
        if choose.random() < 0.5:
            await diary.enter_absence(slot["staff"], start, 1)
        else:
            await diary.enter_busy_time(slot["staff"], start, timedelta(minutes=30))

    async def _come_back(self, choose: random.Random) -> None:
        """Call again from the same number: ask for the appointments, move or cancel one."""
        if not self.customers:
            return
        customer = choose.choice(self.customers[-60:])
        if customer.caller is None:  # only within the same call
            return
        call = self.begin_call(choose, customer)
        await call.ask("find_appointments")
        await self._change_mind(choose, call, customer)
        if choose.random() < 0.3:
            await call.ask("find_appointments")
        await self.hang_up(choose, call)

    async def _change_mind(self, choose: random.Random, call: Call, customer: Customer) -> None:
        if choose.random() < 0.5:
            await self.cancel(choose, call, customer)
        else:
            await self.move(choose, call, customer, _some_start(choose))

    async def cancel(self, choose: random.Random, call: Call, customer: Customer) -> None:
        args = {"appointment_id": customer.appointment_id}
        await call.ask("cancel_appointment", **args)  # the answer is the question whether to cancel it
        await asyncio.sleep(_ANSWERING)
        await self._certain(choose, call, "cancel_appointment", **args, confirmed=True)

    async def move(self, choose: random.Random, call: Call, customer: Customer, start: str) -> None:
        args = {"appointment_id": customer.appointment_id, "start": start}
        await self._certain(choose, call, "reschedule_appointment", **args)

    async def _crowd(self, choose: random.Random) -> None:
        """Several callers want the same slot of the same person at once."""
        start, staff = _some_start(choose), choose.choice(_STAFF)
        calls = [self.begin_call(choose) for _ in range(4)]
        await asyncio.gather(*(self.book_at(choose, call, start, staff) for call in calls))
        await asyncio.gather(*(self.hang_up(choose, call) for call in calls))

    async def _stammer(self, choose: random.Random) -> None:
        """A model that calls each function twice at once."""
        call, start = self.begin_call(choose), _some_start(choose)
        first, second = await asyncio.gather(*(self.book_at(choose, call, start) for _ in range(2)))
        if customer := first or second:
            await asyncio.gather(*(self._change_mind(choose, call, customer) for _ in range(2)))
        await self.hang_up(choose, call)

    # People

    async def _salon(self) -> None:
        """The salon's people at Cal.com: they cancel, move, and book by themselves."""
        choose, key = self.choices_of("salon"), self.tenant.calcom_key
        while not self.stop.is_set():
            await asyncio.sleep(choose.uniform(0.3, 4.0))
            live = [b for b in self.env.calcom.account_of(key).bookings.values() if b.live]
            action = choose.choices(
                ("create", "move", "cancel", "reassign"), (3, 3, 2, 2 if self.tenant.plan.team else 0)
            )[0]
            if action == "create" or not live:
                await self.create_at_calcom(choose, _utc(_some_start(choose)))
            elif action == "reassign":
                await reassign_at_calcom(self.env, self.tenant, choose.choice(live[-40:]).uid, choose.choice(_STAFF))
            elif action == "move":
                start = _utc(_some_start(choose))
                await change_at_calcom(self.env, self.tenant, "move", choose.choice(live[-40:]).uid, start=start)
            else:
                await change_at_calcom(self.env, self.tenant, "cancel", choose.choice(live[-40:]).uid)

    async def create_at_calcom(self, choose: random.Random, start: str) -> bool:
        """Book for a customer, some at a team with the host that the customer wants. Return whether Cal.com accepted it."""
        plan, number = self.tenant.plan, next(self.numbers)
        attendee = {
            "name": f"Ute {plan.token} {surname(number)}",
            "email": f"ute{number}.{plan.token.lower()}@example.de",
            "timeZone": str(ZONE), "phoneNumber": f"{plan.prefix}{number % 1000:03d}",
        }  # fmt: skip
        wanted = self.env.host(self.tenant, choose.choice(_STAFF)).id
        wish = {"rrHostSubsetIds": [wanted]} if plan.team is Team.BY_HOST and choose.random() < 0.5 else {}
        event_type = choose.choice(self.tenant.event_types)
        return await change_at_calcom(
            self.env, self.tenant, "create", eventTypeId=event_type, start=start, attendee=attendee, **wish
        )

    async def _life(self, diary: Diary) -> None:
        """Enter, change and delete people's events in linked calendars, and absences."""
        choose = self.choices_of("life")
        while not self.stop.is_set():
            await asyncio.sleep(choose.uniform(*_ELSEWHERE))
            staff, start = choose.choice(_STAFF), datetime.fromisoformat(self._some_time(choose)).astimezone(ZONE)
            kind = choose.choices(("busy", "absent", "change", "delete"), (5, 3, 1, 3))[0]
            if kind == "delete" or diary.count(staff) >= _KEPT:
                await diary.remove_one(choose, staff)
            elif kind == "busy":
                await diary.enter_busy_time(staff, start, timedelta(minutes=choose.choice((30, 60, 120))))
            elif kind == "absent":
                await diary.enter_absence(staff, start, choose.choice((1, 1, 3)))
            else:
                await diary.change_absence(choose, staff, start, choose.choice((1, 2)))

    def _some_time(self, choose: random.Random) -> str:
        """Return any start, or one that a caller was offered a moment ago and may be about to take."""
        if choose.random() < 0.5:
            return _some_start(choose)
        answers = [a for a in self.env.history.answers[-5 * _OFFERED :] if a.tenant == self.tenant.key]
        starts = [slot["start"] for a in answers[-_OFFERED:] for slot in a.body.get("slots") or ()]
        return choose.choice(starts) if starts else _some_start(choose)

    async def _billing(self) -> None:
        choose, created = self.choices_of("stripe"), int(time.time())
        while not self.stop.is_set():
            created += 1
            await send_billing(self.env, self.tenant, choose, created)
            await asyncio.sleep(choose.uniform(2, 6))


async def rage(env: Environment, seconds: float, seed: int) -> None:
    """Let everybody act for `seconds`, with faults; return when the last call has ended and all is running again."""
    stop = asyncio.Event()
    towns = [Town(env, tenant, seed, stop) for tenant in env.tenants]
    async with asyncio.TaskGroup() as tasks:
        for town in towns:
            tasks.create_task(town.run())
        tasks.create_task(Faults(env, seed).run(stop))
        await asyncio.sleep(seconds)
        stop.set()


def _some_start(choose: random.Random) -> str:
    """Return a start on the grid; half of them on few days, where many want the same. Some are outside of the hours."""
    first, last = _DAYS
    days = choose.randint(first, first + _CROWDED_DAYS if choose.random() < 0.5 else last)
    day = datetime.now(ZONE).replace(minute=0, second=0, microsecond=0) + timedelta(days=days)
    return day.replace(hour=choose.randint(9, 17), minute=choose.choice((0, 15, 30, 45))).isoformat()


def _utc(iso: str) -> str:
    return datetime.fromisoformat(iso).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
