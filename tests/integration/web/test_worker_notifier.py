"""A worker is notified at once, and under load not for each job."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

import aiohttp
import pytest
from aiohttp import web

from askproai_core.clock import SystemClock
from askproai_core.http_server import start_server
from askproai_runtime.web import NOTIFY_PAUSE, WorkerNotifier
from tests.worlds.tenant_redis import tenant_client
from tests.worlds.waiting import eventually

pytestmark = pytest.mark.nightly


@asynccontextmanager
async def running_notifier(notified_at: list[float]) -> AsyncIterator[WorkerNotifier]:
    """A notifier whose worker appends the times at which it is notified."""

    async def accept(_request: web.Request) -> web.Response:
        notified_at.append(asyncio.get_running_loop().time())
        return web.Response(status=204)

    app = web.Application()
    app.add_routes([web.post("/poke", accept)])
    runner, port = await start_server(app, "127.0.0.1", 0, grace_seconds=1)
    async with aiohttp.ClientSession() as session:
        settings = SimpleNamespace(bind_address="127.0.0.1", worker_port=port)
        process = SimpleNamespace(
            settings=settings, session=session, clock=SystemClock(), shared=tenant_client(None, "salon")
        )
        notifier = WorkerNotifier(cast("Any", process))
        yield notifier
        await notifier.close()
    await runner.cleanup()


async def test_consecutive_jobs_share_one_worker_notification() -> None:
    notified_at: list[float] = []
    async with running_notifier(notified_at) as notifier:
        started_at = asyncio.get_running_loop().time()
        notifier.notify()
        await eventually(lambda: bool(notified_at))
        while (asked_at := asyncio.get_running_loop().time()) < started_at + 20 * NOTIFY_PAUSE.total_seconds():
            notifier.notify()
            await asyncio.sleep(0)  # its task runs, and asks for the next one
        await eventually(lambda: notified_at[-1] > asked_at)
    assert len(notified_at) <= 2 + (notified_at[-1] - started_at) / NOTIFY_PAUSE.total_seconds()
