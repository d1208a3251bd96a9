"""The functions that the agent of a call uses: authentication, answers in time, and the life of an appointment."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from askproai_core.database import Connection, Pool
from askproai_core.tenant_config import TenantConfig
from askproai_runtime.sentences import say
from askproai_sandbox.example_tenant import NUMBER
from tests.worlds.inbound_calls import UNKNOWN_NUMBERS
from tests.worlds.tenant_pod import TenantPod, sign_retell
from tests.worlds.waiting import SOON


async def test_call_books_and_its_end_releases_holds(pod: TenantPod) -> None:
    """Booking again in one call is the same booking, and a call that ends without one leaves no hold."""
    wish = {
        "service": "Haarschnitt",
        "date": "übernächste Woche",
    }  # no other test holds times of this caller or of these days
    reply = await pod.function("check_availability", "call_books", wish, from_number="+4930123459901")
    assert (reply.status, reply.body["success"]) == (200, True)
    assert set(reply.body["slots"][0]) >= {"start", "end", "staff", "spoken"}
    holds = "SELECT count(*) FROM appointments WHERE tenant = $1 AND call_id = $2 AND status = 'held'"
    assert await pod.db.fetchval(holds, pod.store.tenant, "call_books") == 1
    await pod.retell("call_ended", "call_books", call_status="ended")
    await pod.settled("call_books:call_ended")
    assert await pod.db.fetchval(holds, pod.store.tenant, "call_books") == 0

    start = reply.body["slots"][0]["start"]
    args = {"start": start, "service": "Haarschnitt", "customer_name": "Sabine Müller"}
    booked = await pod.function("book_appointment", "call_books_2", args)
    assert (booked.status, booked.body["success"], booked.body["status"]) == (200, True, "confirmed")
    repeated = await pod.function("book_appointment", "call_books_2", args | {"notes": "kurz"})
    assert (repeated.body["success"], repeated.body["appointment_id"]) == (True, booked.body["appointment_id"])


async def test_function_of_unknown_agent_is_403_and_audited(pod: TenantPod) -> None:
    _, _, audits = await pod.counts()
    reply = await pod.function("check_availability", "call_f", {}, agent_id="agent_strange", to_number="+49309999999")
    assert (reply.status, reply.body["status"]) == (403, 403)
    assert "+49" not in json.dumps(reply.body)
    assert (await pod.counts())[2] == audits + 1


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"name":"check_availability"}', b'{"name":"check_availability","call":{}}']
)
async def test_malformed_function_request_is_400(pod: TenantPod, body: bytes) -> None:
    headers = {"x-retell-signature": sign_retell(body)}
    assert (await pod.post("/retell/functions/check_availability", body, headers)).status == 400


async def test_unreadable_arguments_are_still_answered(pod: TenantPod, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise ValueError("a kind of value that nobody has met")

    monkeypatch.setattr("askproai_runtime.conversation.understood_before.read_arguments", fail)
    for name in ("check_availability", "book_appointment", "business_information"):
        reply = await pod.function(name, "call_unread", {"date": "Dienstag"})
        assert (reply.status, reply.body["success"], bool(reply.body["message"])) == (200, False, True)


async def test_unreadable_transcript_is_still_answered(pod: TenantPod, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise ValueError("a kind of transcript that nobody has met")

    monkeypatch.setattr("askproai_runtime.conversation.function_requests.read_named_times", fail)
    reply = await pod.function("book_appointment", "call_unread", {"date": "Dienstag"})
    assert (reply.status, reply.body["success"], bool(reply.body["message"])) == (200, False, True)


async def test_results_of_other_tools_are_no_answers(pod: TenantPod) -> None:
    """A tool that somebody added at Retell may answer with fields of our names, and with values of other types."""
    result = {"success": True, "slots": ["10:00"], "choices": 5, "customer_name": "Otto Lange", "needs_phone": []}
    transcript = [
        {"role": "tool_call_invocation", "tool_call_id": "tool_1", "name": "check_stock", "arguments": "{}"},
        {"role": "tool_call_result", "tool_call_id": "tool_1", "content": json.dumps(result)},
        {"role": "user", "content": "Das erste bitte, um elf."},
    ]
    args = {"service": "Haarschnitt", "date": "Dienstag", "time": "11:00"}
    reply = await pod.function("check_availability", "call_stock", args, transcript_with_tool_calls=transcript)
    assert (reply.status, reply.body["success"]) == (200, True)


async def test_not_a_number_argument_is_answered(pod: TenantPod) -> None:
    body = await pod.function(
        "check_availability", "call_odd", {"service": "Haarschnitt", "date": "Dienstag", "odd": float("nan")}
    )
    assert (body.status, body.body["success"]) == (200, True)


@pytest.mark.parametrize("call_id", ["", "call 1", "call_\n", "ä", "c" * 201, "c" * 3_000])
async def test_invalid_call_id_is_400(pod: TenantPod, call_id: str) -> None:
    """ "" would belong to every call, and an id of 3,000 characters does not fit into an index."""
    reply = await pod.function("book_appointment", call_id, {"customer_name": "Erika Mustermann"})
    assert (reply.status, reply.body["title"]) == (400, "Malformed Request")
    assert "call_id" in reply.body["detail"]


async def test_function_name_in_body_must_match_the_path(pod: TenantPod) -> None:
    assert (await pod.function("check_availability", "call_n", {}, body_name="book_appointment")).status == 400


@pytest.mark.parametrize(
    "args", [None, [], "morgen", {"date": None, "service": 7, "staff": {"x": 1}}, {"start": "bald"}]
)
@pytest.mark.parametrize("name", ["check_availability", "book_appointment"])
async def test_any_model_argument_is_answered_with_a_sentence(pod: TenantPod, name: str, args: Any) -> None:
    """Every answer has `success` and `message`."""
    reply = await pod.function(name, "call_llm", args)
    assert reply.status == 200
    assert isinstance(reply.body["success"], bool)
    assert reply.body["message"].strip()


class SlowPool:
    """A pool whose connections come when `release` is set; `done` is set when one was used to the end."""

    def __init__(self, pool: Pool) -> None:
        self.pool, self.release, self.done = pool, asyncio.Event(), asyncio.Event()

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[Connection]:
        await self.release.wait()
        async with self.pool.acquire() as connection:
            yield connection
        self.done.set()


async def test_slow_function_is_answered_in_time_and_completes(web_pod: TenantPod) -> None:
    functions = web_pod.web._functions
    pool = SlowPool(functions.booking.pool)
    object.__setattr__(functions, "booking", replace(functions.booking, pool=pool))
    object.__setattr__(functions, "deadline_seconds", 0.05)
    # Nothing releases the pool before the answer. The limit is for a deadline other than that: in production it is 7 s.
    reply = await asyncio.wait_for(web_pod.function("book_appointment", "call_slow", {}), 5)
    assert (reply.status, reply.body) == (200, {"success": False, "message": say().still_working})
    pool.release.set()
    await asyncio.wait_for(pool.done.wait(), SOON)


async def test_internal_error_is_answered_without_a_stack_trace(web_pod: TenantPod) -> None:
    def fail() -> TenantConfig:
        raise RuntimeError("an accident inside booking")

    functions = web_pod.web._functions
    object.__setattr__(functions, "booking", replace(functions.booking, config=fail))
    reply = await web_pod.function("check_availability", "call_accident", {})
    assert (reply.status, set(reply.body)) == (200, {"success", "message"})
    assert "accident" not in reply.body["message"]


async def test_later_call_finds_moves_and_cancels_the_appointment(pod: TenantPod) -> None:
    slots = (await pod.function("check_availability", "call_chg_1", {"service": "Haarschnitt"})).body["slots"]
    args = {"service": "Haarschnitt", "start": slots[0]["start"], "customer_name": "Petra Müller"}
    from_number = "+4915166660001"
    booked = await pod.function("book_appointment", "call_chg_1", args, from_number=from_number)
    assert booked.body["success"], booked.body
    found = await pod.function("find_appointments", "call_chg_2", {}, from_number=from_number)
    assert [appointment["appointment_id"] for appointment in found.body["appointments"]] == [
        booked.body["appointment_id"]
    ]
    request = {"start": slots[1]["start"], "appointment_id": None}
    moved = await pod.function("reschedule_appointment", "call_chg_2", request, from_number=from_number)
    if not moved.body["success"]:  # with somebody else at that start: the person's own times are offered
        request = {"start": moved.body["alternatives"][0]["start"]}
        moved = await pod.function("reschedule_appointment", "call_chg_2", request, from_number=from_number)
    assert (moved.body["success"], moved.body["appointment_id"]) == (True, booked.body["appointment_id"])
    asked = await pod.function("cancel_appointment", "call_chg_2", {"reason": ""}, from_number=from_number)
    assert (asked.status, asked.body["success"], asked.body["needs_confirmation"]) == (200, False, True)
    await pod.let_two_seconds_pass("call_chg_2")
    agreed = {"reason": "", "confirmed": True}
    cancelled = await pod.function("cancel_appointment", "call_chg_2", agreed, from_number=from_number)
    assert (cancelled.status, cancelled.body["success"], cancelled.body["status"]) == (200, True, "cancelled")
    assert (await pod.function("find_appointments", "call_chg_2", {}, from_number=from_number)).body[
        "appointments"
    ] == []


@pytest.mark.parametrize(
    "shown",
    [
        NUMBER,
        "+86282452253",
        "+8656696",
        "+17378742833",
        "7378742833",
        "+266696687",
        "+2562533",
        "sip:anonymous@anonymous.invalid",
    ],
)
async def test_calls_with_stand_in_numbers_share_no_appointments(pod: TenantPod, shown: str) -> None:
    """A forwarded call shows the tenant's number, and many carriers show one stand-in: by it all these callers would be one."""
    first, second = f"call_first_{abs(hash(shown))}", f"call_second_{abs(hash(shown))}"
    args = {"service": "Haarschnitt", "customer_name": "Petra Müller"}
    slots = (await pod.function("check_availability", first, args, from_number=shown)).body["slots"]
    args["start"] = slots[0]["start"]
    booked = await pod.function("book_appointment", first, args, from_number=shown)
    assert booked.body["success"], booked.body
    own = await pod.function("find_appointments", first, {}, from_number=shown)
    assert [each["appointment_id"] for each in own.body["appointments"]] == [booked.body["appointment_id"]]
    by_id = {"appointment_id": booked.body["appointment_id"]}
    for named in ({}, by_id):
        found = await pod.function("find_appointments", second, named, from_number=shown)
        assert (found.body["success"], found.body["appointments"]) == (False, []), found.body
        for function in ("cancel_appointment", "reschedule_appointment"):
            refused = await pod.function(function, second, {**named, "start": slots[1]["start"]}, from_number=shown)
            assert (refused.body["success"], refused.body["appointments"]) == (False, []), refused.body
    rung = await pod.inbound(shown)
    assert rung.body in UNKNOWN_NUMBERS.values()
    numbers = "SELECT count(*) FROM customers WHERE tenant = $1 AND phone = ANY ($2)"
    assert await pod.db.fetchval(numbers, pod.store.tenant, [NUMBER, shown, f"+{shown}", f"+49{shown}"]) == 0


