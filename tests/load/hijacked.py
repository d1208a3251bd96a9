"""The effect on the callers and events of one tenant while another tenant's login is in an attacker's hands.

Alone and under attack alternate in short rounds of one run, so that a busy machine moves both alike; each number is the median
over the rounds. `nothing` is an attacker who does nothing: the distance of its ratio from 1 is the noise of the machine.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count
from statistics import median

from redis.exceptions import ResponseError

from askproai_operator.control_loop import Metrics
from askproai_operator.redis_acl import acl_rules
from askproai_operator.session_watch import watch_sessions
from tests.load.calls import play_on_schedule
from tests.load.environment import LoadEnvironment
from tests.load.measure import Row, percentile
from tests.load.sender import send_on_schedule
from tests.worlds.attacker import DATABASE_ATTACKS, REDIS_ATTACKS, Attacker, open_attacker

EVENTS, CALLS = 40, 8  # a second: far below what two cores can do, so that nobody waits for the victim's own load
ROUNDS, ROUNDS_WITH_BAR, ROUND_SECONDS = 5, 11, 2.0  # a median of five differs by a third with nobody attacking
STRIKES, STRIKE_SECONDS, LATE_SECONDS = 3, 1.5, 0.1
ALLOWED_RATIO = 1.2
SESSIONS = 2
# As many as a Tenant's pods may open with the manifest's defaults.
ALL_SESSIONS = 55
# Nothing but the number of cores bounds these, so they have no bar: see SECURITY.md.
UNBOUNDED = {"logins in a loop", "large objects", "long statements", *REDIS_ATTACKS}


@dataclass(frozen=True)
class Latencies:
    """Seconds from when a request was due until it was answered, and how many answers were an error."""

    events: list[float]
    bookings: list[float]
    failed: int


class Victim:
    """Sends events and calls to the tenant that is not attacked."""

    def __init__(self, env: LoadEnvironment) -> None:
        self._env, self._numbers = env, count(1_000_000, 1000)

    async def serve(self, seconds: float) -> Latencies:
        """Send every request when it is due, however late the others are answered."""
        first = next(self._numbers)
        events, calls = await asyncio.gather(
            send_on_schedule(self._env.url, f"h{first}", seconds, EVENTS),
            play_on_schedule(self._env.url, first, CALLS, seconds),
        )
        failed = sum(events.errors.values()) + len(calls.refused)
        return Latencies(events.latencies, calls.book_seconds, failed)


async def hijacked_rows(env: LoadEnvironment, report: Callable[[str], None]) -> list[Row]:
    """Measure each attack against running pods, beside the operator's watch."""
    redis_url = await env.redis.add_user("hijacked", partial(acl_rules, env.hijacked.tenant))
    stop, rows, victim = asyncio.Event(), [], Victim(env)
    watch = asyncio.create_task(watch_sessions(env.database.admin, Metrics(), stop))
    await cheap_logins(env)
    runs = [(name, SESSIONS, env.hijacked.dsn) for name in DATABASE_ATTACKS]
    runs += [("long statements", sessions, env.hijacked.dsn) for sessions in (1, ALL_SESSIONS)]
    runs += [(name, SESSIONS, redis_url) for name in REDIS_ATTACKS]
    try:
        for name, sessions, url in runs:
            title = f"{name}, {sessions} sessions"
            report(f"others under a hijacked login: {title}")
            await env.db.execute("TRUNCATE appointments, claims, call_actions CASCADE")
            async with open_attacker(name, sessions, url, env.hijacked.tenant, env.hijacked.role, env.db) as attacker:
                if name in DATABASE_ATTACKS and DATABASE_ATTACKS[name].watched:
                    rows += await strike_rows(env, victim, attacker, title)
                rows += await ratio_rows(env, victim, attacker, title, has_bar=name not in UNBOUNDED)
            await env.db.execute(f'ALTER ROLE "{env.hijacked.role}" LOGIN')
    finally:
        stop.set()
        await watch
    return rows


async def cheap_logins(env: LoadEnvironment) -> None:
    """Let the attacker's logins cost its own process next to nothing: on its own machine nobody would notice them."""
    password = env.hijacked.dsn.split(":")[2].split("@")[0]
    await env.db.execute(f"SET scram_iterations = 1; ALTER ROLE \"{env.hijacked.role}\" PASSWORD '{password}'")


@asynccontextmanager
async def attacking(env: LoadEnvironment, attacker: Attacker) -> AsyncIterator[None]:
    await attacker.begin()
    try:
        yield
    finally:
        ending = asyncio.create_task(attacker.end())
        async with env.redis.admin() as admin:
            while not ending.done():
                with contextlib.suppress(ResponseError):  # no script is running
                    await admin.script_kill()
                await asyncio.sleep(0.02)
        await ending


async def strike_rows(env: LoadEnvironment, victim: Victim, attacker: Attacker, title: str) -> list[Row]:
    """Measure the time until the watch has suspended the login: the longest wait, and how many requests were late."""
    longest, late, failed = [], [], []
    for _ in range(STRIKES):
        await env.db.execute(f'ALTER ROLE "{env.hijacked.role}" LOGIN')
        async with attacking(env, attacker):
            found = await victim.serve(STRIKE_SECONDS)
        waits = found.events + found.bookings
        longest.append(max(waits))
        late.append(sum(wait > LATE_SECONDS for wait in waits) / len(waits))
        failed.append(found.failed)
    return [
        Row(f"others' longest wait as it begins: {title}", max(longest) * 1000),
        Row(f"… requests of {STRIKE_SECONDS:g} s that waited over {LATE_SECONDS * 1000:g} ms", max(late) * 100, "%"),
        Row("… answers that were an error", max(failed), ""),
    ]


async def ratio_rows(
    env: LoadEnvironment, victim: Victim, attacker: Attacker, title: str, *, has_bar: bool
) -> list[Row]:
    """Measure the p99 of others under attack ÷ alone. A login that the watch suspends is suspended by now."""
    alone, under = [], []
    for _ in range(ROUNDS_WITH_BAR if has_bar else ROUNDS):
        alone.append(await victim.serve(ROUND_SECONDS))
        async with attacking(env, attacker):
            under.append(await victim.serve(ROUND_SECONDS))
    rows = []
    for what in ("events", "bookings"):
        before, after = (median(percentile(getattr(r, what), 99) for r in rounds) for rounds in (alone, under))
        name, wish = f"others' p99 ÷ alone, {what}: {title}", f"alone {before * 1000:.1f} ms"
        rows.append(Row(name, after / before, "×", wish, ALLOWED_RATIO if has_bar else None))
    return [*rows, Row("… answers that were an error", sum(each.failed for each in under), "", bar=0)]
