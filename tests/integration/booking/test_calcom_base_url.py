"""A Cal.com server whose API is below a path, as self-hosted ones are: booked, moved and cancelled there."""

from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.worlds.booking_environment import call
from tests.worlds.calcom_environment import CalcomEnvironment

pytestmark = pytest.mark.nightly

PREFIX = "/kalender/api"
FOUR = "2026-11-27T16:00:00+01:00"


async def open_proxy(env: CalcomEnvironment, seen: list[str]) -> TestServer:
    """Serve the simulated Cal.com below `PREFIX`, and nothing elsewhere."""

    async def forward(request: web.Request) -> web.Response:
        seen.append(request.path)
        own = {"host", "content-length"}
        headers = {name: value for name, value in request.headers.items() if name.lower() not in own}
        url, body = f"{env.url}/{request.match_info['path']}", await request.read()
        async with env.session.request(request.method, url, params=request.query, data=body, headers=headers) as answer:
            return web.Response(status=answer.status, body=await answer.read(), content_type="application/json")

    app = web.Application()
    app.router.add_route("*", PREFIX + "/{path:.*}", forward)
    server = TestServer(app)
    await server.start_server()
    return server


@pytest.mark.parametrize("end", ["", "/"])
async def test_every_request_includes_the_base_urls_path(env: CalcomEnvironment, end: str) -> None:
    seen: list[str] = []
    server = await open_proxy(env, seen)
    try:
        env.use_base_url(str(server.make_url(PREFIX)) + end)
        booked: Any = await env.salon.book(staff="anna")
        moved = await env.salon.booking.reschedule_appointment(call(), {"start": FOUR})
        assert (booked.fields["status"], moved.fields["status"]) == ("confirmed", "confirmed")
        await env.salon.cancel(booked.fields["appointment_id"])
        await env.run_sync_job()
    finally:
        await server.close()
    assert env.bookings == []
    assert seen
    assert all(path.startswith(f"{PREFIX}/v2/bookings") for path in seen)