async def test_copied_service_number_is_no_customers_number(pod: TenantPod) -> None:
    args = {"service": "Haarschnitt", "date": "Dienstag", "time": "9 Uhr", "customer_name": "Petra Lange"}
    said = [{"role": "user", "content": "Haarschnitt am Dienstag um neun, Petra Lange."}]
    call = {"from_number": "+4918012345678", "transcript_with_tool_calls": said}
    reply = await pod.function("book_appointment", "call_switchboard", args | {"phone": "+4918012345678"}, **call)
    assert (reply.body["success"], reply.body.get("needs_phone")) == (False, "missing")


async def test_model_cannot_confirm_a_cancellation_by_itself(pod: TenantPod) -> None:
    """The transcript decides: the caller was asked about this appointment, and has said something since."""
    number = "+4915166660003"
    slots = (await pod.function("check_availability", "call_yes", {"service": "Haarschnitt"})).body["slots"]
    args = {"service": "Haarschnitt", "start": slots[0]["start"], "customer_name": "Petra Müller"}
    booked = await pod.function("book_appointment", "call_yes", args, from_number=number)
    assert booked.body["success"], booked.body
    spoken: list[dict[str, Any]] = [{"role": "user", "content": "Ich möchte meinen Termin absagen."}]

    async def cancel(**args: Any) -> dict[str, Any]:
        call = {"from_number": number, "transcript_with_tool_calls": spoken}
        answer = (await pod.function("cancel_appointment", "call_yes", args, **call)).body
        spoken.append({"role": "tool_call_result", "content": json.dumps(answer), "successful": True})
        return answer

    assert (await cancel(confirmed=True))["needs_confirmation"]
    spoken.append({"role": "agent", "content": "Einen Moment."})
    assert (await cancel(confirmed=True))["needs_confirmation"]
    spoken.append({"role": "user", "content": "Nein, doch nicht."})
    assert "needs_confirmation" not in await cancel(confirmed=False)
    spoken.append({"role": "user", "content": "Ach, sagen Sie ihn doch ab."})
    assert (await cancel(confirmed=True))["needs_confirmation"]
    spoken.append({"role": "user", "content": "Ja."})
    assert (await cancel(confirmed=True))["status"] == "cancelled"


