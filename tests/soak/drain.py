"""After the storm: wait until nothing is left to do and Cal.com was polled once more; redrive what died, as the runbook says, and
decide what only a person can.
"""

import asyncio
import json
import time
from datetime import timedelta
from typing import Any

import asyncpg

from tests.soak.clients import change_at_calcom
from tests.soak.environment import Environment, Tenant
from tests.soak.history import DeadLetter
from tests.soak.sentences import ZONE

_ROUNDS = 8
_NO_PROGRESS = 180.0  # seconds without any change of any job
_LONGEST = 900.0  # seconds until jobs that follow each other for ever are a finding
_OPEN = """
SELECT tenant, id, kind, state, attempts, claim_no, last_error, appointment_id::text, event_id FROM jobs
WHERE state IN ('ready', 'running') ORDER BY id
"""
# Retries are minutes apart. Waits of our own settings (quiet period, sync delay) are left as they are: they hold promises.
_HURRY = (
    "UPDATE jobs SET run_at = clock_timestamp() WHERE state = 'ready' AND run_at > clock_timestamp() + interval '25 s'"
)
_DEAD = "SELECT tenant, id, kind, last_error, appointment_id::text, event_id FROM jobs WHERE state = 'dead' ORDER BY id"
# As `tasks/store.py` does it: a run that is going on has begun before the storm's end, so another one is needed.
_REQUEST_POLL = """
UPDATE tasks SET requests = requests + 1, due_at = clock_timestamp() WHERE name = 'calendar-poll' RETURNING tenant, claim_no
"""
_POLLS = """
SELECT tenant, claim_no, last_error, lease_until IS NULL AND failures = 0 AND last_error IS NULL AS is_done FROM tasks
WHERE name = 'calendar-poll'
"""
_HURRY_POLL = "UPDATE tasks SET due_at = clock_timestamp() WHERE name = 'calendar-poll' AND tenant = ANY($1)"
_OVERLAPPED = """
SELECT staff, starts_at, ends_at, id::text, status FROM appointments WHERE tenant = $1 AND status IN ('confirmed', 'pending_sync')
"""


async def drain(env: Environment) -> None:
    """Wait until no job is left, redriving dead ones, and each tenant has polled Cal.com after the last change there.

    A job that does not end goes into the history as stuck.
    """
    await env.ready()
    await _await_spools(env)
    db = await env.connect()
    try:
        for _ in range(_ROUNDS):
            await env.calcom.sent()
            await _await_idle(env, db)
            await _await_polls(env, db)
            await _await_idle(env, db)
            dead = await db.fetch(_DEAD)
            if not dead:
                return
            known = {(letter.tenant, letter.job) for letter in env.history.dead_letters}
            for row in dead:
                letter = DeadLetter(row["tenant"], row["id"], row["kind"], row["last_error"] or "", time.time())
                if (letter.tenant, letter.job) not in known:
                    env.history.dead_letters.append(letter)
            for tenant in env.tenants:
                await _redrive(env, db, tenant, [row for row in dead if row["tenant"] == tenant.key])
        for row in await db.fetch(_DEAD):
            env.history.stuck.append((row["tenant"], f"dead letter {row['id']} ({row['kind']}): {row['last_error']}"))
    finally:
        await db.close()


async def _await_spools(env: Environment) -> None:
    """Wait until all events that were acknowledged from Redis are in PostgreSQL."""
    async with env.redis.admin() as admin:
        for tenant in env.tenants:
            ends_at, waiting = time.monotonic() + _NO_PROGRESS, 1
            while waiting and time.monotonic() < ends_at:
                waiting = await admin.xlen(f"askproai:{tenant.key}:spool")
                await asyncio.sleep(0.2)
            if waiting:
                env.history.stuck.append((tenant.key, f"{waiting} events wait in Redis"))


