"""The channel that wakes up workers in other pods. It only saves time: a worker also polls."""

from collections.abc import Callable
from datetime import timedelta

import redis.exceptions
import structlog
from redis.asyncio import Redis

from askproai_core.clock import Clock
from askproai_core.lifecycle import is_cancelled
from askproai_core.provider_limits import RedisUnavailable
from askproai_runtime.redis.client import RedisClient

log = structlog.get_logger(__name__)

URL_CHECK_INTERVAL = timedelta(seconds=5)
RECONNECT_DELAY = timedelta(seconds=2)


class WakeUpChannel:
    """The wake-up channel of one tenant. Its messages are empty: each means that there may be work."""

    def __init__(self, client: RedisClient, clock: Clock) -> None:
        self._client, self._clock = client, clock
        self._channel = client.key("wake")

    async def publish(self) -> bool:
        """Wake up the workers that listen, in any pod. Return False if no worker is listening."""
        try:
            return bool(await self._client.execute("PUBLISH", self._channel, ""))
        except RedisUnavailable:
            return False

    async def listen(self, wake_up: Callable[[], object]) -> None:
        """Call `wake_up` at each message until cancelled, and after each (re)subscription, because messages may have been lost."""
        while True:
            try:
                url = self._client.url()
                if url is not None:
                    async with self._client.open_subscriber(url) as subscriber:
                        await self._receive(subscriber, url, wake_up)
            except (redis.exceptions.RedisError, OSError, ValueError) as error:
                # `RedisClient` logs that Redis is unavailable, and when it is back.
                log.debug("wake.not_heard", error=type(error).__name__)
            if is_cancelled():
                return
            await self._clock.sleep(RECONNECT_DELAY)

    async def _receive(self, subscriber: Redis, url: str, wake_up: Callable[[], object]) -> None:
        """Call `wake_up` at each message, the confirmation of the subscription included, until another URL is mounted."""
        async with subscriber.pubsub(ignore_subscribe_messages=False) as subscription:
            await subscription.subscribe(self._channel)
            while self._client.url() == url and not is_cancelled():
                if await subscription.get_message(timeout=URL_CHECK_INTERVAL.total_seconds()) is not None:
                    wake_up()
