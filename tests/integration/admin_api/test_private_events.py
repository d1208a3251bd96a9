"""Events, calls and appointments over the private API of a real pod: the lists, and the effect of a redrive."""

import asyncio
import json
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
import pytest

from askproai_core.tenant_config import encode
from askproai_runtime.availability.opening_hours import find_closure
from tests.worlds.private_desk import request
from tests.worlds.tenant_pod import ADMIN_TOKEN, TenantPod, waiting_for_lock
from tests.worlds.waiting import eventually

BERLIN = ZoneInfo("Europe/Berlin")


async def dead_letter(pod: TenantPod, call_id: str, agent_id: str = "agent_stranger") -> str:
    """Return the id of an event that is dead because nobody has its agent or its number."""
    await pod.retell("call_started", call_id, agent_id=agent_id, to_number="+4930999")
    row = await pod.settled(f"{call_id}:call_started")
    assert row["status"] == "dead"
    return str(row["id"])


async def test_a_dead_letter_is_listed_shown_and_redriven(pod: TenantPod) -> None:
    event = await dead_letter(pod, "call_letter")
    status, page = await request(pod, "events", status="dead", source="retell", type="call_started")
    assert status == 200
    assert event in [row["id"] for row in page["events"]]
    _, shown = await request(pod, f"events/{event}")
    assert shown["job"]["state"] == "dead"
    named = "unroutable: number +4930999 and agent agent_stranger: not of this tenant"
    assert shown["job"]["last_error"] == shown["event"]["error"] == named
    assert shown["payload_bytes"] > 0
    before = await pod.job("call_letter:call_started")

    agents = [{"name": "late", "branch": "mitte", "agent_id": "agent_stranger"}]
    config = pod.config()
    pod.write_config(json.dumps({**json.loads(encode(config)), "agents": agents}))

    async def redriven() -> bool:
        _, answer = await request(pod, f"events/{event}/redrive", method="POST")
        row = await pod.settled("call_letter:call_started")
        return answer.get("redriven") == [event] and row["status"] == "processed"

    await eventually(redriven)
    after = await pod.job("call_letter:call_started")
    assert after["claim_no"] > before["claim_no"], "the claim number rises, so that no late worker can finish it"
    status, answer = await request(pod, f"events/{event}/redrive", method="POST")
    assert (status, answer["title"]) == (409, "Not Dead")
    audit_rows = await pod.db.fetchval(
        "SELECT count(*) FROM audit_log WHERE tenant = $1 AND action = 'event.redriven' AND detail ->> 'event' = $2",
        pod.store.tenant, event,
    )  # fmt: skip
    assert audit_rows >= 1


async def test_redriving_all_skips_events_without_a_body(pod: TenantPod) -> None:
    event = await dead_letter(pod, "call_dropped", "agent_nobody")
    await pod.db.execute(
        "UPDATE webhook_events SET payload = '' WHERE tenant = $1 AND id = $2", pod.store.tenant, int(event)
    )
    status, answer = await request(pod, f"events/{event}/redrive", method="POST")
    assert (status, answer["title"]) == (409, "Body Dropped")
    kept = await dead_letter(pod, "call_kept", "agent_nobody")
    status, answer = await request(pod, "events/redrive", method="POST")
    assert (status, kept in answer["redriven"], event in answer["redriven"]) == (200, True, False)
    row = await pod.settled("call_kept:call_started")
    assert (row["status"], row["attempts"]) == ("dead", 1)


async def test_dead_calendar_sync_is_also_a_dead_letter(pod: TenantPod) -> None:
    tenant = pod.store.tenant
    appointment = await pod.db.fetchval(
        "INSERT INTO appointments (tenant, branch, service, staff, starts_at, ends_at, status, correlation_id) VALUES"
        " ($1, 'mitte', 'haarschnitt', 'anna', now(), now() + interval '1 hour', 'confirmed', 'story-1') RETURNING id", tenant,
    )  # fmt: skip
    job = await pod.db.fetchval(
        "INSERT INTO jobs (tenant, kind, priority, state, appointment_id, correlation_id, last_error, attempts)"
        " VALUES ($1, 'calendar-sync', 'high', 'dead', $2, 'story-1', 'Cal.com says no', 4) RETURNING id", tenant, appointment,
    )  # fmt: skip
    _, page = await request(pod, "events", source="calendar-sync")
    row = next(event for event in page["events"] if event["id"] == f"job:{job}")
    assert (row["status"], row["error"], row["attempts"]) == ("dead", "Cal.com says no", 4)
    _, shown = await request(pod, f"events/job:{job}")
    assert shown["appointment_id"] == str(appointment)
    status, answer = await request(pod, f"events/job:{job}/redrive", method="POST")
    assert (status, answer) == (200, {"redriven": [f"job:{job}"]})


