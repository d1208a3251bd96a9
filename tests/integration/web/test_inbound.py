"""The inbound webhook: who is calling, said in time, and never of another tenant (contract §3)."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from webpod import Pod, Reply, eventually, open_pod, running_web, sign_retell

from askproai_sandbox.databases import Database
from askproai_sandbox.example_tenant import NUMBER

CALLER = "+4915112340001"
NOTHING = {"call_inbound": {}}


def recognising(pod: Pod, *, yes: bool = True) -> None:
    config = pod.config()
    agents = tuple(msgspec.structs.replace(one, caller_recognition=yes) for one in config.agents)
    pod.write_config(msgspec.structs.replace(config, agents=agents))


@pytest.fixture(scope="module")
async def ringing(module_database: Database, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Pod]:
    """A pod whose agent asks who is calling."""
    async with open_pod(module_database, tmp_path_factory.mktemp("ringing"), "ringing") as pod:
        recognising(pod)
        async with running_web(pod, worker_port=9):
            yield pod


async def timed(pod: Pod, caller: str | None, **call: Any) -> tuple[Reply, float]:
    loop = asyncio.get_running_loop()
    began = loop.time()
    return await pod.inbound(caller, **call), loop.time() - began


async def book(pod: Pod, caller: str, name: str) -> dict[str, Any]:
    call_id = f"call_{uuid4().hex}"
    free = await pod.function("check_availability", call_id, {"service": "Haarschnitt"}, from_number=caller)
    args = {"start": free.body["slots"][0]["start"], "service": "Haarschnitt", "customer_name": name}
    booked = await pod.function("book_appointment", call_id, args, from_number=caller)
    assert booked.body["success"], booked.body
    return {"spoken": free.body["slots"][0]["spoken"], **booked.body}


async def test_a_known_caller_is_told_by_name_and_next_appointment(ringing: Pod) -> None:
    booked = await book(ringing, CALLER, "Erika Mustermann")
    reply, _ = await timed(ringing, CALLER)
    told = reply.body["call_inbound"]["dynamic_variables"]
    assert (told["caller_known"], told["caller_name"]) == ("true", "Erika Mustermann")
    assert booked["spoken"].startswith(told["caller_next_appointment"])
    assert all(isinstance(value, str) for value in told.values())
    assert "Haarschnitt" not in json.dumps(told), "the service may be about health"


async def test_only_a_live_appointment_to_come_is_told(ringing: Pod) -> None:
    caller = "+4915112340002"
    booked = await book(ringing, caller, "Max Muster")
    for change in ("status = 'cancelled'", "status = 'confirmed', starts_at = '2026-01-02', ends_at = '2026-01-03'"):
        await ringing.db.execute(f"UPDATE appointments SET {change} WHERE id = $1", booked["appointment_id"])
        reply = await ringing.inbound(caller)
        assert "caller_next_appointment" not in reply.body["call_inbound"]["dynamic_variables"]


@pytest.mark.parametrize("caller", ["+4915199999999", "anonymous", "", None, "unknown"])
async def test_a_stranger_and_a_withheld_number_are_told_nothing(ringing: Pod, caller: str | None) -> None:
    reply = await ringing.inbound(caller)
    assert (reply.status, reply.body) == (200, NOTHING)


async def test_another_tenants_customer_is_a_stranger(
    ringing: Pod, module_database: Database, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Nothing crosses tenants: the same number, the same database, another Retell workspace."""
    await book(ringing, "+4915112340003", "Nur Hier")
    async with open_pod(module_database, tmp_path_factory.mktemp("other"), "other") as other:
        recognising(other)
        async with running_web(other, worker_port=9):
            assert (await other.inbound("+4915112340003")).body == NOTHING


async def test_an_unknown_number_is_403_and_audited_without_the_caller(ringing: Pod) -> None:
    """N2; also when the agent is ours."""
    reply = await ringing.inbound(CALLER, "+49309999999")
    assert reply.status == 403
    assert "+49" not in json.dumps(reply.body)

    async def audited() -> Any:
        return await ringing.db.fetchrow(
            "SELECT action, detail FROM audit_log WHERE correlation_id = $1", reply.body["correlation_id"]
        )

    row = await eventually(audited)
    assert row["action"] == "inbound.refused"
    assert "+49" not in row["detail"]


async def test_an_agent_that_retell_does_not_name_is_found_by_the_number(ringing: Pod) -> None:
    await book(ringing, "+4915112340004", "Ohne Agent")
    body = json.dumps({"call_inbound": {"from_number": "+4915112340004", "to_number": NUMBER}}).encode()
    reply = await ringing.post("/salon/salon/retell/inbound", body, {"X-Retell-Signature": sign_retell(body)})
    assert reply.body["call_inbound"]["dynamic_variables"]["caller_name"] == "Ohne Agent"


async def test_forged_malformed_and_huge_requests_are_refused(ringing: Pod) -> None:
    body = json.dumps({"call_inbound": {"from_number": CALLER, "to_number": NUMBER}}).encode()
    assert (
        await ringing.post("/retell/inbound", body, {"x-retell-signature": sign_retell(body, "key_other")})
    ).status == 401
    assert (await ringing.post("/retell/inbound", body)).status == 401
    for bad in (b"", b"[]", b'{"call_inbound": {}}'):
        assert (await ringing.post("/retell/inbound", bad, {"x-retell-signature": sign_retell(bad)})).status == 400
    assert (await ringing.post("/retell/inbound", b"x" * (1024 * 1024 + 1))).status == 413
    async with ringing.session.get(f"{ringing.url}/retell/inbound") as response:
        assert response.status == 405


async def test_a_slow_database_never_holds_the_caller_up(ringing: Pod) -> None:
    await ringing.inbound(CALLER)  # the connection is open, so that only the lock is slow
    async with ringing.db.transaction():
        await ringing.db.execute("LOCK TABLE customers, audit_log IN ACCESS EXCLUSIVE MODE")
        answers = await asyncio.gather(*(timed(ringing, CALLER) for _ in range(5)))
        refused, seconds = await timed(ringing, CALLER, to_number="+49309999999")
    assert [reply.body for reply, _ in answers] == [NOTHING] * 5
    assert refused.status == 403
    assert max(seconds, *(took for _, took in answers)) < 0.3


async def test_a_database_that_is_away_never_holds_the_caller_up(still_pod: Pod) -> None:
    recognising(still_pod)
    still_pod.write_credential("DATABASE_URL", "postgresql://nobody:x@127.0.0.1:9/nothing")
    async with running_web(still_pod, worker_port=9):
        reply, seconds = await timed(still_pod, CALLER)
    assert (reply.status, reply.body) == (200, NOTHING)
    assert seconds < 0.3


async def test_an_agent_that_does_not_ask_is_told_nothing(database: Database, tmp_path: Path) -> None:
    async with open_pod(database, tmp_path, "unasked") as pod:
        async with running_web(pod, worker_port=9):
            await book(pod, CALLER, "Erika")
            assert (await pod.inbound(CALLER)).body == NOTHING
