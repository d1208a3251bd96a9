"""The inbound-call webhook: who is calling, answered within 300 ms, and never about another tenant's customer."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from askproai_core.tenant_config import CallerVerification, decode
from askproai_runtime.redis.rate_limiter import RateLimiter
from askproai_sandbox.example_tenant import NUMBER
from tests.worlds.databases import Database
from tests.worlds.inbound_calls import (
    CALLER,
    UNKNOWN_CALLER,
    UNKNOWN_NUMBERS,
    WITHIN_SECONDS,
    allow_slow_lookups,
    enable_recognition,
    measure_delay,
)
from tests.worlds.tenant_pod import TenantPod, open_pod, running_web, sign_retell
from tests.worlds.waiting import SOON, eventually


@pytest.fixture(scope="module")
async def pod_with_recognition(
    module_database: Database, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[TenantPod]:
    """A pod whose agent recognises callers."""
    async with open_pod(module_database, tmp_path_factory.mktemp("ringing"), "ringing") as pod:
        enable_recognition(pod)
        async with running_web(pod, worker_port=9):
            allow_slow_lookups(pod)
            yield pod


async def book(pod: TenantPod, caller: str, name: str) -> dict[str, Any]:
    call_id = f"call_{uuid4().hex}"
    free = await pod.function("check_availability", call_id, {"service": "Haarschnitt"}, from_number=caller)
    args = {"start": free.body["slots"][0]["start"], "service": "Haarschnitt", "customer_name": name}
    booked = await pod.function("book_appointment", call_id, args, from_number=caller)
    assert booked.body["success"], booked.body
    return {"spoken": free.body["slots"][0]["spoken"], **booked.body}


async def test_known_caller_gets_name_and_next_appointment(pod_with_recognition: TenantPod) -> None:
    caller = "+4915112340005"  # no other test gives this caller an earlier appointment
    booked = await book(pod_with_recognition, caller, "Erika Mustermann")
    reply = await pod_with_recognition.inbound(caller)
    variables = reply.body["call_inbound"]["dynamic_variables"]
    assert (variables["caller_known"], variables["caller_name"]) == ("true", "Erika Mustermann")
    assert booked["spoken"].startswith(variables["caller_next_appointment"])
    assert all(isinstance(value, str) for value in variables.values())
    assert "Haarschnitt" not in json.dumps(variables), "the service may be about health"


@pytest.mark.parametrize("shown", [CALLER.removeprefix("+"), "00" + CALLER.removeprefix("+"), f"sip:{CALLER}@host"])
async def test_callers_number_is_recognized_in_any_spelling(pod_with_recognition: TenantPod, shown: str) -> None:
    await book(pod_with_recognition, CALLER, "Erika Mustermann")
    variables = (await pod_with_recognition.inbound(shown)).body["call_inbound"]["dynamic_variables"]
    assert variables["caller_name"] == "Erika Mustermann"


async def test_callers_over_the_rate_limit_stay_unknown(pod_with_recognition: TenantPod, monkeypatch: Any) -> None:
    """The call is answered all the same, as one of a caller who is not known."""
    await book(pod_with_recognition, CALLER, "Erika Mustermann")

    async def admits(_limiter: RateLimiter, _rate: float) -> bool:
        return False

    monkeypatch.setattr(RateLimiter, "admits", admits)
    reply = await pod_with_recognition.inbound(CALLER)
    assert (reply.status, reply.body) == (200, UNKNOWN_CALLER)


async def test_only_a_live_future_appointment_is_mentioned(pod_with_recognition: TenantPod) -> None:
    caller = "+4915112340002"
    booked = await book(pod_with_recognition, caller, "Max Muster")
    for change in ("status = 'cancelled'", "status = 'confirmed', starts_at = '2026-01-02', ends_at = '2026-01-03'"):
        await pod_with_recognition.db.execute(
            f"UPDATE appointments SET {change} WHERE id = $1", booked["appointment_id"]
        )
        reply = await pod_with_recognition.inbound(caller)
        assert "caller_next_appointment" not in reply.body["call_inbound"]["dynamic_variables"]


async def test_unconfirmed_appointment_is_not_mentioned_as_certain(
    pod_with_recognition: TenantPod,
) -> None:
    caller = "+4915112340077"
    booked = await book(pod_with_recognition, caller, "Max Muster")
    await pod_with_recognition.db.execute(
        "UPDATE appointments SET status = 'pending_sync', external_id = 'uid-1' WHERE id = $1", booked["appointment_id"]
    )
    reply = await pod_with_recognition.inbound(caller)
    said = reply.body["call_inbound"]["dynamic_variables"]["caller_next_appointment"]
    assert said.endswith(", angefragt und noch nicht bestätigt")


@pytest.mark.parametrize(
    ("caller", "answer"),
    [
        ("+4915199999999", UNKNOWN_CALLER),
        ("anonymous", UNKNOWN_NUMBERS["withheld"]),
        ("", UNKNOWN_NUMBERS["withheld"]),
        (None, UNKNOWN_NUMBERS["withheld"]),
        ("unknown", UNKNOWN_NUMBERS["withheld"]),
        ("+86282452253", UNKNOWN_NUMBERS["made_up"]),
    ],
)
async def test_agent_learns_whether_the_calling_number_is_withheld(
    pod_with_recognition: TenantPod, caller: str | None, answer: dict[str, Any]
) -> None:
    reply = await pod_with_recognition.inbound(caller)
    assert (reply.status, reply.body) == (200, answer)


async def test_forwarded_call_identifies_nobody(pod_with_recognition: TenantPod) -> None:
    """It shows the tenant's own number, whatever the book has under it."""
    pod = pod_with_recognition
    await book(pod, "+4915112340077", "Erika Mustermann")
    await pod.db.execute("UPDATE customers SET phone = $1 WHERE phone = '+4915112340077'", NUMBER)
    await pod.db.execute("UPDATE appointments SET caller = $1 WHERE caller = '+4915112340077'", NUMBER)
    assert (await pod.inbound(NUMBER)).body == UNKNOWN_NUMBERS["own_number"]


