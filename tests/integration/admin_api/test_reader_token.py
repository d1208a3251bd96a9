"""The reader token at the private API of a real pod: it changes nothing, and reveals no customer's identity."""

import json
import re
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest

from askproai_core.reader_token import reader_token_of
from tests.worlds.private_desk import run_command
from tests.worlds.tenant_pod import ADMIN_TOKEN, TenantPod, running_web

READER = reader_token_of(ADMIN_TOKEN)
CALLER, NAME, ILLNESS, REMOTE = "+4915155500077", "Zacharias Kanarienvogel", "Bandscheibenvorfall", "uid-of-the-booking"
NEEDLES = (CALLER[3:], *NAME.split(), ILLNESS, REMOTE)


async def send(
    pod: TenantPod, path: str, token: str = READER, method: str = "GET", body: Any = None, **params: str
) -> tuple[int, Any]:
    url, headers = f"{pod.private_url}{path}", {"Authorization": f"Bearer {token}"}
    async with pod.session.request(method, url, params=params, headers=headers, json=body) as answer:
        return answer.status, await answer.json(content_type=None)


@pytest.fixture
async def appointment(pod: TenantPod) -> AsyncIterator[dict[str, str]]:
    """A booked appointment whose every field is personal, in a block with a reason: the ids that paths take."""
    call, first = f"call_{uuid4().hex}", {"service": "Haarschnitt", "staff": "anna"}
    free = await pod.function("check_availability", call, first, from_number=CALLER)
    start = free.body["slots"][0]["start"]
    args = {"start": start, "customer_name": NAME, "notes": ILLNESS, **first}
    await pod.retell("call_started", call, from_number=CALLER)
    booked = await pod.function("book_appointment", call, args, from_number=CALLER)
    assert booked.body["success"], booked.body
    message = {"message": ILLNESS, "customer_name": NAME, "recipient": NAME, "call_back": NAME}
    left = await pod.function("leave_message", call, message, from_number=CALLER)
    waiting = {"start": start, "customer_name": NAME, **first}
    joined = await pod.function("join_waitlist", call, waiting, from_number=CALLER)
    await pod.retell("call_ended", call, from_number=CALLER, transcript=f"{NAME}: {CALLER}", call_status="ended")
    await pod.settled(f"{call}:call_ended")
    appointment = booked.body["appointment_id"]
    await pod.db.execute("UPDATE appointments SET external_id = $2 WHERE id = $1::text::uuid", appointment, REMOTE)
    asked = {"request_id": str(uuid4()), "by": "karin@laptop", "staff": "anna", "reason": ILLNESS}
    day = start[:10]
    status, block = await send(pod, "/api/v1/blocks", ADMIN_TOKEN, "POST", asked | {"from": day})
    assert status == 200, block
    event = await pod.db.fetchval("SELECT id::text FROM webhook_events WHERE event_id = $1", f"{call}:call_ended")
    yield {"appointments": appointment, "blocks": block["block"]["id"], "events": event, "calls": call, "day": day,
           "timeline": appointment, "messages": left.body["message_id"], "waitlist": joined.body["waitlist_id"]}  # fmt: skip
    for path in (f"blocks/{block['block']['id']}/remove", f"appointments/{appointment}/cancel"):
        asked = {"request_id": str(uuid4()), "by": "karin@laptop"}
        assert (await send(pod, f"/api/v1/{path}", ADMIN_TOKEN, "POST", asked))[0] == 200


async def test_callers_note_is_in_each_appointment_list(pod: TenantPod, appointment: dict[str, str]) -> None:
    async def get(path: str, **params: str) -> Any:
        status, answer = await send(pod, f"/api/v1/{path}", ADMIN_TOKEN, **params)
        assert status == 200, answer
        return answer

    booked = appointment["appointments"]
    (listed,) = [each for each in (await get("appointments", limit="500"))["appointments"] if each["id"] == booked]
    block = await get(f"blocks/{appointment['blocks']}")
    (blocked,) = [each for each in block["appointments"] if each["id"] == booked]
    timeline = await get(f"calls/{appointment['calls']}/timeline", personal="true")
    (moment,) = [each for each in timeline["moments"] if each["what"] == "appointment"]
    shown = (await get(f"appointments/{booked}"))["notes"]
    assert {listed["notes"], blocked["notes"], moment["notes"], shown} == {ILLNESS}
    nameless = await get(f"calls/{appointment['calls']}/timeline")
    assert ILLNESS not in json.dumps(nameless)


async def test_reader_sees_everything_except_customers(pod: TenantPod, appointment: dict[str, str]) -> None:
    _, description = await send(pod, "/openapi.json")
    read = [path for path, operations in description["paths"].items() if "get" in operations]
    assert len(read) >= 11
    needed = {"/api/v1/failed-bookings": {"since": "2026-01-01"},
              "/api/v1/slots": {"branch": "mitte", "service": "haarschnitt", "date": appointment["day"]},
              "/api/v1/booking-preview": {"staff": "anna"},
              "/api/v1/block-preview": {"staff": "anna", "from": appointment["day"]},
              "/api/v1/appointments/{id}/new-start": {"text": "2036-11-27T10:00"}}  # fmt: skip
    shown: dict[str, str] = {}
    for path in ["/health/detailed", *read]:
        filled = re.sub(r"(\w+)/{\w+}", lambda found: f"{found[1]}/{appointment[found[1]]}", path)
        status, answer = await send(pod, filled, **needed.get(path, {}))
        if path == "/api/v1/sessions":  # colleagues, with when they work: the owner's alone
            assert status == 403, answer
            continue
        assert status == 200, (filled, answer)
        shown[path] = json.dumps(answer, ensure_ascii=False)
    assert [(path, needle) for path, text in shown.items() for needle in NEEDLES if needle in text] == []
    for path in ("/api/v1/appointments", "/api/v1/appointments/{id}", "/api/v1/blocks/{id}", "/api/v1/calls"):
        assert appointment["appointments" if path != "/api/v1/calls" else "calls"] in shown[path]
    for path, needles in {
        "appointments": [NAME, REMOTE], f"appointments/{appointment['appointments']}": [NAME, REMOTE, CALLER],
        "blocks": [ILLNESS], f"blocks/{appointment['blocks']}": [ILLNESS, NAME, CALLER],
        f"calls/{appointment['calls']}/timeline?personal=true": [NAME, CALLER],
    }.items():  # fmt: skip
        answer = json.dumps((await send(pod, f"/api/v1/{path}", ADMIN_TOKEN))[1], ensure_ascii=False)
        assert [needle for needle in needles if needle not in answer] == [], "the admin token shows it"


