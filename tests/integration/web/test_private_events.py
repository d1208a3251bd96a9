"""Dead letters, calls and the book over the private API of a real pod (Q3, O3): what is told, and what a redrive does."""

import json
from typing import Any

import pytest
from webpod import TOKEN, Pod, eventually

from askproai_core.tenant_config import encode


async def ask(pod: Pod, path: str, method: str = "GET", **params: Any) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with pod.session.request(
        method, f"{pod.private_url}/api/v1/{path}", params=params, headers=headers
    ) as answer:
        return answer.status, await answer.json(content_type=None)


async def dead_letter(pod: Pod, call_id: str, agent_id: str = "agent_stranger") -> str:
    """Let an event die: its agent and number are nobody's."""
    await pod.retell("call_started", call_id, agent_id=agent_id, to_number="+4930999")
    row = await pod.settled(f"{call_id}:call_started")
    assert row["status"] == "dead"
    return str(row["id"])


async def test_a_dead_letter_is_listed_shown_and_done_again(pod: Pod) -> None:
    event = await dead_letter(pod, "call_letter")
    status, page = await ask(pod, "events", status="dead", source="retell", type="call_started")
    assert status == 200
    assert event in [row["id"] for row in page["events"]]
    _, shown = await ask(pod, f"events/{event}")
    assert shown["job"]["state"] == "dead"
    assert "unroutable" in shown["job"]["last_error"]
    assert shown["payload_bytes"] > 0
    before = await pod.job("call_letter:call_started")

    agents = [{"name": "late", "branch": "mitte", "agent_id": "agent_stranger"}]
    config = pod.config()
    pod.write_config(json.dumps({**json.loads(encode(config)), "agents": agents}))

    async def knows() -> bool:
        _, answer = await ask(pod, f"events/{event}/redrive", "POST")
        row = await pod.settled("call_letter:call_started")
        return answer.get("redriven") == [event] and row["status"] == "processed"

    await eventually(knows)
    after = await pod.job("call_letter:call_started")
    assert after["claim_no"] > before["claim_no"], "the fence rises, so that nobody late can end it"
    status, answer = await ask(pod, f"events/{event}/redrive", "POST")
    assert (status, answer["title"]) == (409, "Not Dead")
    audited = await pod.db.fetchval(
        "SELECT count(*) FROM audit_log WHERE tenant = $1 AND action = 'event.redriven' AND detail ->> 'event' = $2",
        pod.store.tenant, event,
    )  # fmt: skip
    assert audited >= 1


async def test_a_redriven_one_has_all_its_tries_again_and_a_dropped_body_is_refused(pod: Pod) -> None:
    event = await dead_letter(pod, "call_dropped", "agent_nobody")
    await pod.db.execute(
        "UPDATE webhook_events SET payload = '' WHERE tenant = $1 AND id = $2", pod.store.tenant, int(event)
    )
    status, answer = await ask(pod, f"events/{event}/redrive", "POST")
    assert (status, answer["title"]) == (409, "Body Dropped")
    kept = await dead_letter(pod, "call_kept", "agent_nobody")
    status, answer = await ask(pod, "events/redrive", "POST")
    assert (status, kept in answer["redriven"], event in answer["redriven"]) == (200, True, False)
    row = await pod.settled("call_kept:call_started")
    assert (row["status"], row["attempts"]) == ("dead", 1)


async def test_a_dead_calendar_sync_is_a_dead_letter_too(pod: Pod) -> None:
    tenant = pod.store.tenant
    made = await pod.db.fetchval(
        "INSERT INTO appointments (tenant, branch, service, staff, starts_at, ends_at, status, correlation_id) VALUES"
        " ($1, 'mitte', 'haarschnitt', 'anna', now(), now() + interval '1 hour', 'confirmed', 'story-1') RETURNING id", tenant,
    )  # fmt: skip
    job = await pod.db.fetchval(
        "INSERT INTO jobs (tenant, kind, priority, state, appointment_id, correlation_id, last_error, attempts)"
        " VALUES ($1, 'calendar-sync', 'high', 'dead', $2, 'story-1', 'Cal.com says no', 4) RETURNING id", tenant, made,
    )  # fmt: skip
    _, page = await ask(pod, "events", source="calendar-sync")
    row = next(one for one in page["events"] if one["id"] == f"job:{job}")
    assert (row["status"], row["error"], row["attempts"]) == ("dead", "Cal.com says no", 4)
    _, shown = await ask(pod, f"events/job:{job}")
    assert shown["appointment_id"] == str(made)
    status, answer = await ask(pod, f"events/job:{job}/redrive", "POST")
    assert (status, answer) == (200, {"redriven": [f"job:{job}"]})


