"""An attacker as a process of its own, with the real login of a tenant: `python -m tests.worlds.attacker KIND SESSIONS URL`.

It prints `ready`. Each line that it reads starts the attack or ends it, in turn. A session that was refused or ended is
followed by the next one, four times a second; faster logins are an attack of their own. How many sessions are open at once
is bounded by the login's CONNECTION LIMIT only.
"""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
from redis.asyncio import Redis
from redis.exceptions import RedisError

from tests.worlds.hijacked_tenant import NO_TIMEOUTS
from tests.worlds.waiting import eventually

ROOT = Path(__file__).resolve().parents[2]
_STAY = "SELECT pg_sleep(600)"
_BURN = "SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 100000) b WHERE a = -b"
_LOCK_OWN = "SELECT 1 FROM {} FOR UPDATE"


@dataclass(frozen=True)
class DatabaseAttack:
    """The statements of each session, in turn if there are several; `pause` is in seconds before a session is opened again."""

    sessions: tuple[tuple[str, ...], ...]
    database: str | None = None
    pause: float = 0.25
    watched: bool = False  # whether the operator's watch suspends the login for it


DATABASE_ATTACKS: Mapping[str, DatabaseAttack] = {
    "nothing": DatabaseAttack(()),
    "table lock": DatabaseAttack(
        (("BEGIN; LOCK TABLE appointments, claims IN ACCESS EXCLUSIVE MODE", _STAY),), watched=True
    ),
    "queue for tenants": DatabaseAttack(  # which every policy reads
        (("BEGIN; SELECT 1 FROM tenants LIMIT 1", _STAY), ("CREATE RULE r AS ON INSERT TO tenants DO NOTHING",)),
        watched=True,
    ),
    "catalog lock": DatabaseAttack(
        (
            ("BEGIN; SELECT 1 FROM pg_class LIMIT 1", _STAY),
            ("CREATE RULE r AS ON INSERT TO pg_catalog.pg_class DO NOTHING",),
        ),
        watched=True,
    ),
    "advisory locks": DatabaseAttack(
        (("SELECT count(pg_advisory_lock(n)) FROM generate_series(1, 1000000) n", _STAY),), watched=True
    ),
    "other database": DatabaseAttack(
        (("SELECT lo_create(0) FROM generate_series(1, 1000)", _STAY),), "postgres", watched=True
    ),
    "logins in a loop": DatabaseAttack((("SELECT 1",),), pause=0.0),
    "locks on own rows": DatabaseAttack(
        (("BEGIN", *(_LOCK_OWN.format(table) for table in ("resources", "appointments", "jobs", "tenants")), _STAY),)
    ),
    "large objects": DatabaseAttack((("SELECT count(lo_create(0)) FROM generate_series(1, 10000)",),), pause=0.0),
    "long statements": DatabaseAttack(((_BURN,),), pause=0.0),
}
# A script that never ends, and more commands than a pod ever sends.
REDIS_ATTACKS = ("redis flood", "redis script")


async def attack_database(attack: DatabaseAttack, number: int, url: str) -> None:
    """Run one session after another until the process ends."""
    if not attack.sessions:
        await asyncio.Event().wait()
    base, _, name = url.rpartition("/")
    statements = attack.sessions[number % len(attack.sessions)]
    while True:
        with contextlib.suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
            conn = await asyncpg.connect(f"{base}/{attack.database or name}", timeout=5)
            try:
                for statement in (NO_TIMEOUTS, *statements):
                    await conn.execute(statement)
            finally:
                conn.terminate()
        await asyncio.sleep(attack.pause)


async def attack_redis(name: str, url: str, tenant: str, stop: asyncio.Event) -> None:
    """Send commands that the tenant's user may send, as fast as they are answered."""
    while not stop.is_set():
        with contextlib.suppress(RedisError, OSError):
            async with Redis.from_url(url) as client:
                if name == "redis script":
                    await client.execute_command("EVAL", "while true do end", "0")
                while not stop.is_set():
                    pipeline = client.pipeline(transaction=False)
                    for n in range(100):
                        pipeline.set(f"askproai:{tenant}:{n}", "x" * 100)
                    await pipeline.execute()
        await asyncio.sleep(0.02)


async def main(name: str, sessions: str, url: str, tenant: str) -> None:
    stop = asyncio.Event()

    def attack(number: int) -> asyncio.Task[None]:
        if name in REDIS_ATTACKS:  # ends by itself: the client's library may swallow a cancellation
            return asyncio.create_task(attack_redis(name, url, tenant, stop))
        return asyncio.create_task(attack_database(DATABASE_ATTACKS[name], number, url))

    def answer(word: str) -> None:
        sys.stdout.write(f"{word}\n")
        sys.stdout.flush()

    answer("ready")
    while await asyncio.to_thread(sys.stdin.readline):
        stop.clear()
        tasks = [attack(number) for number in range(int(sessions))]
        answer("begun")
        await asyncio.to_thread(sys.stdin.readline)
        stop.set()
        for task in tasks if name in DATABASE_ATTACKS else ():
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        answer("ended")


@dataclass
class Attacker:
    """The handle of the process."""

    process: asyncio.subprocess.Process
    role: str
    superuser: "asyncpg.Connection[asyncpg.Record]"

    async def begin(self) -> None:
        await self._command("begun")

    async def end(self) -> None:
        """End the attack and its statements in the server, which outlive their client."""
        await self._command("ended")
        end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1"
        await eventually(lambda: self._none_left(end), what="the attacker's sessions to end")

    async def _none_left(self, end: str) -> bool:
        return not await self.superuser.fetch(end, self.role)

    async def _command(self, answer: str) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(b"\n")
        assert await self.process.stdout.readline() == f"{answer}\n".encode()


@asynccontextmanager
async def open_attacker(
    name: str, sessions: int, url: str, tenant: str, role: str, superuser: "asyncpg.Connection[asyncpg.Record]"
) -> AsyncIterator[Attacker]:
    """Start the process; it does nothing until `begin`."""
    command = [sys.executable, "-m", "tests.worlds.attacker", name, str(sessions), url, tenant]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=os.environ, stdin=pipe, stdout=pipe)
    try:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
        yield Attacker(process, role, superuser)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
