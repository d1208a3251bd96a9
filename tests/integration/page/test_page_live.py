"""Open pages of a tenant at a real pod: changes come by themselves, and no caller waits for a page."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from copy import copy
from typing import Any

import aiohttp
import pytest

from askproai_runtime.admin_api import PulseStore
from askproai_runtime.page import frontend
from askproai_runtime.page.views import VIEWS
from tests.worlds.page_rows import add_call, filled
from tests.worlds.page_visitor import Visitor, tags, visiting
from tests.worlds.tenant_pod import ADMIN_TOKEN, TenantPod, running_web
from tests.worlds.waiting import SOON, stopwatch

pytestmark = pytest.mark.nightly


async def events(visitor: Visitor, path: str, **headers: str) -> AsyncIterator[dict[str, str]]:
    """Yield the events of a stream, those without a name left out."""
    async with visitor.session.get(
        f"{visitor.pod.private_url}{path}", headers=headers, timeout=aiohttp.ClientTimeout(SOON)
    ) as answer:
        assert answer.status == 200
        fields: dict[str, str] = {}
        async for line in answer.content:
            name, _, value = line.decode().strip().partition(": ")
            if name:
                fields[name] = value
            elif fields:
                if "event" in fields:
                    yield fields
                fields = {}


async def test_change_is_announced_within_a_second(owner: Visitor) -> None:
    _, page, _ = await owner.get("/calls")
    (connect,) = [attributes["sse-connect"] for tag, attributes in tags(page) if tag == "body"]
    stream = events(owner, str(connect))
    first = asyncio.ensure_future(anext(stream))
    while (await asyncio.wait({first}, timeout=1.2))[0]:  # changes of other tests; then nothing is announced
        first = asyncio.ensure_future(anext(stream))
    async with stopwatch() as seconds:
        await add_call(owner.pod)
        event = await first
        assert seconds() < 1
    assert event["event"] == "calls"
    await stream.aclose()
    again = await anext(events(owner, "/live", **{"Last-Event-ID": str(connect).partition("=")[2]}))
    assert again["event"] == "calls"
    assert again["id"] == event["id"]


async def test_open_pages_do_not_keep_pods_from_ending(pod: TenantPod) -> None:
    second = copy(pod)
    async with running_web(second) as stop, visiting(second) as visitor:
        assert await visitor.log_in(ADMIN_TOKEN) == 303
        async with visitor.session.get(f"{second.private_url}/live") as answer:
            assert answer.status == 200
            await answer.content.readline()
            async with stopwatch() as seconds:
                stop.set()
                with suppress(aiohttp.ClientError):  # a browser comes back in either case
                    await asyncio.wait_for(answer.content.read(), SOON)
                assert seconds() < 10


async def test_caller_is_answered_while_one_view_is_rendered(owner: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    started, may_end, render, running, most = threading.Event(), threading.Event(), frontend.render, 0, 0

    def slow(*args: Any) -> str:
        nonlocal running, most
        running += 1
        most = max(most, running)
        started.set()
        assert may_end.wait(SOON), "nothing else was answered"
        running -= 1
        return render(*args)

    monkeypatch.setattr(frontend, "render", slow)
    views = [asyncio.create_task(owner.get(path)) for path in ("/week", "/calls", "/messages")]
    assert await asyncio.to_thread(started.wait, SOON)
    answer = await owner.pod.function("check_availability", "call_1", {"service": "Haarschnitt"})
    may_end.set()
    assert answer.status == 200
    assert {status for status, _, _ in await asyncio.gather(*views)} == {200}
    assert most == 1


async def test_simultaneous_page_requests_use_one_callers_connection(owner: Visitor, monkeypatch) -> None:
    has_ended, running, most = PulseStore.has_ended, 0, 0

    async def counted(store: PulseStore, session: str) -> bool:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.01)
        running -= 1
        return await has_ended(store, session)

    monkeypatch.setattr(PulseStore, "has_ended", counted)
    answers = await asyncio.gather(*(owner.get("/messages") for _ in range(10)))
    assert {status for status, _, _ in answers} == {200}
    assert most == 1


async def test_each_view_waits_for_announced_changes(owner: Visitor, seeded: dict[str, str]) -> None:
    for path in VIEWS:
        _, page, _ = await owner.get(filled(path, seeded))
        (connect,) = [attributes["sse-connect"] for tag, attributes in tags(page) if tag == "body"]
        announced = {mark.partition("-")[0] for mark in str(connect).partition("=")[2].split(".")}
        (trigger,) = [attributes["hx-trigger"] for _, attributes in tags(page) if "hx-trigger" in attributes]
        assert {each.strip().removeprefix("sse:") for each in str(trigger).split(",")} <= announced, path
