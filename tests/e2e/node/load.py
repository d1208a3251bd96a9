"""The load while something is restarted or replaced: callers at the tenants, and a stream of signed events."""

import asyncio
import hashlib
import hmac
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from datetime import time as time_of_day
from functools import cache
from zoneinfo import ZoneInfo

import aiohttp

from askproai_sandbox.caller import CallRecord
from askproai_sandbox.example_tenant import SALON
from tests.e2e.node.cluster import objects
from tests.e2e.node.environment import ACKNOWLEDGED, NodeEnvironment, OtherExample
from tests.worlds.caller_names import surname
from tests.worlds.waiting import eventually

SCHEMA = "SELECT max(version) AS version FROM schema_migrations"
_HOME = ZoneInfo("Europe/Berlin")
_TUESDAY, _WEDNESDAY = 1, 2
_CLOSED = {"12-22", "12-23", "12-29", "12-30"}  # month and day


@cache  # midnight must not move what one test has left to another
def free_starts() -> list[str]:
    """Return starts that no two bookings share: hourly, on Wednesdays at least a week ahead, then on Tuesdays."""
    first = datetime.now(UTC).date() + timedelta(days=7)
    starts = []
    for weekday in (_WEDNESDAY, _TUESDAY):
        days = (first + timedelta(days=(weekday - first.weekday()) % 7, weeks=week) for week in range(11))
        starts += [datetime.combine(day, time_of_day(hour), _HOME).isoformat() for day in days for hour in range(9, 17)]
    return [start for start in starts if start[5:10] not in _CLOSED]


def signed(call_id: str) -> tuple[bytes, dict[str, str]]:
    """Return body and headers of an event, signed as Retell does (docs/vendors/retell.md)."""
    call = {"call_id": call_id, "agent_id": "unknown", "to_number": SALON.number, "from_number": "+4915100000000"}
    body = json.dumps({"event": "call_started", "call": call | {"direction": "inbound", "call_status": "ongoing"}})
    stamp = str(int(time.time() * 1000))
    digest = hmac.new(SALON.retell_key.encode(), (body + stamp).encode(), hashlib.sha256).hexdigest()
    return body.encode(), {"x-retell-signature": f"v={stamp},d={digest}", "Content-Type": "application/json"}


class Load:
    """Callers who book at the salon, callers who ask at other tenants, and twenty signed events a second.

    Two callers book at a time, each `pause` seconds after the call before, until there are no `starts` left.
    """

    def __init__(
        self, env: NodeEnvironment, starts: list[str], others: Iterable[OtherExample] = (), pause: float = 0.4
    ) -> None:
        self.env, self.starts, self.others, self.pause = env, starts, others, pause
        self.records: list[CallRecord] = []
        self.asked: list[CallRecord] = []
        self.sent: list[tuple[str, int]] = []
        self.answered: Counter[int] = Counter()
        self.refused: list[str] = []
        self._name = f"call_{time.time_ns()}"
        self._finished = asyncio.Event()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Call and send while the body runs."""
        self.env.refused.clear()
        self.env.answered.clear()
        async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as group:
            for number in range(2):
                group.create_task(self._book(number))
            for other in self.others:
                group.create_task(self._ask(other))
            group.create_task(self._send(session))
            try:
                yield
            finally:
                self._finished.set()
        self.answered, self.refused = Counter(self.env.answered), list(self.env.refused)

    async def _book(self, number: int) -> None:
        while not self._finished.is_set() and self.starts:
            args = {"service": "Haarschnitt", "start": self.starts.pop(0), "customer_name": f"Petra {surname(number)}"}
            caller = f"+491511{len(self.starts):07}"
            call = [{"name": "book_appointment", "args": args}]
            self.records.append(await self.env.call("Hallo", from_number=caller, args=call))
            await asyncio.sleep(self.pause)

    async def _ask(self, other: OtherExample) -> None:
        while not self._finished.is_set():
            question = [{"name": "check_availability", "args": {"service": "Haarschnitt", "date": "nächste Woche"}}]
            self.asked.append(await self.env.call("Hallo", to=other.number, args=question))
            await asyncio.sleep(0.5)

    async def _send(self, session: aiohttp.ClientSession) -> None:
        url = f"{self.env.proxy_url}/{SALON.namespace}/{SALON.namespace}/webhooks/retell"
        while not self._finished.is_set():
            call_id = f"{self._name}_{len(self.sent)}"
            body, headers = signed(call_id)
            async with session.post(url, data=body, headers=headers) as response:
                self.sent.append((f"{call_id}:call_started", response.status))
            await asyncio.sleep(0.05)

    def record(self, record_property: Callable[[str, object], None]) -> None:
        """Record for the table of steps how much there was: calls, events, and how many of all requests failed.

        A request is a webhook or a call function that reached the entrance, a repeated one once more.
        """
        record_property("calls", len(self.records) + len(self.asked))
        record_property("bookings", len(self.records))
        record_property("events", len(self.sent))
        failed = sum(self._failed().values())
        record_property("at the entrance", f"{failed} of {self.answered.total()} requests failed")

    def _failed(self) -> dict[int, int]:
        return {status: count for status, count in self.answered.items() if status not in ACKNOWLEDGED}

    async def assert_nothing_was_lost(self) -> None:
        """Each request was answered with 2xx, once; each booking that a caller heard of, and each acknowledged event, is in the
        database, once and processed.
        """
        assert self.refused == []
        assert [error for record in (*self.records, *self.asked) for error in record.errors] == []
        assert self._failed() == {}
        assert len(self.records) >= 3
        answers = [answer for record in self.records for answer in record.answers("book_appointment")]
        booked = [answer["appointment_id"] for answer in answers if answer["success"]]
        # A booking has six seconds; a caller who hears that it takes longer asks again.
        late = [answer for answer in answers if not answer["success"]]
        rows = await self.env.rows("SELECT id::text FROM appointments WHERE status IN ('confirmed', 'pending_sync')")
        assert set(booked) <= {row["id"] for row in rows}
        assert len(set(booked)) + len(late) == len(self.records)
        assert [answer for answer in late if "obstacle" in answer] == []
        assert len(late) <= len(self.records) // 10, late
        await eventually(self._is_processed, 180, "every acknowledged event to be processed")
        stored = {row["event_id"] for row in await self.env.rows("SELECT event_id FROM webhook_events")}
        assert {event for event, _ in self.sent} <= stored

    async def _is_processed(self) -> bool:
        return await self.env.unfinished() == 0


async def all_run(namespaces: Iterable[str], image: str) -> bool:
    """Return whether all pods of the tenants, those that end too, run an image, and are ready."""
    for namespace in namespaces:
        for pod in await objects("pods", "-n", namespace):
            containers = pod["spec"]["containers"]
            statuses = pod["status"].get("containerStatuses", ())
            if any(each["image"] != image for each in containers) or not all(each["ready"] for each in statuses):
                return False
    return True
