"""A process that books at random in the runtime's lock order (resources by id). Run by test_claims.py; prints what happened."""

import asyncio
import json
import random
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta

import asyncpg

T0 = datetime.now(UTC).replace(hour=9, minute=0, second=0, microsecond=0) + timedelta(days=30)


async def main(dsn: str, tenant: str, ids: list[int], seed: int) -> None:
    chance = random.Random(seed)
    outcome = Counter(booked=0, taken=0, deadlock=0)
    async with asyncpg.create_pool(dsn, min_size=0, max_size=5) as pool:

        async def book() -> None:
            start = T0 + timedelta(minutes=15 * chance.randrange(40))
            people = chance.sample(ids, 2)
            try:
                async with pool.acquire() as c, c.transaction():
                    lock = "SELECT id FROM resources WHERE tenant = $1 AND id = ANY($2) ORDER BY id FOR UPDATE"
                    await c.execute(lock, tenant, people)
                    appointment_id = await c.fetchval(
                        """INSERT INTO appointments (tenant, branch, service, staff, starts_at, ends_at, status, correlation_id)
                           VALUES ($1, 'mitte', 's', 'p', $2, $3, 'confirmed', 'c') RETURNING id""",
                        tenant, start, start + timedelta(minutes=45),
                    )  # fmt: skip
                    for person in people:
                        await c.execute(
                            """INSERT INTO claims (tenant, appointment_id, resource_id, blocks, state)
                               VALUES ($1, $2, $3, $4, 'booked')""",
                            tenant, appointment_id, person, asyncpg.Range(start, start + timedelta(minutes=45)),
                        )  # fmt: skip
                        await asyncio.sleep(0.01)  # without the lock above, this is time enough for a deadlock
                outcome["booked"] += 1
            except asyncpg.ExclusionViolationError:
                outcome["taken"] += 1
            except asyncpg.DeadlockDetectedError:
                outcome["deadlock"] += 1

        for _ in range(12):
            await asyncio.gather(*(book() for _ in range(5)))
    sys.stdout.write(json.dumps(outcome))


asyncio.run(main(sys.argv[1], sys.argv[2], json.loads(sys.argv[3]), int(sys.argv[4])))