async def add_appointment(pod: TenantPod) -> UUID:
    return await pod.db.fetchval(
        "INSERT INTO appointments (tenant, branch, service, staff, starts_at, ends_at, status, correlation_id) VALUES"
        " ($1, 'mitte', 'haarschnitt', 'anna', now(), now() + interval '1 hour', 'confirmed', 'story-7') RETURNING id",
        pod.store.tenant,
    )  # fmt: skip


ADD_SYNC = """INSERT INTO jobs (tenant, kind, priority, state, appointment_id, correlation_id, last_error, attempts, run_at)
    VALUES ($1, 'calendar-sync', 'high', $3, $2, 'story-7', 'no key', 4, now() + interval '1 hour') RETURNING id"""


async def add_sync(pod: TenantPod, appointment: UUID, state: str = "dead") -> str:
    """Add a calendar-sync job, a live one due in an hour, and return its id as the API lists it."""
    return f"job:{await pod.db.fetchval(ADD_SYNC, pod.store.tenant, appointment, state)}"


async def job_state(pod: TenantPod, job: str) -> str:
    return await pod.db.fetchval("SELECT state FROM jobs WHERE id = $1", int(job.removeprefix("job:")))


async def test_newest_dead_sync_of_appointment_is_redriven(pod: TenantPod) -> None:
    """A booking and its cancellation both died of a wrong key; an appointment has at most one live job."""
    twice = await add_appointment(pod)
    older, newest = await add_sync(pod, twice), await add_sync(pod, twice)
    waiting = await add_appointment(pod)
    superseded, live = await add_sync(pod, waiting), await add_sync(pod, waiting, "ready")
    alone = await add_sync(pod, await add_appointment(pod))
    for job in (older, superseded):
        status, answer = await request(pod, f"events/{job}/redrive", method="POST")
        assert (status, answer["title"]) == (409, "Superseded")
    status, answer = await request(pod, "events/redrive", method="POST")
    assert status == 200
    assert set(answer["redriven"]) & {older, newest, superseded, live, alone} == {newest, alone}
    assert (await job_state(pod, superseded), await job_state(pod, live)) == ("dead", "ready")

    async def is_newest_done() -> bool:
        return await job_state(pod, newest) == "done"

    await eventually(is_newest_done)
    status, answer = await request(pod, "events/redrive", method="POST")
    assert (status, older in answer["redriven"]) == (200, True), "nothing is left dead once the newer one is done"


@pytest.mark.parametrize("all_dead", [False, True])
async def test_redrive_does_not_revive_a_superseded_sync_job(pod: TenantPod, all_dead: bool) -> None:
    """The other transaction has added its job and commits while the redrive waits for it."""
    appointment = await add_appointment(pod)
    dead = await add_sync(pod, appointment)
    connection = await asyncpg.connect(pod.store.dsn)
    change = connection.transaction()
    await change.start()
    await connection.execute(ADD_SYNC, pod.store.tenant, appointment, "ready")
    path = "events/redrive" if all_dead else f"events/{dead}/redrive"
    redrive = asyncio.create_task(request(pod, path, method="POST"))

    await eventually(lambda: waiting_for_lock(pod))
    await change.commit()
    await connection.close()
    status, answer = await redrive
    if all_dead:
        assert (status, dead in answer["redriven"]) == (200, False)
    else:
        assert (status, answer["title"]) == (409, "Superseded")
    assert await job_state(pod, dead) == "dead"


