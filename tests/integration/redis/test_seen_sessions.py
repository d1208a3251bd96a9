"""The last use of a session of the page: in Redis, over all pods, with the rights of a tenant."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from askproai_core.clock import SystemClock
from askproai_runtime.admin_api.sessions import SeenSessions
from askproai_runtime.metrics import Metrics
from askproai_runtime.redis.client import RedisClient
from tests.worlds.clock import FixedClock

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


async def test_session_is_recorded_every_minute_for_all_pods(shared: RedisClient) -> None:
    clock, session = FixedClock(NOON), uuid4().hex
    pod, other = SeenSessions(shared, clock), SeenSessions(shared, clock)
    await pod.note(session)
    clock.advance(timedelta(seconds=59))
    await pod.note(session)
    assert await other.list_seen([session, "never"]) == [NOON, None]
    clock.advance(timedelta(seconds=1))
    await pod.note(session)
    assert await other.list_seen([session]) == [NOON + timedelta(minutes=1)]
    assert await other.list_seen([]) == []


async def test_sessions_are_unknown_without_redis_but_nothing_fails(tenant: str) -> None:
    clock = SystemClock()
    for url in (None, "redis://127.0.0.1:1"):
        client = RedisClient(lambda url=url: url, tenant, clock, Metrics(tenant))  # type: ignore[misc]
        seen = SeenSessions(client, clock)
        await seen.note("s")
        assert await seen.list_seen(["s"]) == [None]
        await client.close()
