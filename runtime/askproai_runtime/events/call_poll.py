"""The task `call-poll`: it asks Retell for calls whose events are missing, since Retell gives up after three retries.

Retell's answer is stored as the missing event, with `:poll` added to its id, and processed like any other. If the webhook's
event arrives later, it is stored, too, since it may contain more: the merged row is the same for every order
(docs/decisions/0065-the-poll-of-retells-calls.md).
"""

import json
import random
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import uuid4

import msgspec
import structlog

from askproai_core.clock import Clock
from askproai_core.database import Pool
from askproai_core.tenant_config import TenantConfig
from askproai_runtime.calls.at_retell import CallsAtRetell, FoundCall, RetellUnavailable
from askproai_runtime.calls.payload import RetellCall, find_route, parse_milliseconds
from askproai_runtime.calls.store import call_stage
from askproai_runtime.encryption import BodyCipher
from askproai_runtime.events.call_row import ANALYZED, ENDED, STARTED
from askproai_runtime.events.store import (
    ClosingReason,
    IncompleteCall,
    close_missing_call,
    close_old_calls,
    list_incomplete_calls,
    list_unknown_calls,
)
from askproai_runtime.intake import EventStore, IncomingEvent, MalformedEvent, Source, identify, is_stored
from askproai_runtime.metrics import Metrics
from askproai_runtime.tasks import Next, PutOff, TaskRun

log = structlog.get_logger(__name__)

CALL_POLL: Final = "call-poll"
_CLOSED: Final = "closed"
FOUND_BY_POLL: Final = (STARTED, ENDED, ANALYZED, _CLOSED)  # the results that the metric counts

_MINUTE = timedelta(minutes=1)
# Retell may still be delivering younger events. Its webhook can have more: a transcript that Retell does not store.
_QUIET = 10 * _MINUTE
# The longest call that Retell allows takes two hours, and one that ended just now is left to the next poll.
_OVERLAP = timedelta(hours=3)
# Older calls are not asked for any more, and closed.
_WINDOW = timedelta(hours=72)
# The ages at which Retell is asked for a call without an end (since its start), or without an analysis (since its end).
_ASK_FOR_END = tuple(minutes * _MINUTE for minutes in (10, 30, 60, 90, 130, 270, 810, 2_430))
_ASK_FOR_ANALYSIS = tuple(minutes * _MINUTE for minutes in (10, 90))
# A call that Retell does not show for so long was deleted there, or is of another workspace.
_DELETED_AFTER = timedelta(hours=12)
_SAVE_AFTER = 20  # requests; a run that is killed repeats as many at most
_MOST_FAILURES = 5


class CallPollState(msgspec.Struct, omit_defaults=True):
    """The state that one poll of calls passes on to the next.

    `asked_until`: all calls due by then have been asked for. `seen`: the start of the newest listed call, by Retell's clock.
    `again`: calls that had only just ended, with their starts. `not_shown`: calls that Retell could not show. The next poll
    asks for the calls in `again` and in `not_shown` once more.
    """

    asked_until: datetime | None = None
    seen: datetime | None = None
    again: dict[str, datetime] = {}
    not_shown: dict[str, datetime] = {}


@dataclass(frozen=True, slots=True)
class CallPoll:
    """The handler of the task `call-poll`. `every` is the time between two polls."""

    pool: Pool
    config: Callable[[], TenantConfig]
    retell: CallsAtRetell
    clock: Clock
    metrics: Metrics
    every: timedelta
    cipher: BodyCipher

    async def run(self, run: TaskRun) -> Next:
        """Store the missing events of calls. Do nothing without an agent or a key. Raises `PutOff` if Retell is unavailable."""
        if not self.retell.can_be_asked:
            return Next(self.every, run.watermark)
        now = self.clock.now()
        state = _read_state(run.watermark, now)
        poll = _Poll(self, run, state, now, dict(state.again), dict(state.not_shown))
        try:
            await poll.find_unknown_calls()
            await poll.follow_incomplete_calls()
            await poll.ask_again()
        except RetellUnavailable as error:
            await poll.save()
            raise PutOff(error.retry_after or self.every, str(error)) from error
        await poll.close_old_calls()
        await poll.ask_for_not_shown()
        return Next(self.every, msgspec.to_builtins(poll.state))


