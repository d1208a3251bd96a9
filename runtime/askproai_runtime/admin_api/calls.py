"""Calls and timelines. A timeline is the recorded history of a call (with the effects under its correlation ids), of an
appointment, or of a correlation id.

Without `personal`, neither a call nor a timeline names a person: a search for a fault rarely needs the caller.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from enum import StrEnum
from typing import Any, Self, TypeAlias
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
import msgspec

from askproai_core.http_server import Problem
from askproai_core.phone_numbers import e164_or_none
from askproai_core.tenant_config import Language, TenantConfig
from askproai_runtime.admin_api.desk import ambiguous, parse_id_range
from askproai_runtime.admin_api.endpoint import Endpoint
from askproai_runtime.admin_api.parameters import (
    PAGE,
    Paging,
    Param,
    Parameters,
    bad_request,
    next_cursor,
    require_text,
)
from askproai_runtime.admin_api.request import LEFT_OUT, ApiRequest
from askproai_runtime.admin_api.roles import Right
from askproai_runtime.admin_api.store.calls import CallStore
from askproai_runtime.branch_numbers import region_of
from askproai_runtime.calls.texts import CallTexts, read_call_texts, read_said
from askproai_runtime.encryption import BodyCipher, DecryptionError
from askproai_runtime.person_names import fold
from askproai_runtime.sentences import speaking
from askproai_runtime.spoken_times import understand_parts

_Found: TypeAlias = tuple[asyncpg.Record | None, list[asyncpg.Record]]  # a call, and the rows of a timeline
_ANONYMOUS = "anonymous"  # for a withheld number, as Retell has it
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)  # sort key of a call whose start is unknown
_PERSONAL = Param("personal", "With `true` also who called and what was said", ("true", "false"))
# Which arguments are shown without `personal`, and what makes them sure to name nobody. Others can name the caller.
_OF_CONFIG = frozenset({"service", "staff", "branch", "recipient"})
_OF_TIME = frozenset({"date", "time", "part_of_day", "start", "appointment_date", "appointment_time", "call_back"})
_PERSON = frozenset({"customer_name", "phone", "email", "notes", "reason", "message", "birth_date"})
_OUTCOMES = "Only those of which one of these came; `failed` also finds `no_function`, whose functions may have failed unrecorded"
_ANY_TIMELINE = "What happened in a call or to an appointment, by the beginning of its id, or under a correlation id"
_ISO = date.fromisoformat, time.fromisoformat, datetime.fromisoformat


class CallOutcome(StrEnum):
    """The outcome of a call: the first value of this list that applies."""

    BOOKED = "booked"
    MOVED = "moved"
    CANCELLED = "cancelled"
    MESSAGE = "message"  # the caller left one
    WAITING = "waiting"  # the caller joined the waiting list
    ONGOING = "ongoing"  # none of these yet
    TRANSFERRED = "transferred"  # to a person, by Retell
    FAILED = "failed"  # an error of ours or of the calendar
    NOTHING = "nothing"
    NO_FUNCTION = "no_function"  # none is recorded: its agent used none, or the database was away when it did


class AiNotice(StrEnum):
    """Whether the caller heard that an AI speaks, as far as it is known."""

    HEARD = "heard"  # in the agent's first words of the transcript
    IN_GREETING = "in_greeting"  # in the first sentence of the version that answered, where there is no transcript
    NOT_GIVEN = "not_given"
    NOT_KNOWN = "not_known"


class CallNotice(msgspec.Struct, frozen=True):
    """The notice that a call's caller heard, and the caller's answer about keeping the call. null means not known.

    `greeting` is the SHA-256 of the first sentence of the agent version that answered, as in `status.greeting` of the
    RetellAgent. `retell_keeps` names the data that Retell stores of the call, in Retell's terms. `refused_at` is set if the
    caller did not want the call to be kept: then no text of it is stored. `deleted_at_retell` is when Retell no longer had it.
    """

    ai_notice: AiNotice
    agent_version: int | None
    greeting: str | None
    retell_keeps: str | None
    refused_at: datetime | None
    deleted_at_retell: datetime | None


class CallEntry(msgspec.Struct, frozen=True):
    """A call, without its transcript. `from_number` is E.164, or `anonymous` if withheld; it is null without `personal`."""

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
    """One event of a timeline. `what` is event, function, job, action, appointment, message, waitlist, notification, provider
    or audit.

    A function has the `arguments` that its agent sent and the `answer` for the caller; `detail` is the obstacle. An appointment
    has the `notes` of its caller. For a message `answer` is its text, and `starts_at` when to call back. Without `personal`
    answer and notes are null, an argument that may name a person is `…`, and an argument that no function has is left out.
    `not_readable`: arguments and answer cannot be decrypted. `call_id` is the call, or the request of the desk, that caused the
    event. For a failed request to a provider, `detail` is the provider's reason without names of people, and `body_shape` lists
    the fields of its answer.
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
    notes: str | None = None
    not_readable: bool = False
    call_id: str | None = None
    body_shape: str | None = None


