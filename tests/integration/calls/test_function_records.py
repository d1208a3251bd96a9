"""The records of an agent's function calls: they are found afterwards, counted, and cost the caller nothing."""

import asyncio
import itertools
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import asyncpg
import msgspec
import pytest
from structlog.testing import capture_logs

from askproai_core.tenant_config import TenantConfig
from askproai_runtime.availability.obstacles import Obstacle
from askproai_runtime.calls.store import FunctionRecord
from askproai_runtime.conversation import record as record_module
from askproai_runtime.conversation.types import FunctionOutcome
from askproai_runtime.spoken_times import Refusal
from tests.worlds.call_records import get
from tests.worlds.tenant_pod import ADMIN_TOKEN, TenantPod, running_web
from tests.worlds.tenant_rows import altered_schema
from tests.worlds.waiting import eventually

HAIRCUT = {"service": "Haarschnitt"}


async def records(pod: TenantPod, call_id: str, count: int) -> list[asyncpg.Record]:
    """Return a call's records in order, once there are `count`."""

    async def written() -> list[asyncpg.Record] | None:
        rows = await pod.db.fetch(
            "SELECT * FROM function_requests WHERE tenant = $1 AND call_id = $2 ORDER BY at", pod.store.tenant, call_id
        )
        return rows if len(rows) == count else None

    return await eventually(written)


async def metrics(pod: TenantPod) -> str:
    async with pod.session.get(f"http://127.0.0.1:{pod.web.metrics_port}/metrics") as answer:
        return await answer.text()


def function_entries(timeline: dict[str, Any]) -> list[dict[str, Any]]:
    return [entry for entry in timeline["moments"] if entry["what"] == "function"]


def test_every_obstacle_and_refusal_is_an_outcome() -> None:
    assert {*Obstacle, *Refusal} <= {outcome.value for outcome in FunctionOutcome}


async def test_refused_closed_day_records_arguments_and_answer(pod: TenantPod) -> None:
    args = {"service": "Haarschnitt", "date": "Sonntag", "time": "zehn Uhr vormittags"}
    reply = await pod.function("check_availability", "call_sunday", args)
    [row] = await records(pod, "call_sunday", 1)
    assert (row["function"], row["outcome"], row["appointment_id"]) == ("check_availability", "closed_day", None)
    assert (json.loads(row["arguments"]), row["answer"]) == (args, reply.body["message"])
    assert 0 <= row["duration_ms"] < 7000
    [entry] = function_entries(await get(pod, "calls/call_sunday/timeline", personal="true"))
    assert (entry["outcome"], entry["arguments"], entry["answer"]) == ("closed_day", args, reply.body["message"])
    assert "outcome" not in reply.body, "the model's answer stays as it was"


async def test_each_function_result_records_its_outcome(pod: TenantPod) -> None:
    asked: list[tuple[str, dict[str, Any], str]] = [
        ("check_availability", {"service": "Dauerwelle"}, "unknown_service"),
        ("check_availability", HAIRCUT | {"staff": "Zoe"}, "unknown_staff"),
        ("check_availability", HAIRCUT | {"date": "Quatsch"}, "not_understood"),
        ("check_availability", HAIRCUT | {"date": "2036-11-21", "time": "10:00"}, "too_far"),
        ("check_availability", HAIRCUT, "offered"),
        ("find_appointments", {}, "none_found"),
        ("cancel_appointment", {}, "none_found"),
        ("book_appointment", HAIRCUT, "asked_back"),
    ]
    for name, args, _ in asked:
        await pod.function(name, "call_ways", args, from_number="+4915177770001")
    rows = await records(pod, "call_ways", len(asked))
    assert [(row["function"], row["outcome"]) for row in rows] == [(name, outcome) for name, _, outcome in asked]


