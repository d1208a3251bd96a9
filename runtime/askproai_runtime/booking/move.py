"""reschedule_appointment: a short saga, like booking's.

    take the turn → TX1: lock, look again, move (pending, the old time kept blocked, with its sync job) → ask the calendar,
    outside any transaction → TX2: agreed, and the old time is free; or refused, and the appointment is back where it was

The appointment keeps its id, service and person. Killed anywhere, it leaves an appointment that stands where one of the two
books says, and a sync job that brings them together (decision 15).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg
import structlog

from askproai_core.database import Connection
from askproai_core.tenant_config import TenantConfig
from askproai_runtime.booking import changes, ledger, turns, verdicts
from askproai_runtime.booking.availability import Query, claims_for, free_slots
from askproai_runtime.booking.ledger import Appointment, Place, Status
from askproai_runtime.booking.offer import MINUTE, not_free
from askproai_runtime.booking.own import fields, in_words, which
from askproai_runtime.booking.sync import settle
from askproai_runtime.booking.types import BUSY, LEAST_FOR_PROVIDER, TWIN_POLL, Answer, CallContext, Desk
from askproai_runtime.booking.wish import AskBack, Wish, read_start, rules_of, text
from askproai_runtime.calendars import CalendarOutcome, Refused, Taken, Unavailable
from askproai_runtime.jobs import JobKind, Priority, enqueue

log = structlog.get_logger(__name__)

_WHICH = "Welchen Termin soll ich verschieben:"
_WHEN = "Auf welchen Tag und welche Uhrzeit soll ich den Termin verschieben?"
_IN_FLIGHT = "Ich bin noch dabei, genau diesen Termin zu verschieben. Einen Augenblick bitte."


@dataclass(frozen=True, slots=True)
class _Turn:
    """The right of one call to move one appointment to one time. The deadline is in monotonic seconds."""

    call: CallContext
    meant: Appointment
    wish: Wish
    start: datetime
    generation: int
    deadline: float

    @property
    def key(self) -> str:
        return turns.move_key(self.meant.id, self.start)


@dataclass(frozen=True, slots=True)
class _Moved:
    """An appointment before and after TX1; equal when it stood there already."""

    before: Appointment
    now: Appointment


class _NotFree(Exception):
    """The time is not free under the lock. Raised to roll back."""


async def reschedule_appointment(desk: Desk, call: CallContext, args: Mapping[str, Any]) -> Answer:
    """Move a caller's own appointment, or find that it stands there, or say what is free instead."""
    deadline = desk.clock.monotonic() + desk.settings.budget.total_seconds()
    try:
        async with desk.pool.acquire() as conn:
            meant = await which(desk, conn, call, args, _WHICH)
        wish = _wish(desk.config(), meant)
        start = _start(args, call, meant, wish.rules.zone)
        turn = await _take_turn(desk, call, meant, wish, start, deadline)
    except AskBack as question:
        return question.answer
    if isinstance(turn, Answer):
        return turn
    try:
        return await _move(desk, turn)
    except (AskBack, _NotFree, asyncpg.LockNotAvailableError) as failed:
        async with desk.pool.acquire() as conn:
            await _set_turn(desk, conn, turn, timedelta(), made=False)
        match failed:
            case AskBack():
                return failed.answer
            case _NotFree():
                return (await not_free(desk, wish, call, start, moving=meant.id))[0]
        return Answer(success=False, message=BUSY, fields={"alternatives": []})


def _wish(config: TenantConfig, made: Appointment) -> Wish:
    """Resolve what is moved: the same service with the same person, by the rules of today."""
    branch = next((branch for branch in config.branches if branch.name == made.branch), None)
    service = next(
        (one for one in config.services if one.name == made.service and one.branch in {None, made.branch}), None
    )
    rules = rules_of(ZoneInfo(config.time_zone), branch, service) if branch and service else None
    people = tuple(person for person in rules.people if person.id == made.staff) if rules else ()
    if rules is None or not people:
        gone = f"{in_words(config, made)}: So gibt es das bei uns nicht mehr."
        raise AskBack(f"{gone} Soll ich den Termin absagen und einen neuen suchen?", appointment_id=str(made.id))
    return Wish(replace(rules, people=people), made.staff)


def _start(args: Mapping[str, Any], call: CallContext, made: Appointment, zone: ZoneInfo) -> datetime:
    """Read the new time; "lieber um vier" keeps the day."""
    if text(args, "time") and not (text(args, "date") or text(args, "start")):
        args = {**args, "date": made.starts_at.astimezone(zone).date().isoformat()}
    return read_start(args, call, zone, _WHEN)


async def _take_turn(
    desk: Desk, call: CallContext, meant: Appointment, wish: Wish, start: datetime, deadline: float
) -> _Turn | Answer:
    """Get the right to do this move once; a twin that is at it now is waited for."""
    key = turns.move_key(meant.id, start)
    while True:
        async with desk.pool.acquire() as conn:
            lease = desk.settings.lease
            generation = await turns.take_turn(conn, desk.tenant, call.call_id, key, start, lease)
            if generation is not None:
                return _Turn(call, meant, wish, start, generation, deadline)
            if await turns.is_done(conn, desk.tenant, call.call_id, key):
                made = await ledger.appointment(conn, desk.tenant, meant.id) or meant
                return _told(desk.config(), made, again=True)
        if desk.clock.monotonic() >= deadline:
            return Answer(success=False, message=_IN_FLIGHT, fields={"alternatives": []})
        await desk.clock.sleep(TWIN_POLL)


async def _set_turn(desk: Desk, conn: Connection, turn: _Turn, lease: timedelta | None, *, made: bool = True) -> None:
    made_id = turn.meant.id if made else None
    await turns.set_turn(conn, desk.tenant, turn.call.call_id, turn.key, turn.generation, made_id, lease)


