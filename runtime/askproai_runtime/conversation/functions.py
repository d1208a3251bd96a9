"""The table of call functions: each is answered at the call's branch, from its arguments to the sentence that the agent says."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import structlog
from structlog.contextvars import bind_contextvars

from askproai_core.clock import Clock
from askproai_core.database import DATABASE_UNAVAILABLE, Pool
from askproai_core.logging import error_location
from askproai_core.tenant_config import Branch, CallerVerification, Function, TenantConfig
from askproai_core.tracing import annotate
from askproai_runtime.availability.slots import Span
from askproai_runtime.book.context import BookingContext
from askproai_runtime.book.errors import OutcomeUnknown
from askproai_runtime.book.pauses import list_pauses
from askproai_runtime.book.store.actions import NO_APPOINTMENT, record_which
from askproai_runtime.call_routes import Route
from askproai_runtime.calls.payload import FunctionRequest
from askproai_runtime.calls.store import get_call_branch, get_last_branch, set_call_branch
from askproai_runtime.conversation.arguments.known_names import KnownNames
from askproai_runtime.conversation.arguments.reading import Arguments
from askproai_runtime.conversation.book import book_appointment
from askproai_runtime.conversation.business_information.answers import answer_question, same_everywhere
from askproai_runtime.conversation.business_information.question_parts import is_day
from askproai_runtime.conversation.business_information.questions import Question
from askproai_runtime.conversation.decline_recording import decline_recording
from askproai_runtime.conversation.find import cancel_appointment, find_appointments
from askproai_runtime.conversation.instead import AgentFunctions, offer_instead, offer_message
from askproai_runtime.conversation.messages import leave_message
from askproai_runtime.conversation.named_branch.matching import find_named_branch, is_answer
from askproai_runtime.conversation.named_branch.routing import (
    BranchQuestion,
    FoundBranch,
    Hints,
    choose_branch,
    list_named_branches,
)
from askproai_runtime.conversation.offer import check_availability
from askproai_runtime.conversation.repeated_questions import MOST_ASKED, end_question, list_heard
from askproai_runtime.conversation.replacing_moves import reschedule_appointment
from askproai_runtime.conversation.transcript import last_answer_and_keys, read_exchanges
from askproai_runtime.conversation.types import Answer, CallContext, FunctionOutcome
from askproai_runtime.conversation.unclear import ASKED_ABOUT, add_zone, ask_unclear
from askproai_runtime.conversation.understood_before import read_request
from askproai_runtime.conversation.unread_fields import say_unread
from askproai_runtime.conversation.waitlist import join_waitlist
from askproai_runtime.language.answer_words import NO, words_of
from askproai_runtime.sentences import say
from askproai_runtime.watched_files import LiveConfig

log = structlog.get_logger(__name__)

# By their names at Retell, in paths and bodies. A transfer to a person is Retell's own tool and never reaches us.
FUNCTIONS_BY_NAME: Mapping[str, Function] = {
    function.name.lower(): function for function in Function if function is not Function.TRANSFER_TO_HUMAN
}
CHANGES = frozenset({
    Function.BOOK_APPOINTMENT, Function.RESCHEDULE_APPOINTMENT, Function.CANCEL_APPOINTMENT, Function.LEAVE_MESSAGE,
    Function.JOIN_WAITLIST, Function.DECLINE_RECORDING,
})  # fmt: skip
# What the calendar still has to confirm is a job.
_QUEUES_JOBS = frozenset({Function.BOOK_APPOINTMENT, Function.RESCHEDULE_APPOINTMENT, Function.CANCEL_APPOINTMENT})
_WHENEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)  # a question about no appointment has no start
_MEMORY_SECONDS = 0.5  # which branch a call is about is worth no longer wait when the answer itself is in the config
_NEEDS_BRANCH = frozenset({Function.CHECK_AVAILABILITY, Function.BOOK_APPOINTMENT, Function.JOIN_WAITLIST})
# Where the calendar is not what is missed, and no message is offered.
_NOT_OF_THE_CALENDAR = frozenset(
    {Function.LEAVE_MESSAGE, Function.JOIN_WAITLIST, Function.BUSINESS_INFORMATION, Function.DECLINE_RECORDING}
)


@dataclass(frozen=True, slots=True)
class FunctionTable:
    """The call functions of a tenant. `wake_worker` notifies a worker of new jobs after a change, and returns at once."""

    config: LiveConfig
    booking: BookingContext
    pool: Pool
    clock: Clock
    wake_worker: Callable[[], None]

    async def answer(self, function: Function, route: Route, payload: FunctionRequest, call: CallContext) -> Answer:
        """Return the answer to a request by its readable arguments. The field `unread_arguments` names the others for the
        model.

        If an error comes after a change was made, the answer is said as it is, so that nothing denies the change.
        """
        known, agent, answer = KnownNames(self.config.current), self.functions_of(route), None
        try:
            read = read_request(function, payload.args, payload.call, call.replies, known, call.started_at)
            if function is Function.LEAVE_MESSAGE:
                read = add_zone(read, self.config.current, call)
            has_refused = bool(NO.search(words_of(call.said_since or "")))
            asked = call.asked_unclear - ({"confirmed"} if has_refused else set())
            earlier = list_heard(read_exchanges(payload.call), payload.args)
            question = (
                ask_unclear(read, self.config.current, function, asked, call) if function in ASKED_ABOUT else None
            )
            if question is None:
                answer = await self._answer_from(function, route, payload, call, dict(read.values))
                completed = say_unread(answer, read, function, known, agent, call)
            else:
                completed = question
            if completed.fields.get("unclear") == "confirmed" and await self._is_asked_again(call, read):
                earlier = [{"message": completed.message}] * MOST_ASKED
            completed = end_question(completed, function, earlier, agent)
        except Exception as error:  # the caller must hear a sentence; the log has type and place
            log.exception(
                "function.not_completed", function=payload.name, call_id=call.call_id, said=answer is not None
            )
            return answer or self.failed(error, function, agent)
        unread = [*read.unread, *([] if completed.success else read.noted)]  # a refused request stores no notes
        return replace(completed, fields=completed.fields | {"unread_arguments": unread}) if unread else completed

    async def _is_asked_again(self, call: CallContext, read: Arguments) -> bool:
        """Return True if a call without a transcript repeats a request that we asked about, after the time for an answer."""
        if call.replies is not None:
            return False
        async with self.pool.acquire() as conn:
            about = f"confirmed {sorted((name, str(value)) for name, value in read.values.items())}"
            age = await record_which(conn, self.config.current.tenant, call.call_id, NO_APPOINTMENT, _WHENEVER, about)
        return call.find_reply(about, age) is not None

    async def _answer_from(
        self, function: Function, route: Route, payload: FunctionRequest, call: CallContext, args: dict[str, Any]
    ) -> Answer:
        """Return the answer, after finding the branch if the function needs one. A branch that the caller did not name is said."""
        agent = self.functions_of(route)
        if function is Function.BUSINESS_INFORMATION:
            answer = await self._answer_about_business(route, payload, call, args)
            return offer_instead(answer, function, agent)
        last_answer, keys = last_answer_and_keys(payload.call)
        if function is Function.RESCHEDULE_APPOINTMENT:
            # The request after the question about a branch means that one, also where it does not repeat it.
            suggested = last_answer.get("suggested") if last_answer.get("unclear") == "branch" else None
            named = list_named_branches(self.config.current, args.pop("branch", None) or suggested or "", suggested)
            if isinstance(named, BranchQuestion):
                return _ask_branch(named)
            call = replace(call, named_branches=named)
        if function not in _NEEDS_BRANCH:
            return await self._run(function, call, args, agent)
        phrase, said = (
            _read_branch(payload, self.config.current, args.get("branch")),
            self._find_said(call, call.said_since or ""),
        )
        hints = Hints(
            phrase, keys, args.get("service"), last_answer.get("suggested"), staff=args.get("staff"), said=said
        )
        try:
            found = await self._find_branch(route, call, hints)
        except Exception as error:  # the caller must hear a sentence; the log has type and place
            log.exception("branch.not_found", call_id=call.call_id)
            return self.failed(error, function, agent)
        if isinstance(found, BranchQuestion):
            return _ask_branch(found)
        args.pop("branch", None)
        annotate(branch=found.branch.name)
        bind_contextvars(branch=found.branch.name)  # this task is one request's
        return _announce(found, await self._run(function, replace(call, branch=found.branch.name), args, agent))

    async def _answer_about_business(
        self, route: Route, payload: FunctionRequest, call: CallContext, args: dict[str, Any]
    ) -> Answer:
        """Return the answer to a question about the business from the config. Only the call's history needs the database."""
        config = self.config.current
        question = Question.of(args, asked_at=call.started_at, now=self.clock.now())
        if question.is_about_hours:
            question = replace(question, pauses=await self._read_pauses())
        last_answer, keys = last_answer_and_keys(payload.call)
        try:
            phrase = _read_branch(payload, config, args.get("branch"))
            asked_about = None if phrase else self._find_said(call, question.words)
            hints = Hints(
                asked_about.display_name if asked_about else phrase,
                keys,
                service=None if phrase or asked_about else args.get("service"),
                suggested_branch=last_answer.get("suggested"),
                wanted=say().wanted_information,
            )
            if not hints.phrase and (answer := same_everywhere(config, question, route.branch)):
                return answer
            try:
                async with asyncio.timeout(_MEMORY_SECONDS):
                    found = await self._find_branch(route, call, hints, keep=False)
            except DATABASE_UNAVAILABLE as error:
                log.warning("branch.not_remembered", call_id=call.call_id, error=type(error).__name__)
                found = choose_branch(config, route, hints)
            if isinstance(found, BranchQuestion):
                return _ask_branch(found)
            found = replace(found, announce=found.announce or asked_about is not None)
            return _announce(found, answer_question(config, found.branch, question))
        except Exception as error:  # the caller must hear a sentence; the log has type and place
            log.exception("function.failed", function=payload.name, call_id=call.call_id)
            return self.failed(error, Function.BUSINESS_INFORMATION, AgentFunctions())

    def _find_said(self, call: CallContext, said: str) -> Branch | None:
        config = self.config.current
        zone, at = ZoneInfo(config.time_zone), call.started_at
        return find_named_branch(config.branches, said, lambda words: is_day(words, at, zone))

    async def _read_pauses(self) -> Mapping[str, Sequence[Span]]:
        """Return each branch's pauses of bookings; {} if the database is unavailable, as the declared hours are correct."""
        try:
            async with asyncio.timeout(_MEMORY_SECONDS):
                return await list_pauses(self.booking)
        except DATABASE_UNAVAILABLE as error:
            log.warning("pauses.not_read", error=type(error).__name__)
            return {}

    async def _find_branch(
        self, route: Route, call: CallContext, hints: Hints, *, keep: bool = True
    ) -> FoundBranch | BranchQuestion:
        """Return the call's branch, or the question to ask. A found branch is stored until the caller names another.

        Without `keep` it is stored only if the call has no branch: a question about another branch does not change where a
        caller books. `hints` come from the request; facts from the database are added here. Raises asyncpg's errors if the
        database fails.
        """
        config = self.config.current
        if len(config.branches) == 1:
            return choose_branch(config, route, hints)
        async with self.pool.acquire() as conn:
            current = await get_call_branch(conn, config.tenant, call.call_id)
            last = None
            by_number = config.caller_verification is CallerVerification.NUMBER  # else a number suggests no branch
            if by_number and not route.branch and (current is None or hints.phrase):
                last = await get_last_branch(conn, config.tenant, call.caller)
            found = choose_branch(config, route, replace(hints, current_branch=current, last_branch=last))
            known = current or route.branch
            if isinstance(found, FoundBranch) and found.branch.name != known and (keep or known is None):
                await set_call_branch(conn, config.tenant, call.call_id, found.branch.name, call.correlation_id)
        return found

    async def _run(self, function: Function, call: CallContext, args: dict[str, Any], agent: AgentFunctions) -> Answer:
        """Return the answer of a call function. Any error except `OutcomeUnknown` means that nothing was changed."""
        name = function.name.lower()
        try:
            answer = await self._carry_out(function, call, args)
        except OutcomeUnknown as error:
            log.exception("function.outcome_unknown", function=name, call_id=call.call_id)
            answer = _unknown(error, function)
        except Exception as error:  # the caller must hear a sentence; the log has type and place
            log.exception("function.failed", function=name, call_id=call.call_id)
            return self.failed(error, function, agent)
        if function in _QUEUES_JOBS:
            self.wake_worker()
        return offer_instead(answer, function, agent)

    async def _carry_out(self, function: Function, call: CallContext, args: dict[str, Any]) -> Answer:
        match function:
            case Function.CHECK_AVAILABILITY:
                return await check_availability(self.booking, call, args)
            case Function.FIND_APPOINTMENTS:
                return await find_appointments(self.booking, call, args)
            case Function.BOOK_APPOINTMENT:
                return await book_appointment(self.booking, call, args)
            case Function.RESCHEDULE_APPOINTMENT:
                return await reschedule_appointment(self.booking, call, args)
            case Function.CANCEL_APPOINTMENT:
                return await cancel_appointment(self.booking, call, args)
            case Function.JOIN_WAITLIST:
                return await join_waitlist(self.booking, call, args)
            case Function.LEAVE_MESSAGE:
                return await leave_message(self.booking, call, args)
            case Function.DECLINE_RECORDING:
                return await decline_recording(self.booking, call, args)
        raise AssertionError("neither BUSINESS_INFORMATION nor TRANSFER_TO_HUMAN comes here")

    def failed(self, error: Exception, function: Function, agent: AgentFunctions) -> Answer:
        """Return the answer after an internal error. It omits the error's text, since a driver's quotes hosts, names and
        numbers. The answer offers to take a message unless the database is unavailable, as no message can be stored then.
        """
        cause = f"{type(error).__name__} at {error_location(error)}"
        message = say().out_of_order
        if function in _NOT_OF_THE_CALENDAR:
            message = say().no_information if function is Function.BUSINESS_INFORMATION else say().not_noted
        answer = Answer(success=False, message=message, fields={}, outcome=FunctionOutcome.FAILED, cause=cause)
        if function in _NOT_OF_THE_CALENDAR or isinstance(error, DATABASE_UNAVAILABLE):
            return answer
        return offer_message(answer, agent)

    def functions_of(self, route: Route) -> AgentFunctions:
        return AgentFunctions.of(self.config.current, route, self.clock.now())


