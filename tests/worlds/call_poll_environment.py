"""A salon's pod, and calls at the Retell simulator whose events never come: only the task `call-poll` finds them."""

import json
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import msgspec

from askproai_core.provider_limits import CircuitBreakers, RequestBudget
from askproai_core.provider_names import Provider
from askproai_core.providers import ProviderHttp
from askproai_core.tenant_config import TenantConfig
from askproai_runtime.calendars import ProviderCallRecorder
from askproai_runtime.calls.at_retell import CallsAtRetell
from askproai_runtime.encryption import no_cipher
from askproai_runtime.events import CallPoll
from askproai_runtime.metrics import Metrics
from askproai_runtime.tasks import Next, TaskRun
from askproai_sandbox.example_tenant import AGENT_ID, NUMBER
from askproai_sandbox.retell.app import RetellSimulator
from askproai_sandbox.retell.workspace import Call, Workspace
from askproai_sandbox.simulator import Fault, FaultKind, serve
from tests.worlds.clock import FixedClock
from tests.worlds.exchanges import Exchange, compared
from tests.worlds.retell_contract import check_exchange
from tests.worlds.tenant_pod import RETELL_KEY, TenantPod
from tests.worlds.tenant_redis import tenant_client
from tests.worlds.waiting import SOON, eventually

EVERY = timedelta(minutes=15)
CALLER = "+4915112345678"
SAID = "Agent: Salon Müller, guten Tag!\nUser: Auf Wiederhören.\n"
ANALYSIS = {"call_summary": "Kein Termin.", "user_sentiment": "Neutral", "call_successful": True}