class Timeline(msgspec.Struct, frozen=True):
    """A timeline. `call` is null in the timeline of an appointment or a correlation id.

    `transcript` is set only with `personal`, and as long as it is kept (`spec.retention.transcriptDays`).

    `not_readable`: the transcript is stored but cannot be decrypted, since its key is gone.
    """

    call: CallEntry | None
    moments: list[TimelineEntry]
    zone: str
    transcript: str | None = None
    transcript_truncated: bool = False
    not_readable: bool = False
    notice: CallNotice | None = None


class CallContent(msgspec.Struct, frozen=True):
    """The transcript of a call and Retell's analysis, as long as they are kept (`spec.retention.transcriptDays`). For a reader
    each text is `…`. The audit log records each read with the admin token (`call.read`).

    `recording_url` is Retell's link. It is null if Retell keeps no recording (`spec.privacy.retellStorage`), and ends when
    Retell deletes the recording (`spec.privacy.retellRetentionDays`). `further` has the other results of the analysis.
    `not_readable`: the texts cannot be decrypted, since their key is gone.
    """

    call: CallEntry
    transcript: str | None
    transcript_truncated: bool
    summary: str | None
    sentiment: str | None
    successful: bool | None
    recording_url: str | None
    further: dict[str, Any]
    zone: str
    not_readable: bool = False
    notice: CallNotice | None = None


@dataclass(frozen=True, slots=True)
class CallQuery:
    """A filter for calls that began at or after `since`. `caller` is a phone number as people write it, or `anonymous`.

    With `personal` the entries have the callers' numbers.
    """

    since: datetime | None = None
    caller: str | None = None
    outcomes: Sequence[str] | None = None
    personal: bool = False

    @classmethod
    def of(cls, given: Parameters) -> "CallQuery":
        since, outcomes = given.instant("since"), given.some_choices("outcome")
        return cls(since, given.text("from"), outcomes, given.flag("personal"))


async def list_page(request: ApiRequest, query: CallQuery, paging: Paging) -> CallPage:
    personal, limit = query.personal, paging.limit
    if personal:
        _require_listening(request)
        await request.record_list("/calls")
    if query.caller is not None:
        request.access.require(Right.NAMES, "see whether somebody called")
    rows = await request.api.calls.list_calls(
        since=query.since, caller=_number(query.caller, request.config), outcomes=_search(query.outcomes),
        after=paging.after(datetime, str), limit=limit,
    )  # fmt: skip
    entries = [_to_call(row, personal) for row in rows]
    if len(entries) < limit:
        return CallPage(entries, None, request.zone.key)
    return CallPage(entries, next_cursor(entries[-1].started_at or _EPOCH, entries[-1].call_id), request.zone.key)


async def show(request: ApiRequest, beginning: str) -> CallContent:
    """Return transcript and analysis of the call with this id, or of the only call whose id begins so. Audit the read."""
    store = request.api.calls
    row = await store.get_content(require_text(beginning))
    if row is None and (found := await store.list_call_ids(beginning)):
        if len(found) > 1:
            raise ambiguous()
        row = await store.get_content(found[0])
    if row is None:
        raise _not_found()
    hears = request.access.may(Right.LISTEN)
    texts = read_call_texts(request.process.cipher, row["call_id"], row["transcript"], row["analysis"])
    analysis = texts.analysis or {}
    content = CallContent(
        call=_to_call(row, hears),
        transcript=request.hide(texts.transcript, Right.LISTEN),
        transcript_truncated=row["transcript_truncated"],
        summary=request.hide(_text(analysis.pop("call_summary", None)), Right.LISTEN),
        sentiment=_text(analysis.pop("user_sentiment", None)),
        successful=successful if isinstance(successful := analysis.pop("call_successful", None), bool) else None,
        recording_url=request.hide(_text(analysis.pop("recording_url", None)), Right.LISTEN),
        further=analysis if hears else {},
        zone=request.zone.key,
        not_readable=texts.unreadable is not None,
        notice=_to_notice(await store.get_notice(row["call_id"])),
    )
    if hears:
        parts = {"transcript": content.transcript, "analysis": content.summary, "recording": content.recording_url}
        read = [name for name, value in parts.items() if value]
        await store.record_read(row["call_id"], read, request.claimed_by, request.correlation_id)
    return content


