"""Join and leave the waiting list.

An entry is no appointment: it blocks nothing, and a freed time that is offered to it can be booked by anybody.
"""

import hashlib
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import TypeAlias
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from askproai_core.database import Connection
from askproai_runtime.book.appointments import NamedSlot
from askproai_runtime.book.changes import commit_and_answer
from askproai_runtime.book.context import BookingContext
from askproai_runtime.book.outcomes import ListFull, Waiting
from askproai_runtime.book.store.appointments import release_declined
from askproai_runtime.book.store.waitlist import insert_entry, list_entries_of_call, list_waiting_names, remove_entry
from askproai_runtime.book.store.waitlist_offers import handle_unawaited_times, record_held_times, record_recent_times
from askproai_runtime.book.waitlist import EntryLimits, NewEntry, ReachedEntry, WaitingName, WaitlistEntry
from askproai_runtime.notifications.news import hears_of_offers
from askproai_runtime.person_names import correct_name, fold, is_same_person, same_name
from askproai_runtime.tasks import request_soon

FindFormers: TypeAlias = Callable[[Sequence[WaitlistEntry]], tuple[Sequence[WaitlistEntry], Collection[UUID]]]

WAITLIST = "waitlist"  # the periodic task
ENTRIES_PER_PHONE = 3
ENTRIES_PER_CALL = 3
ENTRIES_PER_HOUR = 10  # of one number; all callers without a number together
MOST_ENTRIES = 500  # that wait for one tenant
# The caller may not know of times freed since then: our book was read before, and Cal.com's free times may be so old.
_RECENT = timedelta(minutes=5)
_LIMITS = EntryLimits(ENTRIES_PER_PHONE, MOST_ENTRIES, ENTRIES_PER_CALL, ENTRIES_PER_HOUR)


class WaitingSpan(msgspec.Struct, frozen=True, omit_defaults=True):
    """A stored span in which a waiting person accepts a start: [start, end), or exactly `start` if there is no end.

    If `weekdays` (0 is Monday) is set, only starts on these days count, from `opens` to before `closes`, local time. `declined`
    are starts within the span that the person does not want.
    """

    start: datetime
    end: datetime | None = None
    weekdays: tuple[int, ...] | None = None
    opens: time = time()
    closes: time | None = None
    declined: tuple[datetime, ...] = ()

    def contains(self, instant: datetime, zone: ZoneInfo) -> bool:
        """Return whether a start at this instant suits the waiting person. `zone` is the tenant's time zone."""
        if instant in self.declined:
            return False
        if self.end is None:
            return instant == self.start
        if not self.start <= instant < self.end or self.weekdays is None:
            return self.start <= instant < self.end
        local = instant.astimezone(zone)
        is_in_hours = self.opens <= local.time() and (self.closes is None or local.time() < self.closes)
        return local.weekday() in self.weekdays and is_in_hours


def read_spans(entry: WaitlistEntry | NewEntry) -> list[WaitingSpan]:
    """Return the stored spans of an entry."""
    return msgspec.json.decode(entry.spans, type=list[WaitingSpan])


def has_booked(reached: ReachedEntry, zone: ZoneInfo) -> bool:
    """Return whether the appointment in `reached` fulfils its entry; False for a mere surname if several persons wait."""
    is_of_person = is_same_person if reached.is_one_of_several else same_name
    return is_of_person(reached.booked_for, reached.entry.name) and any(
        each.contains(reached.start, zone) for each in read_spans(reached.entry)
    )


async def join(
    ctx: BookingContext,
    entry: NewEntry,
    renamed: UUID | None,
    resources: Sequence[int],
    declined: Iterable[NamedSlot],
    find_formers: FindFormers,
) -> Waiting | ListFull:
    """Add an entry to the waiting list, or return `ListFull`. `renamed` is the id of the person's entry under another name.

    `find_formers` gets all entries of the call, removed ones included. It returns the entries for the same person and service,
    and the ids of those that the new entry replaces: they are removed, and their offers end. The holds of the `declined` slots
    end. The same request of a phone number for one person is one entry, even from several calls. A time that others have freed
    a moment ago is offered to the entry, too.
    """

    async def write(conn: Connection) -> Waiting | ListFull:
        await request_soon(conn, ctx.tenant, WAITLIST)  # locks the task first, as its runs do
        if declined:  # before the entry, to which these times are no news
            await release_declined(conn, ctx.tenant, entry.call_id, declined)
        known = await list_waiting_names(conn, ctx.tenant, entry)
        formers, replaced = find_formers(await list_entries_of_call(conn, ctx.tenant, entry.call_id))
        removed = [each for each in formers if each.id in replaced]
        kept = [each for each in formers if each.id not in replaced and each.state == "waiting"]
        new = _with_person_key(entry, known, renamed)
        is_swap = any(each.state == "waiting" for each in removed)
        await handle_unawaited_times(conn, ctx.tenant, entry.phone, _RECENT)
        entry_id = await insert_entry(conn, ctx.tenant, new, _LIMITS, replaces=is_swap)
        if entry_id is None:
            return ListFull()
        for each in removed:
            await remove_entry(conn, ctx.tenant, each.id)
        await record_held_times(conn, ctx.tenant, entry, resources)
        await record_recent_times(conn, ctx.tenant, entry, resources, _RECENT)
        is_renamed = any(each.id == entry_id and each.name != new.name for each in known)
        by_message = await hears_of_offers(conn, ctx.config(), entry.phone)
        return Waiting(entry_id, by_message, new.name if is_renamed else "", removed, kept)

    return await commit_and_answer(ctx, write, lambda outcome: outcome)


async def leave(ctx: BookingContext, entry_id: UUID) -> None:
    """Remove an entry from the waiting list."""

    async def write(conn: Connection) -> None:
        await request_soon(conn, ctx.tenant, WAITLIST)  # locks the task first, as its runs do
        await remove_entry(conn, ctx.tenant, entry_id)

    await commit_and_answer(ctx, write, lambda _: None)


def _with_person_key(entry: NewEntry, known: Sequence[WaitingName], renamed: UUID | None) -> NewEntry:
    """Return the entry with the key of its person, taken from the `renamed` entry, or from a `known` entry with the same name
    in another spelling. A new person gets an unused key, since a renamed entry keeps the key of its former name.
    """
    if (own := next((each for each in known if each.id == renamed), None)) is not None:
        return replace(entry, key=own.key)
    same = [each for each in known if is_same_person(entry.name, each.name)]
    exact = [each for each in same if fold(each.name) == fold(entry.name)]
    if same:
        found = [*exact, *same][0]
        return replace(entry, key=found.key, name=correct_name(found.name, entry.name))
    taken = {each.key for each in known}
    keys = (f"{entry.key}:{_digest(fold(entry.name) + '+' * number)}" for number in range(len(taken) + 1))
    return replace(entry, key=next(key for key in keys if key not in taken))


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:16]