async def test_inbound_webhook_does_not_know_another_tenants_customer(
    pod_with_recognition: TenantPod, module_database: Database, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Nothing crosses tenants: the same number, the same database, another Retell workspace."""
    await book(pod_with_recognition, "+4915112340003", "Nur Hier")
    async with open_pod(module_database, tmp_path_factory.mktemp("other"), "other") as other:
        enable_recognition(other)
        async with running_web(other, worker_port=9):
            allow_slow_lookups(other)
            assert (await other.inbound("+4915112340003")).body == UNKNOWN_CALLER


async def test_unknown_number_is_403_and_audited_anonymously(pod_with_recognition: TenantPod) -> None:
    """Even if the agent is the tenant's."""
    reply = await pod_with_recognition.inbound(CALLER, "+49309999999")
    assert reply.status == 403
    assert "+49" not in json.dumps(reply.body)

    async def audited() -> Any:
        return await pod_with_recognition.db.fetchrow(
            "SELECT action, detail FROM audit_log WHERE correlation_id = $1", reply.body["correlation_id"]
        )

    row = await eventually(audited)
    assert row["action"] == "inbound.refused"
    assert "+49" not in row["detail"]


async def test_call_without_agent_is_identified_by_number(pod_with_recognition: TenantPod) -> None:
    await book(pod_with_recognition, "+4915112340004", "Ohne Agent")
    body = json.dumps({"call_inbound": {"from_number": "+4915112340004", "to_number": NUMBER}}).encode()
    reply = await pod_with_recognition.post(
        "/salon/salon/retell/inbound", body, {"X-Retell-Signature": sign_retell(body)}
    )
    assert reply.body["call_inbound"]["dynamic_variables"]["caller_name"] == "Ohne Agent"


async def test_forged_malformed_and_huge_requests_are_refused(pod_with_recognition: TenantPod) -> None:
    body = json.dumps({"call_inbound": {"from_number": CALLER, "to_number": NUMBER}}).encode()
    assert (
        await pod_with_recognition.post("/retell/inbound", body, {"x-retell-signature": sign_retell(body, "key_other")})
    ).status == 401
    assert (await pod_with_recognition.post("/retell/inbound", body)).status == 401
    for bad in (b"", b"[]", b'{"call_inbound": {}}'):
        assert (
            await pod_with_recognition.post("/retell/inbound", bad, {"x-retell-signature": sign_retell(bad)})
        ).status == 400
    assert (await pod_with_recognition.post("/retell/inbound", b"x" * (1024 * 1024 + 1))).status == 413
    async with pod_with_recognition.session.get(f"{pod_with_recognition.url}/retell/inbound") as response:
        assert response.status == 405


async def ask_as_unknown(pod: TenantPod) -> None:
    reply = await pod.inbound(CALLER)
    assert (reply.status, reply.body) == (200, UNKNOWN_CALLER)


async def test_a_slow_database_does_not_delay_the_caller(stopped_pod: TenantPod) -> None:
    enable_recognition(stopped_pod)

    async def ask_for_a_foreign_number() -> None:
        assert (await stopped_pod.inbound(CALLER, to_number="+49309999999")).status == 403

    async with running_web(stopped_pod, worker_port=9):
        await stopped_pod.inbound(CALLER)  # the connection is open, so that only the lock is slow
        async with stopped_pod.db.transaction():
            await stopped_pod.db.execute("LOCK TABLE customers, audit_log IN ACCESS EXCLUSIVE MODE")
            # Five at once are more than the pod has connections.
            assert await measure_delay(stopped_pod, lambda: ask_as_unknown(stopped_pod), at_once=5) < WITHIN_SECONDS
            assert await measure_delay(stopped_pod, ask_for_a_foreign_number) < WITHIN_SECONDS


async def test_an_unreachable_database_does_not_delay_the_caller(stopped_pod: TenantPod) -> None:
    enable_recognition(stopped_pod)
    stopped_pod.write_credential("DATABASE_URL", "postgresql://nobody:x@127.0.0.1:9/nothing")
    async with running_web(stopped_pod, worker_port=9):
        assert await measure_delay(stopped_pod, lambda: ask_as_unknown(stopped_pod)) < WITHIN_SECONDS


async def test_an_agent_without_recognition_gets_an_empty_answer(database: Database, tmp_path: Path) -> None:
    async with open_pod(database, tmp_path, "unasked") as pod:
        async with running_web(pod, worker_port=9):
            await book(pod, CALLER, "Erika")
            assert (await pod.inbound(CALLER)).body == UNKNOWN_CALLER


async def test_second_factor_prevents_recognition_by_number(database: Database, tmp_path: Path) -> None:
    async with open_pod(database, tmp_path, "practice") as pod:
        enable_recognition(pod)
        async with running_web(pod, worker_port=9):
            allow_slow_lookups(pod)
            await book(pod, CALLER, "Erika Mustermann")
            assert (await pod.inbound(CALLER)).body != UNKNOWN_CALLER
            config = decode((pod.folder / "tenant.json").read_text())
            changed = {"caller_verification": CallerVerification.NAME_AND_BIRTH_DATE}
            pod.write_config(msgspec.structs.replace(config, **changed))

            async def is_silent() -> bool:
                return (await pod.inbound(CALLER)).body == UNKNOWN_CALLER

            await eventually(is_silent, SOON, "the changed config")
