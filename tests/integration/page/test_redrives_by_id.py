"""A request id redrives only once, and only the dead letters of its first request. An action that waits too long is not begun."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest

from askproai_runtime.page import server
from tests.worlds.page_visitor import Visitor, hidden, tags, visiting
from tests.worlds.tenant_pod import ADMIN_TOKEN, TenantPod

pytestmark = pytest.mark.nightly

JOB = """WITH appointment AS (
        INSERT INTO appointments (tenant, branch, service, staff, customer_name, starts_at, ends_at, status, correlation_id)
        VALUES ($1, 'mitte', 'haarschnitt', 'anna', 'P', now(), now() + interval '1 hour', 'cancelled', 'c') RETURNING id)
    INSERT INTO jobs (tenant, kind, priority, state, last_error, attempts, correlation_id, appointment_id)
    SELECT $1, 'calendar-sync', 'default', 'dead', 'calendar is away', 8, 'c', id FROM appointment RETURNING id"""
NOTIFICATION = """INSERT INTO notifications (tenant, kind, subject, recipient, channel, state, error, correlation_id)
    VALUES ($1, 'confirmation', $2, 'customer', 'Email', 'dead', 'refused', 'c') RETURNING id::text"""
OTHERWISE = "Dieses Formular wurde schon mit anderen Angaben gesendet."


@pytest.fixture
async def owner(shared_web_pod: TenantPod) -> AsyncIterator[Visitor]:
    async with visiting(shared_web_pod) as visitor:
        assert await visitor.log_in(ADMIN_TOKEN, "Karin") == 303
        yield visitor


async def dead_letters(pod: TenantPod) -> list[str]:
    """Add two dead jobs and two dead notifications; return the paths of their redrives."""
    tenant, db = pod.store.tenant, pod.db
    return [
        *[f"events/job:{await db.fetchval(JOB, tenant)}/redrive" for _ in range(2)],
        *[f"notifications/{await db.fetchval(NOTIFICATION, tenant, uuid4().hex)}/redrive" for _ in range(2)],
    ]


async def send(pod: TenantPod, path: str, **headers: str) -> tuple[int, dict[str, Any]]:
    url, own = f"{pod.private_url}/api/v1/{path}", {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    async with pod.session.post(url, headers=own | headers) as answer:
        return answer.status, await answer.json(content_type=None)


async def test_used_request_id_redrives_no_other_dead_letter(owner: Visitor) -> None:
    pod, csrf = owner.pod, hidden((await owner.get("/week"))[1])
    letters = await dead_letters(pod)
    for first in (letters[0], letters[2]):
        form = {"csrf": csrf, "request_id": str(uuid4())}
        assert (await owner.post(f"/dead-letters/{first}", **form))[0] == 303
        for other in (letters[1], letters[3]):
            status, page, _ = await owner.post(f"/dead-letters/{other}", **form)
            assert (status, OTHERWISE in page) == (409, True), (first, other)
    states = await pod.db.fetch(
        "SELECT state FROM jobs WHERE tenant = $1 AND id = $2::text::bigint", pod.store.tenant,
        letters[1].removeprefix("events/job:").removesuffix("/redrive"),
    )  # fmt: skip
    assert [row["state"] for row in states] == ["dead"]


async def test_only_one_of_two_simultaneous_redrives_acts(owner: Visitor) -> None:
    for _ in range(5):
        letters = await dead_letters(owner.pod)
        for pair in (letters[:2], letters[2:]):
            key = {"Idempotency-Key": str(uuid4())}
            answers = await asyncio.gather(*(send(owner.pod, path, **key) for path in pair))
            assert sorted(status for status, _ in answers) == [200, 409], answers


@pytest.mark.parametrize("kind", ["events", "notifications"])
async def test_repeated_redrive_of_all_skips_newer_dead_letters(owner: Visitor, kind: str) -> None:
    pod, letters = owner.pod, await dead_letters(owner.pod)
    key = {"Idempotency-Key": str(uuid4())}
    status, first = await send(pod, f"{kind}/redrive", **key)
    assert (status, len(first["redriven"]) >= 2) == (200, True)
    table = {"events": "jobs"}.get(kind, kind)
    await pod.db.execute(f"UPDATE {table} SET state = 'dead' WHERE tenant = $1", pod.store.tenant)
    assert await send(pod, f"{kind}/redrive", **key) == (200, first)
    left = await pod.db.fetch(f"SELECT 1 FROM {table} WHERE tenant = $1 AND state <> 'dead'", pod.store.tenant)
    assert left == []
    one = next(path for path in letters if path.startswith(kind))
    assert (await send(pod, one, **key))[0] == 200, "one letter is another change than all"


@asynccontextmanager
async def another_action(pod: TenantPod, letter: str) -> AsyncIterator[None]:
    """Hold a letter's row, so that a redrive of it does not end."""
    number = int(letter.removeprefix("events/job:").removesuffix("/redrive"))
    async with pod.db.transaction():
        await pod.db.execute("SELECT 1 FROM jobs WHERE tenant = $1 AND id = $2 FOR UPDATE", pod.store.tenant, number)
        yield


async def test_action_waiting_too_long_returns_a_repeatable_form(owner: Visitor, monkeypatch) -> None:
    monkeypatch.setattr(server, "_TURN_SECONDS", 0.2)
    held, free, *_ = await dead_letters(owner.pod)
    csrf = hidden((await owner.get("/week"))[1])
    form = {"csrf": csrf, "request_id": str(uuid4())}
    async with another_action(owner.pod, held):
        waiting = asyncio.create_task(owner.post(f"/dead-letters/{held}", csrf=csrf, request_id=str(uuid4())))
        try:
            while not waiting.done():
                status, page, _ = await owner.post(f"/dead-letters/{free}", **form)
                if status == 503:
                    break
                form["request_id"] = str(uuid4())
        finally:
            waiting.cancel()
    assert status == 503
    assert {str(a["name"]): a["value"] for tag, a in tags(page) if tag == "input"} == form
    assert "Dort wird gerade gebucht oder geändert." in page
