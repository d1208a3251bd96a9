"""Why a start is not free, and the free slots closest to it, for callers and the desk. Nothing is held or said to a caller."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from askproai_runtime.availability.obstacles import Obstacle, find_obstacle
from askproai_runtime.availability.search import remember_reads
from askproai_runtime.availability.slots import Slot
from askproai_runtime.book.appointments import Appointment
from askproai_runtime.book.bookables import leave_out_refused
from askproai_runtime.book.context import BookingContext
from askproai_runtime.book.free_times import FreeTimesReader
from askproai_runtime.book.holds import busy_reader
from askproai_runtime.book.requests import ServiceRequest
from askproai_runtime.book.usual_staff import prefer_usual_staff
from askproai_runtime.conversation.offer_choice import Near, find_near
from askproai_runtime.sentences import present_language
from askproai_runtime.spoken_times import Candidate, Grain

ALL_ARE_OFF: Final = "nobody who does this service works on that day"
_NO_CALL = ""  # whose holds nothing leaves out


@dataclass(frozen=True, slots=True)
class Alternatives:
    """The answer of a search around a requested start: why that start is not free (`obstacle`), and the closest free `slots`.
    `has_more`: further slots are free. `is_shared`: one search served several calls that asked at the same moment.

    `request` is without staff members whom the remote calendar refuses to book. If none is left, no slots were searched.
    """

    request: ServiceRequest
    obstacle: Obstacle
    slots: Sequence[Slot]
    has_more: bool
    is_shared: bool
    read_remote: FreeTimesReader

    def leave_out(self, moving: Appointment | None) -> Sequence[Slot]:
        """Return the slots other than the present start of the appointment `moving`; all slots if no other is free."""
        others = [slot for slot in self.slots if moving is None or slot.start != moving.starts_at]
        return others or self.slots


async def find_alternatives(
    ctx: BookingContext,
    request: ServiceRequest,
    start: datetime,
    call_id: str,
    correlation_id: str,
    *,
    caller: str | None = None,
    moving: Appointment | None = None,
    shared: bool = False,
) -> Alternatives:
    """Return why `start` is not free and the free slots closest to it, for a call or the desk. A time that this call holds is
    not taken.

    `moving` is the appointment that was to be moved to `start`: it is no obstacle to itself, and stays with its staff member.
    `shared`: the call held no time when it asked. The same slots are then free for every such call, and one search serves all
    that ask at the same moment.
    """
    obstacle = find_obstacle(request.rules, start, ctx.clock.now(), request.staff)
    if moving is None:
        request = await prefer_usual_staff(ctx, leave_out_refused(ctx, request), caller)
    rules, moved = request.rules, None if moving is None else moving.id
    is_shared = shared and moving is None and not rules.companions  # a group's search ends with a hold

    async def search() -> tuple[Near, FreeTimesReader]:
        read_busy = remember_reads(busy_reader(ctx, rules, _NO_CALL if is_shared else call_id, moved))
        read_remote = FreeTimesReader(ctx, rules, correlation_id, moved)
        missed, now = Candidate(start, None, Grain.MINUTE, ""), ctx.clock.now()
        near = request, read_busy, now, missed, obstacle, ctx.settings, read_remote
        return await find_near(*near, with_others=moving is None), read_remote

    if not rules.staff_members:
        return Alternatives(request, obstacle, (), False, is_shared, FreeTimesReader(ctx, rules, correlation_id, moved))
    if is_shared:
        found, read_remote = await ctx.searches.share(_search_key(request, start, obstacle), search)
    else:
        found, read_remote = await search()
    return Alternatives(request, obstacle, found.slots, found.has_more, is_shared, read_remote)


def _search_key(request: ServiceRequest, start: datetime, obstacle: Obstacle) -> Hashable:
    """Return the key by which calls share one search around `start`: calls that hold no time share it if their keys are equal.

    The key has the Branch by identity, since a changed config has another Branch object, perhaps with other rules. A running
    search keeps its Branch alive.
    """
    rules = request.rules
    able = tuple(staff_member.id for staff_member in rules.staff_members)
    who = request.staff, rules.usual_staff, able, present_language()
    return id(rules.branch), rules.service.name, start, obstacle, who
