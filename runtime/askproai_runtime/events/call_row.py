"""A call's row: as one event alone would make it, and merged from the values of several.

Events arrive late, twice and in any order. `merge` therefore returns the same row for every order: a call that is over stays
over, and no reported value is ever emptied. Two values are replaced: an end that the poll assumed, by a reported end, and a
transcript from during the call, by the final one.
"""

from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec

from askproai_core.tenant_config import TenantConfig
from askproai_runtime.calls.payload import RetellCall, parse_milliseconds, read_numbers
from askproai_runtime.calls.store import CallRow, call_stage
from askproai_runtime.events.store import ClosingReason

MAX_TRANSCRIPT_CHARACTERS = 10_000
STARTED, ENDED, ANALYZED = "call_started", "call_ended", "call_analyzed"
TALKED = "transcript_updated"  # sent after each turn, if the agent's `webhookEvents` name it

_RECORDING = "recording_url"  # in the analysis
_MAX_URL_LENGTH = 2000

_MERGED_BY_VALUE = (
    "branch", "agent_id", "direction", "from_number", "to_number", "started_at", "ended_at", "analyzed_at",
    "disconnection_reason",
)  # fmt: skip
_ASSUMED = frozenset(ClosingReason)


def row_of_event(
    event_type: str, call: RetellCall, config: TenantConfig, branch: str | None, received_at: datetime
) -> CallRow:
    """Return the row that a call would have if this event were its only one."""
    from_number, to_number = read_numbers(call, config, branch)
    transcript = call.transcript or ""
    return CallRow(
        status=_status(event_type, call.call_status),
        branch=branch,
        agent_id=call.agent_id,
        direction=call.direction,
        from_number=from_number,
        to_number=to_number,
        started_at=parse_milliseconds(call.start_timestamp),
        ended_at=parse_milliseconds(call.end_timestamp),
        analyzed_at=received_at if event_type == ANALYZED else None,
        disconnection_reason=call.disconnection_reason,
        transcript=transcript[:MAX_TRANSCRIPT_CHARACTERS] or None,
        transcript_truncated=len(transcript) > MAX_TRANSCRIPT_CHARACTERS,
        transcript_is_final=event_type in {ENDED, ANALYZED} and bool(transcript),
        analysis=_analysis(call),
    )


def merge(current: CallRow, reported: CallRow) -> CallRow:
    """Return a call's row, changed by the values of a reported row. The order and repetition of events do not matter.

    A reported end replaces an end that the poll assumed, since the report knows whether the call ever connected.
    """
    if reported.over and current.disconnection_reason in _ASSUMED:
        current = replace(current, status="registered", disconnection_reason=None)
    if current.unreadable is not None and current.over and not reported.over:
        # The unreadable text may be readable again later: a part of it must not replace it.
        reported = replace(
            reported, transcript=None, transcript_truncated=False, transcript_is_final=False, analysis=None
        )
    kept = max(current, reported, key=_transcript_rank)
    return CallRow(
        status=max(current.status, reported.status, key=lambda status: (call_stage(status), status)),
        transcript=kept.transcript,
        transcript_truncated=kept.transcript_truncated,
        transcript_is_final=kept.transcript_is_final,
        analysis=_merge_analysis(current.analysis, reported.analysis),
        unreadable=current.unreadable,
        **{name: _greater(getattr(current, name), getattr(reported, name)) for name in _MERGED_BY_VALUE},
    )


def _transcript_rank(row: CallRow) -> tuple[bool, int, bool, str]:
    """Return a sort key that is greater for the better of two transcripts: the final one, or else the longer one."""
    transcript = row.transcript or ""
    return row.transcript_is_final, len(transcript), row.transcript_truncated, transcript


def _analysis(call: RetellCall) -> dict[str, Any] | None:
    """Return Retell's analysis of the call, with the recording's link if Retell keeps a recording.

    Retention deletes both with the transcript. The recording itself is at Retell, deleted by `privacy.retellRetentionDays`.
    """
    url = call.recording_url
    if not isinstance(url, str) or not url.startswith("https://") or len(url) > _MAX_URL_LENGTH:
        return call.call_analysis
    return {**(call.call_analysis or {}), _RECORDING: url}


def _merge_analysis(first: dict[str, Any] | None, second: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return the longer of two analyses, with the recording's link of either: an event may have only the link."""
    url = _greater(*((analysis or {}).get(_RECORDING) for analysis in (first, second)))
    bare = [analysis and {k: v for k, v in analysis.items() if k != _RECORDING} for analysis in (first, second)]
    longer = _longer_analysis(*bare)
    return longer if url is None else {**(longer or {}), _RECORDING: url}


def _longer_analysis(first: dict[str, Any] | None, second: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return the longer of two analyses: Retell's webhook and the poll may report different ones."""
    if first is None or second is None:
        return second if first is None else first
    texts = [msgspec.json.encode(analysis, order="sorted") for analysis in (first, second)]
    return max(zip(map(len, texts), texts, (first, second), strict=True), key=lambda item: item[:2])[2]


def _greater(first: Any, second: Any) -> Any:
    """Return the value that is not None, or the greater of two, so that the order of the events does not matter."""
    if first is None or second is None:
        return second if first is None else first
    return max(first, second)


def _status(event_type: str, reported: str | None) -> str:
    """Return the call's status. If the event's type says more than the body (`ongoing` in `call_ended`), the type decides."""
    goes_on = event_type in {STARTED, TALKED}
    implied = "ongoing" if goes_on else "ended"
    minimum = call_stage("ongoing" if goes_on else "not_connected")
    return reported if reported is not None and call_stage(reported) >= minimum else implied