async def test_two_cancellations_in_one_turn_cancel_nothing(pod: TenantPod) -> None:
    """Neither transcript holds the other's answer: the caller has heard no question yet."""
    number = "+4915166660004"
    slots = (await pod.function("check_availability", "call_turn", {"service": "Haarschnitt"})).body["slots"]
    args = {"service": "Haarschnitt", "start": slots[0]["start"], "customer_name": "Petra Müller"}
    booked = await pod.function("book_appointment", "call_turn", args, from_number=number)
    spoken = [
        {"role": "agent", "content": "Salon, guten Tag!"},
        {"role": "user", "content": "Ich möchte absagen."},
        {"role": "tool_call_invocation", "name": "cancel_appointment", "arguments": "{}"},
    ]
    call = {"from_number": number, "transcript_with_tool_calls": spoken}
    both = [await pod.function("cancel_appointment", "call_turn", args, **call) for args in ({}, {"reason": "krank"})]
    assert [answer.body.get("needs_confirmation") for answer in both] == [True, True], both
    status = "SELECT status FROM appointments WHERE id = $1::uuid"
    assert await pod.db.fetchval(status, booked.body["appointment_id"]) == "confirmed"


@pytest.mark.real_clock  # PostgreSQL compares the call's end with its own clock
async def test_ended_call_changes_nothing(pod: TenantPod) -> None:
    """A signed request that somebody sends again after the call would book what was cancelled meanwhile."""
    for call_id, ended_seconds_ago, refused in (("call_over", 120, True), ("call_hung_up", 5, False)):
        end = int((time.time() - ended_seconds_ago) * 1000)
        await pod.retell("call_ended", call_id, call_status="ended", start_timestamp=end - 60_000, end_timestamp=end)
        await pod.settled(f"{call_id}:call_ended")
        for name in ("book_appointment", "reschedule_appointment", "cancel_appointment"):
            reply = await pod.function(name, call_id, {}, from_number="+4915199999999")
            assert (reply.status, reply.body["success"]) == (200, False)
            assert (reply.body["message"] == say().call_over) is refused


