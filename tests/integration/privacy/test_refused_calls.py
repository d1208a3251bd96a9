"""A refused call: none of its text stays here or at Retell, while the changes made in the call stay."""

from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest

from askproai_core.fault_injection import FaultPoints
from askproai_runtime.sentences import say
from askproai_sandbox.retell.workspace import Call
from askproai_sandbox.simulator import Fault, FaultKind
from tests.worlds.encryption import decrypted_text, stored_text
from tests.worlds.page_visitor import visiting
from tests.worlds.privacy_environment import OTHER, ZORA, PrivacyEnvironment
from tests.worlds.private_desk import request
from tests.worlds.tenant_pod import ADMIN_TOKEN, next_friday

pytestmark = pytest.mark.nightly

CALL = "call_refuses"
SAID = "Himbeergeist"  # in what is said before, and after
NOTICE = "SELECT * FROM call_notices WHERE tenant = $1 AND call_id = $2"


async def readable(env: PrivacyEnvironment) -> str:
    """Return what is stored in the columns that hold words of callers, as the pods can read it."""
    db, tenant = env.pod.db, env.tenant
    return await decrypted_text(db, tenant, env.pod.worker.cipher) + await stored_text(db, tenant)


async def begin(env: PrivacyEnvironment, call_id: str = CALL) -> dict[str, Any]:
    """Begin a call in which something is said, as Retell has it and as our functions hear it; return its fields."""
    fields = env.call_fields(ZORA, call_id) | {"transcript": f"Agent: Guten Tag.\nUser: {SAID}\n"}
    fields["call_analysis"] = {"call_summary": SAID}
    fields["data_storage_setting"] = "everything"
    fields.pop("call_id")
    begun = {"call_status": "ongoing", "transcript": None, "end_timestamp": None, "call_analysis": None}
    env.workspace.calls[call_id] = Call(datetime.now(UTC), fields | begun | {"call_id": call_id})
    await env.pod.retell("call_started", call_id, **fields | begun)
    said = [{"role": "user", "content": SAID}]
    await env.pod.retell("transcript_updated", call_id, **fields | begun | {"transcript_with_tool_calls": said})
    await env.ask("check_availability", call_id, ZORA, {"service": SAID})
    await env.recorded(call_id, functions=1)
    await env.processed()
    return fields


async def end(env: PrivacyEnvironment, fields: dict[str, Any], call_id: str = CALL) -> None:
    env.workspace.calls[call_id] = Call(datetime.now(UTC), fields | {"call_id": call_id})
    for event in ("call_ended", "call_analyzed"):
        assert (await env.pod.retell(event, call_id, **fields)).status == 200
    await env.processed()


async def test_refused_calls_words_are_deleted_while_bookings_stay(env: PrivacyEnvironment) -> None:
    other = await env.play(OTHER, hour=14)
    fields = await begin(env)
    assert SAID in await readable(env), "the search finds what is there"
    answer = await env.ask("decline_recording", CALL, ZORA, {})
    assert answer == {"success": True, "message": say().not_kept}
    assert SAID not in await readable(env)

    start = next_friday(env.pod, 10).isoformat()
    args = {"service": "Haarschnitt", "staff": "anna", "start": start, "customer_name": "Zora Vogel", "remark": SAID}
    for _ in range(2):  # the first one reads the address back
        booked = await env.ask("book_appointment", CALL, ZORA, args | {"email": ZORA.email, "email_confirmed": True})
        await env.pod.let_two_seconds_pass(CALL)
    assert booked["success"], booked
    assert (await env.ask("decline_recording", CALL, ZORA, {}))["success"], "asked for again"
    await env.recorded(CALL, functions=5)
    await end(env, fields)
    assert SAID not in await readable(env)
    call = await env.pod.db.fetchrow("SELECT * FROM calls WHERE tenant = $1 AND call_id = $2", env.tenant, CALL)
    assert (call["status"], call["disconnection_reason"], call["from_number"]) == ("ended", "user_hangup", ZORA.number)
    outcomes = "SELECT array_agg(outcome ORDER BY at) FROM function_requests WHERE tenant = $1 AND call_id = $2"
    found = await env.pod.db.fetchval(outcomes, env.tenant, CALL)
    assert found[1:] == ["not_kept", "asked_back", "booked", "not_kept"]
    assert OTHER.message in (await request(env.pod, f"calls/{other}"))[1]["transcript"]

    assert CALL in env.workspace.calls
    await env.run_erasures()
    assert CALL not in env.workspace.calls
    assert other in env.workspace.calls
    await env.poll_calls()
    assert SAID not in await readable(env)


