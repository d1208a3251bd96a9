"""A salon at the Retell simulator, whose functions a receiver answers, and calls to it."""

import hashlib
import hmac
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from click.testing import Result
from sandbox_clients import Api, Receiver

from askproai_sandbox.caller import CallRecord, play_call

NUMBER = "+49301234567"
OFFER = {
    "start": "2026-11-27T14:30:00+01:00",
    "end": "2026-11-27T15:15:00+01:00",
    "staff": "anna",
    "spoken": "halb drei",
}
Tools = list[dict[str, Any]]
Call = Callable[..., Awaitable[Result]]  # `askproai call` with these arguments


async def salon(retell: Api, receiver: Receiver, tools: Tools, *, agent: Any = None, llm: Any = None) -> str:
    """Create a published agent that is bound to the number at version 0, and return its id."""
    body = {
        "start_speaker": "agent",
        "begin_message": "Salon Müller, guten Tag!",
        "general_tools": tools,
        "general_prompt": "Jetzt ist {{current_time_Europe/Berlin}}, dort {{current_time}}, {{unset}}.\n\n"
        "## Buchbar\n- Haarschnitt (45 Minuten; auch: Schnitt)\n",
        **(llm or {}),
    }
    created = await retell("POST", "/create-retell-llm", body, expect=201)
    body = {
        "response_engine": {"type": "retell-llm", "llm_id": created["llm_id"]},
        "voice_id": "11labs-Carola",
        "language": "de-DE",
        "webhook_url": f"{receiver.url}/hook",
        **(agent or {}),
    }
    agent_id = (await retell("POST", "/create-agent", body, expect=201))["agent_id"]
    await retell("POST", f"/publish-agent-version/{agent_id}", {"version": 0})
    await retell(
        "POST",
        "/import-phone-number",
        {
            "phone_number": NUMBER,
            "termination_uri": "sip.example",
            "inbound_agents": [{"agent_id": agent_id, "weight": 1, "agent_version": 0}],
        },
        expect=201,
    )
    await retell("POST", "/_sim/settings", {"webhook_retry_delay_ms": 1, "analysis_delay_ms": 1})
    receiver.answers |= {
        "/check_availability": {"success": True, "message": "Am Freitag um 14 Uhr 30?", "slots": [OFFER]},
        "/book_appointment": {"success": True, "message": "Gebucht.", "appointment_id": "a-1"},
    }  # fmt: skip
    return agent_id


async def ring(retell: Api, *say: str, **options: Any) -> CallRecord:
    return await play_call(retell.url, NUMBER, say, **options)


def verified(key: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Return whether the signature is right. Computed anew here, so that the simulator's code does not check itself."""
    match = re.fullmatch(r"v=(\d+),d=([0-9a-f]{64})", headers["x-retell-signature"])
    assert match
    return hmac.new(key.encode(), body + match[1].encode(), hashlib.sha256).hexdigest() == match[2]
