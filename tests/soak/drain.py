"""After the storm: wait until nothing is left to do; redrive what died, as the runbook says, and decide what only a person can."""

import asyncio
import json
import time
from typing import Any

import asyncpg

from tests.soak.clients import change_at_calcom
from tests.soak.environment import Environment, Tenant
from tests.soak.history import DeadLetter

_ROUNDS = 8
_NO_PROGRESS = 180.0  # seconds without any change of any job
_OPEN = """
SELECT tenant, id, kind, state, attempts, claim_no, last_error, appointment_id::text, event_id FROM jobs
WHERE state IN ('ready', 'running') ORDER BY id
"""
# Retries are minutes apart. Waits of our own settings (quiet period, sync delay) are left as they are: they hold promises.
_HURRY = (
    "UPDATE jobs SET run_at = clock_timestamp() WHERE state = 'ready' AND run_at > clock_timestamp() + interval '25 s'"
)
_DEAD = "SELECT tenant, id, kind, last_error, appointment_id::text, event_id FROM jobs WHERE state = 'dead' ORDER BY id"
_OVERLAPPED = """
SELECT staff, starts_at, ends_at, id::text, status FROM appointments WHERE tenant = $1 AND status IN ('confirmed', 'pending_sync')
"""


async def drain(env: Environment) -> None:
    """Wait until no job is left, redriving dead ones; what does not end goes into the history as stuck."""
    await env.ready()
    db = await env.connect()
    try:
        for _ in range(_ROUNDS):
            await env.calcom.sent()
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


async def _await_idle(env: Environment, db: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Wait until no job is ready or running, as long as anything moves."""
    seen: Any = None
    moved_at = time.monotonic()
    while jobs := [tuple(row) for row in await db.fetch(_OPEN)]:
        if jobs != seen:
            seen, moved_at = jobs, time.monotonic()
        if time.monotonic() - moved_at > _NO_PROGRESS:
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
    """Cancel at Cal.com the bookings that are in the way of a live appointment of ours, or of which the dead event is."""
    live = await db.fetch(_OVERLAPPED, tenant.key)
    bookings = [b for b in env.calcom.account_of(tenant.calcom_key).bookings.values() if b.live]
    if row["appointment_id"]:
        promised = [a for a in live if a["id"] == row["appointment_id"]]
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
            a["staff"] == b.event_type.host and a["id"] != mine
            and b.event_type.blocked_span(b.start, b.end)[0] < b.event_type.blocked_span(a["starts_at"], a["ends_at"])[1]
            and b.event_type.blocked_span(a["starts_at"], a["ends_at"])[0] < b.event_type.blocked_span(b.start, b.end)[1]
            for a in promised
        ):  # fmt: skip
            await change_at_calcom(env, tenant, "cancel", b.uid)