async def test_appointment_id_finds_its_function_records(pod: TenantPod) -> None:
    free = (await pod.function("check_availability", "call_life", HAIRCUT)).body["slots"]
    book = HAIRCUT | {"start": free[0]["start"], "customer_name": "Petra Müller"}
    send = pod.signed_function("book_appointment", "call_life", book)
    booked = await send()
    await send()
    await pod.function("book_appointment", "call_life", book | {"notes": "kurz"})
    which = {"appointment_id": booked.body["appointment_id"]}
    await pod.function("cancel_appointment", "call_life", which)
    await pod.let_two_seconds_pass("call_life")
    await pod.function("cancel_appointment", "call_life", which | {"confirmed": True})
    rows = await records(pod, "call_life", 6)
    outcomes = ["offered", "booked", "repeated", "already_booked", "asked_back", "cancelled"]
    assert [row["outcome"] for row in rows] == outcomes
    assert {str(row["appointment_id"]) for row in rows[1:]} == {booked.body["appointment_id"]}


async def test_internal_error_record_has_place_and_correlation_id(web_pod: TenantPod) -> None:
    def fail() -> TenantConfig:
        raise NotImplementedError("Petra Müller, +4915112345678")

    functions = web_pod.web._functions
    object.__setattr__(functions, "booking", replace(functions.booking, config=fail))
    await web_pod.function("check_availability", "call_error", HAIRCUT)
    [row] = await records(web_pod, "call_error", 1)
    assert row["outcome"] == "failed"
    assert row["cause"].startswith("NotImplementedError at ")
    assert "test_function_records.py" in row["cause"]
    assert "Petra" not in row["cause"]
    [entry] = function_entries(await get(web_pod, "calls/call_error/timeline"))
    assert (entry["detail"], entry["correlation_id"]) == (row["cause"], row["correlation_id"])
    text = await metrics(web_pod)
    series = f'{{function="check_availability",outcome="failed",tenant="{web_pod.store.tenant}"}}'
    assert f"askproai_function_calls_total{series} 1.0" in text


async def test_only_trial_pods_record_their_track(stopped_pod: TenantPod) -> None:
    async with running_web(stopped_pod, worker_port=9, track="canary-1"):
        await stopped_pod.function("check_availability", "call_trial", HAIRCUT)
        [row] = await records(stopped_pod, "call_trial", 1)
        assert row["track"] == "canary-1"
    async with running_web(stopped_pod, worker_port=9):
        await stopped_pod.function("check_availability", "call_usual", HAIRCUT)
        [row] = await records(stopped_pod, "call_usual", 1)
        assert row["track"] is None


async def test_function_answers_survive_slow_or_lost_records(web_pod: TenantPod) -> None:
    """A database that takes no record loses the record, never the answer."""
    async with web_pod.db.transaction():
        await web_pod.db.execute("LOCK TABLE function_requests IN EXCLUSIVE MODE")
        reply = await web_pod.function("check_availability", "call_locked", HAIRCUT)
        assert reply.body["success"]
        later = await web_pod.function("check_availability", "call_locked", HAIRCUT)
        assert later.body["success"]
    await web_pod.db.execute("ALTER TABLE function_requests RENAME TO elsewhere")
    try:
        assert (await web_pod.function("check_availability", "call_before", HAIRCUT)).body["success"]
        await web_pod.web._functions.recorder.close()
    finally:
        await web_pod.db.execute("ALTER TABLE elsewhere RENAME TO function_requests")
    await web_pod.function("check_availability", "call_after", HAIRCUT)
    await records(web_pod, "call_after", 1)


@pytest.mark.parametrize("personal", [True, False])
async def test_recorded_arguments_are_bounded_and_anonymous_by_default(pod: TenantPod, personal: bool) -> None:
    args = {
        "customer_name": "Erika Mustermann",
        "notes": "ä" * 5000,
        "service": "Haarschnitt",
    }
    await pod.function("book_appointment", f"call_args_{personal}", args | {f"more_{n}": "x" for n in range(50)})
    [row] = await records(pod, f"call_args_{personal}", 1)
    assert len(row["arguments"]) < 5000
    timeline = await get(pod, f"calls/call_args_{personal}/timeline", personal=str(personal).lower())
    [entry] = function_entries(timeline)
    assert entry["arguments"]["service"] == "Haarschnitt"
    assert ("Mustermann" in json.dumps(timeline)) is personal
    assert (timeline["call"]["from_number"] == "+4915112345678") is personal
    assert (entry["answer"] is not None) is personal