async def test_refusal_is_visible_where_people_view_calls(env: PrivacyEnvironment) -> None:
    fields = await begin(env)
    await env.ask("decline_recording", CALL, ZORA, {})
    await end(env, fields)
    _, timeline = await request(env.pod, f"calls/{CALL}/timeline")
    notice = timeline["notice"]
    assert (notice["retell_keeps"], notice["agent_version"], notice["greeting"]) == ("everything", 0, "abc")
    assert notice["refused_at"]
    assert notice["deleted_at_retell"] is None
    await env.run_erasures()
    _, content = await request(env.pod, f"calls/{CALL}")
    assert content["notice"]["deleted_at_retell"]
    assert (content["transcript"], content["summary"]) == (None, None)
    _, document = await request(env.pod, "callers/export", {"caller": ZORA.number, "by": "Eva"})
    (call,) = document["calls"]
    assert (call["ai_notice"], call["retell_keeps"], call["transcript"]) == ("not_given", "everything", None)
    assert call["refused_at"]
    async with visiting(env.pod) as visitor:
        await visitor.log_in(ADMIN_TOKEN)
        _, page, _ = await visitor.get(f"/calls/{CALL}")
    assert "Speicherung abgelehnt" in page
    assert "bei Retell gelöscht" in page


async def test_retells_copy_is_deleted_after_call_despite_failures(env: PrivacyEnvironment) -> None:
    fields = await begin(env)
    await env.ask("decline_recording", CALL, ZORA, {})
    await env.run_erasures()
    assert CALL in env.workspace.calls, "nobody deletes a call that goes on"
    await end(env, fields)
    fault = {"fault": FaultKind.ERROR_BEFORE_COMMIT, "operation": "delete-call", "count": 1}
    env.retell.faults.active.append(Fault.parse(fault, env.retell.clock.now()))
    await env.run_erasures()
    assert CALL in env.workspace.calls
    assert (await env.pod.db.fetchrow(NOTICE, env.tenant, CALL))["deleted_at"] is None

    class Killed(Exception):
        pass

    class Killing(FaultPoints):
        def reach(self, name: str) -> None:
            if name == "after:delete-refused-call":
                raise Killed

    with pytest.raises(Killed):
        await env.run_erasures(env.task(faults=Killing()))
    assert CALL not in env.workspace.calls
    await env.run_erasures()
    assert (await env.pod.db.fetchrow(NOTICE, env.tenant, CALL))["deleted_at"]


async def test_many_undeletable_calls_delay_no_other_deletion(env: PrivacyEnvironment) -> None:
    """Calls are examined in pages of a hundred."""
    fields = await begin(env)
    await env.ask("decline_recording", CALL, ZORA, {})
    await env.pod.db.execute(
        """INSERT INTO call_notices (tenant, call_id, refused_at)
           SELECT $1, 'call_goes_on_' || n, now() FROM generate_series(1, 250) n""",
        env.tenant,
    )
    await end(env, fields)
    await env.run_erasures()
    assert CALL not in env.workspace.calls
    left = "SELECT count(*) FROM call_notices WHERE tenant = $1 AND deleted_at IS NULL"
    assert await env.pod.db.fetchval(left, env.tenant) == 250


async def test_concurrent_write_is_erased_after_the_call(env: PrivacyEnvironment) -> None:
    """The record of a function is written after its answer, by a statement that may have begun before the refusal."""
    fields = await begin(env)
    await env.ask("decline_recording", CALL, ZORA, {})
    db = env.pod.db
    await db.execute("SET session_replication_role = replica")  # as if it had begun before: no trigger
    await db.execute(
        """INSERT INTO function_requests (tenant, call_id, at, function, arguments, outcome, answer, duration_ms, correlation_id)
           VALUES ($1, $2, now(), 'book_appointment', $3::jsonb, 'booked', $4, 5, 'c')""",
        env.tenant, CALL, f'{{"notes": "{SAID}"}}', SAID,
    )  # fmt: skip
    await db.execute("SET session_replication_role = origin")
    await end(env, fields)
    assert SAID in await readable(env)
    await env.run_erasures()
    assert SAID not in await readable(env)


@pytest.mark.parametrize("refused_first", [True, False])
async def test_dead_event_of_refused_call_has_no_body(env: PrivacyEnvironment, refused_first: bool) -> None:
    await env.pod.db.execute(
        """INSERT INTO webhook_events (tenant, source, event_id, event_type, payload, correlation_id)
           VALUES ($1, 'retell', $2, 'call_analyzed', $3, 'c')""",
        env.tenant, f"{CALL}:call_analyzed", SAID.encode(),
    )  # fmt: skip
    if refused_first:
        await env.ask("decline_recording", CALL, ZORA, {})
    await env.pod.worker.pool.execute("UPDATE webhook_events SET status = 'dead'")
    if not refused_first:
        await env.ask("decline_recording", CALL, ZORA, {})
    assert SAID not in await readable(env)