@dataclass
class CallPollEnvironment:
    """`watermark` is the value that the last run returned or saved. `clock` is Retell's clock and ours; the database's is real."""

    pod: TenantPod
    retell: RetellSimulator
    url: str
    clock: FixedClock
    config: TenantConfig
    metrics: Metrics = field(default_factory=lambda: Metrics("salon"))
    key: str | None = RETELL_KEY
    watermark: dict[str, Any] = field(default_factory=dict)
    circuits: CircuitBreakers = None  # type: ignore[assignment]  # set below

    def __post_init__(self) -> None:
        self.circuits = CircuitBreakers(None, self.clock)

    async def save(self, watermark: dict[str, Any]) -> None:
        self.watermark = msgspec.json.decode(msgspec.json.encode(watermark))

    async def poll(self, save: Any = None) -> Next:
        """Run the task once, as a worker does, and wait until the worker has processed the stored events."""
        tenant, pool = self.config.tenant, self.pod.worker.pool
        budget = RequestBudget(tenant_client(None, tenant), self.clock, Provider.RETELL, lambda: 0, for_callers=False)
        http = ProviderHttp(Provider.RETELL, self.pod.session, self.circuits, self.clock, budget)
        recorder = ProviderCallRecorder(pool, tenant, self.metrics, Provider.RETELL)
        retell = CallsAtRetell(http, lambda: self.config.retell.base_url, lambda: self.key, recorder)
        poll = CallPoll(
            pool, lambda: self.config, retell, self.clock, self.metrics, EVERY, no_cipher(self.config.tenant)
        )
        try:
            result = await poll.run(TaskRun("call-poll", self.watermark, "corr-poll", save or self.save))
        finally:
            await self.processed()
        await self.save(result.watermark)
        return result

    async def processed(self) -> None:
        """Wait until the worker has processed every stored event."""
        await wait_until_processed(self.pod)

    def add(
        self, call_id: str, *, began: float, ended: float | None = None, analyzed: bool = False, **fields: Any
    ) -> None:
        """Add a call at Retell; `began` and `ended` are minutes ago. A field that is None is left out."""
        call: dict[str, Any] = {
            "call_id": call_id, "call_type": "phone_call", "agent_id": AGENT_ID, "agent_version": 0,
            "call_status": "ongoing", "direction": "inbound", "from_number": CALLER, "to_number": NUMBER,
            "start_timestamp": self.milliseconds(began),
        }  # fmt: skip
        if ended is not None:
            call |= {
                "call_status": "ended", "end_timestamp": self.milliseconds(ended), "disconnection_reason": "user_hangup",
                "transcript": SAID,
            }  # fmt: skip
        if analyzed:
            call["call_analysis"] = ANALYSIS
        known = {name: value for name, value in (call | fields).items() if value is not None}
        self.workspace.calls[call_id] = Call(self.clock.now(), known)

    def set_broken(self, call_id: str, broken: bool) -> None:
        """Make every request to Retell for this call fail or, with False, succeed again."""
        self.workspace.calls[call_id] = replace(self.workspace.calls[call_id], broken=broken)

    def milliseconds(self, minutes_ago: float) -> int:
        return int((self.clock.now() - timedelta(minutes=minutes_ago)).timestamp() * 1000)

    @property
    def workspace(self) -> Workspace:
        return self.retell.workspaces.setdefault(RETELL_KEY, Workspace())

    def tick(self, **duration: float) -> None:
        self.clock.advance(timedelta(**duration))

    def fail(self, kind: FaultKind, operation: str, **fault: Any) -> None:
        self.retell.faults.active.append(
            Fault.parse({"fault": kind, "operation": operation, **fault}, self.clock.now())
        )

    def requests(self) -> list[str]:
        """Return the operations requested from Retell since the last call of this method, in order."""
        found = [entry["operation"] for entry in self.retell.journal.entries]
        self.retell.journal.clear()
        return found

    async def started(self, call_id: str, began: float) -> None:
        """Deliver `call_started`, and nothing else."""
        fields = {"start_timestamp": self.milliseconds(began), "from_number": CALLER, "direction": "inbound"}
        assert (await self.pod.retell("call_started", call_id, **fields)).status == 200
        await self.processed()

    async def row(self, call_id: str) -> asyncpg.Record | None:
        statement = "SELECT * FROM calls WHERE tenant = $1 AND call_id = $2"
        return await self.pod.db.fetchrow(statement, self.config.tenant, call_id)

    async def state(self, call_id: str) -> tuple[str, str | None, bool]:
        """Return a call's status, its reason, and whether its analysis is stored."""
        row = await self.row(call_id)
        assert row is not None, f"there is no call {call_id}"
        analyzed = bool((json.loads(row["analysis"] or "{}") or {}).keys() - {"transcript_is_final"})
        return row["status"], row["disconnection_reason"], analyzed

    async def events(self) -> list[str]:
        """Return the ids of all events, each with how often a worker processed it."""
        statement = "SELECT event_id, attempts FROM webhook_events WHERE tenant = $1 ORDER BY event_id"
        return [
            f"{event_id} {attempts}" for event_id, attempts in await self.pod.db.fetch(statement, self.config.tenant)
        ]

    def found(self, event: str) -> float:
        """Return the number of found events of this kind, by the metric."""
        value = self.metrics.registry.get_sample_value(
            "askproai_call_events_found_total", {"tenant": "salon", "event": event}
        )
        return value or 0


async def wait_until_processed(pod: TenantPod) -> None:
    """Wait until the worker of a pod has processed every stored event."""
    async with pod.session.post(f"http://127.0.0.1:{pod.worker_port}/wake-up"):
        pass
    waiting = "SELECT NOT EXISTS (SELECT FROM webhook_events WHERE tenant = $1 AND status NOT IN ('processed', 'dead'))"
    await eventually(lambda: pod.db.fetchval(waiting, pod.store.tenant), SOON, "the stored events")


async def delete_calls(pod: TenantPod) -> None:
    """Delete all calls of a pod with their events and records, once its worker has processed them."""
    await wait_until_processed(pod)
    tables = ("jobs", "call_actions", "calls", "webhook_events", "provider_calls", "audit_log", "tasks")
    await pod.db.execute(";".join(f"DELETE FROM {table}" for table in tables))


@asynccontextmanager
async def open_call_poll_environment(
    pod: TenantPod, check: Callable[[Exchange], Iterable[str]] = check_exchange
) -> AsyncIterator[CallPollEnvironment]:
    """Yield the environment of a pod whose web and worker run. Each exchange with Retell is compared with its SDK."""
    clock = FixedClock(datetime.now(UTC))
    retell = RetellSimulator(clock)
    async with compared(retell, check), serve(retell) as url:
        config = pod.config()
        config = msgspec.structs.replace(config, retell=msgspec.structs.replace(config.retell, base_url=url))
        yield CallPollEnvironment(pod, retell, url, clock, config)