async def test_calls_are_listed_with_their_outcomes(pod: TenantPod) -> None:
    caller = "+4915177770002"
    await pod.function("check_availability", "call_l_asks", HAIRCUT, from_number=caller)
    free = (await pod.function("check_availability", "call_l_books", HAIRCUT, from_number=caller)).body["slots"]
    book = HAIRCUT | {"start": free[0]["start"], "customer_name": "Petra Müller"}
    assert (await pod.function("book_appointment", "call_l_books", book, from_number=caller)).body["success"]
    for args in ({}, {"confirmed": True}):
        await pod.function("cancel_appointment", "call_l_cancels", args, from_number=caller)
        await pod.let_two_seconds_pass("call_l_cancels")
    await pod.function("check_availability", "call_l_speaks", HAIRCUT, from_number=caller)
    for call_id, count in (("call_l_asks", 1), ("call_l_books", 2), ("call_l_cancels", 2)):
        await records(pod, call_id, count)
        times = {"start_timestamp": 1_800_000_000_000, "end_timestamp": 1_800_000_042_000}
        await pod.retell("call_ended", call_id, call_status="ended", from_number=caller, **times)
        await pod.settled(f"{call_id}:call_ended")
    await pod.retell("call_ended", "call_l_hangs_up", call_status="ended", from_number=caller)
    await pod.settled("call_l_hangs_up:call_ended")
    moved_on = {"call_status": "ended", "disconnection_reason": "call_transfer", "from_number": caller}
    await pod.retell("call_ended", "call_l_is_put_through", **moved_on)
    await pod.settled("call_l_is_put_through:call_ended")
    await records(pod, "call_l_speaks", 1)
    page = await get(pod, "calls", **{"from": "0151 77770002"}, personal="true")
    found = {call["call_id"]: call["outcome"] for call in page["calls"]}
    assert found == {
        "call_l_asks": "nothing", "call_l_books": "booked", "call_l_cancels": "cancelled", "call_l_speaks": "ongoing",
        "call_l_hangs_up": "no_function", "call_l_is_put_through": "transferred",
    }  # fmt: skip
    assert {call["seconds"] for call in page["calls"] if call["call_id"] in {"call_l_asks", "call_l_books"}} == {42}
    assert {call["from_number"] for call in page["calls"]} == {caller}
    only = await get(pod, "calls", **{"from": caller}, outcome="booked", since="2026-01-01")
    assert [(call["call_id"], call["from_number"]) for call in only["calls"]] == [("call_l_books", None)]
    either = await get(pod, "calls", **{"from": caller}, outcome="cancelled,no_function")
    assert {call["call_id"] for call in either["calls"]} == {"call_l_cancels", "call_l_hangs_up"}


async def test_call_failed_by_database_outage_is_listed(
    web_pod: TenantPod,
) -> None:
    """Its functions could not be recorded, so its outcome is no_function; whoever looks for failed calls finds it."""
    caller, tries = "+4915177770003", itertools.count()
    web_pod.write_credential("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nothing")
    await web_pod.db.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()"
    )

    async def find_failed() -> str | None:  # the changed file is read within a moment
        call_id = f"call_away_{next(tries)}"
        heard = await web_pod.function("check_availability", call_id, HAIRCUT, from_number=caller)
        return None if heard.body["success"] else call_id

    call_id = await eventually(find_failed)
    await web_pod.web._functions.recorder.close()
    web_pod.write_credential("DATABASE_URL", web_pod.store.dsn)
    await web_pod.db.execute(  # as by its events, which have waited
        """INSERT INTO calls (tenant, call_id, status, from_number, started_at, ended_at, correlation_id)
           VALUES ($1, $2, 'ended', $3, now(), now(), 'c')""",
        web_pod.store.tenant, call_id, caller,
    )  # fmt: skip

    async def listed() -> dict[str, str] | None:
        headers, asked = (
            {"Authorization": f"Bearer {ADMIN_TOKEN}"},
            {"outcome": "failed", "personal": "true"},
        )
        async with web_pod.session.get(f"{web_pod.private_url}/api/v1/calls", params=asked, headers=headers) as answer:
            calls = (await answer.json())["calls"] if answer.status == 200 else []
        return {each["from_number"]: each["outcome"] for each in calls if each["call_id"] == call_id}

    assert await eventually(listed) == {caller: "no_function"}