def due_at(call: IncompleteCall, after: datetime | None, now: datetime) -> datetime | None:
    """Return the latest time after `after` and up to `now` at which asking for the call was due; None if there is none."""
    begin, waits = (call.began_at, _ASK_FOR_END) if call.ended_at is None else (call.ended_at, _ASK_FOR_ANALYSIS)
    times = (begin + wait for wait in waits)
    return max((at for at in times if (after is None or after < at) and at <= now), default=None)


def has_just_ended(call: RetellCall, now: datetime) -> bool:
    """Return True if the call ended so recently that Retell may still be delivering its events."""
    ended_at = parse_milliseconds(call.end_timestamp)
    return ended_at is not None and ended_at > now - _QUIET


def implied_events(call: RetellCall) -> tuple[str, ...]:
    """Return the types of the events that Retell sends for a call by this state: start, or end and any analysis."""
    stage = call_stage(call.call_status or "registered")
    if stage < call_stage("ongoing"):
        return ()
    if stage < call_stage("not_connected"):
        return (STARTED,)
    return (ENDED,) if call.call_analysis is None else (ENDED, ANALYZED)


@dataclass(slots=True)
class _Poll:
    """One run of the task `call-poll`."""

    task: CallPoll
    run: TaskRun
    state: CallPollState
    now: datetime
    again_before: dict[str, datetime]
    not_shown_before: dict[str, datetime]
    asked: set[str] = field(default_factory=set)
    failures: int = 0

    @property
    def tenant(self) -> str:
        return self.task.config().tenant

    @property
    def oldest(self) -> datetime:
        """Return the earliest start of calls to ask for: older calls may have lost data by retention."""
        retention = self.task.config().retention
        days = min(retention.call_days, retention.transcript_days, retention.raw_event_days)
        kept = timedelta(days=days) - timedelta(hours=1)
        return self.now - min(_WINDOW, kept)

    async def find_unknown_calls(self) -> None:
        """Ask Retell for the calls of the tenant's agents, and store events for calls without one. Raises `RetellUnavailable`."""
        config = self.task.config()
        agent_ids = {agent.agent_id for agent in config.agents if agent.agent_id} | set(config.closed_agents)
        since = self.oldest if self.state.seen is None else max(self.oldest, self.state.seen - _OVERLAP)
        key: str | None = None
        while agent_ids:
            key = await self._read_page(agent_ids, since, key)
            if key is None:
                return
            await self.save()

    async def _read_page(self, agent_ids: Collection[str], since: datetime, after: str | None) -> str | None:
        """Ask Retell for the calls of one page that have no event here. Return the next page's key; None after the last page."""
        page = await self.task.retell.list_begun(
            agent_ids, since, self.now - _QUIET, self.run.correlation_id, after=after
        )
        starts = {call.call_id: parse_milliseconds(call.start_timestamp) or since for call in page.calls}
        for call_id in sorted(
            await list_unknown_calls(self.task.pool, self.tenant, list(starts)), key=starts.__getitem__
        ):
            await self._ask_unless_not_shown(call_id, starts[call_id])
        newest = max(starts.values(), default=since)
        self.state.seen = max(self.state.seen or since, min(newest, self.now))
        return page.next_key

    async def follow_incomplete_calls(self) -> None:
        """Ask for the calls without an end or an analysis, each at a few fixed ages. Raises `RetellUnavailable`."""
        calls = await list_incomplete_calls(self.task.pool, self.tenant, self.oldest)
        due = [(at, call) for call in calls if (at := due_at(call, self.state.asked_until, self.now))]
        for number, (at, call) in enumerate(sorted(due, key=lambda item: item[0]), start=1):
            await self._ask_unless_not_shown(call.call_id, call.began_at)
            if number % _SAVE_AFTER == 0:
                self.state.asked_until = at - timedelta.resolution  # others may be due at the same time
                await self.save()
        self.state.asked_until = self.now

    async def ask_again(self) -> None:
        """Ask once more for the calls that had only just ended at the last poll. Raises `RetellUnavailable`."""
        for call_id, began_at in self.again_before.items():
            if began_at < self.oldest:
                self.state.again.pop(call_id, None)
            elif call_id not in self.asked:
                await self._ask(call_id, began_at)

    async def ask_for_not_shown(self) -> None:
        """Ask Retell for the calls that it did not show to earlier polls. Run this last: such calls may stay broken for days.

        The order is random: once some of these calls have opened the circuit breaker, the others wait for the next poll.
        """
        for call_id, began_at in random.sample(list(self.not_shown_before.items()), len(self.not_shown_before)):
            if began_at < self.oldest:
                self.state.not_shown.pop(call_id, None)
            elif call_id not in self.asked:
                try:
                    await self._ask(call_id, began_at)
                except RetellUnavailable:
                    return

    async def close_old_calls(self) -> None:
        """Close calls without an end that are too old to be asked for. They must be over: a call lasts two hours at most."""
        self._count_closed(await close_old_calls(self.task.pool, self.tenant, self.oldest), ClosingReason.END_UNKNOWN)

    async def save(self) -> None:
        await self.run.save(msgspec.to_builtins(self.state))

    async def _ask_unless_not_shown(self, call_id: str, began_at: datetime) -> None:
        """Ask for a call, unless Retell could not show it before: `ask_for_not_shown` asks for such calls."""
        if call_id not in self.not_shown_before:
            await self._ask(call_id, began_at)

    async def _ask(self, call_id: str, began_at: datetime) -> None:
        """Ask Retell for a call and store the events that its state implies.

        A call that Retell cannot show does not delay others: the next poll asks for it after them. Raises `RetellUnavailable`
        if Retell asks to wait, or fails for several calls that it had not failed for before.
        """
        self.asked.add(call_id)
        correlation_id = uuid4().hex
        try:
            found = await self.task.retell.get(call_id, correlation_id)
        except RetellUnavailable as error:
            if error.retry_after is not None:
                raise
            self.state.again.pop(call_id, None)
            self.state.not_shown[call_id] = began_at
            self.failures += call_id not in self.not_shown_before
            if self.failures >= _MOST_FAILURES:
                raise
            log.warning("call.not_shown", call_id=call_id, error=str(error))
            return
        self.state.again.pop(call_id, None)
        self.state.not_shown.pop(call_id, None)
        if found is not None and found.call is not None and has_just_ended(found.call, self.now):
            self.state.again[call_id] = began_at
        elif found is not None:
            await self._store(call_id, found, correlation_id)
        elif began_at <= self.now - _DELETED_AFTER:
            self._count_closed(await close_missing_call(self.task.pool, self.tenant, call_id), ClosingReason.NOT_FOUND)

    async def _store(self, call_id: str, found: FoundCall, correlation_id: str) -> None:
        if found.call is None or find_route(found.call, self.task.config()) is None:
            log.warning("call.not_ours", call_id=call_id, readable=found.call is not None)
            return
        try:
            events = [self._make_event(name, found, correlation_id) for name in implied_events(found.call)]
        except MalformedEvent as error:
            log.warning("call.not_storable", call_id=call_id, error=str(error))
            return
        events = [
            replace(event, event_id=f"{event.event_id}:poll")
            for event in events
            if not await is_stored(self.task.pool, self.tenant, event.source, event.event_id)
        ]
        if not events:
            return
        receipts = await EventStore(self.task.pool, self.tenant, self.task.cipher).write(events)
        for event, receipt in zip(events, receipts, strict=True):
            if not receipt.duplicate:
                log.info(
                    "call.event_found", call_id=call_id, event_type=event.event_type, correlation_id=correlation_id
                )
                self.task.metrics.call_event_found(event.event_type)

    def _make_event(self, name: str, found: FoundCall, correlation_id: str) -> IncomingEvent:
        """Return an event about a call that the poll found, with the same id as the webhook's event. Raises `MalformedEvent`.

        Half an emoji, which JavaScript leaves when it cuts a text, is legal JSON but not UTF-8: it becomes a question mark.
        """
        text = json.dumps({"event": name, "foundBy": "poll", "call": found.raw}, ensure_ascii=False)
        body = text.encode("utf-8", "replace")
        return identify(Source.RETELL, body, tenant=self.tenant, correlation_id=correlation_id, now=self.now)

    def _count_closed(self, call_ids: Collection[str], reason: ClosingReason) -> None:
        for call_id in call_ids:
            log.warning("call.closed", call_id=call_id, reason=reason.value)
            self.task.metrics.call_event_found(_CLOSED)


def _read_state(watermark: dict[str, Any], now: datetime) -> CallPollState:
    """Return the state in a watermark. Return an initial state if it is unreadable, or has times in the future."""
    try:
        state = msgspec.convert(watermark, CallPollState)
    except msgspec.ValidationError:
        return CallPollState()
    times = (state.asked_until, state.seen)
    return CallPollState() if any(at is not None and at > now for at in times) else state