async def test_list_pages_neither_skip_nor_repeat_entries(pod: TenantPod) -> None:
    for number in range(5):
        await pod.retell("call_started", f"call_page_{number}")
    seen, cursor = [], {}
    while True:
        _, page = await request(pod, "events", limit=2, **cursor)
        seen += [row["event_id"] for row in page["events"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert len(seen) == len(set(seen))
    assert {f"call_page_{number}:call_started" for number in range(5)} <= set(seen)


@pytest.mark.parametrize(
    ("path", "params", "detail"),
    [
        ("events", {"status": "lost"}, "status is one of: received, processing"),
        ("events", {"limit": 0}, "limit is a number from 1 to 500"),
        ("events", {"limit": "501"}, "limit is a number"),
        ("events", {"since": "gestern"}, "since is a day or a time"),
        ("events", {"cursor": "x"}, "cursor is not"),
        ("events", {"stauts": "dead"}, "there is no parameter 'stauts'; there are: status"),
        ("slots", {"branch": "mitte", "service": "haarschnitt"}, "date is missing"),
        ("slots", {"branch": "mitte", "service": "haarschnitt", "date": "nach dem Urlaub"}, "date is a day such as"),
        ("slots", {"branch": "mitte", "service": "haarschnitt", "date": "Dienstag oder Mittwoch"}, "date can mean 20"),
        ("slots", {"branch": "nord", "service": "haarschnitt", "date": "2026-11-27"}, "there are: mitte"),
        ("slots", {"branch": "mitte", "service": "dauerwelle", "date": "2026-11-27"}, "it offers: haarschnitt"),
        ("events/999999999", {}, "There is no such event"),
        ("events/x", {}, "There is no such event"),
        ("calls/call_never/timeline", {}, "There is no such call"),
    ],
)
async def test_an_invalid_request_is_answered_with_an_explanation(
    shared_web_pod: TenantPod, path: str, params: dict, detail: str
) -> None:
    status, problem = await request(shared_web_pod, path, **params)
    assert status in {400, 404}
    assert detail in problem["detail"]


async def test_timeline_keeps_the_order_of_simultaneous_events(pod: TenantPod) -> None:
    for name in ("call_analyzed", "call_ended", "call_started"):
        await pod.retell(name, "call_side_by_side", call_status="ended")
        await pod.settled(f"call_side_by_side:{name}")
    await pod.db.execute(
        """UPDATE webhook_events SET received_at = date_trunc('second', now()) - interval '1 min' + id % 10 * interval '1 ms'
           WHERE event_id LIKE 'call_side_by_side:%'"""
    )
    _, timeline = await request(pod, "calls/call_side_by_side/timeline")
    events = [entry["name"] for entry in timeline["moments"] if entry["what"] == "event"]
    assert events == ["call_started", "call_ended", "call_analyzed"]


async def test_timeline_is_found_by_a_unique_id_prefix(pod: TenantPod) -> None:
    for call in ("call_0f07d668aa", "call_0f07d669bb"):
        await pod.retell("call_started", call)
        await pod.settled(f"{call}:call_started")
    status, timeline = await request(pod, "calls/call_0f07d668/timeline")
    assert (status, timeline["call"]["call_id"]) == (200, "call_0f07d668aa")
    status, problem = await request(pod, "calls/call_0f07d66/timeline")
    assert (status, problem["title"]) == (409, "Ambiguous Id")


async def test_callers_withholding_their_number_are_anonymous(pod: TenantPod) -> None:
    called = {"call_withheld": "anonymous", "call_empty": None, "call_shown": "+4915177770001"}
    for call_id, number in called.items():
        await pod.retell("call_started", call_id, from_number=number, direction="inbound")
        await pod.settled(f"{call_id}:call_started")
    web_call = "INSERT INTO calls (tenant, call_id, status, correlation_id) VALUES ($1, 'call_web', 'ended', 'web')"
    await pod.db.execute(web_call, pod.store.tenant)  # it has no number to withhold
    _, found = await request(pod, "calls", personal="true", **{"from": "anonymous"})
    numbers = {call["call_id"]: call["from_number"] for call in found["calls"]}
    assert {"call_withheld", "call_empty"} <= numbers.keys()
    assert set(numbers.values()) == {"anonymous"}
    assert not {"call_shown", "call_web"} & numbers.keys()
    _, hidden = await request(pod, "calls", limit="500")
    assert {call["from_number"] for call in hidden["calls"]} == {None}
    _, web = await request(pod, "calls/call_web/timeline", personal="true")
    assert web["call"]["from_number"] is None
    status, problem = await request(pod, "calls", personal="true", **{"from": "niemand"})
    assert (status, problem["detail"]) == (400, "from is a phone number, such as +4915112345678, or anonymous")


async def test_slots_of_a_full_day_name_the_reason(pod: TenantPod) -> None:
    (branch,), (service, *_) = pod.config().branches, pod.config().services
    today = datetime.now(BERLIN).date()
    days = [today + timedelta(days=number) for number in range(1, service.booking_horizon_days)]
    monday = next(day for day in days if day.weekday() == 0 and find_closure(branch, day) is None)
    said = {
        monday: "openingHours has no Mon", today - timedelta(days=1): "the day is over",
        days[-1] + timedelta(days=2): "it is more than 90 days ahead (bookingHorizonDays)",
    } | {day: name for day in days if (name := find_closure(branch, day))}  # fmt: skip
    for day, why in said.items():
        _, answer = await request(pod, "slots", branch="mitte", service=service.name, date=day.isoformat())
        assert (day, answer["slots"], answer["closed"]) == (day, [], why)


async def test_timeline_of_a_call_covers_ring_to_end(pod: TenantPod) -> None:
    await pod.retell("call_started", "call_told")
    offered = await pod.function("check_availability", "call_told", {"service": "haarschnitt"})
    start = offered.body["slots"][0]["start"]
    booked = await pod.function("book_appointment", "call_told", {"start": start, "customer_name": "Erika Mustermann"})
    assert booked.body["success"], booked.body
    await pod.retell("call_ended", "call_told", call_status="ended")
    await pod.settled("call_told:call_ended")

    async def told() -> Any:
        _, timeline = await request(pod, "calls/call_told/timeline")
        return timeline if len(timeline["moments"]) == 6 else None

    timeline = await eventually(told)
    assert timeline["call"]["appointments"] == 1
    assert timeline["zone"] == "Europe/Berlin"
    assert [(entry["what"], entry["name"].split(" ")[0]) for entry in timeline["moments"]] == [
        ("event", "call_started"), ("function", "check_availability"), ("function", "book_appointment"), ("action", "book"),
        ("appointment", "haarschnitt"), ("event", "call_ended"),
    ]  # fmt: skip
    assert "Mustermann" not in json.dumps(timeline), "a timeline is for finding faults: it names nobody"
    assert "+4915112345678" not in json.dumps(timeline)
    _, calls = await request(pod, "calls")
    assert "call_told" in [row["call_id"] for row in calls["calls"]]
    _, appointments = await request(pod, "appointments", branch="mitte", status="confirmed", **{"from": start})
    assert appointments["zone"] == "Europe/Berlin"
    row = next(row for row in appointments["appointments"] if row["call_id"] == "call_told")
    assert (row["start"], row["customer_name"]) == (start, "Erika Mustermann")


async def test_listed_slots_of_a_day_equal_offered_slots(pod: TenantPod) -> None:
    offered = await pod.function("check_availability", "call_slots", {"service": "haarschnitt"})
    first = offered.body["slots"][0]
    day = first["start"][:10]
    _, answer = await request(pod, "slots", branch="mitte", service="haarschnitt", date=day)
    assert answer["zone"] == "Europe/Berlin"
    assert all(slot["start"][:10] == day for slot in answer["slots"])
    offered = {(slot["start"], slot["staff"]) for slot in answer["slots"]}
    assert (first["start"], first["staff"]) not in offered, "it is held for that call"
    await pod.retell("call_ended", "call_slots", call_status="ended")
    await pod.settled("call_slots:call_ended")
    _, answer = await request(pod, "slots", branch="mitte", service="haarschnitt", date=day)
    assert (first["start"], first["staff"]) in {(s["start"], s["staff"]) for s in answer["slots"]}, "free again"


async def test_openapi_document_describes_every_route_and_type(shared_web_pod: TenantPod) -> None:
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    document = (await shared_web_pod.get(f"{shared_web_pod.private_url}/openapi.json", **headers)).body
    assert set(document["paths"]) >= {
        "/api/v1/events", "/api/v1/events/{id}", "/api/v1/events/{id}/redrive", "/api/v1/calls/{call_id}/timeline",
        "/api/v1/appointments", "/api/v1/slots", "/api/v1/circuits",
    }  # fmt: skip
    status = next(p for p in document["paths"]["/api/v1/events"]["get"]["parameters"] if p["name"] == "status")
    assert status["schema"]["enum"] == ["received", "processing", "processed", "failed", "dead"]
    references = json.dumps(document).count("#/components/schemas/")
    assert references >= 10
    for name in {part.split('"')[0] for part in json.dumps(document).split("#/components/schemas/")[1:]}:
        assert name in document["components"]["schemas"]
    assert (await shared_web_pod.get(f"{shared_web_pod.private_url}/openapi.json")).status == 401
