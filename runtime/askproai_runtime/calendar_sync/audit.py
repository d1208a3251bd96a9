"""The task `calendar-audit`: compare our book with the remote calendar, slice by slice, round after round.

Events and the poll report changes there; this task finds the changes that both have missed. A list can lag, so each booking
that differs in a slice is fetched by itself before it counts. The rules for events (`inbound.py`) mend the differences that
they can decide; all others are kept for a person, and neither book is changed (docs/decisions/0063-both-books-are-compared.md).
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import asyncpg
import msgspec
import structlog

from askproai_core.audit_state import (
    MAX_DIFFERENCES,
    MAX_OTHERS,
    MAX_REASON,
    AuditedAccount,
    AuditState,
    Difference,
    DifferenceSort,
)
from askproai_core.database import DATABASE_UNAVAILABLE, Connection
from askproai_core.logging import error_location
from askproai_runtime.availability.slots import EventTypeLink, Span
from askproai_runtime.book.context import BookingContext
from askproai_runtime.book.remote import calendar_request, find_event_type_link
from askproai_runtime.book.store.appointments import get_appointment
from askproai_runtime.calendar_sync.differences import Compared, Suspect, classify, find_match, find_suspects, is_recent
from askproai_runtime.calendar_sync.inbound import Step, apply_calendar_event
from askproai_runtime.calendar_sync.outbound import CalendarDisagrees
from askproai_runtime.calendar_sync.reading import CalendarEvent
from askproai_runtime.calendar_sync.store import list_confirmed_between, list_matching, list_overlapping_appointments
from askproai_runtime.calendars import (
    BookingUnreadable,
    CalendarAccount,
    CalendarUnavailable,
    RemoteBooking,
    list_accounts,
)
from askproai_runtime.jobs import RunAgain
from askproai_runtime.tasks import Next, PutOff, StaleRun, TaskRun

log = structlog.get_logger(__name__)

# No booking is longer, so each one that has not ended starts later than this ago.
_LONGEST = timedelta(days=1)
# A later change is on its way: by an event, by the poll (every five minutes) or by a sync job.
GRACE = timedelta(minutes=15)
# In one slice; the rest is the next one. Each check costs one to three requests to the remote calendar.
_MAX_CHECKS = 20
_MAX_APPOINTMENTS = 1_000
_SECOND = timedelta(seconds=1)  # the filters of a list have no fractions


@dataclass(frozen=True, slots=True)
class CalendarAudit:
    """The handler of the task `calendar-audit`. `every` is the time between two slices of an account."""

    ctx: BookingContext
    every: timedelta
    grace: timedelta = GRACE

    async def run(self, run: TaskRun) -> Next:
        """Compare the next slice of each account. If one is unavailable, raise `PutOff` after comparing the others."""
        state = read_audit_state(run.watermark) or AuditState()
        accounts = list_accounts(self.ctx.calendar)
        state.accounts = {each.name: state.accounts.get(each.name, AuditedAccount()) for each in accounts}
        state.differences = [each for each in state.differences if each.account in state.accounts]
        failures: list[tuple[str, timedelta]] = []
        for account in accounts:
            try:
                await _AccountAudit(self, run, state, account).compare_slice()
            except CalendarUnavailable as error:
                failures.append((f"{account.owner}: {error}", error.retry_after or self.every))
            else:
                await run.save(msgspec.to_builtins(state))
        if failures:
            raise PutOff(max(wait for _, wait in failures), "; ".join(text for text, _ in failures))
        return Next(self.every, msgspec.to_builtins(state))


@dataclass(slots=True)
class _Slice:
    """The remote bookings that start in [`begins`, `ends`), and the suspected differences. `ends` is None in the last slice."""

    begins: datetime
    ends: datetime | None
    remotes: list[RemoteBooking] = field(default_factory=list)
    suspects: list[Suspect] = field(default_factory=list)

    def contains(self, instant: datetime) -> bool:
        return self.begins <= instant and (self.ends is None or instant < self.ends)

    def end_at(self, ends: datetime) -> None:
        """End the slice at `ends`: later bookings and suspects are left to the next slice."""
        self.ends = ends
        self.remotes = [each for each in self.remotes if each.starts_at < ends]
        self.suspects = [each for each in self.suspects if each.position < ends]


@dataclass(frozen=True, slots=True)
class _AccountAudit:
    """One run's work on one account. `state` is changed only when a whole slice has been compared."""

    audit: CalendarAudit
    run: TaskRun
    state: AuditState
    account: CalendarAccount

    @property
    def ctx(self) -> BookingContext:
        return self.audit.ctx

    async def compare_slice(self) -> None:
        """Compare the next slice, mend differences that a rule decides, and keep the others. Raises `CalendarUnavailable`."""
        now, progress = self.ctx.clock.now(), self.state.accounts[self.account.name]
        begins = now - _LONGEST
        part = await self._read_slice(max(progress.position or begins, begins))
        found: dict[tuple[str, str], Difference] = {}
        for suspect in part.suspects:
            try:
                difference = await self._check(suspect)
            except BookingUnreadable:
                difference = self._difference(suspect, DifferenceSort.UNREADABLE, reason=_UNREADABLE)
            if difference is not None:
                found.setdefault(difference.key, difference)
            self.ctx.faults.reach("after:audit-check")
        self._keep(part, found)
        progress.position = part.ends
        if part.ends is None:
            progress.compared_at = now

    async def _read_slice(self, begins: datetime) -> _Slice:
        """Return the next page of remote bookings, with our appointments. The slice ends where the shorter list ends."""
        ctx, grace = self.ctx, self.audit.grace
        part = await self._list(begins)
        confirmed = await list_confirmed_between(
            ctx.pool, ctx.tenant, self.account.event_types, begins, part.ends, grace, _MAX_APPOINTMENTS
        )
        if len(confirmed) == _MAX_APPOINTMENTS and confirmed[-1].starts_at > begins:
            part.end_at(confirmed[-1].starts_at)
            confirmed = [each for each in confirmed if part.contains(each.starts_at)]
        uids = {uid for each in part.remotes for uid in each.uids} | {each.external_id or "" for each in confirmed}
        ids = {each.request_id for each in part.remotes if each.request_id}
        matching = await list_matching(ctx.pool, ctx.tenant, uids - {""}, ids, grace)
        part.suspects = find_suspects(part.remotes, confirmed, matching, ctx.clock.now(), grace)
        later = [each.position for each in part.suspects[_MAX_CHECKS:]]
        following = [start for start in later if start > part.suspects[_MAX_CHECKS - 1].position]
        if following:
            part.end_at(following[0])
        return part

    async def _list(self, begins: datetime) -> _Slice:
        part, skip = _Slice(begins, None), 0
        while True:
            page = await self.account.bookings.list_starting(
                self.account.event_types, begins, skip=skip, correlation_id=self.run.correlation_id
            )
            part.remotes += [each for each in page.bookings if each.starts_at >= begins]
            newest = max((each.starts_at for each in page.bookings), default=begins)
            if not page.full:
                return part
            if newest >= begins + _SECOND:  # the next page may have more of the same start
                part.end_at(newest)
                return part
            skip += page.rows

    async def _check(self, suspect: Suspect) -> Difference | None:
        """Fetch the suspect's booking; return the difference, unless a rule mends it. Raises `CalendarUnavailable`."""
        if suspect.others:
            return self._difference(suspect, others=[str(each) for each in suspect.others], reason=_SHARED)
        remote, appointment = await self._fetch(suspect), suspect.appointment
        if remote is None:
            is_ours = appointment is not None and appointment.live
            return self._difference(suspect, DifferenceSort.MISSING_THERE, reason=_UNKNOWN_THERE) if is_ours else None
        if suspect.sort is DifferenceSort.DOUBLED:
            original = await self._get_booking(appointment.external_id or "") if appointment else None
            if original is not None and original.live and remote.live and original.uid != remote.uid:
                return await self._doubled(suspect, remote, original)
            remote = original or remote
        return await self._compare(suspect, remote)

    async def _doubled(self, suspect: Suspect, remote: RemoteBooking, original: RemoteBooking) -> Difference | None:
        """Return the difference "one appointment has two live bookings"; the second one is treated like any new booking."""
        if is_recent(remote, self.ctx.clock.now(), self.audit.grace):
            return None
        state = _digest(remote.uid, original.uid, remote.changed_at)
        found = self._difference(suspect, remote=remote, other_uid=original.uid, state=state, reason=_DOUBLED)
        if self._known(found) is None:
            alone = replace(suspect, sort=DifferenceSort.MISSING_HERE, appointment=None)
            await self._compare(alone, replace(remote, request_id=None))
        return found

    async def _compare(self, suspect: Suspect, remote: RemoteBooking) -> Difference | None:
        now = self.ctx.clock.now()
        if is_recent(remote, now, self.audit.grace):
            return None
        appointment = await self._find_ours(suspect, remote)
        sort = classify(appointment, remote, now)
        if sort is None or (appointment is not None and appointment.in_flight):
            return None  # the list was behind, or a job is at work
        return await self._mend(replace(suspect, sort=sort, appointment=appointment), remote)

    async def _mend(self, suspect: Suspect, remote: RemoteBooking) -> Difference | None:
        """Apply a remote booking as an event about it would be applied. Returns None if that resolves the difference, else the
        difference.

        A refused repair is not tried again while nothing has changed: each refusal leaves an entry in the audit log.
        """
        appointment = suspect.appointment
        link = find_event_type_link(self.ctx.config(), remote.event_type_id, host_id=remote.host_id)
        overlapping = [str(each) for each in await self._list_overlapping(remote, link, appointment)]
        sort = suspect.sort
        if sort is DifferenceSort.MISSING_HERE and overlapping:
            sort = DifferenceSort.OVERLAPPING
        state = _digest(remote.changed_at, remote.starts_at, link and link.staff_member.id, *overlapping)
        reason = _LEFT if link else _NO_SERVICE
        found = self._difference(suspect, sort, remote=remote, others=overlapping, state=state, reason=reason)
        if known := self._known(found):
            return found if known.reason == _SYNC else known
        try:
            step = await self._apply(remote)
        except CalendarDisagrees as error:
            return msgspec.structs.replace(found, reason=_IN_THE_WAY if overlapping else str(error)[:MAX_REASON])
        except DATABASE_UNAVAILABLE as error:
            if not isinstance(error, asyncpg.DataError):
                raise
            return msgspec.structs.replace(found, reason=_fault(error))
        except (CalendarUnavailable, StaleRun):
            raise
        except Exception as error:  # noqa: BLE001  whatever is wrong with one booking, the others go on
            return msgspec.structs.replace(found, reason=_fault(error))
        if step is Step.SYNC:
            return msgspec.structs.replace(found, reason=_SYNC)  # gone at the next look, if the job succeeds
        if classify(await self._find_ours(suspect, remote), remote, self.ctx.clock.now()) is not None:
            return found
        self.ctx.metrics.calendar_difference_mended(suspect.sort)
        log.info("calendar.mended", sort=suspect.sort, change=step.name)
        return None

    async def _apply(self, remote: RemoteBooking) -> Step:
        event = CalendarEvent(
            remote.uid, self.ctx.clock.now(), self.run.correlation_id, event_type_id=remote.event_type_id, remote=remote
        )
        try:
            return await apply_calendar_event(self.ctx, event, self._end, self.run.check)
        except RunAgain as error:
            raise CalendarUnavailable(str(error)) from error

    async def _end(self, conn: Connection, _note: str) -> None:
        """Check that this run still holds the task. There is no job to end, since a listed booking is not a stored event."""
        await self.run.check(conn)

    async def _fetch(self, suspect: Suspect) -> RemoteBooking | None:
        """Return the suspect's booking as the calendar has it now; None if it is unknown there. Raises `CalendarUnavailable`."""
        appointment = suspect.appointment
        uid = suspect.remote.uid if suspect.remote else appointment.external_id if appointment else None
        if uid is not None:
            return await self._get_booking(uid)
        async with self.ctx.pool.acquire() as conn:
            ours = await get_appointment(conn, self.ctx.tenant, appointment.id) if appointment else None
        return await self.ctx.calendar.find(calendar_request(ours)) if ours else None

    async def _get_booking(self, uid: str) -> RemoteBooking | None:
        return await self.ctx.calendar.get_booking(
            uid, event_type_id=min(self.account.event_types), correlation_id=self.run.correlation_id
        )

    async def _find_ours(self, suspect: Suspect, remote: RemoteBooking) -> Compared | None:
        """Return our appointment as it is now: the compared one or, if that is gone, the appointment that matches the booking."""
        ctx, known = self.ctx, suspect.appointment
        wanted = known.id if known else remote.request_id
        matching = await list_matching(ctx.pool, ctx.tenant, remote.uids, {wanted} if wanted else (), self.audit.grace)
        same = next((each for each in matching if known and each.id == known.id), None)
        match = find_match(remote, matching)
        return match if same is None or (same.external_id is None and not same.live) else same

    async def _list_overlapping(
        self, remote: RemoteBooking, link: EventTypeLink | None, appointment: Compared | None
    ) -> Sequence[object]:
        if link is None or not remote.live:
            return []
        visit = Span(remote.starts_at, remote.ends_at)
        ignoring = appointment.id if appointment else None
        return (await list_overlapping_appointments(self.ctx.pool, self.ctx.tenant, link, visit, ignoring))[:MAX_OTHERS]

    def _known(self, found: Difference) -> Difference | None:
        """Return the difference from an earlier round with the same key and state; None if it is new or has changed."""
        return next(
            (each for each in self.state.differences if (each.key, each.state) == (found.key, found.state)), None
        )

    def _difference(
        self,
        suspect: Suspect,
        sort: DifferenceSort | None = None,
        *,
        remote: RemoteBooking | None = None,
        **fields: object,
    ) -> Difference:
        appointment = suspect.appointment
        event_type = remote.event_type_id if remote else appointment.event_type_id if appointment else None
        return Difference(
            sort or suspect.sort,
            self.account.name,
            suspect.position,
            self.ctx.clock.now(),
            event_type or 0,
            appointment.id if appointment else None,
            remote.uid if remote else appointment.external_id if appointment else None,
            appointment.starts_at if appointment else None,
            remote.starts_at if remote and remote.live else None,
            **fields,  # type: ignore[arg-type]
        )

    def _keep(self, part: _Slice, found: dict[tuple[str, str], Difference]) -> None:
        """Replace the known differences of the slice by `found`. A known difference keeps its age; a new one is logged, once."""
        known = {each.key: each for each in self.state.differences}
        oldest = self.ctx.clock.now() - _LONGEST
        elsewhere = {
            key: each for key, each in known.items()
            if each.account != self.account.name or not (part.contains(each.position) or each.position < oldest)
        }  # fmt: skip
        for key, each in found.items():
            if key not in known:
                log.warning("calendar.differs", sort=each.sort, appointment=str(each.appointment), reason=each.reason)
            elif key not in elsewhere:
                found[key] = msgspec.structs.replace(each, since=known[key].since)
        both = (found | elsewhere).values()
        self.state.differences = sorted(both, key=lambda each: each.since)[:MAX_DIFFERENCES]
        for key in known.keys() - found.keys() - elsewhere.keys():
            log.info("calendar.agrees_again", sort=known[key].sort, appointment=str(known[key].appointment))