async def _await_polls(env: Environment, db: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Wait until each tenant has polled once more, from its beginning to its end."""
    before = {row["tenant"]: row["claim_no"] for row in await db.fetch(_REQUEST_POLL)}
    missing = {tenant.key for tenant in env.tenants} - set(before)
    env.history.stuck += [(tenant, "Cal.com was never polled") for tenant in missing]
    ends_at = time.monotonic() + _NO_PROGRESS
    while True:
        rows = await db.fetch(_POLLS)
        late = [row for row in rows if not row["is_done"] or row["claim_no"] <= before.get(row["tenant"], 0)]
        if not late:
            return
        if time.monotonic() > ends_at:
            env.history.stuck += [
                (row["tenant"], f"the poll of Cal.com does not end: {row['last_error']}") for row in late
            ]
            return
        await db.execute(_HURRY_POLL, [row["tenant"] for row in late])
        await asyncio.sleep(1)


async def _await_idle(env: Environment, db: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Wait until no job is ready or running, as long as anything moves."""
    seen: Any = None
    began = moved_at = time.monotonic()
    while jobs := [tuple(row) for row in await db.fetch(_OPEN)]:
        if jobs != seen:
            seen, moved_at = jobs, time.monotonic()
        if time.monotonic() - moved_at > _NO_PROGRESS or time.monotonic() - began > _LONGEST:
            env.history.stuck += [(row[0], f"job {row[1]} ({row[2]}) is {row[3]}: {row[6]}") for row in jobs]
            return
        await db.execute(_HURRY)
        await asyncio.sleep(0.5)


async def _redrive(env: Environment, db: "asyncpg.Connection[asyncpg.Record]", tenant: Tenant, dead: list[Any]) -> None:
    """Decide each conflict of the two books for the appointment that a caller was promised, then redrive all."""
    if not dead:
        return
    for row in dead:
        if not tenant.plan.local:
            await _decide(env, db, tenant, row)
    await env.calcom.sent()
    status, answer = await env.private(tenant, "POST", "/api/v1/events/redrive")
    if status != 200:
        env.history.stuck.append((tenant.key, f"redriving was answered {status} {answer}"))


async def _decide(env: Environment, db: "asyncpg.Connection[asyncpg.Record]", tenant: Tenant, row: Any) -> None:
    """Remove at Cal.com the obstacles to a live appointment of ours: other bookings, the dead event's included, and entries."""
    live = await db.fetch(_OVERLAPPED, tenant.key)
    bookings = [b for b in env.calcom.account_of(tenant.calcom_key).bookings.values() if b.live]
    if row["appointment_id"]:
        promised = [a for a in live if a["id"] == row["appointment_id"]]
        for a in promised:
            _clear_busy_times(env, tenant, a)
        subjects = bookings
    else:
        body = json.loads(await db.fetchval("SELECT payload FROM webhook_events WHERE id = $1", row["event_id"]))
        chain = {str((body.get("payload") or {}).get("uid"))}
        for b in env.calcom.account_of(tenant.calcom_key).bookings.values():  # in the order of their making
            if b.extra.get("rescheduledFromUid") in chain:
                chain.add(b.uid)
        promised, subjects = live, [b for b in bookings if b.uid in chain]
    for b in subjects:
        mine = b.metadata.get("requestId")
        if any(
            a["staff"] == env.staff_of(tenant, b.host.name) and a["id"] != mine
            and b.event_type.blocked_span(b.start, b.end)[0] < b.event_type.blocked_span(a["starts_at"], a["ends_at"])[1]
            and b.event_type.blocked_span(a["starts_at"], a["ends_at"])[0] < b.event_type.blocked_span(b.start, b.end)[1]
            for a in promised
        ):  # fmt: skip
            await change_at_calcom(env, tenant, "cancel", b.uid)


def _clear_busy_times(env: Environment, tenant: Tenant, promised: Any) -> None:
    """Remove the events of a linked calendar and the absences that keep a promised appointment out of Cal.com."""
    host = env.host(tenant, promised["staff"])
    margin = timedelta(minutes=10)  # the buffer of every event type (`environment.py`)
    for number, (start, end) in list(host.busy_times.items()):
        if start < promised["ends_at"] + margin and promised["starts_at"] < end + margin:
            del host.busy_times[number]
    day = promised["starts_at"].astimezone(ZONE).date()
    for number, absence in list(host.absences.items()):
        if day in absence.days():
            del host.absences[number]
