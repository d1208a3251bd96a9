"""Timelines of a correlation id, and of an appointment with its changes in any call and at the desk."""

import json
from typing import Any
from uuid import uuid4

import pytest

from askproai_core.database import open_pool
from askproai_core.providers import Reply
from askproai_core.reader_token import reader_token_of
from askproai_runtime.calendars import ProviderCallRecorder
from tests.worlds.booking_environment import RecordedMetrics
from tests.worlds.page_visitor import visiting
from tests.worlds.private_desk import asking, command, request
from tests.worlds.tenant_pod import ADMIN_TOKEN, TenantPod, next_friday
from tests.worlds.waiting import eventually

pytestmark = pytest.mark.nightly

CALLER, NAME = "+4915155500093", "Zora Kanarienvogel"
HAIRCUT = {"service": "Haarschnitt", "staff": "anna"}


async def book(pod: TenantPod, call_id: str, hour: int) -> str:
    args = HAIRCUT | {"start": next_friday(pod, hour).isoformat(), "customer_name": NAME}
    booked = await pod.function("book_appointment", call_id, args, from_number=CALLER)
    assert booked.body["success"], booked.body
    return str(booked.body["appointment_id"])


async def moments(pod: TenantPod, asked: str, count: int, what: str, **params: str) -> list[dict[str, Any]]:
    """Return the entries of a kind, once there are `count`: records are written behind the answers."""

    timeline: dict[str, Any] = {}

    async def written() -> list[dict[str, Any]] | None:
        nonlocal timeline
        _, timeline = await request(pod, f"timeline/{asked}", **params)
        found = [each for each in timeline.get("moments", ()) if each["what"] == what]
        return found if len(found) == count else None

    return await eventually(written, what=lambda: timeline)


async def test_appointment_timeline_shows_call_and_desk_actions(pod: TenantPod) -> None:
    first, second, other = (f"call_{uuid4().hex}" for _ in range(3))
    appointment = await book(pod, first, 10)
    await book(pod, other, 13)
    body = asking(start=next_friday(pod, 11).isoformat())
    status, moved = await request(pod, f"appointments/{appointment}/move", body)
    assert status == 200, moved
    agreed = {"appointment_id": appointment, "confirmed": True}
    for _ in range(2):  # the first one asks back
        cancelled = await pod.function("cancel_appointment", second, agreed, from_number=CALLER)
        await pod.let_two_seconds_pass(second)
    assert cancelled.body["success"], cancelled.body

    functions = await moments(pod, appointment[:8], 3, "function")
    assert [(each["name"], each["outcome"], each["call_id"]) for each in functions] == [
        ("book_appointment", "booked", first),
        ("cancel_appointment", "asked_back", second),
        ("cancel_appointment", "cancelled", second),
    ]
    _, timeline = await request(pod, f"timeline/{appointment}")
    assert timeline["call"] is None
    assert NAME not in json.dumps(timeline)
    whole = [(each["what"], each["name"].split(" ")[0]) for each in timeline["moments"]]
    assert ("audit", "appointment.moved") in whole
    assert [each for each in whole if each[0] == "appointment"] == [("appointment", "haarschnitt")]
    text = await command(pod, "timeline", appointment[:8])
    assert f"in {second}" in text
    assert "appointment.moved" in text


async def test_a_correlation_id_leads_to_its_records(pod: TenantPod) -> None:
    call_id = f"call_{uuid4().hex}"
    await pod.function("check_availability", call_id, HAIRCUT)
    args = HAIRCUT | {"start": next_friday(pod, 10, 3).isoformat(), "customer_name": NAME}
    booked = await pod.function("book_appointment", call_id, args, from_number=CALLER)
    assert booked.body["success"], booked.body
    mine = booked.headers["X-Correlation-Id"]
    (function,) = await moments(pod, mine, 1, "function")
    assert (function["name"], function["call_id"], function["correlation_id"]) == ("book_appointment", call_id, mine)
    _, timeline = await request(pod, f"timeline/{mine}")
    assert [each["appointment_id"] for each in timeline["moments"] if each["what"] == "appointment"] == [
        booked.body["appointment_id"]
    ]
    event = (await pod.retell("call_started", call_id)).headers["X-Correlation-Id"]
    (started,) = await moments(pod, event, 1, "event")
    assert (started["name"], started["call_id"]) == ("call_started", call_id)


async def test_transcript_needs_a_right_and_is_audited(pod: TenantPod) -> None:
    call_id = f"call_{uuid4().hex}"
    appointment = await book(pod, call_id, 15)
    (said,) = await moments(pod, appointment, 1, "function", personal="true")
    assert NAME in json.dumps(said["arguments"])
    read = "SELECT count(*) FROM audit_log WHERE tenant = $1 AND action = 'call.read' AND detail->>'call' = $2"
    assert await pod.db.fetchval(read, pod.store.tenant, call_id) == 1
    headers = {"Authorization": f"Bearer {reader_token_of(ADMIN_TOKEN)}"}
    url = f"{pod.private_url}/api/v1/timeline/{appointment}"
    for personal, status in (("true", 403), ("false", 200)):
        async with pod.session.get(url, headers=headers, params={"personal": personal}) as answer:
            assert answer.status == status
            assert NAME not in await answer.text()


@pytest.mark.parametrize("asked", ["call_never", "0" * 32, "no-such-id", "%00", "12345678"])
async def test_timeline_request_with_unknown_id_is_reported(pod: TenantPod, asked: str) -> None:
    status, problem = await request(pod, f"timeline/{asked}")
    assert status in {400, 404}, problem


BODY = {"status": "error", "error": {"message": "Attendee Erika Mustermann is blocked", "code": "BAD_REQUEST"}}
REFUSED = Reply("POST", 0.12, 400, BODY, sent=frozenset({"erika", "mustermann"}))
SHAPE = "{error: {code: string, message: string}, status: string}"


async def record(dsn: str, tenant: str, correlation_id: str) -> None:
    async with open_pool(dsn, max_size=1) as pool:
        recorder = ProviderCallRecorder(pool, tenant, RecordedMetrics())  # type: ignore[arg-type]
        await recorder.record("create-booking", REFUSED, "refused", correlation_id, "/v2/bookings")


async def test_timeline_explains_a_providers_refusal_without_names(pod: TenantPod) -> None:
    correlation = uuid4().hex
    await record(pod.store.dsn, pod.store.tenant, correlation)
    _, timeline = await request(pod, f"timeline/{correlation}")
    (moment,) = timeline["moments"]
    assert (moment["outcome"], moment["duration_ms"]) == ("refused 400", 120)
    assert (moment["detail"], moment["body_shape"]) == ("Attendee … is blocked", SHAPE)
    printed = " ".join((await command(pod, "timeline", correlation)).split())
    assert f"Attendee … is blocked; body: {SHAPE}" in printed
    async with visiting(pod) as visitor:
        assert await visitor.log_in(ADMIN_TOKEN) == 303
        _, page, _ = await visitor.get(f"/timeline?id={correlation}")
    assert "Attendee … is blocked" in page
    assert SHAPE in page
    assert "Erika" not in printed + page