async def _move(desk: Desk, turn: _Turn) -> Answer:
    try:
        moved = await ledger.transact(desk.pool, lambda conn: _write(conn, desk, turn))
    except asyncpg.ExclusionViolationError as error:
        raise _NotFree from error
    desk.faults.reach("after:move-commit")
    if moved.now.status == Status.CONFIRMED or moved.before is moved.now:
        return _told(desk.config(), moved.now, again=moved.before is moved.now)
    outcome = await _ask_calendar(desk, turn, moved)
    desk.faults.reach("after:calcom-move")
    if isinstance(outcome, Taken | Refused):
        return await _take_back(desk, turn, moved, outcome)
    return _told(desk.config(), await _settle(desk, turn, moved.now, outcome))


async def _write(conn: Connection, desk: Desk, turn: _Turn) -> _Moved:
    """TX1: everything that must not be lost, in one transaction."""
    tenant, call, wish = desk.tenant, turn.call, turn.wish
    offered = any(
        (hold.status, hold.staff, hold.starts_at) == (Status.HELD, wish.staff, turn.start)
        for hold in await ledger.of_call(conn, tenant, call.call_id)
    )
    await ledger.clear_way(conn, tenant, wish.resources, call.call_id, also_of=turn.meant.id)
    before = await ledger.appointment(conn, tenant, turn.meant.id, lock=True)
    if before is None or not before.live or before.starts_at <= desk.clock.now():
        gone = in_words(desk.config(), turn.meant)
        raise AskBack(f"Der Termin {gone} wurde abgesagt oder liegt schon zurück. Soll ich einen neuen suchen?")
    if before.starts_at == turn.start:
        await _set_turn(desk, conn, turn, None)
        return _Moved(before, before)
    # What was offered a moment ago must not fail by the minimum notice because the caller took a breath.
    now = desk.clock.now() - (desk.settings.hold if offered else timedelta())
    around = turn.start - timedelta(days=1), turn.start + timedelta(days=1)
    taken = await ledger.busy(conn, tenant, wish.resources, *around, call.call_id, before.id)
    slots = free_slots(wish.rules, taken, Query(now, turn.start, turn.start + MINUTE, wish.staff))
    person = wish.rules.person(before.staff)
    claims = claims_for(person, wish.rules.service.capacity, taken, wish.rules.blocks(turn.start))
    if not slots or claims is None:
        raise _NotFree
    slot, remote = slots[0], before.event_type_id is not None and desk.calendar.remote
    to = Place(slot.staff, slot.start, slot.end, claims, person.units)
    await changes.move(conn, tenant, before, to, ask_calendar=remote)
    if remote:
        await enqueue(
            conn, tenant, JobKind.CALENDAR_SYNC, Priority.HIGH, correlation_id=call.correlation_id,
            appointment_id=before.id, run_at=desk.clock.now() + desk.settings.sync_delay,
        )  # fmt: skip
    await _set_turn(desk, conn, turn, desk.settings.lease if remote else None)
    return _Moved(before, await ledger.appointment(conn, tenant, before.id) or before)


async def _ask_calendar(desk: Desk, turn: _Turn, moved: _Moved) -> CalendarOutcome:
    left = timedelta(seconds=turn.deadline - desk.clock.monotonic())
    uid, before = moved.before.external_id, moved.before
    if uid is None or before.was_starts_at is not None or left < LEAST_FOR_PROVIDER:
        return Unavailable(
            "where it stands in the calendar is not certain, or no time was left to ask while the caller waits"
        )
    within = min(left, desk.settings.provider_timeout)
    return await desk.calendar.move(uid, turn.start, correlation_id=turn.call.correlation_id, within=within)


async def _settle(desk: Desk, turn: _Turn, made: Appointment, outcome: CalendarOutcome) -> Appointment:
    """TX2: what the calendar said, and the end of the turn."""
    async with desk.pool.acquire() as conn, conn.transaction():
        await settle(conn, desk, made, outcome)
        await _set_turn(desk, conn, turn, None)
        return await ledger.appointment(conn, desk.tenant, made.id) or made


async def _take_back(desk: Desk, turn: _Turn, moved: _Moved, outcome: Taken | Refused) -> Answer:
    """The calendar says no: the appointment is where it was, since nobody could get its time meanwhile."""
    log.info("move.refused_at_calendar", appointment=str(moved.now.id), correlation_id=turn.call.correlation_id)
    stood = moved.before.status == Status.CONFIRMED
    undo = desk.tenant, moved.now, outcome.message, desk.settings.refusal
    async with desk.pool.acquire() as conn, conn.transaction():
        undone = await verdicts.take_back(conn, *undo, stands=stood)
    desk.faults.reach("after:move-take-back")
    if not undone:  # our lease was over, and a twin told the caller that it is moved: its sync decides
        return Answer(success=False, message=_IN_FLIGHT, fields={"alternatives": []})
    if isinstance(outcome, Taken):
        raise _NotFree
    stays = in_words(desk.config(), moved.before)
    raise AskBack(f"Der Kalender lässt das Verschieben nicht zu. Es bleibt bei {stays}.", alternatives=[])


def _told(config: TenantConfig, made: Appointment, *, again: bool = False) -> Answer:
    when = in_words(config, made)
    if not made.live:  # cancelled by somebody in the very moment
        message = f"Der Termin {when} wurde gerade abgesagt. Möchten Sie einen anderen?"
    elif made.requested:
        message = f"Die Verschiebung ist angefragt: {when}. Sie wird noch bestätigt."
    else:
        message = f"Der Termin {'steht schon' if again else 'ist verschoben'}: {when}."
    return Answer(success=made.live, message=message, fields=fields(ZoneInfo(config.time_zone), made))
