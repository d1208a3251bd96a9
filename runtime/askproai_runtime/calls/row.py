"""What we know of a call, and how one more event adds to it. Pure.

Retell's events come late, twice and in any order (W5). `merge` gives the same row for every order: a call that ended stays
ended, and a field is never emptied.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from askproai_core.phone_numbers import caller_number_or_none
from askproai_runtime.calls.payload import RetellCall, instant

MOST_TRANSCRIPT = 10_000  # characters (W3)
STARTED, ENDED, ANALYZED = "call_started", "call_ended", "call_analyzed"
ACTED_ON = (STARTED, ENDED, ANALYZED)

# Later stages win. The list is open: a status that Retell invents is taken for a call that goes on.
_STAGES = {"registered": 0, "ongoing": 1, "not_connected": 2, "ended": 3, "error": 4}
_TERMINAL = _STAGES["not_connected"]

_EITHER = (
    "branch", "agent_id", "direction", "from_number", "to_number", "started_at", "ended_at", "analyzed_at",
    "disconnection_reason",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class CallRow:
    """The columns of `calls` that events fill."""

    status: str = "registered"
    branch: str | None = None
    agent_id: str | None = None
    direction: str | None = None
    from_number: str | None = None
    to_number: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    analyzed_at: datetime | None = None
    disconnection_reason: str | None = None
    transcript: str | None = None
    transcript_truncated: bool = False
    analysis: dict[str, Any] | None = None

    @property
    def over(self) -> bool:
        """True once nobody speaks any more."""
        return _stage(self.status) >= _TERMINAL


def row_of(event: str, call: RetellCall, branch: str | None, received_at: datetime) -> CallRow:
    """Give what one event alone says."""
    text = call.transcript or ""
    return CallRow(
        status=_status(event, call.call_status),
        branch=branch,
        agent_id=call.agent_id,
        direction=call.direction,
        from_number=caller_number_or_none(call.from_number),
        to_number=caller_number_or_none(call.to_number),
        started_at=instant(call.start_timestamp),
        ended_at=instant(call.end_timestamp),
        analyzed_at=received_at if event == ANALYZED else None,
        disconnection_reason=call.disconnection_reason,
        transcript=text[:MOST_TRANSCRIPT] or None,
        transcript_truncated=len(text) > MOST_TRANSCRIPT,
        analysis=call.call_analysis,
    )


def merge(known: CallRow, seen: CallRow) -> CallRow:
    """Add what an event says to what is known; the order of events does not matter."""
    longer = max(
        known, seen, key=lambda row: (len(row.transcript or ""), row.transcript_truncated, row.transcript or "")
    )
    return CallRow(
        status=max(known.status, seen.status, key=lambda status: (_stage(status), status)),
        transcript=longer.transcript,
        transcript_truncated=longer.transcript_truncated,
        analysis=seen.analysis if seen.analysis is not None else known.analysis,  # only call_analyzed brings one
        **{name: _either(getattr(known, name), getattr(seen, name)) for name in _EITHER},
    )


def _either(one: Any, other: Any) -> Any:
    """Give the one that is there. Both are equal in one call; if they ever differ, the greater wins, whoever came first."""
    if one is None or other is None:
        return other if one is None else one
    return max(one, other)


def _stage(status: str) -> int:
    return _STAGES.get(status, _STAGES["ongoing"])


def _status(event: str, told: str | None) -> str:
    """Give the status. An event that says more than the status it carries wins: call_ended with a stale `ongoing`."""
    least, meant = (_STAGES["ongoing"], "ongoing") if event == STARTED else (_TERMINAL, "ended")
    return told if told is not None and _stage(told) >= least else meant
