"""Calls, and the timeline of one: what happened in it, found by its id and by the correlation ids of what it caused.

Both name nobody without `personal`: a search for a fault rarely needs the caller.
"""

from datetime import UTC, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

import asyncpg
import msgspec

from askproai_core.http_server import Problem
from askproai_core.phone_numbers import e164_or_none
from askproai_runtime.admin_api.endpoint import LEFT_OUT, PAGE, ApiRequest, Endpoint, Param, bad_request, next_cursor
from askproai_runtime.admin_api.store import CallStore

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)  # sort key of a call whose start is unknown
_PERSONAL = Param("personal", "With `true` also who called and what was said", ("true", "false"))
# The arguments that describe the request. Others can name the caller, or a reason.
_NAME_NOBODY = frozenset(
    {
        "service",
        "date",
        "time",
        "part_of_day",
        "start",
        "staff",
        "branch",
        "another",
        "appointment_id",
        "appointment_date",
        "appointment_time",
        "confirmed",
    }
)


class CallOutcome(StrEnum):
    """The outcome of a call: the first that applies."""

    BOOKED = "booked"
    MOVED = "moved"
    CANCELLED = "cancelled"
    ONGOING = "ongoing"  # none of these yet
    FAILED = "failed"  # an error of ours or of the calendar
    NOTHING = "nothing"
    NO_FUNCTION = "no_function"  # its agent used no call function


class CallEntry(msgspec.Struct, frozen=True):
    """A call, without the transcript. `from_number` only with `personal`."""

    call_id: str
    branch: str | None
    direction: str | None
    status: str
    started_at: datetime | None
    ended_at: datetime | None
    disconnection_reason: str | None
    appointments: int
    seconds: int | None
    outcome: CallOutcome
    from_number: str | None


class CallPage(msgspec.Struct, frozen=True):
    calls: list[CallEntry]
    next: str | None
    zone: str


class TimelineEntry(msgspec.Struct, frozen=True):
    """One thing that happened. `what` is event, function, job, action, appointment, provider or audit.

    A function has the `arguments` that its agent sent and the `answer` for the caller; `detail` is what was in the way. Without
    `personal` there is no answer, and an argument that may name a person is `…`.
    """

    at: datetime
    what: str
    name: str
    outcome: str
    duration_ms: int | None
    detail: str | None
    correlation_id: str
    arguments: dict[str, str | bool] | None = None
    answer: str | None = None
    appointment_id: str | None = None
    starts_at: datetime | None = None
    next_try_at: datetime | None = None


class Timeline(msgspec.Struct, frozen=True):
    """`transcript` only with `personal`, and as long as it is kept (`spec.retention.transcriptDays`)."""

    call: CallEntry | None
    moments: list[TimelineEntry]
    zone: str
    transcript: str | None = None
    transcript_truncated: bool = False


class Calls:
    """The endpoints of one tenant's calls."""

    def __init__(self, store: CallStore) -> None:
        self._store = store

    def endpoints(self) -> tuple[Endpoint, ...]:
        filters = (
            Param("since", "Began then or later; a day or a local time"),
            Param("from", "Only from this phone number"),
            Param("outcome", "Only those of which this came", tuple(CallOutcome)),
            _PERSONAL,
        )
        timeline = "What happened in a call, in order"
        return (
            Endpoint("GET", "/calls", "Calls, newest first", CallPage, self.list_page, (*filters, *PAGE)),
            Endpoint("GET", "/calls/{call_id}/timeline", timeline, Timeline, self.timeline, (_PERSONAL,)),
        )

    async def list_page(self, request: ApiRequest) -> CallPage:
        limit, after, personal = request.limit(), request.cursor(datetime, str), _is_personal(request)
        rows = await self._store.list_calls(
            since=request.instant("since"), caller=_number(request), outcome=request.choice("outcome"), after=after,
            limit=limit,
        )  # fmt: skip
        entries = [_to_call(row, personal) for row in rows]
        if len(entries) < limit:
            return CallPage(entries, None, request.zone.key)
        return CallPage(entries, next_cursor(entries[-1].started_at or _EPOCH, entries[-1].call_id), request.zone.key)

    async def timeline(self, request: ApiRequest) -> Timeline:
        personal = _is_personal(request)
        call, rows = await self._store.get_timeline(request.path["call_id"])
        if call is None and not rows:
            raise Problem(404, "Not Found", "There is no such call; `askproai calls list` lists them")
        return Timeline(
            None if call is None else _to_call(call, personal),
            [_to_entry(row, request.zone, personal) for row in rows],
            request.zone.key,
            call["transcript"] if call is not None and personal else None,
            call is not None and personal and call["transcript_truncated"],
        )


def _is_personal(request: ApiRequest) -> bool:
    """Return whether the answer shall name people. Raises `Problem` 403 for a reader who asks for it."""
    personal = request.choice("personal") == "true"
    if personal:
        request.refuse_reader("see who called and what was said")
    return personal


def _number(request: ApiRequest) -> str | None:
    text = request.text("from")
    if text is not None:
        request.refuse_reader("see whether somebody called")
    number = e164_or_none(text)
    if text is not None and number is None:
        raise bad_request("from is a phone number, such as +4915112345678")
    return number


def _to_call(row: asyncpg.Record, personal: bool) -> CallEntry:
    return msgspec.convert(dict(row) | ({} if personal else {"from_number": None}), CallEntry)


def _to_entry(row: asyncpg.Record, zone: ZoneInfo, personal: bool) -> TimelineEntry:
    values = dict(row)
    if row["starts_at"] is not None:
        values["starts_at"] = row["starts_at"].astimezone(zone)
    if row["arguments"] is not None:
        arguments = msgspec.json.decode(row["arguments"], type=dict[str, str | bool])
        kept = {name: value if personal or name in _NAME_NOBODY else LEFT_OUT for name, value in arguments.items()}
        values["arguments"] = kept
    if not personal:
        values["answer"] = None
    return msgspec.convert(values, TimelineEntry)