async def timeline(request: ApiRequest, text: str, *, personal: bool = False) -> Timeline:
    """Return the timeline of a call by its id or an id's beginning; with `personal`, include the caller and the transcript."""
    if personal:
        _require_listening(request)
    found = await _of_call(request.api.calls, require_text(text))
    if found is None:
        raise _not_found()
    return await _to_timeline(request, text, *found, personal=personal)


async def find_timeline(request: ApiRequest, text: str, *, personal: bool = False) -> Timeline:
    """Return the timeline of a call, of an appointment or of a correlation id."""
    if personal:
        _require_listening(request)
    store = request.api.calls
    found = await _of_call(store, require_text(text)) or await _of_appointment(store, text)
    if found is None and (rows := await store.get_timeline_of_correlation(text)):
        found = None, rows
    if found is None:
        raise Problem(404, "Not Found", "No call, appointment or correlation id is this")
    return await _to_timeline(request, text, *found, personal=personal)


async def _of_call(store: CallStore, text: str) -> _Found | None:
    """Return the call whose id begins with `text`, with its timeline; None if none does. Raises `Problem` 409 if several do."""
    call, rows = await store.get_timeline(text)
    if call is None and not rows and (found := await store.list_call_ids(text)):
        if len(found) > 1:
            raise ambiguous()
        call, rows = await store.get_timeline(found[0])
    return None if call is None and not rows else (call, rows)


async def _of_appointment(store: CallStore, text: str) -> _Found | None:
    try:
        first, last = parse_id_range(text)
    except Problem:
        return None
    found = await store.list_appointment_ids(first, last)
    if len(found) > 1:
        raise ambiguous()
    return (None, await store.get_timeline_of_appointment(found[0])) if found else None


async def _to_timeline(
    request: ApiRequest, asked: str, call: asyncpg.Record | None, rows: Sequence[asyncpg.Record], *, personal: bool
) -> Timeline:
    texts, store, cipher = CallTexts(None, None), request.api.calls, request.process.cipher
    if personal and call is not None:
        texts = read_call_texts(cipher, call["call_id"], call["transcript"], call["analysis"])
    if personal:
        parts = ["timeline"] + (["transcript"] if texts.transcript else [])
        read = {call["call_id"]} if call is not None else {row["call_id"] for row in rows if row["call_id"]} or {asked}
        for called in sorted(read):
            await store.record_read(called, parts, request.claimed_by, request.correlation_id)
    hiding = None if personal else _Hiding.of(request.config)
    return Timeline(
        None if call is None else _to_call(call, personal),
        [_to_entry(row, request.zone, hiding, cipher) for row in rows],
        request.zone.key,
        texts.transcript,
        call is not None and personal and call["transcript_truncated"],
        texts.unreadable is not None,
        None if call is None else _to_notice(await store.get_notice(call["call_id"])),
    )


def _to_notice(row: asyncpg.Record | None) -> CallNotice:
    """Return the notice of a call. The transcript's first words outrank the greeting of the agent version that answered."""
    if row is None:
        return CallNotice(AiNotice.NOT_KNOWN, None, None, None, None, None)
    match row["heard_ai"], row["announces_ai"]:
        case True, _:
            notice = AiNotice.HEARD
        case False, _:
            notice = AiNotice.NOT_GIVEN
        case _, True:
            notice = AiNotice.IN_GREETING
        case _, False:
            notice = AiNotice.NOT_GIVEN
        case _:
            notice = AiNotice.NOT_KNOWN
    return CallNotice(
        notice, row["agent_version"], row["greeting"], row["storage"], row["refused_at"], row["deleted_at"]
    )


def _not_found() -> Problem:
    return Problem(404, "Not Found", "There is no such call; `askproai calls list` lists them")


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _require_listening(request: ApiRequest) -> None:
    request.access.require(Right.LISTEN, "see who called and what was said")


def _search(named: Sequence[str] | None) -> Sequence[str] | None:
    """Return the outcomes to search for: with `failed` also `no_function`, since a failed request may be unrecorded."""
    return [*named, CallOutcome.NO_FUNCTION] if named and CallOutcome.FAILED in named else named


def _number(text: str | None, config: TenantConfig) -> str | None:
    number = _ANONYMOUS if text == _ANONYMOUS else e164_or_none(text, region_of(config))
    if text is not None and number is None:
        raise bad_request("from is a phone number, such as +4915112345678, or anonymous")
    return number


def _to_call(row: asyncpg.Record, personal: bool) -> CallEntry:
    return msgspec.convert(dict(row) | ({} if personal else {"from_number": None}), CallEntry)


