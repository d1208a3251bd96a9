"""Calls at Retell: the functions that an agent uses during a call (`functions.py`), who is calling (`inbound.py`), and what
Retell's API shows of a call (`at_retell.py`).

Call events arrive as webhooks and are processed in `events.call`, which shares this package's payloads and store.
"""

from askproai_runtime.calls.argument_table import ARGUMENT_RULES
from askproai_runtime.calls.at_retell import API_KEY, CallsAtRetell, FoundCall, RetellUnavailable
from askproai_runtime.calls.functions import FUNCTIONS_BY_NAME, CallFunctions
from askproai_runtime.calls.inbound import InboundCalls
from askproai_runtime.calls.notices import (
    ERASURES,
    CallNotice,
    empty_texts,
    iterate_refused_calls,
    mark_refused_deleted,
    notice_of,
    record_notices,
    refuse_call,
)
from askproai_runtime.calls.payload import (
    RetellCall,
    RetellEvent,
    TranscriptEvent,
    decode,
    find_route,
    identify_other_side,
    parse_milliseconds,
    read_numbers,
    read_sides,
    read_transcript,
)
from askproai_runtime.calls.record import FunctionRecorder
from askproai_runtime.calls.shadow_requests import ShadowRequests, find_ids, reference_of
from askproai_runtime.calls.store import (
    CallRow,
    CopiedRequest,
    audit_refusal,
    call_stage,
    count_active_calls,
    delete_copied_request,
    list_copied_requests,
    lock_calls,
    save_calls,
)
from askproai_runtime.calls.texts import CallTexts, read_call_texts, read_said

__all__ = [
    "API_KEY", "ARGUMENT_RULES", "ERASURES", "FUNCTIONS_BY_NAME", "CallFunctions", "CallNotice", "CallRow", "CallTexts",
    "CallsAtRetell",
    "CopiedRequest", "FoundCall", "FunctionRecorder", "InboundCalls", "RetellCall", "RetellEvent", "RetellUnavailable",
    "ShadowRequests", "TranscriptEvent", "audit_refusal", "call_stage", "count_active_calls", "decode",
    "delete_copied_request", "empty_texts", "find_ids", "find_route", "identify_other_side", "iterate_refused_calls",
    "list_copied_requests", "lock_calls", "mark_refused_deleted", "notice_of", "parse_milliseconds", "read_call_texts",
    "read_numbers", "read_said", "read_sides", "read_transcript", "record_notices", "reference_of", "refuse_call",
    "save_calls",
]  # fmt: skip