def _unknown(error: OutcomeUnknown, function: Function) -> Answer:
    """Return the answer to a change that may or may not be made (`OutcomeUnknown`): an internal error, with no other offer."""
    if function in {Function.LEAVE_MESSAGE, Function.JOIN_WAITLIST}:
        message = say().note_unknown
    else:
        message = say().unknown if function is Function.DECLINE_RECORDING else say().change_unknown
    cause = f"{type(error).__name__} at {error_location(error)}"
    return Answer(success=False, message=message, fields={}, outcome=FunctionOutcome.FAILED, cause=cause)


def _read_branch(payload: FunctionRequest, config: TenantConfig, named: str | None) -> str | None:
    """Return the caller's words for the branch: the argument `named`, or the caller's answer to our question for the branch if
    the request names no other branch than the one before that question.
    """
    exchanges = read_exchanges(payload.call)
    answer = (exchanges[-1].answer or {}) if exchanges else {}
    if "branches" not in answer:
        return named
    request, said = exchanges[-1].request, exchanges[-1].said
    repeats = not named or (request is not None and named in request.read_texts())
    return said if repeats and is_answer(config.branches, said, answer.get("suggested")) else named


def _ask_branch(asked: BranchQuestion) -> Answer:
    fields = {"branches": asked.branches, "suggested": asked.suggested_branch}
    return Answer(success=False, message=asked.question, fields=fields, outcome=FunctionOutcome.ASKED_BACK)


def _announce(found: FoundBranch, answer: Answer) -> Answer:
    """Return the answer, beginning with the branch's name if the caller did not name it."""
    return replace(answer, message=f"{found.branch.display_name}. {answer.message}") if found.announce else answer