async def test_refused_call_changes_no_other_call_or_tenant(env: PrivacyEnvironment) -> None:
    """Call ids are Retell's: nothing keeps two tenants from having the same one in a forged event."""
    neighbour = await env.database.create_tenant("neighbour")
    db = env.pod.db
    for tenant in (env.tenant, neighbour.tenant):
        await db.execute(
            """INSERT INTO calls (tenant, call_id, status, transcript, correlation_id) VALUES ($1, $2, 'ended', $3, 'c')""",
            tenant, CALL, SAID,
        )  # fmt: skip
        await db.execute(
            """INSERT INTO function_requests (tenant, call_id, at, function, arguments, outcome, answer, duration_ms,
                                              correlation_id)
               VALUES ($1, $2, now(), 'book_appointment', '{}', 'booked', $3, 5, 'c')""",
            tenant, CALL, SAID,
        )  # fmt: skip
    await env.ask("decline_recording", CALL, ZORA, {})
    left = "SELECT transcript FROM calls WHERE call_id = $1 UNION ALL SELECT answer FROM function_requests WHERE call_id = $1"
    assert [row[0] for row in await db.fetch(left, CALL)].count(SAID) == 2, "both of the neighbour's"
    pool = env.pod.worker.pool
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await pool.execute(
            "UPDATE function_requests SET answer = 'x' WHERE tenant = $1 AND call_id = $2", env.tenant, CALL
        )
    changed = await pool.execute("UPDATE function_requests SET answer = NULL WHERE call_id <> $1", CALL)
    assert changed == "UPDATE 0"
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await pool.execute("DELETE FROM call_notices")


async def test_pods_can_neither_revoke_nor_misdate_a_refusal(env: PrivacyEnvironment) -> None:
    """Otherwise an attacker in a pod could empty a call's records without a trace of the reason."""
    await begin(env)
    await env.ask("decline_recording", CALL, ZORA, {})
    pool, since = env.pod.worker.pool, (await env.pod.db.fetchrow(NOTICE, env.tenant, CALL))["refused_at"]
    for value in ("NULL", "'infinity'"):
        await pool.execute(f"UPDATE call_notices SET refused_at = {value} WHERE call_id = $1", CALL)
        assert (await env.pod.db.fetchrow(NOTICE, env.tenant, CALL))["refused_at"] == since
    for at in ("now() - interval '20 years'", "'infinity'"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await pool.execute(
                f"INSERT INTO call_notices (tenant, call_id, at) VALUES ($1, 'call_other', {at})", env.tenant
            )


async def test_refused_call_ages_during_a_retell_outage(env: PrivacyEnvironment) -> None:
    """The row's age decides, however often Retell is asked to delete its copy."""
    fields = await begin(env)
    await env.ask("decline_recording", CALL, ZORA, {})
    await end(env, fields)
    age = "SELECT updated_at FROM calls WHERE tenant = $1 AND call_id = $2"
    before = await env.pod.db.fetchval(age, env.tenant, CALL)
    fault = {"fault": FaultKind.ERROR_BEFORE_COMMIT, "operation": "delete-call", "count": 1}
    env.retell.faults.active.append(Fault.parse(fault, env.retell.clock.now()))
    await env.run_erasures()
    assert (await env.pod.db.fetchrow(NOTICE, env.tenant, CALL))["deleted_at"] is None
    assert await env.pod.db.fetchval(age, env.tenant, CALL) == before
    await env.pod.db.execute("DELETE FROM calls WHERE call_id = $1", CALL)
    await env.pod.db.execute("SET session_replication_role = replica")  # a day later
    await env.pod.db.execute(
        "UPDATE call_notices SET refused_at = refused_at - interval '1 day' WHERE call_id = $1", CALL
    )
    await env.pod.db.execute("SET session_replication_role = origin")
    await env.run_erasures()
    assert await env.pod.db.fetchval(age, env.tenant, CALL) is None, "nor does it come back"


@pytest.mark.parametrize(
    ("version", "transcript", "notice"),
    [
        (0, "Agent: Salon Müller, Sie sprechen mit einem KI-Assistenten.\nUser: Ja\n", "heard"),
        (0, "User: Hallo?\nAgent: Salon Müller, guten Tag.\nAgent: Ich bin eine KI.\n", "not_given"),
        (0, None, "in_greeting"),
        (7, None, "not_known"),
        (None, None, "not_known"),
        ("seven", "User: Hallo?\n", "not_known"),
    ],
)
async def test_ai_notice_is_found_in_transcript_or_version(
    env: PrivacyEnvironment, version: Any, transcript: str | None, notice: str
) -> None:
    fields = env.call_fields(ZORA, CALL) | {"agent_version": version, "transcript": transcript, "call_analysis": None}
    fields.pop("call_id")
    for event in ("call_ended", "call_started"):  # in any order
        await env.pod.retell(event, CALL, **fields | ({"transcript": None} if event == "call_started" else {}))
    await env.processed()
    _, timeline = await request(env.pod, f"calls/{CALL}/timeline")
    assert timeline["notice"]["ai_notice"] == notice
    assert timeline["notice"]["retell_keeps"] is None
