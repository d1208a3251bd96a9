"""join_waitlist, and what the desk does with the waiting list.

An entry is no appointment: it blocks nothing, and a freed time that is offered to it can be booked by anybody.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from askproai_core.database import Connection
from askproai_runtime.availability.slots import horizon_end
from askproai_runtime.booking.answers import candidate_fields, candidate_question
from askproai_runtime.booking.asked_choices import read_chosen
from askproai_runtime.booking.changes import commit_and_answer
from askproai_runtime.booking.companions import BookedOneByOne, Group, add_companions
from askproai_runtime.booking.kept_offers import read_kept_offers
from askproai_runtime.booking.last_days import after_request
from askproai_runtime.booking.named_days import put_on_named_day
from askproai_runtime.booking.named_people import name_people
from askproai_runtime.booking.offer_before_waiting import offer_before_waiting
from askproai_runtime.booking.phone_argument import read_phone, say_unclear, spell_phone
from askproai_runtime.booking.request import (
    ServiceRequest,
    names_day,
    parse_service_request,
    parse_time,
    read_parts,
    read_said,
    read_text,
    require_exact,
)
from askproai_runtime.booking.store.appointments import release_declined
from askproai_runtime.booking.store.audit import record_desk_change
from askproai_runtime.booking.store.waitlist import (
    EntryLimits,
    NewEntry,
    ReachedEntry,
    WaitlistEntry,
    decline,
    insert_entry,
    list_entries,
    list_entries_between,
    list_waiting_names,
    record_held_times,
    remove_entry,
)
from askproai_runtime.booking.types import (
    Answer,
    BookingContext,
    CallContext,
    ClarificationNeeded,
    DeskRequest,
    FunctionOutcome,
)
from askproai_runtime.booking.waiting_names import find_renamed_entry, is_same_person, of_person
from askproai_runtime.branch_numbers import region_of
from askproai_runtime.german_dates import Candidate, Daily, Grain
from askproai_runtime.language.customer_names import read_customer_name
from askproai_runtime.language.phrases import format_reading, join_list, same_name
from askproai_runtime.notifications.news import hears_of_offers
from askproai_runtime.sentences import decline_name, say
from askproai_runtime.tasks import request_soon
from askproai_runtime.visits import canonical_name

WAITLIST = "waitlist"  # the periodic task
ENTRIES_PER_PHONE = 3
ENTRIES_PER_CALL = 3
ENTRIES_PER_HOUR = 10  # of one number; all callers without a number together
MOST_ENTRIES = 500  # that wait for one tenant
_LIMITS = EntryLimits(ENTRIES_PER_PHONE, MOST_ENTRIES, ENTRIES_PER_CALL, ENTRIES_PER_HOUR)
_MAX_REQUESTED = 500


class Span(msgspec.Struct, frozen=True, omit_defaults=True):
    """One reading of when somebody wants to come, as it is stored: [start, end), or exactly `start` without an end.

    With `weekdays` (0 is Monday) only these days of it, from `opens` to before `closes`, local time. `declined` are starts of it
    that the person does not want.
    """

    start: datetime
    end: datetime | None = None
    weekdays: tuple[int, ...] | None = None
    opens: time = time()
    closes: time | None = None
    declined: tuple[datetime, ...] = ()

    @classmethod
    def of(cls, candidate: Candidate, last: datetime, declined: Iterable[datetime] = ()) -> "Span":
        """Return a candidate as far as it lies before `last`."""
        start, end = candidate.start.astimezone(UTC), candidate.end and min(candidate.end, last).astimezone(UTC)
        without = tuple(sorted({each for each in declined if candidate.end and candidate.contains(each)}))
        if candidate.daily is None:
            return cls(start, end, declined=without)
        daily = candidate.daily
        return cls(start, end, tuple(sorted(daily.weekdays)), daily.opens, daily.closes, without)

    def contains(self, instant: datetime, zone: ZoneInfo) -> bool:
        """Return whether an instant is requested."""
        if instant in self.declined:
            return False
        daily = Daily(frozenset(self.weekdays), self.opens, self.closes) if self.weekdays is not None else None
        start, end = self.start.astimezone(zone), self.end and self.end.astimezone(zone)
        return Candidate(start, end, Grain.RANGE, "", daily).contains(instant)


@dataclass(frozen=True, slots=True)
class _Joined:
    """The entry of who waits, None if the list is full; `by_message`: offers come by message."""

    entry_id: UUID | None
    by_message: bool


def read_spans(entry: WaitlistEntry) -> list[Span]:
    """Return the stored spans of an entry."""
    return msgspec.json.decode(entry.spans, type=list[Span])


def has_booked(reached: ReachedEntry, zone: ZoneInfo) -> bool:
    """Return whether the appointment is what the entry waits for. Where several persons wait, a surname alone may be another's."""
    is_of_person = is_same_person if reached.is_one_of_several else same_name
    return is_of_person(reached.booked_for, reached.entry.name) and any(
        each.contains(reached.start, zone) for each in read_spans(reached.entry)
    )


