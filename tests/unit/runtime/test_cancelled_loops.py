"""A cancellation ends an endless loop, even at the very moment of the event for which the loop waits."""

import asyncio
from contextlib import asynccontextmanager, suppress
from types import SimpleNamespace
from typing import Any

import pytest

from askproai_core.clock import SystemClock
from askproai_runtime.redis.wake_up_channel import WakeUpChannel
from askproai_runtime.worker import _request_notifications


async def ends(task: "asyncio.Task[None]") -> bool:
    """Cancel a task, and return whether it ends."""
    task.cancel()
    done, _ = await asyncio.wait({task}, timeout=1)
    task.cancel()
    return task in done


@pytest.mark.parametrize("turns", range(5))
async def test_changed_config_does_not_keep_a_worker_running(turns: int) -> None:
    """A worker may be stopped just when it has read another config."""
    changes = [asyncio.Event(), asyncio.Event()]
    config = SimpleNamespace(current=SimpleNamespace(notifications=None), next_change=lambda: changes[0])
    process: Any = SimpleNamespace(config=config)
    task = asyncio.create_task(_request_notifications(process))
    await asyncio.sleep(0.01)
    changes.pop(0).set()
    for _ in range(turns):
        await asyncio.sleep(0)
    assert await ends(task)


class LosingSubscription:
    """A subscription that loses its first cancellation, as redis-py may while it sends."""

    def __init__(self) -> None:
        self.waits = 0

    async def subscribe(self, _channel: str) -> None:
        pass

    async def get_message(self, timeout: float) -> None:
        self.waits += 1
        with suppress(*([asyncio.CancelledError] if self.waits == 1 else [])):
            await asyncio.sleep(timeout)


async def test_a_lost_cancellation_ends_a_listener() -> None:
    @asynccontextmanager
    async def opened(*_args: Any, **_options: Any) -> Any:
        yield SimpleNamespace(pubsub=subscribed)

    @asynccontextmanager
    async def subscribed(**_options: Any) -> Any:
        yield LosingSubscription()

    client: Any = SimpleNamespace(key=lambda name: name, url=lambda: "redis://x", open_subscriber=opened)
    task = asyncio.create_task(WakeUpChannel(client, SystemClock()).listen(lambda: None))
    for _ in range(3):
        await asyncio.sleep(0)
    assert await ends(task)