async def test_replayed_signed_request_changes_nothing(pod: TenantPod) -> None:
    """Booked, cancelled, and then the very same signed booking again: it is answered as before, and nothing is booked."""
    number = "+4915166660002"
    slots = (await pod.function("check_availability", "call_replay", {"service": "Haarschnitt"})).body["slots"]
    args = {"service": "Haarschnitt", "start": slots[0]["start"], "customer_name": "Petra Müller"}
    send_booking = pod.signed_function("book_appointment", "call_replay", args, from_number=number)
    booked, at_once = await asyncio.gather(send_booking(), send_booking())
    assert booked.body["success"], booked.body
    assert at_once.body == booked.body
    ask_to_cancel = pod.signed_function("cancel_appointment", "call_replay", {}, from_number=number)
    asked, asked_again = await ask_to_cancel(), await ask_to_cancel()
    assert asked.body["needs_confirmation"]
    assert asked_again.body == asked.body
    args_of_yes = {"confirmed": True}
    await pod.let_two_seconds_pass("call_replay")
    send_cancellation = pod.signed_function("cancel_appointment", "call_replay", args_of_yes, from_number=number)
    cancelled = await send_cancellation()
    assert cancelled.body["status"] == "cancelled"

    live = "SELECT count(*) FROM appointments WHERE tenant = $1 AND call_id = 'call_replay' AND status <> 'cancelled'"
    assert (await send_booking()).body == booked.body
    assert await pod.db.fetchval(live, pod.store.tenant) == 0

    # A request that the caller repeats is signed anew.
    again = await pod.function("book_appointment", "call_replay", args, from_number=number)
    assert again.body["success"], again.body
    assert again.body["appointment_id"] != booked.body["appointment_id"]
    assert (await send_cancellation()).body == cancelled.body
    assert await pod.db.fetchval(live, pod.store.tenant) == 1