async def test_pages_follow_each_other_without_gap_or_repetition(pod: Pod) -> None:
    for number in range(5):
        await pod.retell("call_started", f"call_page_{number}")
    seen, cursor = [], {}
    while True:
        _, page = await ask(pod, "events", limit=2, **cursor)
        seen += [row["event_id"] for row in page["events"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert len(seen) == len(set(seen))
    assert {f"call_page_{number}:call_started" for number in range(5)} <= set(seen)


@pytest.mark.parametrize(
    ("path", "params", "said"),
    [
        ("events", {"status": "lost"}, "status is one of: received, processing"),
        ("events", {"limit": 0}, "limit is a number from 1 to 500"),
        ("events", {"limit": "501"}, "limit is a number"),
        ("events", {"since": "gestern"}, "since is a day or a time"),
        ("events", {"cursor": "x"}, "cursor is not"),
        ("events", {"stauts": "dead"}, "there is no parameter 'stauts'; there are: status"),
        ("slots", {"branch": "mitte", "service": "haarschnitt"}, "date is missing"),
        ("slots", {"branch": "mitte", "service": "haarschnitt", "date": "Freitag"}, "date is a day such as"),
        ("slots", {"branch": "nord", "service": "haarschnitt", "date": "2026-11-27"}, "there are: mitte"),
        ("slots", {"branch": "mitte", "service": "dauerwelle", "date": "2026-11-27"}, "it offers: haarschnitt"),
        ("events/999999999", {}, "There is no such event"),
        ("events/x", {}, "There is no such event"),
        ("calls/call_never/timeline", {}, "There is no such call"),
    ],
)
async def test_a_wrong_question_is_answered_in_words(shared_web_pod: Pod, path: str, params: dict, said: str) -> None:
    status, problem = await ask(shared_web_pod, path, **params)
    assert status in {400, 404}
    assert said in problem["detail"]


async def test_a_call_is_told_from_ring_to_end(pod: Pod) -> None:
    await pod.retell("call_started", "call_told")
    offered = await pod.function("check_availability", "call_told", {"service": "haarschnitt"})
    start = offered.body["slots"][0]["start"]
    booked = await pod.function("book_appointment", "call_told", {"start": start, "customer_name": "Erika Mustermann"})
    assert booked.body["success"], booked.body
    await pod.retell("call_ended", "call_told", call_status="ended")
    await pod.settled("call_told:call_ended")
    _, told = await ask(pod, "calls/call_told/timeline")
    assert told["call"]["appointments"] == 1
    assert [(one["what"], one["name"].split(" ")[0]) for one in told["moments"]] == [
        ("event", "call_started"), ("action", "book"), ("appointment", "haarschnitt"), ("event", "call_ended"),
    ]  # fmt: skip
    assert "Mustermann" not in json.dumps(told), "a timeline is for finding faults: it names nobody"
    assert "+4915112345678" not in json.dumps(told)
    _, calls = await ask(pod, "calls")
    assert "call_told" in [row["call_id"] for row in calls["calls"]]
    _, book = await ask(pod, "appointments", branch="mitte", status="confirmed", **{"from": start})
    row = next(one for one in book["appointments"] if one["call_id"] == "call_told")
    assert (row["start"], row["customer_name"]) == (start, "Erika Mustermann")


async def test_slots_of_a_day_are_those_that_callers_are_offered(pod: Pod) -> None:
    offered = await pod.function("check_availability", "call_slots", {"service": "haarschnitt"})
    first = offered.body["slots"][0]
    day = first["start"][:10]
    _, answer = await ask(pod, "slots", branch="mitte", service="haarschnitt", date=day)
    assert all(slot["start"][:10] == day for slot in answer["slots"])
    assert (first["start"], first["staff"]) not in {(s["start"], s["staff"]) for s in answer["slots"]}, (
        "it is held for that call"
    )
    await pod.retell("call_ended", "call_slots", call_status="ended")
    await pod.settled("call_slots:call_ended")
    _, answer = await ask(pod, "slots", branch="mitte", service="haarschnitt", date=day)
    assert (first["start"], first["staff"]) in {(s["start"], s["staff"]) for s in answer["slots"]}, "free again"


async def test_the_description_names_every_route_and_shape(shared_web_pod: Pod) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    told = (await shared_web_pod.get(f"{shared_web_pod.private_url}/openapi.json", **headers)).body
    assert set(told["paths"]) >= {
        "/api/v1/events", "/api/v1/events/{id}", "/api/v1/events/{id}/redrive", "/api/v1/calls/{call_id}/timeline",
        "/api/v1/appointments", "/api/v1/slots", "/api/v1/circuits",
    }  # fmt: skip
    statuses = next(one for one in told["paths"]["/api/v1/events"]["get"]["parameters"] if one["name"] == "status")
    assert statuses["schema"]["enum"] == ["received", "processing", "processed", "failed", "dead"]
    references = json.dumps(told).count("#/components/schemas/")
    assert references >= 10
    for name in {part.split('"')[0] for part in json.dumps(told).split("#/components/schemas/")[1:]}:
        assert name in told["components"]["schemas"]
    assert (await shared_web_pod.get(f"{shared_web_pod.private_url}/openapi.json")).status == 401
