"""The signed webhook, against a real HTTP server that checks it as docs/reference/notification-rules.md says."""

import asyncio

import pytest

from askproai_core.tenant_config.vocabulary import BusinessNews
from askproai_runtime.notifications.outbox import enqueue_text
from tests.worlds.notification_environment import NotificationEnvironment
from tests.worlds.notification_gateway import Gateway

pytestmark = pytest.mark.nightly


async def test_webhook_has_the_data_for_text_messages(env: NotificationEnvironment, gateway: Gateway) -> None:
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
async def test_unsuccessful_answer_is_retried_or_dead(
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
    """Other parts of the runtime send such texts."""
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


async def test_webhook_without_its_key_posts_nothing(env: NotificationEnvironment, gateway: Gateway) -> None:
    env.credentials = {}
    await env.book()
    await env.run()
    assert gateway.accepted == []
    assert {row["state"] for row in await env.rows()} == {"waiting"}
