"""The handler of Retell's call events: it merges the content of an event into the row of its call.

Events arrive late, twice and in any order. `merge` therefore returns the same row for every order: a call that is over stays
over, and no reported value is ever emptied. Two values are replaced: an end that the poll assumed, by a reported end, and a
transcript from during the call, by the final one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import msgspec
import structlog

from askproai_core.database import Connection
from askproai_core.phone_numbers import e164_or_none
from askproai_core.tenant_config import TenantConfig
from askproai_runtime.book.holds import release_holds
from askproai_runtime.branch_numbers import region_of
from askproai_runtime.caller_identity import CallerKind
from askproai_runtime.calls.notices import CallNotice, notice_of, record_notices
from askproai_runtime.calls.payload import (
    RetellCall,
    RetellEvent,
    TranscriptEvent,
    decode,
    find_route,
    identify_other_side,
    parse_milliseconds,
    read_numbers,
    read_transcript,
)
from askproai_runtime.calls.store import CallRow, call_stage, lock_calls, save_calls
from askproai_runtime.encryption import BodyCipher
from askproai_runtime.events.store import ClosingReason
from askproai_runtime.intake import ERASED, StoredEvent
from askproai_runtime.jobs import DeadNow

log = structlog.get_logger(__name__)

MAX_TRANSCRIPT_CHARACTERS = 10_000
STARTED, ENDED, ANALYZED = "call_started", "call_ended", "call_analyzed"
TALKED = "transcript_updated"  # sent after each turn, if the agent's `webhookEvents` name it

RECORDING = "recording_url"  # in the analysis
_MAX_URL_LENGTH = 2000
_MAX_AGENT_LENGTH = 64  # in an error's text; Retell's ids have half of it

_MERGED_BY_VALUE = (
    "branch", "agent_id", "direction", "from_number", "to_number", "started_at", "ended_at", "analyzed_at",
    "disconnection_reason",
)  # fmt: skip
_ASSUMED = frozenset(ClosingReason)


class UnroutableCall(Exception):
    """The call is not the tenant's, neither by agent nor by number. The text is for people, `agent_id` also for the audit log."""

    def __init__(self, call: RetellCall, region: str) -> None:
        # The text becomes the event's error. In an outbound call, the dialled number is a customer's.
        number = None if call.direction == "outbound" else e164_or_none(call.to_number, region)
        agent = "".join(filter(str.isprintable, call.agent_id or ""))[:_MAX_AGENT_LENGTH]
        named = [f"number {number}" if number else "", f"agent {agent}" if agent else ""]
        super().__init__(
            f"{' and '.join(filter(None, named)) or 'a call without number and agent'}: not of this tenant"
        )
        self.call_id, self.agent_id = call.call_id, call.agent_id


@dataclass(frozen=True, slots=True)
class CallChange:
    """The content of one event about a call, before it is merged into the call's row. `note` is stored with the event, `notice`
    in the row of the call's call notice.
    """

    call_id: str
    event_type: str
    correlation_id: str
    reported: CallRow
    note: str | None
    notice: CallNotice


async def handle_call_event(
    conn: Connection, event: StoredEvent, config: TenantConfig, cipher: BodyCipher
) -> str | None:
    """Merge the event into its call. If the call is over, release its hold. Return a note to store with the event, or None.

    Raises the errors of `read_call_event`.
    """
    change = read_call_event(event, config)
    if isinstance(change, str):
        return change
    await apply_call_changes(conn, config.tenant, [change], cipher)
    return change.note


def read_call_event(event: StoredEvent, config: TenantConfig) -> CallChange | str:
    """Return the content of an event about a call, or a note if the event has no effect.

    Raises `UnroutableCall`, and `DeadNow` if the body cannot be read.
    """
    if event.is_erased:
        return ERASED
    if event.event_type not in {STARTED, ENDED, ANALYZED, TALKED}:
        return event.not_acted_on
    call = _read_call(event)
    if call is None:
        return "stored only: the event names no call"
    route = find_route(call, config)
    if route is None and call.agent_id not in config.closed_agents:
        raise UnroutableCall(call, region_of(config))
    branch = route.branch if route is not None else None
    cut = len(call.transcript or "") - MAX_TRANSCRIPT_CHARACTERS
    note = f"transcript cut to {MAX_TRANSCRIPT_CHARACTERS} characters, {cut} left out" if cut > 0 else None
    reported = row_of_event(event.event_type, call, config, branch, event.received_at)
    return CallChange(call.call_id, event.event_type, event.correlation_id, reported, note, notice_of(call, config))


def read_caller_kind(event: StoredEvent, config: TenantConfig) -> CallerKind | None:
    """Return how the caller of a starting call is identified; None for other events, outbound calls, and calls without numbers."""
    try:
        call = None if event.is_erased or event.event_type != STARTED else _read_call(event)
    except DeadNow:
        return None
    if call is None or call.direction == "outbound" or call.from_number is call.to_number is None:
        return None
    route = find_route(call, config)
    return identify_other_side(call, config, route.branch if route else None).kind


def _read_call(event: StoredEvent) -> RetellCall | None:
    """Return the call in an event's body; None if the body names no call. Raises `DeadNow` if it cannot be read."""
    try:
        if event.event_type != TALKED:
            envelope = decode(event.payload, RetellEvent)
            return envelope.call or envelope.data
        update = decode(event.payload, TranscriptEvent)
    except msgspec.DecodeError as error:
        raise DeadNow(f"the body is no call event: {error}") from error
    ongoing = update.call or update.data
    return ongoing and msgspec.structs.replace(ongoing, transcript=read_transcript(ongoing))


async def apply_call_changes(conn: Connection, tenant: str, changes: Sequence[CallChange], cipher: BodyCipher) -> None:
    """Merge changes into their calls, in any order. Release the holds of calls that are over. `cipher` encrypts the texts."""
    first = {change.call_id: change.correlation_id for change in reversed(changes)}
    calls = await lock_calls(conn, tenant, first, cipher)
    for change in changes:
        current = calls[change.call_id]
        # A caller's choice of branch in the call outranks the number.
        branch = current.branch or change.reported.branch
        calls[change.call_id] = merge(current, replace(change.reported, branch=branch))
    await save_calls(conn, tenant, calls, cipher)
    # One event for each call is enough; an event with a transcript is preferred.
    told = [each.notice for each in changes if each.event_type != TALKED and each.notice.says_something]
    notices = {each.call_id: each for each in sorted(told, key=lambda notice: notice.heard_ai is not None)}
    await record_notices(conn, tenant, list(notices.values()))
    over = [call_id for call_id, call in calls.items() if call.over]
    if over:
        await release_holds(conn, tenant, over)
    for change in changes:
        call = calls[change.call_id]
        log.info(
            "call.updated", call_id=change.call_id, event_type=change.event_type, status=call.status, branch=call.branch,
            correlation_id=change.correlation_id,
        )  # fmt: skip


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
    return {**(call.call_analysis or {}), RECORDING: url}


def _merge_analysis(first: dict[str, Any] | None, second: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return the longer of two analyses, with the recording's link of either: an event may have only the link."""
    url = _greater(*((analysis or {}).get(RECORDING) for analysis in (first, second)))
    bare = [analysis and {k: v for k, v in analysis.items() if k != RECORDING} for analysis in (first, second)]
    longer = _longer_analysis(*bare)
    return longer if url is None else {**(longer or {}), RECORDING: url}


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
