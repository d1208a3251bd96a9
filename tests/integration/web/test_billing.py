"""Stripe's events become the tenant's billing state, in whatever order they come; no caller notices."""

import random
import time
from collections.abc import AsyncIterator
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from webpod import STRIPE_SECRET, TOKEN, Pod, eventually, open_pod, running_web, running_worker

from askproai_runtime.billing import billing_state
from askproai_sandbox.databases import Database
from askproai_sandbox.stripe import event, invoice, send, subscription

NOW = 1_767_225_600
LIFE = [
    event("customer.subscription.created", subscription("incomplete"), NOW),
    event("customer.subscription.updated", subscription("active"), NOW),  # within the same second
    event("customer.subscription.updated", subscription("past_due"), NOW + 100),
    event("customer.subscription.deleted", subscription("canceled"), NOW + 90),
]


@pytest.fixture
async def billed(database: Database, tmp_path: Path) -> AsyncIterator[Pod]:
    async with open_pod(database, tmp_path, "billed") as pod:
        async with running_worker(pod) as port, running_web(pod, worker_port=port):
            yield pod


async def tell(pod: Pod, *events: dict[str, Any]) -> None:
    for told in events:
        assert await send(pod.session, f"{pod.url}/webhooks/stripe", STRIPE_SECRET, told, int(time.time())) == 200
    for told in events:
        assert (await pod.settled(told["id"]))["status"] == "processed"


async def state(pod: Pod) -> str | None:
    found = await billing_state(pod.worker.pool, pod.store.tenant)
    return found.status if found else None


async def test_a_subscription_is_the_same_after_every_order_of_its_events(billed: Pod) -> None:
    """A deleted one stays deleted, although an update carries a later time."""
    orders = random.Random(7).sample(list(permutations(range(len(LIFE)))), 8)
    for number, order in enumerate(orders):
        name = f"sub_{number}"
        mine = [event(e["type"], subscription(e["data"]["object"]["status"], name), e["created"]) for e in LIFE]
        await tell(billed, *(mine[index] for index in order))
    rows = await billed.db.fetch("SELECT status, ended FROM billing WHERE tenant = $1", billed.store.tenant)
    assert {(row["status"], row["ended"]) for row in rows} == {("canceled", True)}
    assert len(rows) == len(orders)


async def test_two_events_of_one_second_agree_whoever_comes_first(billed: Pod) -> None:
    for first, second, name in ((0, 1, "sub_a"), (1, 0, "sub_b")):
        mine = [event(e["type"], subscription(e["data"]["object"]["status"], name), NOW) for e in LIFE[:2]]
        await tell(billed, mine[first], mine[second])
    rows = await billed.db.fetch("SELECT status FROM billing WHERE tenant = $1", billed.store.tenant)
    assert [row["status"] for row in rows] == ["active", "active"]


async def test_the_newer_word_counts_and_several_subscriptions_give_the_best(billed: Pod) -> None:
    assert await state(billed) is None
    await tell(billed, event("invoice.payment_failed", invoice("sub_1"), NOW))
    assert await state(billed) == "past_due"
    await tell(billed, event("customer.subscription.updated", subscription("active"), NOW + 10))
    assert await state(billed) == "active"
    await tell(billed, event("invoice.payment_failed", invoice("sub_1"), NOW + 20))
    assert await state(billed) == "past_due"
    await tell(billed, event("invoice.paid", invoice("sub_1"), NOW + 30))
    assert await state(billed) == "active"
    await tell(billed, event("customer.subscription.deleted", subscription("active"), NOW + 40))
    assert await state(billed) == "canceled"
    await tell(billed, event("customer.subscription.created", subscription("trialing", "sub_2"), NOW + 50))
    assert await state(billed) == "trialing"
    await tell(billed, event("customer.subscription.created", subscription("paused", "sub_3"), NOW, livemode=True))
    assert await state(billed) == "paused", "test mode says nothing beside the real thing"


async def test_the_state_is_shown_and_a_cancelled_tenants_caller_is_served(billed: Pod) -> None:
    await tell(billed, event("customer.subscription.deleted", subscription("active"), NOW))
    health = await billed.get(f"{billed.private_url}/health/detailed", Authorization=f"Bearer {TOKEN}")
    assert health.body["billing"]["status"] == "canceled"
    assert health.body["status"] == "ok"
    reply = await billed.function("check_availability", "call_unpaid", {"service": "Haarschnitt"})
    assert reply.body["success"]


async def test_a_pod_is_well_on_the_schema_before_this_table(billed: Pod) -> None:
    """Design §3.8: a release runs on schema N and N−1."""
    await billed.db.execute("ALTER TABLE billing RENAME TO not_yet")
    health = await billed.get(f"{billed.private_url}/health/detailed", Authorization=f"Bearer {TOKEN}")
    assert (health.body["status"], health.body["billing"]) == ("ok", {"status": "unknown"})


async def test_the_metric_tells_the_state(database: Database, tmp_path: Path) -> None:
    async with open_pod(database, tmp_path, "measured") as pod:
        async with running_worker(pod) as port, running_web(pod, worker_port=port):
            await tell(pod, event("customer.subscription.updated", subscription("active"), NOW))
        async with running_worker(pod) as port:  # it measures when it starts, and then every 15 s

            async def told() -> bool:
                async with pod.session.get(f"http://127.0.0.1:{port}/metrics") as response:
                    return (
                        'askproai_billing_state{status="active",tenant="measured.measured"} 1.0'
                        in await response.text()
                    )

            await eventually(told)