async def test_unknown_outcome_filter_is_refused_with_known_outcomes(pod: TenantPod) -> None:
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    for wrong in ("failed,lost", "failed,", ""):
        url = f"{pod.private_url}/api/v1/calls"
        async with pod.session.get(url, params={"outcome": wrong}, headers=headers) as answer:
            assert answer.status == 400
            assert "outcome is one of, or several joined by commas: booked" in (await answer.json())["detail"]


async def test_timeline_shows_waiting_job_and_kept_transcript(pod: TenantPod) -> None:
    free = (await pod.function("check_availability", "call_job", HAIRCUT)).body["slots"]
    book = HAIRCUT | {"start": free[0]["start"], "customer_name": "Petra Müller"}
    appointment = (await pod.function("book_appointment", "call_job", book)).body["appointment_id"]
    await pod.retell("call_ended", "call_job", call_status="ended", transcript="Agent: Guten Tag")
    await pod.settled("call_job:call_ended")
    await pod.db.execute(
        """INSERT INTO jobs (tenant, kind, priority, appointment_id, correlation_id, run_at)
           VALUES ($1, 'calendar-sync', 'high', $2, 'c', '2036-11-21T10:00Z')""",
        pod.store.tenant, appointment,
    )  # fmt: skip
    timeline = await get(pod, "calls/call_job/timeline", personal="true")
    [job] = [entry for entry in timeline["moments"] if entry["what"] == "job"]
    assert (job["next_try_at"], job["appointment_id"]) == ("2036-11-21T10:00:00Z", appointment)
    [made] = [entry for entry in timeline["moments"] if entry["what"] == "appointment"]
    assert (made["starts_at"], made["appointment_id"]) == (free[0]["start"], appointment)
    assert timeline["transcript"] == "Agent: Guten Tag"
    assert (await get(pod, "calls/call_job/timeline"))["transcript"] is None


async def test_reading_a_transcript_is_audited_with_its_reader(pod: TenantPod) -> None:
    url = "https://api.retellai.example/call_said.wav"
    analysis = {
        "call_summary": "Frau Müller fragt nach Farbe.", "user_sentiment": "Positive", "call_successful": True,
        "custom_analysis_data": {"Anliegen": "Farbe"},
    }  # fmt: skip
    said = {"call_status": "ended", "transcript": "Agent: Guten Tag", "recording_url": url}
    await pod.retell("call_ended", "call_said_1", **said)
    await pod.retell("call_analyzed", "call_said_1", call_analysis=analysis, **said)
    await pod.settled("call_said_1:call_analyzed")
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}", "X-Askproai-User": "karin@laptop"}
    async with pod.session.get(f"{pod.private_url}/api/v1/calls/call_said", headers=headers) as answer:
        content = await answer.json()
    assert (content["transcript"], content["recording_url"]) == ("Agent: Guten Tag", url)
    assert (content["summary"], content["sentiment"], content["successful"]) == (
        "Frau Müller fragt nach Farbe.", "Positive", True,
    )  # fmt: skip
    assert content["further"] == {"custom_analysis_data": {"Anliegen": "Farbe"}}
    await get(pod, "calls/call_said_1/timeline", personal="true")
    await get(pod, "calls/call_said_1/timeline")  # names nobody
    entries = (await get(pod, "audit", limit="500"))["entries"]
    read = [
        entry["detail"]
        for entry in entries
        if entry["action"] == "call.read" and entry["detail"]["call"] == "call_said_1"
    ]
    assert [(each["claimed_by"], each["parts"]) for each in reversed(read)] == [
        ("karin@laptop", ["transcript", "analysis", "recording"]),
        (None, ["timeline", "transcript"]),
    ]
    assert "Farbe" not in json.dumps(read, ensure_ascii=False)


