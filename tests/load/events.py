"""Call events as Retell sends them: three for each call, distinct, and cheap to make."""

import json
import time
from collections.abc import Callable

from askproai_sandbox.retell.signing import signature
from askproai_sandbox.world import AGENT_ID, NUMBER

KEY = "key_bench"
PATH = "/webhooks/retell"
_ID = "CALL_ID_OF_THIS_CALL"
_TALK = "Agent: Was kann ich für Sie tun?\nUser: Ich hätte gern einen Haarschnitt am Freitag um halb drei.\n" * 25
_CALL = {
    "call_id": _ID, "call_type": "phone_call", "agent_id": AGENT_ID, "agent_version": 1, "direction": "inbound",
    "from_number": "+4915112345678", "to_number": NUMBER, "call_status": "ongoing", "start_timestamp": 1_763_629_200_000,
    "metadata": {}, "retell_llm_dynamic_variables": {}, "opt_out_sensitive_data_storage": False,
}  # fmt: skip
_ENDED = _CALL | {
    "call_status": "ended",
    "end_timestamp": 1_763_629_260_000,
    "duration_ms": 60_000,
    "disconnection_reason": "user_hangup",
    "transcript": _TALK,
}
_SUMMARY = {
    "call_summary": "Der Anrufer bucht einen Haarschnitt.",
    "user_sentiment": "Positive",
    "call_successful": True,
}
NAMES = ("call_started", "call_ended", "call_analyzed")
_TEMPLATES = tuple(
    json.dumps({"event": name, "call": call}, ensure_ascii=False).encode()
    for name, call in zip(NAMES, (_CALL, _ENDED, _ENDED | {"call_analysis": _SUMMARY}), strict=True)
)


def event_id(run: str, number: int) -> str:
    """Give the id under which the runtime stores event `number` of a run (contract §3)."""
    return f"call_{run}_{number // 3:07d}:{NAMES[number % 3]}"


def body(run: str, number: int) -> bytes:
    return _TEMPLATES[number % 3].replace(_ID.encode(), f"call_{run}_{number // 3:07d}".encode())


def signed(text: bytes) -> str:
    return signature(KEY, text, int(time.time() * 1000))


def request_writer(run: str, host: str) -> Callable[[int], bytes]:
    """Give what writes event `number` as an HTTP/1.1 request."""

    def write(number: int) -> bytes:
        text = body(run, number)
        head = f"POST {PATH} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        return f"{head}x-retell-signature: {signed(text)}\r\nContent-Length: {len(text)}\r\n\r\n".encode() + text

    return write
