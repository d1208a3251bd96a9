"""The replay of call functions' requests to the shadow's web process, one after the other, and the comparison of both books.

Both books are equal after each copy. Then requests are replayed while callers talk. When no call function is running, the
bookings of both versions since then are compared, the differences stored, and the next copy makes both books equal again
(docs/decisions/0126-shadows.md).
"""

import asyncio
import hashlib
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import aiohttp
import asyncpg
import msgspec
import stamina
import structlog
from msgspec.structs import replace as replace_struct

from askproai_core.clock import Clock
from askproai_core.database import DATABASE_UNAVAILABLE, Pool
from askproai_core.http_answers import read_answer
from askproai_core.lifecycle import sleep_until_stopped
from askproai_core.shadow_findings import ShadowDifference, ShadowFindings
from askproai_runtime.calls.store import CopiedRequest, delete_copied_request, list_copied_requests
from askproai_runtime.conversation.shadow_requests import find_ids, reference_of
from askproai_runtime.encryption import BodyCipher, DecryptionError, Place
from askproai_runtime.intake import RETELL_SIGNATURE
from askproai_runtime.lenient_json import read_json
from askproai_runtime.shadow import store
from askproai_runtime.shadow.compare import Replayed, are_equal, compare, find_doubtful, merge, order
from askproai_runtime.shadow.frozen_calendar import FrozenCalendar

log = structlog.get_logger(__name__)

_POLL_SECONDS: Final = 0.2
# A request's copy is stored a tenth of a second after its answer. Copies of overlapping requests may follow.
_SETTLE: Final = timedelta(seconds=0.6)
_QUIET: Final = timedelta(seconds=1.5)  # the time without an answer before both books are compared
_COPY_EVERY: Final = timedelta(seconds=5)  # while nobody calls: the desk books, too
_COPY_SHARE: Final = 20  # the pause after a copy, as a multiple of its duration
_LONGEST_EPOCH: Final = timedelta(minutes=5)  # afterwards both books are compared between two answers
_TOO_OLD: Final = timedelta(seconds=60)
_CLOCKS: Final = timedelta(milliseconds=50)  # between the pods' and the database's
_MAX_ANSWER_BYTES: Final = 1024 * 1024
_ANSWER_SECONDS: Final = aiohttp.ClientTimeout(total=10, connect=1)
# Tables of the book: a copy that changed other rows, such as Cal.com's free times, does not matter.
_OF_THE_BOOK: Final = frozenset({"appointments", "claims", "call_actions", "customers"})
_NOT_CARRIED_OUT: Final = frozenset({"repeated", "call_over"})
# A copy can conflict with the coordinator, which deletes expired holds, or with a row of the shadow.
_RACES: Final = (
    asyncpg.SerializationError, asyncpg.DeadlockDetectedError, asyncpg.IntegrityConstraintViolationError,
)  # fmt: skip
_LATE: Final = frozenset({"too_slow"})  # its changes came after its answer


@dataclass(slots=True)
class _Epoch:
    """The requests replayed, and the findings made, since `copied_at`, when both books were last made equal."""

    copied_at: datetime
    replayed: list[Replayed] = field(default_factory=list)
    unclear_calls: set[str] = field(default_factory=set)
    # As in `Compared`, found before the end of the epoch.
    overtaken_calls: set[str] = field(default_factory=set)
    changed_by_others: bool = False
    not_compared: int = 0
    # By call: the replays whose booking was replaced by the live one.
    corrected: dict[str, ShadowDifference] = field(default_factory=dict)
    # The shadow's ids, by those of the live version for the same appointment.
    ids: dict[UUID, UUID] = field(default_factory=dict)
    # By call: when its last request was answered live, and when in the replay.
    last_answer: dict[str, tuple[datetime, float]] = field(default_factory=dict)

    @property
    def has_findings(self) -> bool:
        return bool(self.replayed or self.not_compared)