async def test_reading_a_personal_list_is_audited_once(pod: TenantPod) -> None:
    for name in ("Karin Amt", "Karin Amt", "Lou Amt"):
        headers = {"Authorization": f"Bearer {ADMIN_TOKEN}", "X-Askproai-User": name}
        calls = "calls?personal=true" if name == "Lou Amt" else "calls"
        for path in ("appointments", "blocks", "messages?limit=1", "reminder-opt-outs", "waitlist", "circuits", calls):
            async with pod.session.get(f"{pod.private_url}/api/v1/{path}", headers=headers) as answer:
                assert answer.status == 200, await answer.text()
    entries = (await get(pod, "audit", limit="500"))["entries"]
    details = [entry["detail"] for entry in entries if entry["action"] == "list.read"]
    read = [(each["claimed_by"], each["list"]) for each in details if str(each["claimed_by"]).endswith("Amt")]
    lists = ("/appointments", "/blocks", "/messages", "/reminder-opt-outs", "/waitlist")
    expected = {(name, each) for name in ("Karin Amt", "Lou Amt") for each in lists} | {("Lou Amt", "/calls")}
    assert (len(read), set(read)) == (len(expected), expected)


async def test_transcript_is_withheld_if_reading_cannot_be_audited(web_pod: TenantPod) -> None:
    await web_pod.db.execute(
        """INSERT INTO calls (tenant, call_id, status, transcript, correlation_id) VALUES ($1, 'call_kept', 'ended', 'Ja', 'c')""",
        web_pod.store.tenant,
    )  # fmt: skip
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    async with altered_schema(
        web_pod.db,
        "ALTER TABLE audit_log ADD CONSTRAINT full_up CHECK (action <> 'call.read') NOT VALID",
        "ALTER TABLE audit_log DROP CONSTRAINT full_up",
    ):
        for path in ("call_kept", "call_kept/timeline?personal=true"):
            async with web_pod.session.get(f"{web_pod.private_url}/api/v1/calls/{path}", headers=headers) as answer:
                assert (answer.status, "Ja" in await answer.text()) == (500, False)


async def test_metric_counts_a_call_with_several_functions_once(web_pod: TenantPod) -> None:
    for _ in range(3):
        await web_pod.function("check_availability", "call_counted", HAIRCUT)
    await records(web_pod, "call_counted", 3)
    await web_pod.function("check_availability", "call_counted", HAIRCUT)
    await records(web_pod, "call_counted", 4)

    async def counted() -> bool:
        return f'askproai_calls_with_functions_total{{tenant="{web_pod.store.tenant}"}} 1.0' in await metrics(web_pod)

    await eventually(counted)


async def test_timeline_includes_changes_made_weeks_later(pod: TenantPod) -> None:
    free = (await pod.function("check_availability", "call_weeks", HAIRCUT)).body["slots"]
    book = HAIRCUT | {"start": free[0]["start"], "customer_name": "Petra Müller"}
    appointment = (await pod.function("book_appointment", "call_weeks", book)).body["appointment_id"]
    await pod.db.execute(
        "UPDATE appointments SET created_at = created_at - interval '25 days' WHERE id = $1::uuid", appointment
    )
    timeline = await get(pod, "calls/call_weeks/timeline")
    [made] = [entry for entry in timeline["moments"] if entry["what"] == "appointment"]
    assert made["duration_ms"] >= 25 * 86_400_000


