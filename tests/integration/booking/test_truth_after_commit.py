"""Whichever session ends at whichever statement of a change, the caller hears the state of the books.

A denial is said only if no book has the change and no queued job makes it, `success` only if our book has it. Once the database
is back, a repeated request leaves each change exactly once.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
from structlog.testing import capture_logs

from askproai_core.database import DATABASE_UNAVAILABLE
from askproai_core.tenant_config import Function
from askproai_runtime.book.actor import DeskRequest
from askproai_runtime.book.context import BookingSettings
from askproai_runtime.book.errors import OutcomeUnknown
from askproai_runtime.book.outcomes import Booked, Moved
from askproai_runtime.book.store import transactions
from askproai_runtime.calendar_sync.outbound import CalendarDisagrees
from askproai_runtime.call_routes import Route
from askproai_runtime.calls.payload import FunctionRequest, OngoingCall
from askproai_runtime.calls.store import SignedRequest
from askproai_runtime.conversation import functions
from askproai_runtime.conversation.function_requests import CallFunctions
from askproai_runtime.conversation.types import Answer, CallContext, FunctionOutcome
from askproai_runtime.desk.appointments import DeskBusy, cancel_for_desk, move_for_desk
from askproai_runtime.language.answer_words import Reply
from askproai_runtime.metrics import Metrics
from askproai_runtime.sentences import say
from tests.worlds.booking_environment import (
    HALF_PAST_TWO,
    MORNING,
    Salon,
    booking_args,
    call,
    choosing,
    join_waitlist,
    leave_message,
)
from tests.worlds.calcom_environment import KEY, CalcomEnvironment, open_calcom_environment
from tests.worlds.databases import Database
from tests.worlds.desk_bookings import book as book_at_desk
from tests.worlds.full_calendar import nothing_free
from tests.worlds.segmented_services import with_services
from tests.worlds.session_faults import Blow, SessionFaults, Since, session_faults
from tests.worlds.visits import DRY, WASH

pytestmark = pytest.mark.nightly

SHORT = timedelta(milliseconds=100)  # a lease whose end a test can await
LOCAL = BookingSettings(lease=SHORT, budget=timedelta(seconds=3))
# `calls` is left out: a refusal of storage writes it, and nothing counts it.
TABLES = (
    "waitlist_offers", "waitlist", "messages", "call_notices", "notifications", "freed_times", "refusals", "jobs", "claims",
    "call_actions", "appointments", "customers", "free_times", "host_free_times",
)  # fmt: skip
NOON = "2026-11-27T11:00:00+01:00"
MESSAGE = {"message": "Ich komme später.", "customer_name": "Petra Müller"}


@dataclass
class Business:
    """A salon with its call functions, the sessions that end, and its Cal.com, if it has one."""

    salon: Salon
    functions: CallFunctions
    faults: SessionFaults
    env: CalcomEnvironment | None = None

    async def ask(self, function: Function, caller: CallContext, args: dict[str, Any], signature: str) -> Answer:
        """Ask as Retell does, by a request that is signed anew for each signature."""
        payload = FunctionRequest(name=function.name.lower(), call=OngoingCall(call_id=caller.call_id), args=args)
        signed = SignedRequest(self.salon.store.tenant, caller.call_id, signature)
        return await self.functions._answer_in_time(function, Route("mitte", None), payload, caller, signed)

    async def value(self, query: str, *args: Any) -> Any:
        return await self.faults.admin.fetchval(query, self.salon.store.tenant, *args)

    async def count_live(self, start: str) -> int:
        """Return how many appointments our book has at `start`."""
        live = "SELECT count(*) FROM appointments WHERE tenant = $1 AND starts_at = $2 AND status IN ('confirmed', 'pending_sync')"
        return int(await self.value(live, datetime.fromisoformat(start)))

    def count_at_calcom(self, start: str) -> int:
        """Return how many bookings of ours Cal.com has at `start`."""
        found = [each for each in self.env.bookings if each["metadata"]] if self.env else []
        return sum(datetime.fromisoformat(each["start"]) == datetime.fromisoformat(start) for each in found)

    async def finish_sync(self) -> None:
        """Run the queued sync jobs, as a worker does."""
        queued = (
            "SELECT count(*) FROM jobs WHERE tenant = $1 AND kind = 'calendar-sync' AND state IN ('ready', 'running')"
        )
        if self.env is not None and await self.value(queued):
            await self.env.run_sync_job()

    async def empty(self) -> None:
        """Forget what a run has left."""
        for table in TABLES:
            but_blocks = " AND block_id IS NULL" if table == "refusals" else ""
            await self.faults.admin.execute(
                f"DELETE FROM {table} WHERE tenant = $1{but_blocks}", self.salon.store.tenant
            )
        if self.env is not None:
            self.env.calcom.accounts[KEY].bookings.clear()


@dataclass(frozen=True)
class Change:
    """A change that a caller asks for; `count` says how often our book has it. `is_blocked`: somebody has taken the time at
    Cal.com; `is_possible`: another staff member has it free.
    """

    function: Function
    args: dict[str, Any]
    count: Callable[[Business], Awaitable[int]]
    count_at_calcom: Callable[[Business], int] = lambda _: 0
    arrange: Callable[[Business], Awaitable[CallContext]] | None = None
    is_blocked: bool = False
    is_possible: bool = True

    async def begin(self, business: Business) -> CallContext:
        return await self.arrange(business) if self.arrange else call()

    async def ask(self, business: Business, caller: CallContext, signature: str) -> Answer:
        return await business.ask(self.function, caller, self.args, signature)


@dataclass(frozen=True)
class DeskChange(Change):
    """A change that the desk asks for: `act` is a command. A command that ends with an error promises nothing."""

    act: Callable[[Business, DeskRequest], Awaitable[bool]] | None = None

    async def begin(self, business: Business) -> CallContext:
        await super().begin(business)
        return call(str(uuid4()))

    async def ask(self, business: Business, caller: CallContext, _signature: str) -> Answer:
        assert self.act is not None
        try:
            success = await self.act(business, DeskRequest(UUID(caller.call_id), "karin@laptop"))
        except (*DATABASE_UNAVAILABLE, OutcomeUnknown, DeskBusy):
            return Answer(success=False, message=say().change_unknown, fields={}, outcome=FunctionOutcome.FAILED)
        outcome = FunctionOutcome.MOVED if success else FunctionOutcome.FAILED
        return Answer(success=success, message="", fields={}, outcome=outcome)


async def _with_appointment(business: Business, call_id: str = "call_2") -> CallContext:
    booked = await business.salon.book(MORNING, staff="Anna")
    assert booked.fields.get("status") == "confirmed", booked
    return call(call_id)


async def _with_first_taken(business: Business) -> CallContext:
    await _block(business, 1001, HALF_PAST_TWO)
    return call()


async def _with_all_taken(business: Business) -> CallContext:
    await _block(business, 1002, HALF_PAST_TWO)
    return await _with_first_taken(business)


async def _with_new_time_taken(business: Business) -> CallContext:
    caller = await _with_appointment(business)
    await _block(business, 1001, NOON)
    return caller


async def _block(business: Business, event_type: int, start: str) -> None:
    assert business.env is not None
    await business.env.block(event_type, start)


async def _with_message(business: Business) -> CallContext:
    assert (await leave_message(business.salon.booking, call(), MESSAGE | {"call_back": "morgen"})).success
    return call()


async def _with_visits(business: Business) -> CallContext:
    business.salon.apply_config(with_services(business.salon.configs[0], WASH, DRY))
    return call()


async def _the_appointment(business: Business) -> UUID:
    return UUID(str(await business.value("SELECT id FROM appointments WHERE tenant = $1")))


async def _book_by_desk(business: Business, request: DeskRequest) -> bool:
    return isinstance(await book_at_desk(business.salon, MORNING, request=request), Booked)


async def _move_by_desk(business: Business, request: DeskRequest) -> bool:
    appointment, start = await _the_appointment(business), datetime.fromisoformat(NOON)
    moved = await move_for_desk(business.salon.booking, request, appointment, start, None, "corr-desk")
    return isinstance(moved, Moved)


async def _cancel_by_desk(business: Business, request: DeskRequest) -> bool:
    appointment = await _the_appointment(business)
    cancelled = await cancel_for_desk(business.salon.booking, request, appointment, "krank", "corr-desk")
    return cancelled is not None and cancelled.status == "cancelled"


async def _agreed_to_cancel(business: Business) -> CallContext:
    caller = await _with_appointment(business)
    asked = await business.salon.booking.ask_to_cancel(caller, {})
    return replace(caller, replies={asked.fields["appointment_id"]: Reply.YES})


async def _agreed_to_leave(business: Business) -> CallContext:
    async with nothing_free(business.salon):
        args = {"service": "Haarschnitt", "date": "2026-11-27", "customer_name": "Wanda Wartend"}
        assert (await join_waitlist(business.salon.booking, call("call_0"), args)).success
    asked = await business.salon.booking.ask_to_cancel(call(), {})
    return replace(call(), replies={asked.fields["waitlist_id"]: Reply.YES})


async def _count_group(business: Business) -> int:
    live = await business.count_live(HALF_PAST_TWO)
    assert live % 2 == 0, "a part of a group"
    return live // 2


async def _count_cancelled(business: Business) -> int:
    return 1 - await business.count_live(MORNING)


async def _with_choice(business: Business) -> CallContext:
    await _with_appointment(business, "call_1")
    asked = await business.salon.book(HALF_PAST_TWO, staff="Mehmet")
    return choosing(asked)


async def _count_replaced(business: Business) -> int:
    new, former = await business.count_live(HALF_PAST_TWO), await business.count_live(MORNING)
    assert (new, former) in {(1, 0), (0, 1)}, "both, or none"
    return new


CHANGES = {
    "replacement": Change(
        Function.BOOK_APPOINTMENT, booking_args(HALF_PAST_TWO, staff="Mehmet", choice="move"), _count_replaced, arrange=_with_choice
    ),
    "chosen move": Change(
        Function.BOOK_APPOINTMENT, booking_args(HALF_PAST_TWO, choice="move"), _count_replaced, arrange=_with_choice
    ),
    "chosen move with notes": Change(
        Function.BOOK_APPOINTMENT, booking_args(HALF_PAST_TWO, choice="move", notes="Allergie"), _count_replaced,
        arrange=_with_choice,
    ),
    "book": Change(
        Function.BOOK_APPOINTMENT, booking_args(HALF_PAST_TWO), lambda b: b.count_live(HALF_PAST_TWO),
        lambda b: b.count_at_calcom(HALF_PAST_TWO),
    ),
    "group": Change(
        Function.BOOK_APPOINTMENT, booking_args(HALF_PAST_TWO, companions=[{"customer_name": "Mia Rot"}]), _count_group
    ),
    "move": Change(
        Function.RESCHEDULE_APPOINTMENT, {"start": NOON}, lambda b: b.count_live(NOON), lambda b: b.count_at_calcom(NOON),
        _with_appointment,
    ),
    "book with the second": Change(
        Function.BOOK_APPOINTMENT, booking_args(HALF_PAST_TWO), lambda b: b.count_live(HALF_PAST_TWO),
        lambda b: b.count_at_calcom(HALF_PAST_TWO), _with_first_taken, is_blocked=True,
    ),
    "book what is taken": Change(
        Function.BOOK_APPOINTMENT, booking_args(HALF_PAST_TWO), lambda b: b.count_live(HALF_PAST_TWO),
        lambda b: b.count_at_calcom(HALF_PAST_TWO), _with_all_taken, is_blocked=True, is_possible=False,
    ),
    "move to what is taken": Change(
        Function.RESCHEDULE_APPOINTMENT, {"start": NOON}, lambda b: b.count_live(NOON), lambda b: b.count_at_calcom(NOON),
        _with_new_time_taken, is_blocked=True, is_possible=False,
    ),
    "cancel": Change(
        Function.CANCEL_APPOINTMENT, {"confirmed": True}, _count_cancelled, lambda b: 1 - b.count_at_calcom(MORNING),
        _agreed_to_cancel,
    ),
    "waitlist": Change(
        Function.JOIN_WAITLIST, {"service": "Haarschnitt", "date": "2026-11-27", "customer_name": "Wanda Wartend"},
        lambda b: b.value("SELECT count(*) FROM waitlist WHERE tenant = $1"),
    ),
    "leaving the waitlist": Change(
        Function.CANCEL_APPOINTMENT, {"confirmed": True},
        lambda b: b.value("SELECT count(*) FROM waitlist WHERE tenant = $1 AND state = 'removed'"), arrange=_agreed_to_leave,
    ),
    "message": Change(
        Function.LEAVE_MESSAGE, MESSAGE,
        lambda b: b.value("SELECT count(*) FROM messages WHERE tenant = $1"),
    ),
    "correction": Change(
        Function.BOOK_APPOINTMENT, booking_args(MORNING, name="Petra Mueller", staff="Anna"),
        lambda b: b.value("SELECT count(*) FROM appointments WHERE tenant = $1 AND customer_name = 'Petra Mueller'"),
        arrange=lambda b: _with_appointment(b, "call_1"),
    ),
    "amended message": Change(
        Function.LEAVE_MESSAGE, MESSAGE | {"message": "Und Anna danke."},
        lambda b: b.value("SELECT count(*) FROM messages WHERE tenant = $1 AND text LIKE '%später%danke%'"), arrange=_with_message,
    ),
    "withdrawn call-back": Change(
        Function.LEAVE_MESSAGE, MESSAGE | {"call_back": False},
        lambda b: b.value("SELECT count(*) FROM messages WHERE tenant = $1 AND call_back IS NULL"), arrange=_with_message,
    ),
    "visit": Change(
        Function.BOOK_APPOINTMENT, booking_args(HALF_PAST_TWO) | {"service": "Waschen und Föhnen"},
        lambda b: b.count_live(HALF_PAST_TWO), arrange=_with_visits,
    ),
    "booking by the desk": DeskChange(Function.BOOK_APPOINTMENT, {}, lambda b: b.count_live(MORNING), act=_book_by_desk),
    "move by the desk": DeskChange(
        Function.RESCHEDULE_APPOINTMENT, {}, lambda b: b.count_live(NOON), arrange=_with_appointment, act=_move_by_desk
    ),
    "cancellation by the desk": DeskChange(
        Function.CANCEL_APPOINTMENT, {}, _count_cancelled, arrange=_with_appointment, act=_cancel_by_desk
    ),
    "decline": Change(
        Function.DECLINE_RECORDING, {},
        lambda b: b.value("SELECT count(*) FROM call_notices WHERE tenant = $1 AND refused_at IS NOT NULL"),
    ),
}  # fmt: skip
ONLY_LOCAL = (
    "replacement", "chosen move", "chosen move with notes",
    "group", "waitlist", "leaving the waitlist", "message", "decline",
    "correction", "amended message", "withdrawn call-back", "visit",
    "booking by the desk", "move by the desk", "cancellation by the desk",
)  # fmt: skip
AT_CALCOM = [name for name in CHANGES if name not in ONLY_LOCAL]


def _functions(salon: Salon, current: Callable[[], Any]) -> CallFunctions:
    class Config:
        @property
        def current(self) -> Any:
            return current()

    unused: Any = SimpleNamespace()
    return CallFunctions(
        config=Config(), signatures=unused, booking=salon.booking, pool=salon.pool, limiter=unused, clock=salon.clock,
        wake_worker=lambda: None, metrics=Metrics(salon.store.tenant), recorder=unused, shadow=unused,
    )  # type: ignore[arg-type]  # fmt: skip


@asynccontextmanager
async def open_business(
    database: Database, new_salon: Any, monkeypatch: pytest.MonkeyPatch, *, at_calcom: bool
) -> AsyncIterator[Business]:
    monkeypatch.setattr(transactions, "_FIND_OUT_SECONDS", 0.4)
    async with session_faults(monkeypatch, database.superuser_dsn) as faults, AsyncExitStack() as stack:
        if at_calcom:

            async def quick(calendar: Any, settings: BookingSettings) -> Salon:
                return await new_salon(calendar, replace(settings, lease=SHORT))

            env = await stack.enter_async_context(open_calcom_environment(quick))
            env.calcom.settings["rate_limit"] = 0.0
            business = Business(env.salon, _functions(env.salon, lambda: env.config), faults, env)
        else:
            salon = await new_salon(None, LOCAL)
            business = Business(salon, _functions(salon, salon.booking.config), faults)
        faults.role = business.salon.store.role
        with capture_logs():  # each with a traceback
            yield business


def _is_open(answer: Answer) -> bool:
    """Return whether the caller heard that the outcome is not known yet."""
    open_sentences = {
        say().still_working, say().change_unknown, say().note_unknown, say().unknown, say().booking_in_flight, say().move_in_flight
    }  # fmt: skip
    return answer.message in open_sentences


async def judge(business: Business, change: Change, caller: CallContext, answer: Answer) -> None:
    """Compare the spoken sentence with the books, then repeat the request, and count the changes."""
    ours = await change.count(business)
    at_calcom = change.count_at_calcom(business) if business.env else 0
    assert ours <= 1
    if answer.success:
        assert ours == 1, answer
        if answer.fields.get("status") == "confirmed":
            confirmed = "SELECT status = 'confirmed' FROM appointments WHERE tenant = $1 AND id = $2::text::uuid"
            assert await business.value(confirmed, answer.fields["appointment_id"]), answer
    elif not _is_open(answer):
        assert (ours, at_calcom) == (0, 0), answer
    again = await change.ask(business, caller, "asked again")
    if change.is_possible:
        assert again.success, again
        assert await change.count(business) == 1
    try:
        await business.finish_sync()
    except CalendarDisagrees:  # promised with the reserve that the calendar has to confirm it: a person decides
        assert change.is_blocked
        assert again.fields.get("status") == "pending_sync", again
        return
    if business.env is not None:
        assert (await change.count(business), change.count_at_calcom(business)) == (
            change.is_possible,
            change.is_possible,
        )


async def strike_everywhere(business: Business, change: Change, since: Since) -> None:
    """End the session after each statement, and lose the answer of each that commits something."""
    commits: set[int] = set()
    last = 0
    for blow, numbers in ((Blow.AFTER, count(1)), (Blow.LOST, commits)):
        for number in numbers:
            if blow is Blow.AFTER and last and number > last:
                break
            caller = await change.begin(business)
            async with business.faults.strike(number, blow, since):
                answer = await change.ask(business, caller, f"{blow} {number}")
            if blow is Blow.AFTER:
                commits |= business.faults.commits
                last = business.faults.count if number > business.faults.count else last
            try:
                await judge(business, change, caller, answer)
            except AssertionError as error:
                error.add_note(f"{change.function}: {blow} statement {number} of {last or '?'}, {since}")
                raise
            await business.empty()
            business.faults.commits.clear()


@pytest.mark.parametrize("since", Since)
@pytest.mark.parametrize("name", [*ONLY_LOCAL, "book", "move", "cancel"])
async def test_spoken_changes_match_the_local_book(
    module_database: Database, new_salon: Any, monkeypatch: pytest.MonkeyPatch, name: str, since: Since
) -> None:
    async with (
        open_business(module_database, new_salon, monkeypatch, at_calcom=False) as business,
        AsyncExitStack() as stack,
    ):
        if name == "waitlist":
            await stack.enter_async_context(nothing_free(business.salon))
        await strike_everywhere(business, CHANGES[name], since)


@pytest.mark.parametrize("since", Since)
@pytest.mark.parametrize("name", AT_CALCOM)
async def test_spoken_changes_match_both_books(module_database: Database, new_salon, monkeypatch, name, since) -> None:
    async with open_business(module_database, new_salon, monkeypatch, at_calcom=True) as business:
        await strike_everywhere(business, CHANGES[name], since)


@pytest.mark.parametrize("since", Since)
async def test_replaced_appointment_is_always_mentioned(
    module_database: Database, new_salon: Any, monkeypatch: pytest.MonkeyPatch, since: Since
) -> None:
    """Its cancellation at Cal.com follows the new booking, and the caller may believe that it is already cancelled."""
    change = CHANGES["replacement"]
    async with open_business(module_database, new_salon, monkeypatch, at_calcom=True) as business:
        for number in count(1):
            caller = await change.begin(business)
            async with business.faults.strike(number, Blow.AFTER, since):
                answer = await change.ask(business, caller, f"strike {number}")
            if answer.success and await business.count_live(MORNING):
                assert "andere Termin" in answer.message, (number, answer)
            if number > business.faults.count:
                break
            await business.empty()
            business.faults.commits.clear()


@pytest.mark.parametrize("since", Since)
async def test_unconfirmed_booking_question_survives_a_database_failure(
    module_database: Database, new_salon: Any, monkeypatch: pytest.MonkeyPatch, since: Since
) -> None:
    """Without a transcript our memory says whether `confirmed` was asked about before. Retell shows the model no 500."""
    async with open_business(module_database, new_salon, monkeypatch, at_calcom=False) as business:
        for number in count(1):
            caller = replace(call(), replies=None)
            async with business.faults.strike(number, Blow.AFTER, since):
                args = booking_args(HALF_PAST_TWO, confirmed=False)
                answer = await business.ask(Function.BOOK_APPOINTMENT, caller, args, f"asked {number}")
            assert answer.message
            assert await business.count_live(HALF_PAST_TWO) == 0
            await business.empty()
            if number > business.faults.count:
                assert answer.outcome is FunctionOutcome.ASKED_BACK
                return


@pytest.mark.parametrize("step", ["say_unread", "end_question"])
async def test_failure_after_the_commit_does_not_deny_booking(
    module_database: Database, new_salon: Any, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a defect")

    async with open_business(module_database, new_salon, monkeypatch, at_calcom=False) as business:
        monkeypatch.setattr(functions, step, fail)
        answer = await business.ask(Function.BOOK_APPOINTMENT, call(), booking_args(HALF_PAST_TWO), "signed")
        assert answer.success
        assert await business.count_live(HALF_PAST_TWO) == 1
