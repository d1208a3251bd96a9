"""Waiting call events are processed in one transaction, all or none. After a failure, each of them is processed alone."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import pytest

from askproai_core.database import Pool, open_pool
from askproai_runtime.encryption import no_cipher
from askproai_runtime.events.call_group import MAX_BODY_BYTES, CallEventGroups
from askproai_runtime.intake import StoredEvent
from askproai_runtime.jobs import Job, JobSettings
from askproai_runtime.jobs.store import JobStore
from tests.worlds.statements import record_statements
from tests.worlds.tenant_pod import TenantPod, waiting_for_lock
from tests.worlds.waiting import eventually

pytestmark = pytest.mark.nightly


@dataclass
class Claimed:
    """Claimed jobs of call events, and the worker's groups that process them."""

    pod: TenantPod
    pool: Pool
    jobs: list[Job]

    async def process_together(self) -> list[StoredEvent | None]:
        groups = CallEventGroups(self.pool, self.pod.config, no_cipher(self.pod.store.tenant))
        return await asyncio.gather(*(groups.process(job) for job in self.jobs))

    async def change_event(self, job: Job, payload: bytes) -> None:
        await self.pod.db.execute("UPDATE webhook_events SET payload = $2 WHERE id = $1", job.event_id, payload)

    async def states(self) -> dict[int, str]:
        rows = await self.pod.db.fetch("SELECT id, state FROM jobs WHERE tenant = $1", self.pod.store.tenant)
        return {row["id"]: row["state"] for row in rows}

    async def calls(self) -> int:
        return await self.pod.db.fetchval("SELECT count(*) FROM calls WHERE tenant = $1", self.pod.store.tenant)


@pytest.fixture
async def claimed(web_pod: TenantPod) -> AsyncIterator[Claimed]:
    """Eight events of four calls, each call's in the wrong order."""
    for number in range(4):
        for event, status in (("call_ended", "ended"), ("call_started", "ongoing")):
            assert (await web_pod.retell(event, f"call_{number}", call_status=status)).status == 200
    async with open_pool(web_pod.store.dsn, max_size=2) as pool:
        async with pool.acquire() as conn:
            store = JobStore(pool, pool, web_pod.store.tenant, "worker", JobSettings(lease=timedelta(minutes=5)))
            jobs, _ = await store.claim(conn, [])
        assert len(jobs) == 8
        yield Claimed(web_pod, pool, jobs)


async def test_events_that_wait_are_processed_in_one_transaction(claimed: Claimed) -> None:
    assert all(await claimed.process_together())
    assert set((await claimed.states()).values()) == {"done"}
    transactions = await claimed.pod.db.fetch(
        "SELECT xmin FROM jobs WHERE tenant = $1 UNION SELECT xmin FROM calls WHERE tenant = $1",
        claimed.pod.store.tenant,
    )
    assert len(transactions) == 1
    statuses = await claimed.pod.db.fetch("SELECT status FROM calls WHERE tenant = $1", claimed.pod.store.tenant)
    assert [row["status"] for row in statuses] == ["ended"] * 4, "a late call_started reopens no call"
    events = await claimed.pod.db.fetch("SELECT status FROM webhook_events WHERE tenant = $1", claimed.pod.store.tenant)
    assert {row["status"] for row in events} == {"processed"}


async def test_lost_claim_leaves_no_effect_of_its_group(claimed: Claimed) -> None:
    lost = claimed.jobs[3]
    await claimed.pod.db.execute("UPDATE jobs SET claim_no = claim_no + 1 WHERE id = $1", lost.id)
    assert not any(await claimed.process_together())
    assert set((await claimed.states()).values()) == {"running"}
    assert await claimed.calls() == 0
    assert not any(job.finished for job in claimed.jobs)


@pytest.mark.parametrize(
    "payload",
    [b"{", b'{"event": "call_started", "call": {"call_id": "c", "agent_id": "foreign", "to_number": "+4930999999"}}',
     b" " * MAX_BODY_BYTES + b"{}"],
    ids=["unreadable", "unroutable", "long"],
)  # fmt: skip
async def test_unreadable_unroutable_or_long_event_joins_no_group(claimed: Claimed, payload: bytes) -> None:
    other = claimed.jobs[3]
    await claimed.change_event(other, payload)
    results = await claimed.process_together()
    assert [result is None for result in results] == [job is other for job in claimed.jobs]
    states = await claimed.states()
    assert [states[job.id] for job in claimed.jobs] == ["running" if job is other else "done" for job in claimed.jobs]
    assert [job.finished for job in claimed.jobs] == [job is not other for job in claimed.jobs]


async def test_second_attempt_of_an_event_joins_no_group(claimed: Claimed) -> None:
    claimed.jobs[3].attempts = 2
    results = await claimed.process_together()
    assert [result is None for result in results] == [job is claimed.jobs[3] for job in claimed.jobs]


async def test_locked_hold_does_not_delay_an_event_group(claimed: Claimed) -> None:
    tenant = claimed.pod.store.tenant
    for number in range(2):
        await claimed.pod.db.execute(
            """INSERT INTO appointments (tenant, branch, service, staff, starts_at, ends_at, status, call_id, correlation_id)
               VALUES ($1, 'mitte', 's', 'anna', now(), now() + interval '1 h', 'held', $2, 'c')""",
            tenant, f"call_{number}",
        )  # fmt: skip
    async with claimed.pod.db.transaction():
        await claimed.pod.db.execute(
            "SELECT 1 FROM appointments WHERE call_id = 'call_0' AND tenant = $1 FOR UPDATE", tenant
        )
        assert all(await asyncio.wait_for(claimed.process_together(), 5))
    kept = await claimed.pod.db.fetch("SELECT call_id FROM appointments WHERE tenant = $1", tenant)
    assert [row["call_id"] for row in kept] == ["call_0"]


async def test_cancelled_group_returns_its_connection_for_the_next(claimed: Claimed) -> None:
    """A worker that is stopped puts its jobs back by the same connection, while somebody has locked one of their calls."""
    tenant = claimed.pod.store.tenant
    groups = CallEventGroups(claimed.pool, claimed.pod.config, no_cipher(tenant))
    async with claimed.pod.db.transaction():
        await claimed.pod.db.execute(
            "INSERT INTO calls (tenant, call_id, status, correlation_id) VALUES ($1, 'call_0', 'x', 'c')", tenant
        )
        first = [asyncio.create_task(groups.process(job)) for job in claimed.jobs[:4]]
        await eventually(lambda: waiting_for_lock(claimed.pod))
        later = [asyncio.create_task(groups.process(job)) for job in claimed.jobs[4:]]
        await asyncio.sleep(0)
        for task in first:
            task.cancel()
        assert all(await asyncio.wait_for(asyncio.gather(*later), 2))
    states = await claimed.states()
    assert [states[job.id] for job in claimed.jobs] == ["running"] * 4 + ["done"] * 4


async def test_group_takes_seven_statements_with_any_events(claimed: Claimed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five statements of the group, and BEGIN and COMMIT."""
    statements = record_statements(monkeypatch)
    async with open_pool(claimed.pod.store.dsn, max_size=1) as pool:
        claimed.pool = pool
        assert all(await claimed.process_together())
    assert len(statements) == 7
