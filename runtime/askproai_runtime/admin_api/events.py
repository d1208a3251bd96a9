"""Endpoints that list stored events and dead letters, and redrive dead letters once their cause is fixed."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

import msgspec
import structlog

from askproai_core.http_server import Problem
from askproai_runtime.admin_api.desk import ChangeObstacle, in_place_of_call, request_used
from askproai_runtime.admin_api.endpoint import Endpoint
from askproai_runtime.admin_api.parameters import PAGE, Paging, Param, Parameters, next_cursor
from askproai_runtime.admin_api.request import ApiRequest
from askproai_runtime.admin_api.roles import Right
from askproai_runtime.intake import Source

log = structlog.get_logger(__name__)

_JOB_PREFIX = "job:"  # of the id of a job without an event, such as a calendar sync
_MAX_REDRIVEN = 1000

# Where an event came from; a job without an event has its kind, which is among them.
_SOURCES = tuple(Source)
EventSource = Annotated[str, msgspec.Meta(extra_json_schema={"enum": [source.value for source in _SOURCES]})]


class EventStatus(StrEnum):
    RECEIVED = "received"
    PROCESSING = "processing"
    PROCESSED = "processed"
    FAILED = "failed"
    DEAD = "dead"


class EventEntry(msgspec.Struct, frozen=True):
    """An event, or a dead job that has no event (then `id` is `job:<id>`). `call_id` is the call that the event is about."""

    id: str
    source: EventSource
    event_id: str
    type: str
    status: EventStatus
    attempts: int
    correlation_id: str
    received_at: datetime
    error: str | None
    call_id: str | None


class EventPage(msgspec.Struct, frozen=True):
    events: list[EventEntry]
    next: str | None
    zone: str


class EventJob(msgspec.Struct, frozen=True):
    """The job of an event; each event has one."""

    id: int
    priority: str
    state: str
    attempts: int
    run_at: datetime
    finished_at: datetime | None
    last_error: str | None


class EventDetail(msgspec.Struct, frozen=True):
    """One event. `payload_bytes` is the size of its stored body, which is not shown; 0 after the body was dropped by age."""

    event: EventEntry
    processed_at: datetime | None
    note: str | None
    payload_bytes: int
    appointment_id: str | None
    job: EventJob | None
    zone: str


class RedriveResult(msgspec.Struct, frozen=True):
    """The ids of the redriven events and jobs, in the form in which lists show them."""

    redriven: list[str]


async def _list(request: ApiRequest, given: Parameters) -> EventPage:
    source, event_type, since = given.choice("source"), given.text("type"), given.instant("since")
    return await list_page(
        request, given.paging(), given.choice("status"), source=source, event_type=event_type, since=since
    )


async def list_page(
    request: ApiRequest, paging: Paging, status: str | None, *, source: str | None = None,
    event_type: str | None = None, since: datetime | None = None,
) -> EventPage:  # fmt: skip
    """Return a page of the events that were received at or after `since`."""
    after, limit = paging.after(datetime, str), paging.limit
    rows = await request.api.store.list_events(
        status=status, source=source, event_type=event_type, since=since, after=after, limit=limit
    )
    events = [msgspec.convert(dict(row), EventEntry) for row in rows]
    following = next_cursor(events[-1].received_at, events[-1].id) if len(events) == limit else None
    return EventPage(events, following, request.zone.key)


async def show(request: ApiRequest, event_id: str) -> EventDetail:
    number, is_job = _parse_id(event_id)
    row = await (request.api.store.get_job(number) if is_job else request.api.store.get_event(number))
    if row is None:
        raise _not_found()
    return _to_detail(dict(row), request.zone.key)


async def redrive(request: ApiRequest, event_id: str, request_id: UUID | None) -> RedriveResult:
    """Redrive the dead event or job with this listed id. A request repeated with the same `request_id` redrives nothing more."""
    request.access.require(Right.REDRIVE, "redrive an event")
    (number, is_job), store = _parse_id(event_id), request.api.store
    redrive_one, call = store.redrive_job if is_job else store.redrive_event, in_place_of_call(request_id)
    redriven = await redrive_one(number, request.claimed_by, call)
    if not redriven and call:
        before = await store.list_redriven_by(call)
        if event_id in before:
            return RedriveResult(before)
        if before:
            raise request_used()
    if not redriven:
        raise _not_redriven(await show(request, event_id))
    request.api.wake_worker()
    log.warning("event.redriven", events=redriven)
    return RedriveResult(redriven)


async def redrive_all(request: ApiRequest, request_id: UUID | None) -> RedriveResult:
    request.access.require(Right.ADMINISTER, "redrive all events")
    redriven = await request.api.store.redrive_all(_MAX_REDRIVEN, request.claimed_by, in_place_of_call(request_id))
    request.api.wake_worker()
    log.warning("event.redriven", count=len(redriven))
    return RedriveResult(redriven)


def _parse_id(text: str) -> tuple[int, bool]:
    """Return the number in a listed id, and True if the id is a job's. Raises `Problem` 404 if the text is no such id."""
    number = text.removeprefix(_JOB_PREFIX)
    if not (number.isascii() and number.isdigit() and len(number) < 19):  # noqa: PLR2004  digits of a bigint
        raise _not_found()
    return int(number), text.startswith(_JOB_PREFIX)