@dataclass(frozen=True, slots=True)
class _Hiding:
    """The data that decide if a text may name a person: the names of the manifests, and the time zone for spoken times."""

    known_names: frozenset[str]
    zone: ZoneInfo

    @classmethod
    def of(cls, config: TenantConfig) -> Self:
        return cls(_known_names(config), ZoneInfo(config.time_zone))


def _to_entry(row: asyncpg.Record, zone: ZoneInfo, hiding: _Hiding | None, cipher: BodyCipher) -> TimelineEntry:
    """Return a timeline's row as an entry. With `hiding`, answer, notes and arguments that may name a person are hidden."""
    values = dict(row)
    if row["starts_at"] is not None:
        values["starts_at"] = row["starts_at"].astimezone(zone)
    try:
        said = read_said(cipher, row["call_id"] or "", row["at"], row["name"], row["arguments"], row["answer"])
    except DecryptionError:
        said, values["not_readable"] = (None, None), True
    arguments, values["answer"] = said
    if arguments is not None:
        arguments = arguments if hiding is None else _hide(arguments, hiding, row["at"])
    values["arguments"] = arguments
    if hiding is not None:
        values["answer"] = values["notes"] = None
    return msgspec.convert(values, TimelineEntry)


def _hide(arguments: dict[str, str | bool], hiding: _Hiding, at: datetime) -> dict[str, str | bool]:
    """Return a function's arguments with `…` for each value that may name a person, and without arguments of no function."""
    known = _OF_CONFIG | _OF_TIME | _PERSON | {"another", "confirmed", "email_confirmed", "appointment_id"}
    return {
        name: value if _names_nobody(name, value, hiding, at) else LEFT_OUT
        for name, value in arguments.items()
        if name in known
    }


def _names_nobody(name: str, value: str | bool, hiding: _Hiding, at: datetime) -> bool:
    if isinstance(value, bool):
        return True
    if name in _OF_CONFIG:
        return all(fold(each) in hiding.known_names for each in value.split(","))
    if name in _OF_TIME:
        text = (
            (None, None, value)
            if name == "part_of_day"
            else (None, value, None)
            if "time" in name
            else (value, None, None)
        )
        written = "-" in value or ":" in value  # digits alone may be a phone number
        is_time = any(_is_understood(text, at, hiding.zone, language) for language in Language)
        return is_time or (written and any(_parses(parse, value) for parse in _ISO))
    return name == "appointment_id" and _parses(UUID, value)


def _is_understood(
    parts: tuple[str | None, str | None, str | None], at: datetime, zone: ZoneInfo, language: Language
) -> bool:
    with speaking(language):
        return understand_parts(*parts, at=at, zone=zone).refused is None


def _parses(parse: Callable[[str], object], text: str) -> bool:
    try:
        parse(text)
    except ValueError:
        return False
    return True


def _known_names(config: TenantConfig) -> frozenset[str]:
    """Return all names of services, branches and staff members that callers use, folded for comparison."""
    services = (name for s in config.services for name in (s.name, s.display_name, *s.spoken_names))
    branches = (
        name for b in config.branches for name in (b.name, b.display_name, b.address.city, b.address.postal_code)
    )
    staff = (name for b in config.branches for s in b.staff for name in (s.id, s.display_name))
    return frozenset(fold(name) for name in (*services, *branches, *staff) if name)


_FILTERS = (
    Param("since", "Began then or later; a day or a local time"),
    Param("from", "Only from this phone number, or `anonymous` for those who withheld it"),
    Param("outcome", _OUTCOMES, tuple(CallOutcome), several=True),
    _PERSONAL,
)
ENDPOINTS = (
    Endpoint(
        "GET", "/calls", "Calls, newest first", CallPage,
        lambda request, given: list_page(request, CallQuery.of(given), given.paging()),
        (*_FILTERS, *PAGE),
    ),
    Endpoint(
        "GET", "/calls/{call_id}", "What was said in a call, and its analysis", CallContent,
        lambda request, given: show(request, given.path["call_id"]),
    ),
    Endpoint(
        "GET", "/calls/{call_id}/timeline", "What happened in a call, in order; by its id or the beginning of it", Timeline,
        lambda request, given: timeline(request, given.path["call_id"], personal=given.flag("personal")), (_PERSONAL,),
    ),
    Endpoint(
        "GET", "/timeline/{id}", _ANY_TIMELINE, Timeline,
        lambda request, given: find_timeline(request, given.path["id"], personal=given.flag("personal")), (_PERSONAL,),
    ),
)  # fmt: skip
