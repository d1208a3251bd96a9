"""PostgreSQL and Redis are both away: which events were refused, and whether the polls later find each event's change.

Nobody sends again here: Cal.com never does, and Retell's three retries are over when an outage lasts. Retell's calls are some
minutes old when their events come, because the poll takes nothing younger than ten minutes.
"""

import asyncio
import json
import random
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp
import asyncpg

from askproai_core.clock import SystemClock
from askproai_sandbox.calcom.account import Account, Webhook
from askproai_sandbox.example_tenant import AGENT_ID, NUMBER
from askproai_sandbox.retell import RetellSimulator
from askproai_sandbox.retell.workspace import Call, Workspace
from askproai_sandbox.simulator import Refusal, serve
from tests.load import events
from tests.load.environment import CALCOM_KEY, CALCOM_SECRET, EVENT_TYPES, LoadEnvironment
from tests.load.measure import Row
from tests.soak.environment import RecordingCalcom
from tests.soak.history import History
from tests.worlds.waiting import eventually

CHANGES, CALLS = 20, 1  # in a second: people's changes at Cal.com, with one event each, and calls at Retell, with three
_KNOWN = 60  # bookings whose events have come before
_PATIENCE = 200  # seconds for the polls: Retell is asked for one call a second
_TRIGGERS = ("BOOKING_CREATED", "BOOKING_RESCHEDULED", "BOOKING_CANCELLED")
_ZONE = ZoneInfo("Europe/Berlin")
_POLLS = ("calendar-poll", "call-poll")
_REQUEST_POLLS = (
    "UPDATE tasks SET requests = requests + 1, due_at = clock_timestamp() WHERE tenant = $1 AND name = ANY($2)"
)
_POLLED = "SELECT count(*) = 2 FROM tasks WHERE tenant = $1 AND name = ANY($2) AND last_finished_at IS NOT NULL"
_LIVE = "SELECT external_id, starts_at FROM appointments WHERE tenant = $1 AND status = 'confirmed'"
_CALLS = "SELECT call_id, ended_at IS NOT NULL AS has_ended, analysis IS NOT NULL AS is_analyzed FROM calls WHERE tenant = $1"


@dataclass(frozen=True, slots=True)
class Event:
    """An event that was sent: `subject` is the uid of a booking or the id of a call; `status` is None without an answer."""

    name: str
    subject: str
    status: int | None

    @property
    def is_refused(self) -> bool:
        return self.status != 200


@dataclass(frozen=True, slots=True)
class Books:
    """The book at Cal.com and the one here: starts of live bookings by uid; calls with whether they have an end and an analysis."""

    there: Mapping[str, datetime]
    here: Mapping[str, datetime]
    calls: Mapping[str, tuple[bool, bool]]

    def has(self, event: Event) -> bool:
        """Return whether the book has what the event was about, in its present state."""
        if event.name in events.NAMES:
            ended, analyzed = self.calls.get(event.subject, (False, False))
            known = {"call_started": event.subject in self.calls, "call_ended": ended, "call_analyzed": analyzed}
            return known[event.name]
        return self.there.get(event.subject) == self.here.get(event.subject)


def missing(sent: Collection[Event], books: Books) -> list[Event]:
    """Return the refused events whose change is not in the book."""
    return [event for event in sent if event.is_refused and not books.has(event)]