async def join_waitlist(ctx: BookingContext, call: CallContext, args: Mapping[str, Any]) -> Answer:
    """Put a caller on the waiting list of a service, with a person or anybody, for the days and hours that were said; or ask.

    Nobody waits for what is free without having heard of it, or for what the rules never allow: what can be booked is offered
    instead, once. The times that somebody has declined are not offered by the list either. The same request of a number for one
    person is one entry, in whichever call it is made; the declined times are those of the last one. Each companion has
    an own entry.
    """
    call = await read_kept_offers(ctx, call)
    try:
        args = name_people(args, ctx.config().services, say().wait_for_whom)
        request = parse_service_request(ctx.config(), call, args)
        zone = request.rules.zone
        args = put_on_named_day(after_request(call, zone), args, zone, lambda: request)
        candidates = _parse_times(ctx, call, args, request)
        together = _add_companions(ctx, call, args, request)
        name = read_text(args, "customer_name") or ""
        if instead := await offer_before_waiting(ctx, together.service, call, candidates, name):
            return instead
        entry = _parse(ctx, call, args, request, candidates)
        renamed = await find_renamed_entry(ctx, call, entry, read_chosen(call, args, entry.name))
    except ClarificationNeeded as clarification:
        return clarification.answer

    async def write(conn: Connection) -> _Joined:
        await request_soon(conn, ctx.tenant, WAITLIST)  # locks the task first, as its runs do
        if call.declined:  # what this call holds of it is others' at once; before the entry, to which it is no news
            await release_declined(conn, ctx.tenant, call.call_id, call.declined)
        known = await list_waiting_names(conn, ctx.tenant, entry)
        entry_id = await insert_entry(conn, ctx.tenant, of_person(entry, known, renamed), _LIMITS)
        if entry_id is not None:
            await record_held_times(conn, ctx.tenant, entry, request.rules.resource_ids)
        return _Joined(entry_id, await hears_of_offers(conn, ctx.config(), entry.phone))

    return await commit_and_answer(ctx, write, lambda joined: _answer_waiting(ctx, together, entry, joined))


def _add_companions(ctx: BookingContext, call: CallContext, args: Mapping[str, Any], request: ServiceRequest) -> Group:
    """Return the group; where each is booked alone, what is free for one person is offered before the list."""
    try:
        return add_companions(ctx, call, args, request)
    except BookedOneByOne as together:
        return Group(request, together.names)


def _answer_waiting(ctx: BookingContext, together: Group, entry: NewEntry, joined: _Joined) -> Answer:
    if joined.entry_id is None:
        return Answer(success=False, message=say().waitlist_full, fields={}, outcome=FunctionOutcome.LIMITED)
    request = together.service
    name = decline_name(request.rules.display_name(request.staff)) if request.staff else None
    staff = say().with_staff.format(staff=name) if name else ""
    service = request.rules.service.display_name
    news = say().freed_by_message if joined.by_message else say().freed_by_team
    message = say().waiting.format(service=service, staff=staff, requested=entry.requested, news=news)
    if entry.phone != entry.caller:
        region = region_of(ctx.config(), entry.branch)
        message += say().phone_noted.format(phone=spell_phone(entry.phone, region))
    if together.names:
        message += say().one_person_waits.format(name=entry.name)
    return Answer(
        success=True, message=message, fields={"waitlist_id": str(joined.entry_id)}, outcome=FunctionOutcome.WAITING
    )


def _parse_times(
    ctx: BookingContext, call: CallContext, args: Mapping[str, Any], request: ServiceRequest
) -> Sequence[Candidate]:
    """Return the times that were said, of which any will do. Raises `ClarificationNeeded`, also for a time of no day: who waits
    for "zehn Uhr" does not mean today.
    """
    rules, now = request.rules, ctx.clock.now()
    if request.staff is None and rules.among:  # an entry is for one person, or for anybody
        names = [decline_name(member.display_name) for member in rules.among]
        raise ClarificationNeeded(say().do_you_mean.format(choices=join_list(names)))
    understood = parse_time(args, call, request)
    if understood is None or not names_day(read_parts(args)):
        raise ClarificationNeeded(say().wait_for_when)
    if understood.unclear is not None:
        require_exact(understood, call, request)
    if understood.ambiguous:
        fields = candidate_fields(understood.candidates)
        raise ClarificationNeeded(candidate_question(understood.candidates, rules.zone, now), candidates=fields)
    return understood.candidates


