"""The copies of the custom resources after an unexpected error in reading them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from askproai_core.api_resource import CUSTOM, TENANTS
from askproai_core.kube import AccessError, HttpTransport
from askproai_runtime.page.fleet.mirror import FleetMirror
from tests.worlds.clock import FixedClock
from tests.worlds.waiting import eventually

BROKEN = {"metadata": {"namespace": "n", "name": "salon"}, "spec": {"tenantRef": "no object"}}
WHOLE = {"metadata": {"namespace": "n", "name": "salon"}, "spec": {}}


class Silent:
    """The body of a watch in which nothing happens."""

    async def iter_any(self) -> AsyncIterator[bytes]:
        await asyncio.Event().wait()
        yield b""


class ApiServer:
    """Lists one Tenant, by the next of `lists` each time, and by the last of them from then on. Its watches are silent."""

    def __init__(self, *lists: dict[str, Any] | Exception) -> None:
        self.lists = list(lists)

    async def request(self, _method: str, path: str, **_options: Any) -> dict[str, Any]:
        items: list[dict[str, Any]] = []
        if path == TENANTS.path():
            listed = self.lists.pop(0) if len(self.lists) > 1 else self.lists[0]
            if isinstance(listed, Exception):
                raise listed
            items = [listed]
        return {"items": items, "metadata": {"resourceVersion": "1"}}

    @asynccontextmanager
    async def stream(self, *_arguments: object) -> AsyncIterator[Silent]:
        yield Silent()


class Clock(FixedClock):
    """Records the mirror's problem at each of its waits."""

    def __init__(self) -> None:
        super().__init__(datetime(2026, 11, 24, 9, tzinfo=UTC))
        self.mirror: FleetMirror | None = None
        self.problems: list[str | None] = []

    async def sleep(self, duration: timedelta) -> None:
        assert self.mirror is not None
        self.problems.append(self.mirror.problem)
        await super().sleep(duration)


@pytest.mark.parametrize(
    ("fault", "problem"),
    [(AccessError("no way to the API server"), "no way to the API server"), (BROKEN, "Tenant: AttributeError")],
)
async def test_unreadable_kind_is_reported_and_read_again(fault: dict[str, Any] | Exception, problem: str) -> None:
    clock = Clock()
    clock.mirror = mirror = FleetMirror(cast("HttpTransport", ApiServer(fault, WHOLE)), clock)
    running = asyncio.create_task(mirror.run())
    try:
        await eventually(lambda: mirror.is_complete or running.done(), what=f"all of {len(CUSTOM)} kinds")
        assert not running.done(), "the copies are kept current no more, and nobody hears of it"
        assert [each.name for each in mirror.objects()] == ["salon"]
        assert clock.problems == [problem]
        assert mirror.problem is None
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