async def test_record_is_kept_despite_control_characters(web_pod: TenantPod) -> None:
    odd = {f"a{n}": "\x01" * 300 for n in range(8)} | HAIRCUT
    await web_pod.function("check_availability", "call_odd", odd)
    [row] = await records(web_pod, "call_odd", 1)
    assert json.loads(row["arguments"])["service"] == "Haarschnitt"


async def test_record_refused_by_database_does_not_lose_others(web_pod: TenantPod) -> None:
    await web_pod.db.execute(
        "ALTER TABLE function_requests ADD CONSTRAINT refused CHECK (call_id <> 'call_refused') NOT VALID"
    )
    try:
        with capture_logs() as logs:
            await asyncio.gather(
                *(
                    web_pod.function("check_availability", call_id, HAIRCUT)
                    for call_id in ("call_fine", "call_refused", "call_fine")
                )
            )
            await records(web_pod, "call_fine", 2)
            await web_pod.web._functions.recorder.close()
    finally:
        await web_pod.db.execute("ALTER TABLE function_requests DROP CONSTRAINT refused")
    lost = [entry["records"] for entry in logs if entry["event"] == "function.not_recorded"]
    assert lost == [1]


async def test_impersonal_timeline_shows_only_known_words_and_times(pod: TenantPod) -> None:
    args = {
        "service": "Haarschnitt für Petra Müller, 0151 2345678",
        "staff": "Anna",
        "date": "morgen, sagt Petra",
        "time": "zehn Uhr vormittags",
        "start": "2036-11-27T10:00:00+01:00",
        "+4915112345678": "x",
    }
    await pod.function("check_availability", "call_free_text", args)
    await records(pod, "call_free_text", 1)
    [entry] = function_entries(await get(pod, "calls/call_free_text/timeline"))
    assert entry["arguments"] == {
        "service": "…", "staff": "Anna", "date": "…", "time": "zehn Uhr vormittags", "start": args["start"],
    }  # fmt: skip
    [entry] = function_entries(await get(pod, "calls/call_free_text/timeline", personal="true"))
    assert entry["arguments"] == args


@pytest.mark.parametrize("began", [None, 1_800_000_000_000])
async def test_start_of_a_call_comes_from_retell_only(pod: TenantPod, began) -> None:
    call_id = f"call_began_{began}"
    extra = {} if began is None else {"start_timestamp": began}
    await pod.function("check_availability", call_id, HAIRCUT, **extra)
    await records(pod, call_id, 1)
    started = await pod.db.fetchval("SELECT started_at FROM calls WHERE call_id = $1", call_id)
    assert started == (began and datetime.fromtimestamp(began / 1000, UTC))
    await pod.retell("call_ended", call_id, call_status="ended", start_timestamp=1_700_000_000_000)
    await pod.settled(f"{call_id}:call_ended")
    started = await pod.db.fetchval("SELECT started_at FROM calls WHERE call_id = $1", call_id)
    assert began or started == datetime.fromtimestamp(1_700_000_000, UTC)


async def test_unavailable_database_does_not_delay_pod_shutdown(
    web_pod: TenantPod, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = web_pod.web._functions.recorder
    await web_pod.function("check_availability", "call_last", HAIRCUT)
    [row] = await records(web_pod, "call_last", 1)
    record = msgspec.convert(
        {name: row.get(name) for name in FunctionRecord.__struct_fields__}
        | {"at": row["at"], "arguments": {}, "appointment_id": None},
        FunctionRecord,
    )
    monkeypatch.setattr(record_module, "_CLOSE_SECONDS", 0.2)
    async with web_pod.db.transaction():
        await web_pod.db.execute("LOCK TABLE function_requests IN EXCLUSIVE MODE")
        for _ in range(250):
            recorder.add(record)
        with capture_logs() as logs:
            async with asyncio.timeout(1.5):  # a single write takes two seconds
                await recorder.close()
    assert [entry["records"] for entry in logs if entry["event"] == "function.not_recorded"] == [250]
