"""Retell's SDK agrees with the simulator and our checks. All other tests with the simulator compare each exchange with it."""

import json
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import pytest
from played_calls import Tools, ring, salon
from retell.lib.webhook_auth import symmetric
from retell.types import AgentListParams, PhoneCallResponse
from sandbox_clients import Api, Receiver

from askproai_core.signature_verdict import Verdict
from askproai_runtime.intake import RETELL_SIGNATURE, Source
from askproai_runtime.intake.signatures import verify
from askproai_sandbox.retell import signature
from tests.worlds import retell_contract

KEY, NOW_MS = "key_test_0123456789abcdef", 1760000123456
BODY = '{"event":"call_analyzed","call":{"call_id":"call_1","call_analysis":{"call_summary":"Strähnen – 89 €"}}}'


def test_sdk_is_the_release_that_the_simulator_follows() -> None:
    """After an update: read what is new, correct docs/vendors/retell.md and the simulator, then this number."""
    assert version("retell-sdk") == retell_contract.SDK_VERSION


@pytest.mark.parametrize("distance_ms", [0, 300_000, -300_000])
def test_the_sdk_accepts_our_signature(distance_ms: int) -> None:
    signed = signature(KEY, BODY.encode(), NOW_MS)
    assert symmetric["verify"](BODY, KEY, signed, {"timestamp": NOW_MS + distance_ms}) is True


@pytest.mark.parametrize("distance_ms", [0, 300_000, 300_001, -300_001])
def test_sdk_and_runtime_agree_about_signature_age(distance_ms: int) -> None:
    signed = symmetric["sign"](BODY, KEY, NOW_MS)
    now = datetime.fromtimestamp((NOW_MS + distance_ms) / 1000, UTC)
    theirs = symmetric["verify"](BODY, KEY, signed, {"timestamp": NOW_MS + distance_ms})
    headers = {RETELL_SIGNATURE: signed}
    assert (verify(Source.RETELL, BODY.encode(), headers, [KEY], now) is Verdict.VALID) is theirs
    assert verify(Source.RETELL, BODY.encode(), headers, ["key_other"], now) is not Verdict.VALID


async def test_every_sent_call_object_matches_the_sdk(retell: Api, receiver: Receiver, tools: Tools) -> None:
    """In events, to functions, and after a transfer."""
    await salon(retell, receiver, tools, agent={"agent_name": "Salon"})
    calls = [{"name": "book_appointment", "args": {"start": "2026-11-27T14:30:00+01:00", "customer_name": "Erika"}}]
    await ring(retell, "Guten Tag", "[2]", "Ja, gern", args=calls)
    sent = {path: json.loads(body) for path, _, body in receiver.requests}
    assert {"/hook", "/book_appointment"} <= sent.keys()
    bodies = [json.loads(body) for _, _, body in receiver.requests]
    assert len(bodies) == 4
    for body in bodies:
        assert retell_contract.answer_errors(PhoneCallResponse, body["call"]) == []


@pytest.mark.parametrize(("body", "error"), [
    ({"filter_criteria": {"name": "x"}}, "filter_criteria.name"), ({"limit": "many"}, "limit"),
    ({"filter_criteria": {"channel": {"type": "string", "op": "eq"}}}, "filter_criteria.channel.value"),
])  # fmt: skip
def test_retells_sdk_types_reveal_wrong_list_request(body: dict[str, Any], error: str) -> None:
    assert retell_contract.request_errors(AgentListParams, body)[0].startswith(error)


def test_sdk_detects_a_wrong_simulator_answer() -> None:
    call: dict[str, Any] = {
        "call_id": "c", "agent_id": "a", "agent_version": 0, "call_status": "ended", "call_type": "phone_call",
        "direction": "inbound", "from_number": "anonymous", "to_number": "+49301234567",
    }  # fmt: skip
    assert retell_contract.answer_errors(PhoneCallResponse, call) == []
    assert retell_contract.answer_errors(PhoneCallResponse, {**call, "mood": 1}) == ["mood is not in the SDK"]
    assert retell_contract.answer_errors(PhoneCallResponse, {**call, "call_status": "over"})
