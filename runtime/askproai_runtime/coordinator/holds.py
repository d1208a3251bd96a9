"""Holds that ran out, and slot locks that never will.

A booking reaps expired holds that are in its way; those that are in nobody's way would stay for ever.
"""

from askproai_runtime.coordinator.duty import BATCH, Desk

# People first, in id order, as the booking room does it (booking/ledger.py); those whom a booking holds at this moment are left
# for the next run, so that we never wait and so never deadlock. `now()` is the transaction's begin, and can be looked up in an
# index; what had run out by then has run out.
_LOCK = """
SELECT id FROM resources WHERE id IN (
    SELECT resource_id FROM claims WHERE state = 'held' AND expires_at <= now() LIMIT $1)
ORDER BY id FOR UPDATE SKIP LOCKED
"""

# Looked at again under the locks: what a booking changed before it let them go is seen by this statement.
_SWEEP = """
DELETE FROM appointments a USING (
    SELECT h.tenant, h.id FROM appointments h
    WHERE h.status = 'held' AND (h.tenant, h.id) IN (
        SELECT c.tenant, c.appointment_id FROM claims c
        WHERE c.resource_id = ANY ($1) AND c.state = 'held' AND c.expires_at <= now())
      AND NOT EXISTS (
        SELECT 1 FROM claims o WHERE o.tenant = h.tenant AND o.appointment_id = h.id
        AND (o.resource_id <> ALL($1) OR o.state <> 'held' OR o.expires_at > now()))
    FOR UPDATE SKIP LOCKED
) expired WHERE a.tenant = expired.tenant AND a.id = expired.id AND a.status = 'held'
"""

_LOCK_LIFE_MS = "60000"
_FOR_EVER = -1


async def sweep_holds(desk: Desk) -> int:
    """Delete holds that ran out, with their claims."""
    swept = 0
    while True:
        desk.fence()
        async with desk.pool.acquire() as connection, connection.transaction():
            people = [row["id"] for row in await connection.fetch(_LOCK, BATCH)]
            done = int((await connection.execute(_SWEEP, people)).rpartition(" ")[2]) if people else 0
        swept += done
        if not done:  # nothing left, or only what somebody has in hand now
            return swept


async def sweep_locks(desk: Desk) -> int:
    """Give a life to slot locks that have none. They are made with one; a key that a person wrote, or a fault of ours, may
    have lost it, and would keep a slot from being asked for. `NX` spares one that was made anew in between.
    """
    mended = 0
    if not desk.redis.configured:
        return mended
    async for key in desk.redis.keys("askproai:*:slot:*"):
        if await desk.redis.expiry(key) == _FOR_EVER:
            desk.fence()
            await desk.redis.write(key, ("PEXPIRE", _LOCK_LIFE_MS, "NX"))
            mended += 1
    return mended
