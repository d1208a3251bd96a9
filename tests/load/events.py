"""Call events as Retell sends them: three for each call, 0.5 to 3 KB, distinct, and cheap to create."""

import json
import time

from askproai_sandbox.example_tenant import AGENT_ID, NUMBER
from askproai_sandbox.retell import signature

KEY = "key_bench"
PATH = "/webhooks/retell"
NAMES = ("call_started", "call_ended", "call_analyzed")
_ID = "CALL_ID_OF_THIS_CALL"
_STARTED = {
    "call_id": _ID, "call_type": "phone_call", "agent_id": AGENT_ID, "agent_version": 1, "direction": "inbound",
    "from_number": "+4915112345678", "to_number": NUMBER, "call_status": "ongoing", "start_timestamp": 1_763_629_200_000,
}  # fmt: skip
_ENDED = _STARTED | {
    "call_status": "ended", "end_timestamp": 1_763_629_260_000, "disconnection_reason": "user_hangup",
    "transcript": "Agent: Was kann ich für Sie tun?\nUser: Einen Haarschnitt am Freitag um halb drei.\n" * 30,
}  # fmt: skip
_ANALYZED = _ENDED | {
    "call_analysis": {"call_summary": "Der Anrufer bucht einen Haarschnitt.", "call_successful": True}
}
_BODIES = tuple(
    json.dumps({"event": name, "call": call}, ensure_ascii=False).encode()
    for name, call in zip(NAMES, (_STARTED, _ENDED, _ANALYZED), strict=True)
)


def event_id(run: str, number: int) -> str:
    """Return the id under which the runtime stores event `number` of a run: call id and event type."""
    return f"call_{run}_{number // 3}:{NAMES[number % 3]}"


def body(run: str, number: int) -> bytes:
    """Return the JSON body of event `number` of a run."""
    return _BODIES[number % 3].replace(_ID.encode(), f"call_{run}_{number // 3}".encode())


def signed(text: bytes) -> dict[str, str]:
    """Return the headers of a body that Retell has signed now."""
    return {"x-retell-signature": signature(KEY, text, int(time.time() * 1000)), "Content-Type": "application/json"}


def request(run: str, number: int) -> bytes:
    """Return event `number` as an HTTP/1.1 request."""
    text = body(run, number)
    headers = {"Host": "bench", "Content-Length": str(len(text)), **signed(text)}
    lines = [f"POST {PATH} HTTP/1.1", *map(": ".join, headers.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + text
