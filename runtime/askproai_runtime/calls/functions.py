"""The way of a call function, from the request to the sentence that the agent says, top to bottom.

A caller waits on the line, so whatever is not a stranger is answered 200 with a German sentence: Retell shows the model no
other body (reference/retell.md §8).
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

import msgspec
import structlog
from aiohttp import web

from askproai_core.clock import Clock
from askproai_core.database import DATABASE_UNAVAILABLE, Pool
from askproai_core.http_server import Problem, correlation_id, json_answer, read_body, too_many
from askproai_core.phone_numbers import Route, caller_or_none
from askproai_core.redis import RateLimiter
from askproai_runtime.booking import Answer, Booking, CallContext
from askproai_runtime.branch_routing import MODELS, Hints, Unclear, branch_of_call
from askproai_runtime.calls.payload import FunctionRequest, RetellCall, heard_since, instant, read, route_of, said
from askproai_runtime.calls.store import audit_unroutable
from askproai_runtime.intake import Source, require_signature
from askproai_runtime.watched_files import Credentials, LiveConfig

log = structlog.get_logger(__name__)

DEADLINE_SECONDS = 7.0  # tools are registered with timeout_ms 8000
BODY_LIMIT = 8 * 1024 * 1024

TOO_SLOW = "Das dauert gerade länger als sonst. Einen Moment bitte, ich versuche es gleich noch einmal."
OUT_OF_ORDER = "Ich komme gerade nicht an den Kalender. Bitte versuchen Sie es in ein paar Minuten noch einmal."


class FunctionName(StrEnum):
    """The functions that a call may use; being put through to a person is Retell's own tool."""

    CHECK_AVAILABILITY = "check_availability"
    BOOK_APPOINTMENT = "book_appointment"
    FIND_APPOINTMENTS = "find_appointments"
    RESCHEDULE_APPOINTMENT = "reschedule_appointment"
    CANCEL_APPOINTMENT = "cancel_appointment"


AT_A_BRANCH = frozenset({FunctionName.CHECK_AVAILABILITY, FunctionName.BOOK_APPOINTMENT})


@dataclass(frozen=True, slots=True)
class Functions:
    """What the call functions need."""

    config: LiveConfig
    credentials: Credentials
    booking: Booking
    pool: Pool
    limiter: RateLimiter
    clock: Clock
    wake_worker: Callable[[], None]
    deadline_seconds: float = DEADLINE_SECONDS
    running: set[asyncio.Task[Answer]] = field(default_factory=set)

    async def answer(self, request: web.Request, name: FunctionName) -> web.Response:
        """Answer one call function. Raises a `Problem` for forged, malformed and foreign requests."""
        body = await read_body(request, BODY_LIMIT)
        require_signature(request, Source.RETELL, body, self.credentials, self.clock.now(), "function.unauthorized")
        if not await self.limiter.admits(self.config.current.rate_limits.functions_per_second):
            raise too_many()
        asked = self._decode(body, name)
        route = await self._route(request, asked.call)
        answer = await self._within_deadline(name, route, asked, self._context(request, asked.call, route))
        log.info("function.answered", function=name, call_id=asked.call.call_id, success=answer.success)
        return json_answer(answer.as_json())

    async def close(self) -> None:
        """Let functions end that outlived their answer: a booking half made would only be found by its retry."""
        if self.running:
            await asyncio.wait(self.running, timeout=self.deadline_seconds)

    def _decode(self, body: bytes, name: FunctionName) -> FunctionRequest:
        try:
            asked = read(body, FunctionRequest)
        except msgspec.DecodeError as error:
            raise Problem(400, "Malformed Request", f"Send name, call and args: {error}") from error
        if asked.name != name:
            raise Problem(400, "Name Mismatch", "The body's name is not the function of this path")
        return asked

    async def _route(self, request: web.Request, call: RetellCall) -> Route:
        """Give the call's route; a stranger is refused and written down, never handed to some branch (N2)."""
        route = route_of(call, self.config.current)
        if route is not None:
            return route
        log.warning("function.unroutable", call_id=call.call_id)
        try:
            tenant, correlation = self.config.current.tenant, correlation_id(request)
            await audit_unroutable(self.pool, tenant, "function.refused", call.agent_id, correlation)
        except DATABASE_UNAVAILABLE:
            log.exception("audit.failed", action="function.refused")
        raise Problem(403, "Unknown Agent Or Number", "Neither the call's agent nor its number is this tenant's")

    def _context(self, request: web.Request, call: RetellCall, route: Route) -> CallContext:
        return CallContext(
            call_id=call.call_id,
            branch=route.branch or "",
            caller=caller_or_none(call.from_number),
            started_at=instant(call.start_timestamp) or self.clock.now(),
            correlation_id=correlation_id(request),
        )

    async def _within_deadline(
        self, name: FunctionName, route: Route, asked: FunctionRequest, call: CallContext
    ) -> Answer:
        """Answer in time. What takes longer goes on by itself: the model asks again, and finds it done."""
        task = asyncio.create_task(self._at_branch(name, route, asked, call))
        self.running.add(task)
        task.add_done_callback(self.running.discard)
        done, _ = await asyncio.wait({task}, timeout=self.deadline_seconds)
        if task not in done:
            log.warning("function.too_slow", function=name, call_id=call.call_id)
            return Answer(success=False, message=TOO_SLOW, fields={})
        return task.result()

    async def _at_branch(self, name: FunctionName, route: Route, asked: FunctionRequest, call: CallContext) -> Answer:
        """Find the branch first, for what happens at one; the caller hears it if he did not name it himself."""
        args = said(asked.args)
        if name not in AT_A_BRANCH:
            return await self._call(name, call, args)
        answered, pressed = heard_since(asked.call)
        hints = Hints(args.get("branch"), pressed, args.get("service"), answered.get("suggested"))
        try:
            found = await branch_of_call(self.pool, self.config.current, route, call, hints)
        except Exception:  # as below
            log.exception("branch.not_found", call_id=call.call_id)
            return Answer(success=False, message=OUT_OF_ORDER, fields={})
        if isinstance(found, Unclear):
            fields = {"branches": found.branches, "suggested": found.suggested}
            return Answer(success=False, message=found.question, fields=fields)
        args.pop("branch", None)
        answer = await self._call(name, replace(call, branch=found.branch.name), args)
        return replace(answer, message=f"{found.branch.display_name}. {answer.message}") if found.tell else answer

    async def _call(self, name: FunctionName, call: CallContext, args: dict[str, Any]) -> Answer:
        model = MODELS[self.config.current.business_model]
        try:
            match name:
                case FunctionName.CHECK_AVAILABILITY:
                    return await model.availability(self.booking, call, args)
                case FunctionName.FIND_APPOINTMENTS:
                    return await self.booking.find_appointments(call)
                case FunctionName.BOOK_APPOINTMENT:
                    answer = await model.booking(self.booking, call, args)
                case FunctionName.RESCHEDULE_APPOINTMENT:
                    answer = await self.booking.reschedule_appointment(call, args)
                case FunctionName.CANCEL_APPOINTMENT:
                    answer = await self.booking.cancel_appointment(call, args)
            self.wake_worker()  # what waits for the calendar has a job
        except Exception:  # the caller must hear something; the log has type and place
            log.exception("function.failed", function=name, call_id=call.call_id)
            return Answer(success=False, message=OUT_OF_ORDER, fields={})
        return answer
