"""The task `calendar-poll`: it asks the remote calendar for changed bookings, since an event is sent at most once, and imports
bookings of event types that are new to the tenant.

Each account has a watermark of its own, by the remote calendar's clock. A listed booking is processed like an event about it
(`calendar_sync/inbound.py`), with the listed data, which saves a request for each booking
(docs/decisions/0056-periodic-tasks-and-the-poll-of-calcom.md).
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec
import structlog

from askproai_core.database import Connection
from askproai_core.logging import error_location
from askproai_core.poll_state import AccountState, ImportState, PollState
from askproai_runtime.book.context import BookingContext
from askproai_runtime.book.remote import list_known
from askproai_runtime.calendar_sync.inbound import Step, apply_calendar_event, is_news
from askproai_runtime.calendar_sync.reading import CalendarEvent
from askproai_runtime.calendars import BookingPage, CalendarAccount, CalendarUnavailable, RemoteBooking, list_accounts
from askproai_runtime.events.calendar import FOUND_BY_IMPORT
from askproai_runtime.intake import EventStore, IncomingEvent, Source, is_stored
from askproai_runtime.jobs import RunAgain
from askproai_runtime.tasks import Next, PutOff, StaleRun, TaskRun

log = structlog.get_logger(__name__)

# Changes that the remote calendar commits later than it dates them, or shows later: a copy of its database may lag.
_OVERLAP = timedelta(minutes=2)
# The first run compares the changes of a month, and so finds changes that were lost before.
_FIRST_LOOK_BACK = timedelta(days=30)
# A change that is dated further ahead of our clock than this does not set the watermark: it would hide all others.
_MOST_AHEAD = timedelta(hours=1)
# No booking is longer, so each one that has not ended starts later than this ago.
_LONGEST = timedelta(days=1)
# The filters of a list have no fractions of a second, and whether they include their value is the server's decision.
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class CalendarPoll:
    """The handler of the task `calendar-poll`. `every` is the time between two polls."""

    ctx: BookingContext
    every: timedelta

    async def run(self, run: TaskRun) -> Next:
        """Poll every account. If an account cannot be asked, poll the others, and then raise `PutOff`."""
        state = read_poll_state(run.watermark) or PollState()
        accounts = list_accounts(self.ctx.calendar)
        state.accounts = {each.name: state.accounts.get(each.name, AccountState()) for each in accounts}
        failures: list[tuple[str, timedelta]] = []
        for account in accounts:
            of_account = _AccountPoll(self.ctx, run, state, account, state.accounts[account.name], self.every)
            for step in (of_account.take_in, of_account.follow_changes):
                try:
                    await step()
                except CalendarUnavailable as error:
                    failures.append((f"{account.owner}: {error}", error.retry_after or self.every))
        if failures:
            await run.save(msgspec.to_builtins(state))
            raise PutOff(max(wait for _, wait in failures), "; ".join(dict.fromkeys(text for text, _ in failures)))
        return Next(self.every, msgspec.to_builtins(state))


@dataclass(frozen=True, slots=True)
class _AccountPoll:
    """One run's work on one remote account. `known` is the account's part of `state`, which is saved after each page."""

    ctx: BookingContext
    run: TaskRun
    state: PollState
    account: CalendarAccount
    known: AccountState
    every: timedelta

    async def follow_changes(self) -> None:
        """Apply the bookings changed since the account's watermark. Raises `CalendarUnavailable`."""
        known, now = self.known, self.ctx.clock.now()
        seen = known.seen or now - _FIRST_LOOK_BACK
        since, skip = seen - _OVERLAP, 0
        while True:
            page = await self.account.bookings.list_changed(since, skip=skip, correlation_id=self.run.correlation_id)
            for remote in await self._relevant(page):
                await self._apply(remote)
            newest = max((each.changed_at for each in page.bookings if each.changed_at), default=since)
            known.seen = seen = max(seen, min(newest, now + _MOST_AHEAD))
            if not page.full:
                break
            since, skip = _next_position(since, skip, newest, page)
            await self._save()
        known.left = {uid: at for uid, at in known.left.items() if at >= seen - _OVERLAP - _SECOND}

    async def take_in(self) -> None:
        """Import the future bookings of event types that are new to this tenant, page by page. Raises `CalendarUnavailable`."""
        known, current = self.known, sorted(self.account.event_types)
        known.event_types = [number for number in known.event_types if number in self.account.event_types]
        new = [number for number in current if number not in known.event_types]
        if known.importing is None or known.importing.event_types != new:
            now, former = self.ctx.clock.now(), known.importing
            news_since = former.news_since if former else known.seen or now - self.every
            known.importing = ImportState(new, now - _LONGEST, news_since=news_since) if new else None
        while (importing := known.importing) is not None:
            await self._take_in_page(importing)
            if known.importing is None:
                log.info("calendar.imported", account=self.account.name, event_types=new, bookings=importing.taken_in)
            await self._save()

    async def _take_in_page(self, importing: ImportState) -> None:
        page = await self.account.bookings.list_starting(
            importing.event_types, importing.since, skip=importing.skip, correlation_id=self.run.correlation_id
        )
        for remote in await self._relevant(page):
            is_here, is_counted = await self._apply(remote), remote.uid in importing.counted
            is_to_come = remote.live and remote.ends_at > self.ctx.clock.now()
            importing.taken_in += is_here and is_to_come and not is_counted
        if not page.full:
            self.known.event_types = sorted({*self.known.event_types, *importing.event_types})
            self.known.taken_in += importing.taken_in
            self.known.importing = None
            return
        newest = max((each.starts_at for each in page.bookings), default=importing.since)
        importing.since, importing.skip = _next_position(importing.since, importing.skip, newest, page)
        importing.counted = [each.uid for each in page.bookings if each.starts_at >= importing.since]
        self.ctx.faults.reach("before:save-import")

    async def _relevant(self, page: BookingPage) -> list[RemoteBooking]:
        """Return the bookings of a page that have an event type of the tenant's services, or to which an appointment refers.

        A booking that was moved to a successor counts only if an appointment still has its uid: the successor is listed, too.
        """
        foreign = [
            each for each in page.bookings if each.moved_to or each.event_type_id not in self.account.event_types
        ]
        known = await list_known(self.ctx.pool, self.ctx.tenant, foreign) if foreign else set()
        skipped = {each.uid for each in foreign} - known
        return [each for each in page.bookings if each.uid not in skipped]

    async def _apply(self, remote: RemoteBooking) -> bool:
        """Apply one booking, and return True if that succeeded. A booking that fails is stored as an event: its job tries
        again, and in the end shows it to a person. The poll goes on with other bookings. Raises `CalendarUnavailable`.
        """
        if (at := self.known.left.get(remote.uid)) is not None and at == remote.changed_at:
            return True
        if not remote.moved_to and not await is_news(self.ctx, remote):
            return True
        event = self._as_event(remote)
        if await is_stored(self.ctx.pool, self.ctx.tenant, event.source, event.event_id):
            return False
        follow = CalendarEvent(
            remote.uid, self.ctx.clock.now(), self.run.correlation_id, event_type_id=remote.event_type_id,
            remote=None if remote.moved_to else remote, is_new=self._is_new(remote),
        )  # fmt: skip
        try:
            step = await apply_calendar_event(self.ctx, follow, self._end, self.run.check)
        except RunAgain as error:
            raise CalendarUnavailable(str(error)) from error
        except StaleRun:
            raise
        except Exception as error:  # noqa: BLE001  whatever is wrong with one booking, the others go on
            log.warning("calendar.left_to_job", error=type(error).__name__, at=error_location(error))
            await EventStore(self.ctx.pool, self.ctx.tenant, self.ctx.cipher).write([event])
            self.ctx.metrics.calendar_change_found("left")
            return False
        if step is not Step.NOTHING:
            self.ctx.metrics.calendar_change_found(step.name.lower())
        if step is Step.SYNC and remote.changed_at and remote.changed_at < self.ctx.clock.now() - _OVERLAP:
            # By now the job of its event handles the booking, too. After a dead letter a person decides.
            self.known.left[remote.uid] = remote.changed_at
        return True

    async def _end(self, conn: Connection, _note: str) -> None:
        """Check that this run still has its claim. It takes the place of a job's end, because a listed booking has no job."""
        await self.run.check(conn)

    def _as_event(self, remote: RemoteBooking) -> IncomingEvent:
        """Return an event for a booking that was reported by no event. It is empty, as its handler fetches the booking."""
        event_type = "BOOKING_CREATED" if remote.live else "BOOKING_CANCELLED"
        payload = {"uid": remote.uid, "eventTypeId": remote.event_type_id}
        found_by = "poll" if self._is_new(remote) else FOUND_BY_IMPORT
        body = msgspec.json.encode({"triggerEvent": event_type, "foundBy": found_by, "payload": payload})
        parts = ("poll", self.ctx.tenant, remote.uid, str(remote.changed_at))
        event_id = hashlib.sha256("|".join(parts).encode()).hexdigest()
        return IncomingEvent(Source.CALCOM, event_id, event_type, body, self.run.correlation_id)

    def _is_new(self, remote: RemoteBooking) -> bool:
        """Return True if a booking that our book lacks is to be announced as new.

        During the import of its event type, this is a booking made since the last poll. A moved booking counts as made when the
        booking before the move was made.
        """
        if remote.event_type_id in self.known.event_types:
            return True
        since = self.known.importing.news_since if self.known.importing else None
        was_just_booked = since is not None and remote.created_at is not None and remote.created_at > since
        return was_just_booked and len(remote.uids) == 1

    async def _save(self) -> None:
        await self.run.save(msgspec.to_builtins(self.state))


def _next_position(since: datetime, skip: int, newest: datetime, page: BookingPage) -> tuple[datetime, int]:
    """Return where the next page begins after a full page: its start value, and the number of rows to skip.

    The next page starts at the last value, not at a number of rows: rows leave the list while it is read (a changed booking
    moves to its end), and a number would skip the rows behind them. Only rows of one second that fill a page are skipped.
    """
    last = newest - _SECOND
    return (last, 0) if last > since else (since, skip + page.rows)


def read_poll_state(watermark: object) -> PollState | None:
    """Return the state in a watermark; None if it has another shape, because another release or a stranger wrote it."""
    try:
        return msgspec.convert(watermark, PollState)
    except msgspec.ValidationError:
        return None
