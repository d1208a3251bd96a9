"""A salon with web and worker, Redis, and both simulators; callers who leave traces in all of them; and a search for them."""

import asyncio
import io
import json
import secrets
import subprocess
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, redirect_stderr
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from askproai_core.clock import SystemClock
from askproai_core.fault_injection import FaultPoints
from askproai_core.provider_names import CalendarProvider
from askproai_core.tenant_config.config import CalendarConfig
from askproai_core.tenant_config.notifications import CustomerNotifications
from askproai_runtime.events import CALL_POLL, CalendarPoll, CallPoll
from askproai_runtime.intake.spool import STREAM
from askproai_runtime.privacy import ERASURES, ErasureTask
from askproai_runtime.redis.durable_stream import DurableStream
from askproai_runtime.tasks import TaskRun
from askproai_sandbox.calcom import CalcomSimulator
from askproai_sandbox.example_tenant import AGENT_ID, NUMBER
from askproai_sandbox.postgres import EmbeddedPostgres
from askproai_sandbox.redis import EmbeddedRedis
from askproai_sandbox.retell.app import RetellSimulator
from askproai_sandbox.retell.workspace import Call, Workspace
from askproai_sandbox.simulator import serve
from tests.worlds.databases import Database
from tests.worlds.encryption import decrypted_text
from tests.worlds.exchanges import compared
from tests.worlds.notification_environment import mail_settings, notify_business
from tests.worlds.private_desk import asking, request
from tests.worlds.retell_contract import check_exchange
from tests.worlds.tenant_pod import (
    CALCOM_SECRET,
    RETELL_KEY,
    TenantPod,
    next_friday,
    open_pod,
    running_web,
    running_worker,
)
from tests.worlds.tenant_redis import create_tenant_user
from tests.worlds.waiting import SOON, eventually

CALCOM_KEY = "cal_salon"


@dataclass(frozen=True)
class Person:
    """A caller, and the texts to search for."""

    name: str
    number: str
    email: str
    note: str
    message: str

    @property
    def needles(self) -> tuple[str, ...]:
        return (*self.name.split(), self.number[1:], self.email, self.note, self.message)


ZORA = Person("Zora Kanarienvogel", "+4915155500077", "zora@canary.example.de", "Zimtschnecke", "Vanillekipferl")
OTHER = Person("Otto Bleibtreu", "+4915155500088", "otto@stays.example.de", "Lakritze", "Butterbrot")