_UNKNOWN_THERE = (
    "the remote calendar does not know its booking: cancel it here, and enter it there, unless the customer has cancelled"
    " it"
)
_UNREADABLE = "the remote calendar shows no certain event type, time or status: look at the booking there, and correct or cancel it"
_SHARED = "these appointments have one remote booking: ask the customer which is meant, and cancel the others here"
_DOUBLED = "the remote calendar has two live bookings of this appointment: cancel one of them there"
_IN_THE_WAY = "that person has an appointment here at this time: move or cancel one of the two"
_NO_SERVICE = "nobody here does this event type: name it in a ServiceOffering, or cancel the remote booking"
_SYNC = "it is left to calendar-sync, which brings it to the remote calendar"
_LEFT = "no rule decides which of the two is right: make both equal by hand"


def _digest(*facts: object) -> str:
    return hashlib.sha256("|".join(map(str, facts)).encode()).hexdigest()[:16]


def _fault(error: Exception) -> str:
    return f"it could not be applied: {type(error).__name__} at {error_location(error)}"


def read_audit_state(watermark: object) -> AuditState | None:
    """Return the audit state in a watermark; None if no state can be read from it, for example if another release wrote it."""
    try:
        return msgspec.convert(watermark, AuditState)
    except msgspec.ValidationError:
        return None
