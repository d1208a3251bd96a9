"""The wake-up of workers in other pods. It is a courtesy: a worker that hears nothing polls."""

from collections.abc import Callable
from datetime import timedelta

import redis.exceptions
import structlog
from redis.asyncio import Redis

from askproai_core.clock import Clock
from askproai_core.redis.client import RedisAway, Shared

log = structlog.get_logger(__name__)

LISTEN = timedelta(seconds=5)  # then the URL is looked at again
REST = timedelta(seconds=2)


class WakeUp:
    """One channel per tenant, on which nothing is said but that there may be work."""

    def __init__(self, shared: Shared, clock: Clock) -> None:
        self._shared, self._clock = shared, clock
        self._channel = shared.key("wake")

    async def publish(self) -> bool:
        """Wake the workers that listen; False when none did."""
        try:
            return bool(await self._shared.do("PUBLISH", self._channel, ""))
        except RedisAway:
            return False

    async def listen(self, wake: Callable[[], object]) -> None:
        """Call `wake` at each publish until cancelled, and once more when the subscription stands: it may have missed some."""
        while True:
            try:
                url = self._shared.url()
                if url is not None:
                    async with self._shared.subscriber(url) as client:
                        await self._follow(client, url, wake)
            except (redis.exceptions.RedisError, OSError, ValueError) as error:
                # `Shared` says that Redis is away, and when it is back
                log.debug("wake.not_heard", error=type(error).__name__)
            await self._clock.sleep(REST)

    async def _follow(self, client: Redis, url: str, wake: Callable[[], object]) -> None:
        async with client.pubsub(ignore_subscribe_messages=False) as subscription:
            await subscription.subscribe(self._channel)
            while self._shared.url() == url:
                if await subscription.get_message(timeout=LISTEN.total_seconds()) is not None:
                    wake()