@dataclass
class PrivacyEnvironment:
    """`logs` are the lines of web and worker, at debug level. The simulators play both vendors."""

    pod: TenantPod
    postgres: EmbeddedPostgres
    database: Database
    redis: EmbeddedRedis
    retell: RetellSimulator
    calcom: CalcomSimulator
    logs: io.StringIO

    @property
    def tenant(self) -> str:
        return self.pod.store.tenant

    @property
    def workspace(self) -> Workspace:
        return self.retell.workspaces.setdefault(RETELL_KEY, Workspace())

    def call_fields(self, person: Person, call_id: str, minutes_ago: float = 20) -> dict[str, Any]:
        began = int((datetime.now(UTC) - timedelta(minutes=minutes_ago)).timestamp() * 1000)
        return {
            "call_id": call_id, "call_type": "phone_call", "agent_id": AGENT_ID, "agent_version": 0, "direction": "inbound",
            "from_number": person.number, "to_number": NUMBER, "start_timestamp": began, "call_status": "ended",
            "end_timestamp": began + 60_000, "disconnection_reason": "user_hangup",
            "transcript": f"User: {person.name} hier, {person.note}, {person.message}\n",
            "call_analysis": {"call_summary": f"{person.name} will {person.note}"},
        }  # fmt: skip

    async def play(self, person: Person, hour: int = 10, *, ends: bool = True, **call: str) -> str:
        """Play a call that books, leaves a message and joins the waiting list; return its id when its records are written.

        `call` replaces fields of the call, in which the person is the caller.
        """
        call_id = f"call_{secrets.token_hex(8)}"
        begun = {"call_status": "ongoing", "transcript": None, "end_timestamp": None, "call_analysis": None}
        fields = self.call_fields(person, call_id) | call | begun
        # The worker's poll asks Retell for a call that began so long ago: it goes on there, too, until `end`.
        self.workspace.calls[call_id] = Call(datetime.now(UTC), fields)
        await self.pod.retell("call_started", **fields)
        start = next_friday(self.pod, hour).isoformat()
        args = {"service": "Haarschnitt", "staff": "anna", "start": start, "customer_name": person.name}
        args |= {"email": person.email, "notes": person.note}
        for _ in range(2):  # the first one reads the address back
            booked = await self.ask("book_appointment", call_id, person, args | {"email_confirmed": True}, **call)
            await self.pod.let_two_seconds_pass(call_id)
        assert booked["success"], booked
        left = await self.ask(
            "leave_message", call_id, person, {"message": person.message, "customer_name": person.name}, **call
        )
        assert left["success"], left
        waits = {"service": "Haarschnitt", "staff": "anna", "start": start, "customer_name": person.name}
        joined = await self.ask("join_waitlist", call_id, person, waits | {"date": start[:10]}, **call)
        assert joined["success"], joined
        if ends:
            await self.end(person, call_id, **call)
        await self.recorded(call_id, functions=4)
        return call_id

    async def ask(self, name: str, call_id: str, person: Person, args: dict[str, Any], **call: str) -> dict[str, Any]:
        return (await self.pod.function(name, call_id, args, **{"from_number": person.number} | call)).body

    async def recorded(self, call_id: str, functions: int) -> None:
        """Wait for the records of a call: the web process writes them after its answers."""
        written = "SELECT count(*) = $3 FROM function_requests WHERE tenant = $1 AND call_id = $2"
        await eventually(
            lambda: self.pod.db.fetchval(written, self.tenant, call_id, functions), SOON, "the records of the functions"
        )

    async def end(self, person: Person, call_id: str, **call: str) -> None:
        fields = self.call_fields(person, call_id) | call
        if call_id in self.workspace.calls:
            self.workspace.calls[call_id] = Call(datetime.now(UTC), dict(fields))
        del fields["call_id"]
        for event in ("call_ended", "call_analyzed"):
            assert (await self.pod.retell(event, call_id, **fields)).status == 200
        await self.pod.settled(f"{call_id}:call_analyzed")

    async def erase(self, person: Person, **fields: Any) -> tuple[int, dict[str, Any]]:
        return await request(self.pod, "callers/erase", asking(caller=person.number, **fields))

    def task(self, quiet: timedelta = timedelta(), faults: FaultPoints | None = None) -> ErasureTask:
        process = self.pod.worker
        ctx = replace(process.booking(for_callers=False), faults=faults or process.faults)
        return ErasureTask(ctx, process.calls_at_retell(), lambda: DurableStream(process.shared, STREAM), quiet)

    async def finish(self) -> None:
        """Run the task until every erasure is done."""

        async def done() -> bool:
            await self.run_erasures()
            return not await self.pod.db.fetchval(
                "SELECT count(*) FROM erasures WHERE tenant = $1 AND state = 'open'", self.tenant
            )

        await eventually(done, SOON, "the erasure to be done")

    async def run_erasures(self, task: ErasureTask | None = None) -> None:
        await (task or self.task()).run(TaskRun(ERASURES, {}, "corr-erasure", _forget))

    async def poll_calls(self) -> None:
        process = self.pod.worker
        poll = CallPoll(
            process.pool,
            process.config.now,
            process.calls_at_retell(),
            SystemClock(),
            process.metrics,
            timedelta(minutes=1),
            process.cipher,
        )
        await poll.run(TaskRun(CALL_POLL, {}, "corr-poll", _forget))
        await self.processed()

    async def poll_calendar(self) -> None:
        poll = CalendarPoll(self.pod.worker.booking(for_callers=False), timedelta(minutes=1))
        await poll.run(TaskRun("calendar-poll", {}, "corr-poll", _forget))
        await self.processed()

    async def processed(self) -> None:
        async with self.pod.session.post(f"http://127.0.0.1:{self.pod.worker_port}/wake-up"):
            pass
        waiting = "SELECT NOT EXISTS (SELECT FROM jobs WHERE tenant = $1 AND state IN ('ready', 'running'))"
        await eventually(lambda: self.pod.db.fetchval(waiting, self.tenant), SOON, "the jobs")

    async def search(self, needles: Iterable[str]) -> list[tuple[str, str]]:
        """Return where a text is found: in a dump of the database, also decrypted, in Redis, in logs and at both simulators."""
        dump = await asyncio.to_thread(
            subprocess.run, [self.postgres.binaries / "pg_dump", "--data-only", self.database.superuser_dsn],
            capture_output=True, check=True,
        )  # fmt: skip
        readable = await decrypted_text(self.pod.db, self.tenant, self.pod.worker.cipher)
        database, logs = dump.stdout + readable.encode(), self.logs.getvalue().encode()
        places = {"database": database, "logs": logs, "redis": await self._redis()}
        places["retell"] = json.dumps(
            [dict(call.fields) for call in self.workspace.calls.values()], ensure_ascii=False
        ).encode()
        bookings = [each.body() for account in self.calcom.accounts.values() for each in account.bookings.values()]
        places["calcom"] = json.dumps(bookings, ensure_ascii=False, default=str).encode()
        return [
            (place, needle) for place, text in places.items() for needle in needles
            if needle.encode() in text or needle.encode().hex().encode() in text
        ]  # fmt: skip

    async def _redis(self) -> bytes:
        parts = list[bytes]()
        async with self.redis.admin() as admin:
            async for key in admin.scan_iter(match=f"askproai:{self.tenant}:*"):
                parts += [key if isinstance(key, bytes) else key.encode(), await admin.dump(key) or b""]
        return b"\n".join(parts)