@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("calls", {"personal": "true"}), ("calls", {"from": CALLER}),
        ("calls/call_1/timeline", {"personal": "true"}),
    ],
)  # fmt: skip
async def test_readers_refusal_names_the_secret_with_the_right(pod: TenantPod, path, params) -> None:
    status, problem = await send(pod, f"/api/v1/{path}", **params)
    assert (status, problem["title"]) == (403, "Forbidden")
    assert problem["detail"].endswith("use that of Secret salon-admin")


async def test_reader_token_changes_nothing_on_any_path(pod: TenantPod, appointment: dict[str, str]) -> None:
    _, description = await send(pod, "/openapi.json")
    changing = [path for path, operations in description["paths"].items() if set(operations) - {"get"}]
    assert len(changing) >= 7
    before = await pod.counts()
    body = {"request_id": str(uuid4()), "by": "erika@laptop"}
    for path in [*changing, "/api/v1/nothing"]:
        filled = re.sub(r"(\w+)/{\w+}", lambda found: f"{found[1]}/{appointment.get(found[1], 'calcom')}", path)
        for method in ("POST", "PUT", "DELETE", "PATCH"):
            status, problem = await send(pod, filled, method=method, body=body)
            assert (status, problem["title"]) == (403, "Forbidden"), (method, filled)
            assert "may only look" in problem["detail"]
    assert await pod.counts() == before
    _, shown = await send(pod, f"/api/v1/appointments/{appointment['appointments']}")
    assert shown["appointment"]["status"] == "confirmed"


async def test_reader_sees_neither_address_nor_cancellation_reason(pod: TenantPod, appointment: dict[str, str]) -> None:
    path = f"/api/v1/appointments/{appointment['appointments']}"
    asked = {"request_id": str(uuid4()), "by": "karin@laptop", "reason": ILLNESS}
    assert (await send(pod, f"{path}/cancel", ADMIN_TOKEN, "POST", asked))[0] == 200
    await pod.db.execute(
        "UPDATE appointments SET attendee_email = 'kern@example.com' WHERE id::text = $1", appointment["appointments"]
    )
    shown = [(await send(pod, path, token))[1]["email"] for token in (ADMIN_TOKEN, READER)]
    assert shown == ["kern@example.com", "…"]
    assert [(await send(pod, path, token))[1]["cancel_reason"] for token in (ADMIN_TOKEN, READER)] == [ILLNESS, "…"]


async def test_new_admin_token_invalidates_admin_and_reader_tokens(stopped_pod: TenantPod) -> None:
    async with running_web(stopped_pod, worker_port=9):
        assert (await send(stopped_pod, "/api/v1/circuits"))[0] == 200
        (stopped_pod.folder / "token").write_text("rotated\n")
        assert (await send(stopped_pod, "/api/v1/circuits"))[0] == 401
        assert (await send(stopped_pod, "/api/v1/circuits", reader_token_of("rotated")))[0] == 200
        (stopped_pod.folder / "token").write_text("")
        for token in (reader_token_of(""), ""):
            assert (await send(stopped_pod, "/api/v1/circuits", token))[0] == 401


@pytest.mark.parametrize(
    "token", [READER[:-1], READER + "0", READER.upper(), reader_token_of(READER), reader_token_of("admin-toke")]
)
async def test_only_the_exact_reader_token_is_accepted(pod: TenantPod, token: str) -> None:
    assert (await send(pod, "/api/v1/circuits", token))[0] == 401


@pytest.mark.nightly
async def test_reader_token_commands_hide_caller_data(pod: TenantPod, appointment: dict[str, str]) -> None:
    for command in (("calls", "list"), ("timeline", appointment["calls"])):
        code, out, error = await run_command(pod, *command, token=READER)
        assert (code, appointment["calls"] in out) == (0, True), error
        assert [needle for needle in NEEDLES if needle in out] == []
        assert "may only look" in error
        assert error.count("\n") == 1, "one line"
        assert await run_command(pod, *command, "--anonymous", token=READER) == (0, out, "")
    code, out, error = await run_command(pod, "calls", "list", "--from", CALLER, token=READER)
    assert (code, out, "may only look" in error) == (1, "", True)
    code, out, error = await run_command(pod, "appointments", "list", token=READER)
    assert (code, "Kanarienvogel" in out, error) == (0, False, "")
    assert appointment["appointments"] in out
    code, out, error = await run_command(
        pod, "appointments", "cancel", appointment["appointments"], "--yes", token=READER
    )
    assert (code, out) == (1, "")
    assert "-admin" in error