async def test_interrupted_signed_request_is_not_repeated(pod: TenantPod) -> None:
    """Its process died between the booking and the storing of its answer; the model asks again, with a new signature."""
    slots = (await pod.function("check_availability", "call_cut_off", {"service": "Haarschnitt"})).body["slots"]
    args = {"service": "Haarschnitt", "start": slots[0]["start"], "customer_name": "Petra Müller"}
    send = pod.signed_function("book_appointment", "call_cut_off", args)
    booked = await send()
    await pod.db.execute("UPDATE call_actions SET answer = NULL, state = 'in_flight' WHERE key LIKE 'request|%'")
    reply = await send()
    assert (reply.status, reply.body) == (200, {"success": False, "message": say().still_working})
    again = await pod.function("book_appointment", "call_cut_off", args)
    assert again.body["appointment_id"] == booked.body["appointment_id"]


async def test_function_log_lines_name_step_and_branch(pod: TenantPod) -> None:
    with capture_logs(processors=[merge_contextvars]) as logs:
        await pod.function("check_availability", "call_logged", {"service": "Haarschnitt"})
        await pod.function("check_availability", "call_foreign", {}, agent_id="agent_x", to_number="+49309999999")
        await pod.inbound("+4915112345678")
    (answered,) = [entry for entry in logs if entry["event"] == "function.answered"]
    assert (answered["step"], answered["branch"], answered["call_id"]) == ("check_availability", "mitte", "call_logged")
    (refused,) = [entry for entry in logs if entry["event"] == "function.unroutable"]
    (rung,) = [entry for entry in logs if entry["event"] == "inbound.answered"]
    assert (rung["step"], rung["branch"]) == ("inbound", "mitte")
    assert "branch" not in refused, "nothing is left over from the request before on the same connection"
