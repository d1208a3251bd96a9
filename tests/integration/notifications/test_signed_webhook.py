"""The signed webhook, against a real HTTP server that checks it as docs/how-to.md says."""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from askproai_core.tenant_config import (
    NOTIFICATION_KEY,
    BusinessNews,
    CustomerNotifications,
    NotificationChannel,
    WebhookSettings,
)
from askproai_runtime.notifications.outbox import enqueue_text
from tests.worlds.notification_environment import NotificationEnvironment, mail_settings, notify_business

KEY = "a-key-of-the-salon"
WEBHOOK = (NotificationChannel.WEBHOOK,)


class Gateway:
    """Keeps what it accepts; `answers` are the next statuses, instead of 204."""

    def __init__(self) -> None:
        self.accepted: list[dict] = []
        self.answers: list[int] = []
        self.url = ""

    async def receive(self, request: web.Request) -> web.Response:
        body = await request.read()
        assert verify(body, request.headers["X-Askproai-Signature"], KEY)
        status = self.answers.pop(0) if self.answers else 204
        if status < 300:
            self.accepted.append(json.loads(body))
        return web.Response(status=status, headers={"Location": "http://127.0.0.1:9/"} if status == 302 else {})


def verify(body: bytes, header: str, key: str) -> bool:
    """What docs/how-to.md shows."""
    parts = dict(part.split("=", 1) for part in header.split(","))
    expected = hmac.new(key.encode(), f"{parts['t']}.".encode() + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, parts["v1"]) and abs(time.time() - int(parts["t"])) < 10**9


@pytest.fixture
async def gateway(env: NotificationEnvironment) -> AsyncIterator[Gateway]:
    gateway, app = Gateway(), web.Application()
    app.add_routes([web.post("/in", gateway.receive)])
    async with TestServer(app) as server:
        gateway.url = str(server.make_url("/in"))
        settings = mail_settings(
            env.server.port,
            email=None,
            webhook=WebhookSettings(url=gateway.url),
            customer=CustomerNotifications(channels=WEBHOOK),
            business=notify_business(channels=WEBHOOK),
        )
        env.configure(settings)
        env.credentials = {NOTIFICATION_KEY: KEY}
        yield gateway


async def test_customer_and_business_are_posted_with_what_a_text_message_needs(
    env: NotificationEnvironment, gateway: Gateway
) -> None:
    appointment = await env.book(email=None)
    await env.run()
    by_recipient = {each["recipient"]: each for each in gateway.accepted}
    customer = by_recipient["customer"]
    assert customer["to"] == {"name": "Petra Müller", "phone": "+4915112345678", "email": None}
    assert customer["short"] == "Ihr Termin bei Salon Müller ist eingetragen: Freitag, 27. November 2026, 14:30 Uhr."
    assert (customer["kind"], customer["fields"]["appointment_id"]) == ("booked", appointment)
    assert customer["fields"]["start"] == "2026-11-27T14:30:00+01:00"
    assert by_recipient["business"]["to"] == {}
    await env.run()
    assert len(gateway.accepted) == 2


@pytest.mark.parametrize(
    ("status", "state"), [(503, "waiting"), (429, "waiting"), (401, "waiting"), (302, "waiting"), (422, "dead")]
)
async def test_an_answer_that_is_no_success(
    env: NotificationEnvironment, gateway: Gateway, status: int, state: str
) -> None:
    gateway.answers = [status, status]
    await env.book()
    await env.run()
    assert {row["state"] for row in await env.rows()} == {state}
    if state == "waiting":
        first = {str(row["id"]) for row in await env.rows()}
        await env.make_due()
        await env.run()
        assert {each["id"] for each in gateway.accepted} == first, "the id by which a repetition is recognised"


async def test_a_text_for_the_business_is_sent_once(env: NotificationEnvironment, gateway: Gateway) -> None:
    """What other parts of the runtime use."""
    async with env.salon.pool.acquire() as conn:
        for _ in range(2):
            await enqueue_text(
                conn, env.salon.configs[-1], BusinessNews.MESSAGE, "message/1",
                title="Nachricht von Otto\r\nBcc: x", text="Bitte Rückruf.\n\nDanke.",
                correlation_id="c", caller="+4915199999999",
            )  # fmt: skip
    await asyncio.gather(env.run())
    (sent,) = gateway.accepted
    assert (sent["kind"], sent["title"]) == ("text", "Nachricht von Otto Bcc: x")
    assert sent["fields"]["caller"] == "+4915199999999"


async def test_without_its_key_nothing_is_posted(env: NotificationEnvironment, gateway: Gateway) -> None:
    env.credentials = {}
    await env.book()
    await env.run()
    assert gateway.accepted == []
    assert {row["state"] for row in await env.rows()} == {"waiting"}