def _parse(
    ctx: BookingContext,
    call: CallContext,
    args: Mapping[str, Any],
    request: ServiceRequest,
    candidates: Sequence[Candidate],
) -> NewEntry:
    """Return the entry, as far as `candidates` lie before the horizon. Raises `ClarificationNeeded`."""
    rules, now = request.rules, ctx.clock.now()
    last = datetime.fromtimestamp(horizon_end(rules, now), UTC)
    candidates = [candidate for candidate in candidates if candidate.start < last]
    name = read_customer_name(read_text(args, "customer_name"), call.said)
    if not name:
        raise ClarificationNeeded(say().wait_for_whom)
    named, caller = read_said(args, "phone"), call.caller
    heard = read_phone(named, ctx.config(), call.branch)
    if heard.unclear or heard.half:  # a caller who has named another number is not reached by that of the call
        raise ClarificationNeeded(say_unclear(heard, region_of(ctx.config(), call.branch)))
    phone = heard.number or caller
    if phone is None:
        raise ClarificationNeeded(say().wait_at_number)
    requested = _describe(candidates, rules.zone, now)
    declined = call.declined_starts(rules.branch.name, rules.service.name, request.staff)
    spans = [Span.of(candidate, last, declined) for candidate in candidates]
    words = "|".join((rules.branch.name, canonical_name(rules.service.name), request.staff or "", requested))
    return NewEntry(
        call_id=call.call_id,
        key=hashlib.sha256(words.encode()).hexdigest(),
        branch=rules.branch.name,
        service=rules.service.name,
        staff=request.staff,
        spans=msgspec.json.encode(spans).decode(),
        requested=requested[:_MAX_REQUESTED],
        since=min(span.start for span in spans),
        until=max(span.end or span.start + timedelta(minutes=1) for span in spans),
        name=name,
        phone=phone,
        caller=caller,
        correlation_id=call.correlation_id,
    )


def _describe(candidates: Iterable[Candidate], zone: ZoneInfo, now: datetime) -> str:
    return join_list([format_reading(c, zone, now) for c in candidates])


async def list_waitlist(
    ctx: BookingContext, *, waiting: bool, after: Sequence[object] | None, limit: int
) -> list[WaitlistEntry]:
    """Return who waits, or who does no more, by the time of joining."""
    return await list_entries(ctx.pool, ctx.tenant, waiting=waiting, after=after, limit=limit)


async def find_waitlist_entries(ctx: BookingContext, first: UUID, last: UUID) -> list[WaitlistEntry]:
    """Return up to two entries whose ids are between two, both included."""
    return await list_entries_between(ctx.pool, ctx.tenant, first, last)


async def remove_from_waitlist(
    ctx: BookingContext, desk: DeskRequest, entry_id: UUID, correlation_id: str
) -> WaitlistEntry | None:
    """Take somebody off the waiting list; an offer of theirs goes to the next one. None if there is no such entry."""
    async with ctx.pool.acquire() as conn, conn.transaction():
        await request_soon(conn, ctx.tenant, WAITLIST)
        if await remove_entry(conn, ctx.tenant, entry_id):
            await record_desk_change(conn, ctx.tenant, desk, "waitlist.removed", correlation_id, entry=entry_id)
        found = await list_entries_between(conn, ctx.tenant, entry_id, entry_id)
    return found[0] if found else None


async def decline_offer(
    ctx: BookingContext, desk: DeskRequest, entry_id: UUID, correlation_id: str
) -> WaitlistEntry | None:
    """Record that somebody does not want the time that is offered: it goes to the next one, and the entry goes on waiting.

    None if there is no such entry; without an open offer nothing changes.
    """
    async with ctx.pool.acquire() as conn, conn.transaction():
        await request_soon(conn, ctx.tenant, WAITLIST)
        if await decline(conn, ctx.tenant, entry_id):
            await record_desk_change(conn, ctx.tenant, desk, "waitlist.declined", correlation_id, entry=entry_id)
        found = await list_entries_between(conn, ctx.tenant, entry_id, entry_id)
    return found[0] if found else None