def _not_found() -> Problem:
    text = "There is no such event; `askproai events list` lists them"
    return Problem(404, "Not Found", text, members=ChangeObstacle.NOT_FOUND.members)


def _not_redriven(detail: EventDetail) -> Problem:
    """Return the problem document for a refused redrive: not dead, its body is dropped, or another job comes first."""
    is_dead, of_event = detail.event.status is EventStatus.DEAD, detail.appointment_id is None
    if is_dead and not of_event:
        return Problem(
            409,
            "Superseded",
            "Another calendar-sync of its appointment is queued, runs, or is dead and newer: redrive the newest"
            " (`askproai events list --source calendar-sync`), or wait until it is done",
            members=ChangeObstacle.SUPERSEDED.members,
        )
    if is_dead and detail.payload_bytes == 0 and detail.job:
        text = "Its body was dropped by age (retention.rawEventDays): nothing is left to do"
        return Problem(409, "Body Dropped", text, members=ChangeObstacle.BODY_DROPPED.members)
    text = f"Its status is {detail.event.status}: only dead ones are redriven"
    return Problem(409, "Not Dead", text, members=ChangeObstacle.NOT_DEAD.members)


def _to_detail(row: Mapping[str, Any], zone: str) -> EventDetail:
    columns = ("job_id", "priority", "state", "job_attempts", "run_at", "finished_at", "last_error")
    job = row["job_id"] and EventJob(*(row[name] for name in columns))
    appointment_id = row["appointment_id"] and str(row["appointment_id"])
    event = msgspec.convert({name: row[name] for name in EventEntry.__struct_fields__}, EventEntry)
    return EventDetail(event, row["processed_at"], row["note"], row["payload_bytes"], appointment_id, job, zone)


_FILTERS = (
    Param("status", "Only these", tuple(EventStatus)),
    Param("source", "Only from there", _SOURCES),
    Param("type", "Only of this type, such as call_ended"),
    Param("since", "Received then or later"),
)
ENDPOINTS = (
    Endpoint(
        "GET", "/events", "Stored events, newest first", EventPage, _list, (*_FILTERS, *PAGE),
    ),
    Endpoint(
        "GET", "/events/{id}", "One event and its job", EventDetail, lambda request, given: show(request, given.path["id"])
    ),
    Endpoint(
        "POST", "/events/{id}/redrive", "Do a dead one again, with all its tries", RedriveResult,
        lambda request, given: redrive(request, given.path["id"], given.request_id()),
    ),
    Endpoint(
        "POST", "/events/redrive", f"Do all dead ones again, {_MAX_REDRIVEN} at a time", RedriveResult,
        lambda request, given: redrive_all(request, given.request_id()),
    ),
)  # fmt: skip
