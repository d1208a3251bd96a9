"""List every free slot of a day, for people who view the calendar. No slot is held."""

from dataclasses import dataclass, replace
from datetime import date, datetime

from askproai_runtime.availability.free_slots import busy_window, free_slots
from askproai_runtime.availability.slots import ServiceRules, Slot, SlotQuery, local_day
from askproai_runtime.book.bookables import list_refused_staff
from askproai_runtime.book.context import Basis, BookingContext
from askproai_runtime.book.free_times import FreeTimesReader
from askproai_runtime.book.holds import busy_reader

_NO_CALL = ""  # a request outside a call has no hold of its own to ignore


@dataclass(frozen=True, slots=True)
class FreeDay:
    """The bookable slots of a local day, and their basis. `read_at` is when the oldest remote free times behind them were read.

    For a day without slots, `basis` and `read_at` are about the whole day. `refused` are the staff members whose event type
    does not exist in the remote calendar: they have no slots.
    """

    rules: ServiceRules
    slots: list[Slot]
    basis: Basis
    read_at: datetime | None
    refused: frozenset[str] = frozenset()


async def list_free_slots(
    ctx: BookingContext,
    rules: ServiceRules,
    day: date,
    correlation_id: str = "slots",
    staff: str | None = None,
) -> FreeDay:
    """Return every bookable slot of a local day, one for each start and staff member, without a hold.

    If `staff` is set, only the slots of the staff member with this id are listed. Rules, claims and the remote calendar's free
    times are the same as for callers.
    """
    refused = frozenset(list_refused_staff(ctx, rules.service))
    rules = replace(rules, staff_members=tuple(s for s in rules.staff_members if s.id not in refused))
    span = local_day(day, rules.zone)
    busy = await busy_reader(ctx, rules, _NO_CALL)(busy_window(rules, day))
    read_remote = FreeTimesReader(ctx, rules, correlation_id)
    remote = await read_remote(day, staff)
    slots = free_slots(rules, busy, SlotQuery(ctx.clock.now(), span.start, span.end, staff), remote)
    if not slots:
        return FreeDay(rules, slots, *read_remote.describe_day(day), refused)
    return FreeDay(rules, slots, read_remote.basis(slots), read_remote.read_at(slots), refused)
