"""Stripe's events become the tenant's billing state, whatever their order; no caller notices."""

import random
import time
from collections.abc import AsyncIterator
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from askproai_runtime.billing import get_billing_state
from askproai_sandbox.stripe import event, invoice, send, subscription
from tests.worlds.databases import Database
from tests.worlds.stripe_contract import check_event
from tests.worlds.tenant_pod import ADMIN_TOKEN, STRIPE_SECRET, TenantPod, open_pod, running_web, running_worker
from tests.worlds.waiting import eventually

pytestmark = pytest.mark.nightly

NOW = 1_767_225_600
LIFE = [
    event("customer.subscription.created", subscription("incomplete"), NOW),
    event("customer.subscription.updated", subscription("active"), NOW),  # within the same second
    event("customer.subscription.updated", subscription("past_due"), NOW + 100),
    event("customer.subscription.deleted", subscription("canceled"), NOW + 90),
]


@pytest.fixture
async def billed_pod(database: Database, tmp_path: Path) -> AsyncIterator[TenantPod]:
    async with open_pod(database, tmp_path, "billed") as pod:
        async with running_worker(pod) as port, running_web(pod, worker_port=port):
            yield pod


async def send_all(pod: TenantPod, *events: dict[str, Any]) -> None:
    """Send the events in this order and wait until all are processed."""
    for sent in events:
        assert list(check_event(sent)) == []
        assert await send(pod.session, f"{pod.url}/webhooks/stripe", STRIPE_SECRET, sent, int(time.time())) == 200
    for sent in events:
        assert (await pod.settled(sent["id"]))["status"] == "processed"


async def status_of(pod: TenantPod) -> str | None:
    state = await get_billing_state(pod.worker.pool, pod.store.tenant)
    return state.status if state else None


async def test_subscription_is_equal_after_every_event_order(billed_pod: TenantPod) -> None:
    """A deleted subscription stays deleted, even after an update with a later time."""
    orders = random.Random(7).sample(list(permutations(range(len(LIFE)))), 8)
    for number, order in enumerate(orders):
        name = f"sub_{number}"
        own = [event(e["type"], subscription(e["data"]["object"]["status"], name), e["created"]) for e in LIFE]
        await send_all(billed_pod, *(own[index] for index in order))
    rows = await billed_pod.db.fetch("SELECT status, ended FROM billing WHERE tenant = $1", billed_pod.store.tenant)
    assert {(row["status"], row["ended"]) for row in rows} == {("canceled", True)}
    assert len(rows) == len(orders)


async def test_simultaneous_subscription_events_agree_in_any_order(billed_pod: TenantPod) -> None:
    for first, second, name in ((0, 1, "sub_a"), (1, 0, "sub_b")):
        own = [event(e["type"], subscription(e["data"]["object"]["status"], name), NOW) for e in LIFE[:2]]
        await send_all(billed_pod, own[first], own[second])
    rows = await billed_pod.db.fetch("SELECT status FROM billing WHERE tenant = $1", billed_pod.store.tenant)
    assert [row["status"] for row in rows] == ["active", "active"]


async def test_newest_report_of_the_best_subscription_counts(billed_pod: TenantPod) -> None:
    assert await status_of(billed_pod) is None
    await send_all(billed_pod, event("invoice.payment_failed", invoice("sub_1", paid=False), NOW))
    assert await status_of(billed_pod) == "past_due"
    await send_all(billed_pod, event("customer.subscription.updated", subscription("active"), NOW + 10))
    assert await status_of(billed_pod) == "active"
    await send_all(billed_pod, event("invoice.payment_failed", invoice("sub_1", paid=False), NOW + 20))
    assert await status_of(billed_pod) == "past_due"
    await send_all(billed_pod, event("invoice.paid", invoice("sub_1"), NOW + 30))
    assert await status_of(billed_pod) == "active"
    await send_all(billed_pod, event("customer.subscription.deleted", subscription("active"), NOW + 40))
    assert await status_of(billed_pod) == "canceled"
    await send_all(billed_pod, event("customer.subscription.created", subscription("trialing", "sub_2"), NOW + 50))
    assert await status_of(billed_pod) == "trialing"
    await send_all(
        billed_pod, event("customer.subscription.created", subscription("paused", "sub_3"), NOW, livemode=True)
    )
    assert await status_of(billed_pod) == "paused", "a subscription in test mode does not count beside a live one"


async def test_billing_state_is_shown_while_cancelled_tenant_serves(billed_pod: TenantPod) -> None:
    await send_all(billed_pod, event("customer.subscription.deleted", subscription("active"), NOW))
    health = await billed_pod.get(f"{billed_pod.private_url}/health/detailed", Authorization=f"Bearer {ADMIN_TOKEN}")
    assert health.body["billing"]["status"] == "canceled"
    assert health.body["status"] == "ok"
    reply = await billed_pod.function("check_availability", "call_unpaid", {"service": "Haarschnitt"})
    assert reply.body["success"]


async def test_metric_shows_the_billing_state(database: Database, tmp_path: Path) -> None:
    async with open_pod(database, tmp_path, "measured") as pod:
        async with running_worker(pod) as port, running_web(pod, worker_port=port):
            await send_all(pod, event("customer.subscription.updated", subscription("active"), NOW))
        async with running_worker(pod) as port:  # it measures when it starts, and then every 15 s

            async def measured() -> bool:
                async with pod.session.get(f"http://127.0.0.1:{port}/metrics") as response:
                    active = 'askproai_billing_state{status="active",tenant="measured.measured"} 1.0'
                    return active in await response.text()

            await eventually(measured)