@dataclass
class Senders:
    """People at Cal.com, and Retell. All choices come from the seed."""

    env: LoadEnvironment
    calcom: RecordingCalcom
    workspace: Workspace
    session: aiohttp.ClientSession
    choose: random.Random
    calls: list[Event] = field(default_factory=list)
    numbers: int = 0

    @property
    def account(self) -> Account:
        return self.calcom.account_of(CALCOM_KEY)

    @property
    def sent(self) -> list[Event]:
        deliveries = self.calcom.history.deliveries
        return [*self.calls, *(Event(d.event, json.loads(d.body)["payload"]["uid"], d.status) for d in deliveries)]

    async def change(self, *actions: str) -> None:
        """Create, move or cancel a booking at Cal.com; a time that is taken is chosen anew."""
        live = [b.uid for b in self.account.bookings.values() if b.live]
        action = self.choose.choice(actions) if live else "create"
        while True:
            body: dict[str, Any] = {"key": CALCOM_KEY, "action": action}
            if action == "create":
                guest = {"name": "Ute Kern", "email": "ute@example.com", "timeZone": str(_ZONE)}
                body |= {"eventTypeId": self.choose.choice(EVENT_TYPES).event_type_id, "attendee": guest}
            else:
                body["uid"] = self.choose.choice(live)
            if action != "cancel":
                body["start"] = self._some_start()
            with suppress(Refusal):
                await self.calcom.controls["dashboard"](body)
                return

    def _some_start(self) -> str:
        day = datetime.now(_ZONE) + timedelta(days=self.choose.randint(2, 55))
        start = day.replace(hour=self.choose.randint(9, 16), minute=0, second=0, microsecond=0)
        return start.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    async def call(self) -> None:
        """Let Retell have a call that ended fifteen minutes ago, and send its events once, in any order."""
        self.numbers += 1
        now_ms, call_id = int(time.time() * 1000), f"call_away_{self.numbers}"
        fields = {
            "call_id": call_id, "call_type": "phone_call", "agent_id": AGENT_ID, "agent_version": 1, "direction": "inbound",
            "from_number": "+4915112345678", "to_number": NUMBER, "call_status": "ended", "disconnection_reason": "user_hangup",
            "start_timestamp": now_ms - 17 * 60_000, "end_timestamp": now_ms - 15 * 60_000,
            "call_analysis": {"call_summary": "Kein Termin.", "call_successful": True},
        }  # fmt: skip
        self.workspace.calls[call_id] = Call(datetime.now(UTC), fields)
        for name in self.choose.sample(events.NAMES, 3):
            body = json.dumps({"event": name, "call": fields}).encode()
            self.calls.append(Event(name, call_id, await self._post(body)))

    async def _post(self, body: bytes) -> int | None:
        try:
            async with self.session.post(
                self.env.url + events.PATH, data=body, headers=events.signed(body)
            ) as response:
                return response.status
        except (aiohttp.ClientError, TimeoutError):
            return None

    async def run(self, seconds: float) -> None:
        """Send for so long, each change and call when it is due, however slow the answers are."""
        start = time.perf_counter()
        async with asyncio.TaskGroup() as tasks:
            for number in range(int(seconds * CHANGES)):
                await asyncio.sleep(start + number / CHANGES - time.perf_counter())
                await self.change("create", "create", "move", "cancel")
                if number % (CHANGES // CALLS) == 0:
                    tasks.create_task(self.call())
        await self.calcom.sent()


async def both_away_rows(env: LoadEnvironment, seconds: float, seed: int, report: Callable[[str], None]) -> list[Row]:
    """Stop both servers for `seconds` while events come, start them, let the polls run, and count what they did not find."""
    calcom, retell = RecordingCalcom(History(), seed), RetellSimulator(SystemClock())
    calcom.settings |= {"rate_limit": 0.0, "webhook_delay_ms": 0.0}
    async with serve(calcom) as calcom_url, serve(retell) as retell_url, aiohttp.ClientSession() as session:
        env.mount(calcom_url, retell_url)
        await _open_account(env, calcom)
        senders = Senders(
            env, calcom, retell.workspaces.setdefault(events.KEY, Workspace()), session, random.Random(seed)
        )
        async with env.running("web"), env.running("worker"):
            for _ in range(_KNOWN):
                await senders.change("create")
            await calcom.sent()
            await env.all_processed()
            await eventually(
                lambda: env.db.fetchval(_POLLED, env.store.tenant, _POLLS), 90, "the first polls", every=0.5
            )
            await asyncio.gather(env.postgres.stop(), env.redis.stop())
            report(f"both are away for {seconds:g} s: {CHANGES} changes at Cal.com and {CALLS} calls a second")
            await senders.run(seconds)
            await asyncio.gather(env.postgres.start(), env.redis.start())
            db = await asyncpg.connect(env.database.superuser_dsn)
            try:
                return await _poll(env, db, senders, f"{seconds:g} s without PostgreSQL and Redis", report)
            finally:
                await db.close()


async def _poll(
    env: LoadEnvironment, db: asyncpg.Connection, senders: Senders, name: str, report: Callable[[str], None]
) -> list[Row]:
    """Let the polls be due, and wait until all that was refused is in the book, or nothing more comes."""
    sent, tenant = senders.sent, env.store.tenant
    refused = [event for event in sent if event.is_refused]
    before = missing(sent, await _read(db, tenant, senders.account))
    report(f"both are back; of {len(refused):,} refused events {len(before):,} are not in the book; now the polls")
    await db.execute(_REQUEST_POLLS, tenant, _POLLS)
    began, took = time.perf_counter(), {"Cal.com": 0.0, "Retell": 0.0}
    while left := missing(sent, await _read(db, tenant, senders.account)):
        passed = time.perf_counter() - began
        took |= {"Retell" if event.name in events.NAMES else "Cal.com": passed for event in left}
        if passed > _PATIENCE:
            break
        await asyncio.sleep(0.2)
    doubled = (
        "SELECT count(*) - count(DISTINCT external_id) FROM appointments WHERE tenant = $1 AND status = 'confirmed'"
    )
    kinds = {kind: sum(event.name == kind for event in refused) for kind in (*_TRIGGERS, *events.NAMES)}
    return [
        Row(f"{name}: events that were sent", len(sent) - _KNOWN, ""),
        Row("… answered 503", sum(event.status == 503 for event in sent), ""),
        Row("… with another error, or no answer", sum(event.status != 503 for event in refused), ""),
        *[Row(f"… … {kind}", count, "") for kind, count in kinds.items()],
        Row("… not in the book when both are back", len(before), ""),
        Row("… refused, and not in the book after the polls", len(left), "", bar=0),
        Row("… in the book twice", await db.fetchval(doubled, tenant), "", bar=0),
        *[Row(f"… all of {sender} in the book, after the poll is due", value, "s") for sender, value in took.items()],
    ]


async def _read(db: asyncpg.Connection, tenant: str, account: Account) -> Books:
    there = {b.uid: b.start for b in account.bookings.values() if b.live}
    here = {row["external_id"]: row["starts_at"] for row in await db.fetch(_LIVE, tenant)}
    calls = {row["call_id"]: (row["has_ended"], row["is_analyzed"]) for row in await db.fetch(_CALLS, tenant)}
    return Books(there, here, calls)


async def _open_account(env: LoadEnvironment, calcom: RecordingCalcom) -> None:
    """Register the webhook and the event types."""
    url = f"{env.url}/webhooks/calcom"
    calcom.owners[url] = env.store.tenant
    fields = {"subscriberUrl": url, "triggers": list(_TRIGGERS), "active": True, "secret": CALCOM_SECRET}
    calcom.account_of(CALCOM_KEY).webhooks["away"] = Webhook("away", datetime.now(UTC), fields)
    for each in EVENT_TYPES:
        names = {"key": CALCOM_KEY, "id": each.event_type_id, "slug": each.staff, "host": each.staff}
        await calcom.controls["event-types"](names | {"lengthInMinutes": 45, "afterEventBuffer": 10})
