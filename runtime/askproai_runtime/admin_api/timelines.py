"""Timelines: the recorded history of a call (with the effects under its correlation ids), of an appointment, or of a
correlation id.

Without `personal`, a timeline names no person: a search for a fault rarely needs the caller.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import TypeAlias
from zoneinfo import ZoneInfo

import asyncpg
import msgspec

from askproai_core.http_server import Problem
from askproai_runtime.admin_api.calls import (
    PERSONAL,
    CallEntry,
    CallNotice,
    call_not_found,
    require_listening,
    to_call_entry,
    to_notice,
)
from askproai_runtime.admin_api.desk import only, parse_id_range
from askproai_runtime.admin_api.endpoint import Endpoint
from askproai_runtime.admin_api.hidden_arguments import Hiding, hide_arguments
from askproai_runtime.admin_api.parameters import require_text
from askproai_runtime.admin_api.request import ApiRequest
from askproai_runtime.admin_api.store.calls import CallStore
from askproai_runtime.calls.texts import CallTexts, read_call_texts, read_said
from askproai_runtime.encryption import BodyCipher, DecryptionError

_Found: TypeAlias = tuple[asyncpg.Record | None, list[asyncpg.Record]]  # a call, and the rows of a timeline
_ANY_TIMELINE = "What happened in a call or to an appointment, by the beginning of its id, or under a correlation id"


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


async def timeline(request: ApiRequest, text: str, *, personal: bool = False) -> Timeline:
    """Return the timeline of a call by its id or an id's beginning; with `personal`, include the caller and the transcript."""
    if personal:
        require_listening(request)
    found = await _of_call(request.api.calls, require_text(text))
    if found is None:
        raise call_not_found()
    return await _to_timeline(request, text, *found, personal=personal)


async def find_timeline(request: ApiRequest, text: str, *, personal: bool = False) -> Timeline:
    """Return the timeline of a call, of an appointment or of a correlation id."""
    if personal:
        require_listening(request)
    store = request.api.calls
    found = await _of_call(store, require_text(text)) or await _of_appointment(store, text)
    if found is None and (rows := await store.get_timeline_of_correlation(text)):
        found = None, rows
    if found is None:
        raise Problem(404, "Not Found", "No call, appointment or correlation has this id")
    return await _to_timeline(request, text, *found, personal=personal)


async def _of_call(store: CallStore, text: str) -> _Found | None:
    """Return the call whose id begins with `text`, with its timeline; None if none does. Raises `Problem` 409 if several do."""
    call, rows = await store.get_timeline(text)
    if call is None and not rows and (found := only(await store.list_call_ids(text))):
        call, rows = await store.get_timeline(found)
    return None if call is None and not rows else (call, rows)


async def _of_appointment(store: CallStore, text: str) -> _Found | None:
    try:
        first, last = parse_id_range(text)
    except Problem:
        return None
    found = only(await store.list_appointment_ids(first, last))
    return None if found is None else (None, await store.get_timeline_of_appointment(found))


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
    hiding = None if personal else Hiding.of(request.config)
    return Timeline(
        None if call is None else to_call_entry(call, personal),
        [_to_entry(row, request.zone, hiding, cipher) for row in rows],
        request.zone.key,
        texts.transcript,
        call is not None and personal and call["transcript_truncated"],
        texts.unreadable is not None,
        None if call is None else to_notice(await store.get_notice(call["call_id"])),
    )


def _to_entry(row: asyncpg.Record, zone: ZoneInfo, hiding: Hiding | None, cipher: BodyCipher) -> TimelineEntry:
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
        arguments = arguments if hiding is None else hide_arguments(arguments, hiding, row["at"])
    values["arguments"] = arguments
    if hiding is not None:
        values["answer"] = values["notes"] = None
    return msgspec.convert(values, TimelineEntry)


ENDPOINTS = (
    Endpoint(
        "GET", "/calls/{call_id}/timeline", "What happened in a call, in order; by its id or the beginning of it", Timeline,
        lambda request, given: timeline(request, given.path["call_id"], personal=given.flag("personal")), (PERSONAL,),
    ),
    Endpoint(
        "GET", "/timeline/{id}", _ANY_TIMELINE, Timeline,
        lambda request, given: find_timeline(request, given.path["id"], personal=given.flag("personal")), (PERSONAL,),
    ),
)  # fmt: skip
