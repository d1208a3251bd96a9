"""Calls: their list, and one call with its transcript, analysis and notice.

Without `personal`, no call names a person: a search for a fault rarely needs the caller.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import asyncpg
import msgspec

from askproai_core.http_server import Problem
from askproai_core.phone_numbers import e164_or_none
from askproai_core.tenant_config import TenantConfig
from askproai_runtime.admin_api.desk import only
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
from askproai_runtime.admin_api.request import ApiRequest
from askproai_runtime.admin_api.roles import Right
from askproai_runtime.branch_numbers import region_of
from askproai_runtime.calls.texts import read_call_texts

_ANONYMOUS = "anonymous"  # for a withheld number, as Retell has it
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)  # sort key of a call whose start is unknown
PERSONAL = Param("personal", "With `true` also who called and what was said", ("true", "false"))
_OUTCOMES = "Only those of which one of these came; `failed` also finds `no_function`, whose functions may have failed unrecorded"


class CallOutcome(StrEnum):
    """The outcome of a call: the first value of this list that applies."""

    BOOKED = "booked"
    MOVED = "moved"
    CANCELLED = "cancelled"
    MESSAGE = "message"  # the caller left one
    WAITING = "waiting"  # the caller joined the waiting list
    ONGOING = "ongoing"  # the call goes on, and nothing above applies yet
    TRANSFERRED = "transferred"  # to a person, by Retell
    FAILED = "failed"  # an error of ours or of the calendar
    NOTHING = "nothing"
    NO_FUNCTION = "no_function"  # no function is recorded: the agent called none, or the database was unavailable


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


class CallContent(msgspec.Struct, frozen=True):
    """The transcript of a call and Retell's analysis, as long as they are kept (`spec.retention.transcriptDays`). For a reader
    each text is `…`. The audit log records each read with the admin token (`call.read`).

    `recording_url` is Retell's link. It is null if Retell keeps no recording (`spec.privacy.retellStorage`), and dead once
    Retell deletes it (`spec.privacy.retellRetentionDays`). `further` has the other results of the analysis. `not_readable`: the
    texts cannot be decrypted, since their key is gone.
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


async def _list(request: ApiRequest, given: Parameters) -> CallPage:
    since, outcomes = given.instant("since"), given.some_choices("outcome")
    caller, personal = given.text("from"), given.flag("personal")
    return await list_page(request, given.paging(), since, caller=caller, outcomes=outcomes, personal=personal)


async def list_page(
    request: ApiRequest, paging: Paging, since: datetime | None, *, caller: str | None = None,
    outcomes: Sequence[str] | None = None, personal: bool = False,
) -> CallPage:  # fmt: skip
    """Return a page of the calls that began at or after `since`. `caller` is a phone number as people write it, or `anonymous`.

    With `personal` the entries have the callers' numbers.
    """
    limit = paging.limit
    if personal:
        require_listening(request)
        await request.record_list("/calls")
    if caller is not None:
        request.access.require(Right.NAMES, "see whether somebody called")
    rows = await request.api.calls.list_calls(
        since=since, caller=_number(caller, request.config), outcomes=_search(outcomes),
        after=paging.after(datetime, str), limit=limit,
    )  # fmt: skip
    entries = [to_call_entry(row, personal) for row in rows]
    if len(entries) < limit:
        return CallPage(entries, None, request.zone.key)
    return CallPage(entries, next_cursor(entries[-1].started_at or _EPOCH, entries[-1].call_id), request.zone.key)


async def show(request: ApiRequest, beginning: str) -> CallContent:
    """Return transcript and analysis of the call with this id, or with this beginning. The audit log records the read."""
    store = request.api.calls
    row = await store.get_content(require_text(beginning))
    if row is None and (found := only(await store.list_call_ids(beginning))):
        row = await store.get_content(found)
    if row is None:
        raise call_not_found()
    hears = request.access.may(Right.LISTEN)
    texts = read_call_texts(request.process.cipher, row["call_id"], row["transcript"], row["analysis"])
    analysis = texts.analysis or {}
    content = CallContent(
        call=to_call_entry(row, hears),
        transcript=request.hide(texts.transcript, Right.LISTEN),
        transcript_truncated=row["transcript_truncated"],
        summary=request.hide(_text(analysis.pop("call_summary", None)), Right.LISTEN),
        sentiment=_text(analysis.pop("user_sentiment", None)),
        successful=successful if isinstance(successful := analysis.pop("call_successful", None), bool) else None,
        recording_url=request.hide(_text(analysis.pop("recording_url", None)), Right.LISTEN),
        further=analysis if hears else {},
        zone=request.zone.key,
        not_readable=texts.unreadable is not None,
        notice=to_notice(await store.get_notice(row["call_id"])),
    )
    if hears:
        parts = {"transcript": content.transcript, "analysis": content.summary, "recording": content.recording_url}
        read = [name for name, value in parts.items() if value]
        await store.record_read(row["call_id"], read, request.claimed_by, request.correlation_id)
    return content


def to_notice(row: asyncpg.Record | None) -> CallNotice:
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


def call_not_found() -> Problem:
    return Problem(404, "Not Found", "There is no such call; `askproai calls list` lists them")


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def require_listening(request: ApiRequest) -> None:
    request.access.require(Right.LISTEN, "see who called and what was said")


def _search(named: Sequence[str] | None) -> Sequence[str] | None:
    """Return the outcomes to search for: with `failed` also `no_function`, since a failed request may be unrecorded."""
    return [*named, CallOutcome.NO_FUNCTION] if named and CallOutcome.FAILED in named else named


def _number(text: str | None, config: TenantConfig) -> str | None:
    number = _ANONYMOUS if text == _ANONYMOUS else e164_or_none(text, region_of(config))
    if text is not None and number is None:
        raise bad_request("from is a phone number, such as +4915112345678, or anonymous")
    return number


def to_call_entry(row: asyncpg.Record, personal: bool) -> CallEntry:
    return msgspec.convert(dict(row) | ({} if personal else {"from_number": None}), CallEntry)


_FILTERS = (
    Param("since", "Began then or later; a day or a local time"),
    Param("from", "Only from this phone number, or `anonymous` for those who withheld it"),
    Param("outcome", _OUTCOMES, tuple(CallOutcome), several=True),
    PERSONAL,
)
ENDPOINTS = (
    Endpoint(
        "GET", "/calls", "Calls, newest first", CallPage, _list, (*_FILTERS, *PAGE),
    ),
    Endpoint(
        "GET", "/calls/{call_id}", "What was said in a call, and its analysis", CallContent,
        lambda request, given: show(request, given.path["call_id"]),
    ),
)  # fmt: skip