@dataclass(slots=True)
class Replayer:
    """Replays the requests of `tenant` to `url`, where the web process of `shadow_tenant` trusts `key`.

    `live` is a pool with the tenant's login, and never writes to the tenant's book. `shadow` is a pool with the shadow's login.
    """

    tenant: str
    shadow_tenant: str
    live: Pool
    shadow: Pool
    cipher: BodyCipher
    calendar: FrozenCalendar
    session: aiohttp.ClientSession
    url: str
    key: Callable[[], str | None]
    clock: Clock
    _epoch: _Epoch | None = None
    _began_at: datetime | None = None  # the time of the first copy, which contains the effects of earlier requests
    _next_copy: float = float("-inf")
    _copy_anew: bool = True
    _interrupted: int = 0  # requests that were not compared, since a database was away

    async def run(self, stop: asyncio.Event) -> None:
        """Replay requests until `stop`. Requests during an outage of a database are left out of the comparison."""
        while not stop.is_set():
            try:
                await self.step()
            except DATABASE_UNAVAILABLE as error:
                log.warning("shadow.interrupted", error=type(error).__name__)
                if self._epoch is not None:
                    self._interrupted += self._count_changes(self._epoch) + self._epoch.not_compared
                self._epoch, self._copy_anew = None, True
            await sleep_until_stopped(stop, _POLL_SECONDS)

    async def step(self) -> None:
        """Replay the requests that have settled (`_SETTLE`). If none waits and no call is active, compare and copy the book."""
        waiting = await list_copied_requests(self.live, self.tenant)
        now = self.clock.now()
        if self._epoch is None or not waiting:
            await self._copy_if_due(now)
        if self._epoch is None:
            return
        ids, waiting_ids = {id(request): row_id for row_id, request in waiting}, {row_id for row_id, _ in waiting}
        for request in order([request for _, request in waiting]):
            if now - request.answered_at < _SETTLE:
                break  # copies of overlapping requests may be missing yet
            waiting_ids.discard(ids[id(request)])
            if await delete_copied_request(self.live, self.tenant, ids[id(request)]):
                later = {each for row_id, other in waiting if row_id in waiting_ids for each in other.named_ids}
                await self._take(request, self._epoch, later)

    async def _take(self, request: CopiedRequest, epoch: _Epoch, later: set[UUID]) -> None:
        """Replay one request, or count why it cannot be replayed. `later` are the appointment ids that later requests name."""
        if request.outcome in _NOT_CARRIED_OUT or self._began_at is None or request.at < self._began_at:
            return
        is_old = self.clock.now() - request.answered_at > _TOO_OLD
        if is_old or request.at < epoch.copied_at + _CLOCKS or request.outcome in _LATE:
            self._skip(request, epoch, "old" if is_old else "overlaps a copy")
            return
        try:
            stored = self.cipher.decrypt(Place.SHADOW, reference_of(request), request.body)
        except DecryptionError as error:
            self._skip(request, epoch, str(error))
            return
        self.calendar.expect(await store.read_provider_outcomes(self.live, self.tenant, request.correlation_id))
        await self._keep_pace(request, epoch)
        try:
            answer = await self._send(request, _replace_ids(stored, epoch.ids))
        except (aiohttp.ClientError, TimeoutError) as error:
            self._skip(request, epoch, type(error).__name__)
            self._copy_anew = True
            return
        shadow_ids = find_ids(answer)
        if len(shadow_ids) == len(request.named_ids):
            epoch.ids |= dict(zip(request.named_ids, shadow_ids, strict=True))
        epoch.replayed.append(Replayed(replace(request, body=b""), shadow_ids))
        epoch.last_answer[request.call_id] = request.answered_at, self.clock.monotonic()
        if epoch.replayed[-1].is_change and not later & set(request.named_ids):
            await self._correct(epoch.replayed[-1], epoch)

    async def _correct(self, replayed: Replayed, epoch: _Epoch) -> None:
        """Record if one request led to another booking than live, and replace the shadow's booking by the live one.

        Otherwise the next callers would find another book: the time is free, or the other staff member has fewer appointments.
        """
        ids = {*replayed.request.named_ids, *replayed.shadow_ids}
        live = await store.read_book(self.live, self.tenant, (), ids)
        shadow = await store.read_book(self.shadow, self.shadow_tenant, (), ids)
        changed_since = any(row.changed_at > replayed.request.answered_at + _CLOCKS for row in live)
        if are_equal(live, shadow) or changed_since:  # a request that is not here yet; both books are compared later
            return
        compared = compare(epoch.replayed, live, shadow, {}, since=epoch.copied_at, clocks=_CLOCKS)
        found = compared.differences.get(replayed.request.call_id)
        try:
            await store.copy_live_appointments(self.shadow, [row.id for row in live], [row.id for row in shadow])
        except asyncpg.IntegrityConstraintViolationError:
            return  # as above
        epoch.overtaken_calls |= compared.overtaken
        epoch.changed_by_others |= compared.changed_by_others
        for row in live:
            epoch.ids.pop(row.id, None)
        if found is not None:
            former = epoch.corrected.get(found.call_id)
            epoch.corrected[found.call_id] = found if former is None else merge(former, found)

    async def _keep_pace(self, request: CopiedRequest, epoch: _Epoch) -> None:
        """Wait until as much time has passed since the call's last answer as in the live call.

        A call function accepts a yes only to a question that was asked long enough before.
        """
        if (former := epoch.last_answer.get(request.call_id)) is None:
            return
        answered_at, replayed_at = former
        pause = (request.at - answered_at).total_seconds() - (self.clock.monotonic() - replayed_at)
        if pause > 0:
            await self.clock.sleep(min(timedelta(seconds=pause), _TOO_OLD))

    async def _send(self, request: CopiedRequest, body: bytes) -> dict[str, Any]:
        """Send a request to the shadow, signed as Retell signs it. Return the JSON members of the response, {} without any."""
        stamp = str(int(time.time() * 1000))
        digest = hmac.new((self.key() or "").encode(), body + stamp.encode(), hashlib.sha256).hexdigest()
        headers = {RETELL_SIGNATURE: f"v={stamp},d={digest}", "X-Correlation-Id": request.correlation_id}
        url = f"{self.url}/retell/functions/{request.function}"
        async with self.session.post(url, data=body, headers=headers, timeout=_ANSWER_SECONDS) as response:
            text = await read_answer(response, _MAX_ANSWER_BYTES)
        if not response.ok:
            log.warning("shadow.not_answered", function=request.function, status=response.status)
            return {}
        try:
            return read_json(text, dict[str, Any])
        except msgspec.DecodeError:
            log.warning("shadow.answer_unreadable", function=request.function)
            return {}

    def _skip(self, request: CopiedRequest, epoch: _Epoch, why: str) -> None:
        epoch.not_compared += 1
        epoch.unclear_calls.add(request.call_id)
        log.info("shadow.skipped", call_id=request.call_id, function=request.function, why=why)

    async def _copy_if_due(self, now: datetime) -> None:
        """Compare both books and copy the live book, if no call function runs. While no caller calls, copy every few seconds."""
        epoch, began = self._epoch, self.clock.monotonic()
        if epoch is not None and epoch.has_findings:
            if now - epoch.copied_at < _LONGEST_EPOCH and not await store.is_quiet(self.live, self.tenant, _QUIET):
                return
        elif began < self._next_copy or not await store.is_quiet(self.live, self.tenant, _QUIET):
            return
        findings = await self._compare(epoch) if epoch is not None and epoch.has_findings else None
        changed, at = await self._copy()
        if findings is not None or self._interrupted:
            findings = findings or ShadowFindings()
            if changed.get("refusals"):  # a block, a pause or a refusal of Cal.com may have another time in each book
                findings = _without_differences(findings, self._count_changes(epoch))
            findings = replace_struct(findings, not_compared=findings.not_compared + self._interrupted)
            await store.store_findings(self.shadow, self.shadow_tenant, findings)
            self._interrupted = 0
        if epoch is None or epoch.has_findings or any(changed.get(table) for table in _OF_THE_BOOK):
            self._epoch = _Epoch(at)
        if self._began_at is None:
            self._began_at = at
            await store.store_findings(self.shadow, self.shadow_tenant, ShadowFindings())
        took = self.clock.monotonic() - began
        self._next_copy = self.clock.monotonic() + max(_COPY_EVERY.total_seconds(), _COPY_SHARE * took)

    async def _copy(self) -> tuple[dict[str, int], datetime]:
        """Copy the live book to the shadow, and return the changes and the time. After a conflict of rows, copy all rows again."""
        anew, self._copy_anew = self._copy_anew, True
        async for attempt in stamina.retry_context(on=_RACES, attempts=4, timeout=5.0, wait_initial=0.05):
            with attempt:
                copied = await store.copy_live_book(self.shadow, anew=anew or attempt.num > 1)
        self._copy_anew = False
        return copied

    async def _compare(self, epoch: _Epoch) -> ShadowFindings:
        calls = {each.request.call_id for each in epoch.replayed} | epoch.unclear_calls
        named = {each for replayed in epoch.replayed for each in (*replayed.request.named_ids, *replayed.shadow_ids)}
        # Appointments that no request named, too: others may have changed them, or a version without naming them.
        named |= await store.list_changed(self.live, self.tenant, epoch.copied_at)
        named |= await store.list_changed(self.shadow, self.shadow_tenant, epoch.copied_at)
        live = await store.read_book(self.live, self.tenant, calls, named)
        shadow = await store.read_book(self.shadow, self.shadow_tenant, calls, named)
        answers = await store.read_outcomes(self.shadow, self.shadow_tenant, calls)
        found = compare(epoch.replayed, live, shadow, answers, since=epoch.copied_at, clocks=_CLOCKS)
        differences = dict(found.differences)
        for call, difference in epoch.corrected.items():
            live_answers = tuple(
                each.request.outcome for each in epoch.replayed if each.request.call_id == call and each.is_change
            )
            noted = replace_struct(difference, answers_live=live_answers, answers_shadow=tuple(answers.get(call, ())))
            differences[call] = merge(noted, differences[call]) if call in differences else noted
        changes, since = self._count_changes(epoch), epoch.copied_at
        copied = {each.request.correlation_id for each in epoch.replayed}
        unclear = epoch.unclear_calls | await store.list_calls_not_copied(self.live, self.tenant, calls, since, copied)
        if (found.changed_by_others or epoch.changed_by_others) and differences:
            return ShadowFindings(not_compared=changes + epoch.not_compared)
        doubtful = find_doubtful(epoch.replayed, unclear) & differences.keys() | epoch.overtaken_calls | found.overtaken
        not_compared = sum(each.is_change and each.request.call_id in doubtful for each in epoch.replayed)
        return ShadowFindings(
            compared=changes - not_compared,
            not_compared=not_compared + epoch.not_compared,
            differences=tuple(each for call, each in sorted(differences.items()) if call not in doubtful),
        )

    @staticmethod
    def _count_changes(epoch: _Epoch | None) -> int:
        return sum(each.is_change for each in epoch.replayed) if epoch is not None else 0


def _without_differences(findings: ShadowFindings, changes: int) -> ShadowFindings:
    if not findings.differences:
        return findings
    others = findings.not_compared - (changes - findings.compared)
    return ShadowFindings(not_compared=changes + others)


def _replace_ids(body: bytes, ids: dict[UUID, UUID]) -> bytes:
    """Return a request with live ids replaced by the shadow's ids. An id has the same form in JSON and in JSON within a text."""
    for live, shadow in ids.items():
        body = body.replace(str(live).encode(), str(shadow).encode())
    return body
