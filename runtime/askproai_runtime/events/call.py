"""The handler of Retell's call events: it merges the content of an event into the row of its call."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

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
    read_transcript,
)
from askproai_runtime.calls.store import CallRow, lock_calls, save_calls
from askproai_runtime.encryption import BodyCipher
from askproai_runtime.events.call_row import (
    ANALYZED,
    ENDED,
    MAX_TRANSCRIPT_CHARACTERS,
    STARTED,
    TALKED,
    merge,
    row_of_event,
)
from askproai_runtime.intake import ERASED, StoredEvent
from askproai_runtime.jobs import DeadNow

log = structlog.get_logger(__name__)

_MAX_AGENT_LENGTH = 64  # in an error's text; Retell's ids have half of it


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