async def _forget(_watermark: dict[str, Any]) -> None:
    """Discard the watermark."""


@asynccontextmanager
async def open_privacy_environment(
    postgres: EmbeddedPostgres, database: Database, redis: EmbeddedRedis, folder: Path, *, encrypted: bool = False
) -> AsyncIterator[PrivacyEnvironment]:
    """Yield the environment with web and worker running; `encrypted`: with a data key that is used."""
    retell, calcom = RetellSimulator(SystemClock()), CalcomSimulator(SystemClock())
    calcom.settings["webhook_delay_ms"] = 0
    async with open_pod(database, folder, f"s{secrets.token_hex(4)}") as pod:
        async with compared(retell, check_exchange), serve(retell) as retell_url, serve(calcom) as calcom_url:
            config = pod.config(
                calendar=CalendarConfig(provider=CalendarProvider.CALCOM, base_url=calcom_url),
                notifications=mail_settings(9, customer=CustomerNotifications(), business=notify_business()),
            )
            agents = [
                msgspec.structs.replace(each, version=0, greeting="abc", announces_ai=True) for each in config.agents
            ]
            at_retell = msgspec.structs.replace(config.retell, base_url=retell_url)
            pod.write_config(msgspec.structs.replace(config, retell=at_retell, agents=tuple(agents)))
            if encrypted:
                pod.encrypt()
            pod.write_credential("calcom-api-key", CALCOM_KEY)
            pod.write_credential("REDIS_URL", await create_tenant_user(redis, pod.store.tenant))
            with redirect_stderr(io.StringIO()) as logs:  # before the processes open their logs
                async with (
                    running_worker(pod, log_level="debug") as port,
                    running_web(pod, worker_port=port, log_level="debug"),
                ):
                    await _open_account(pod, calcom_url)
                    yield PrivacyEnvironment(pod, postgres, database, redis, retell, calcom, logs)


async def _open_account(pod: TenantPod, url: str) -> None:
    """Open the salon's account at Cal.com: its event types, and a webhook that reports all that happens there."""
    triggers = ["BOOKING_CREATED", "BOOKING_RESCHEDULED", "BOOKING_CANCELLED"]
    ours = f"{pod.url}/salon/salon/webhooks/calcom"
    hook = {"subscriberUrl": ours, "triggers": triggers, "active": True, "secret": CALCOM_SECRET}
    headers = {"Authorization": f"Bearer {CALCOM_KEY}"}
    async with pod.session.post(f"{url}/v2/webhooks", json=hook, headers=headers) as response:
        assert response.status == 201, await response.text()
    for number, host in ((1001, "anna"), (1002, "mehmet")):
        body = {"key": CALCOM_KEY, "id": number, "lengthInMinutes": 45, "host": host}
        async with pod.session.post(f"{url}/_sim/event-types", json=body) as response:
            assert response.status == 201, await response.text()


class Died(Exception):
    """The process was killed at a fault point."""


class Dying(FaultPoints):
    """Dies at the point that is armed."""

    def reach(self, name: str) -> None:
        if name == self.armed:
            raise Died
