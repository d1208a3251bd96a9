"""The requests of call functions: signature, limit, deadline and record. `functions.py` answers them.

A caller is waiting on the line, so every request of the tenant gets status 200 and a sentence in the agent's language: Retell
does not reliably show the model any other body (docs/vendors/retell.md).
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import structlog
from aiohttp import web
from structlog.contextvars import bound_contextvars

from askproai_core.clock import Clock
from askproai_core.database import DATABASE_UNAVAILABLE, Pool
from askproai_core.http_server import Problem, correlation_id, json_response
from askproai_core.tenant_config import Function
from askproai_core.tracing import annotate, fail_current
from askproai_runtime.arrivals import TooManyBodies
from askproai_runtime.book.context import BookingContext
from askproai_runtime.call_routes import Route
from askproai_runtime.calls.languages import language_of
from askproai_runtime.calls.payload import (
    FunctionRequest,
    OngoingCall,
    RetellCall,
    decode_request,
    find_route,
    identify_other_side,
    parse_milliseconds,
)
from askproai_runtime.calls.store import (
    RequestState,
    SignedRequest,
    audit_refusal,
    claim_request,
    get_request,
    store_answer,
)
from askproai_runtime.conversation.arguments.reading import read_arguments
from askproai_runtime.conversation.functions import CHANGES, FUNCTIONS_BY_NAME, FunctionTable
from askproai_runtime.conversation.named_times import read_named_times
from askproai_runtime.conversation.record import FunctionRecorder, make_record
from askproai_runtime.conversation.repeated_questions import read_unclear
from askproai_runtime.conversation.shadow_requests import ShadowRequests
from askproai_runtime.conversation.transcript import (
    read_asked_choices,
    read_exchanges,
    read_listed,
    read_named,
    read_replies,
    read_said,
    read_said_last,
    read_said_since_joining,
    read_since,
    read_utterances,
)
from askproai_runtime.conversation.types import Answer, AnsweredServices, CallContext, FunctionOutcome, OfferedService
from askproai_runtime.intake import RETELL_SIGNATURE, Signatures, Source, hint_of_body
from askproai_runtime.metrics import Metrics
from askproai_runtime.redis.rate_limiter import RateLimiter
from askproai_runtime.sentences import say, speaking
from askproai_runtime.watched_files import LiveConfig

log = structlog.get_logger(__name__)

DEADLINE_SECONDS = 7.0  # Retell waits 8: tools are registered with timeout_ms 8000
BODY_LIMIT = 8 * 1024 * 1024
_FAILURES = (FunctionOutcome.FAILED, FunctionOutcome.BUSY, FunctionOutcome.TOO_SLOW)  # those that an alert counts
_POLL_INTERVAL = timedelta(milliseconds=100)


@dataclass(frozen=True, slots=True)
class CallFunctions:
    """The HTTP endpoint of all call functions. `wake_worker` notifies a worker of new jobs after a change, and returns at once."""

    config: LiveConfig
    signatures: Signatures
    booking: BookingContext
    pool: Pool
    limiter: RateLimiter
    clock: Clock
    wake_worker: Callable[[], None]
    metrics: Metrics
    recorder: FunctionRecorder
    shadow: ShadowRequests
    deadline_seconds: float = DEADLINE_SECONDS
    running: set[asyncio.Task[Answer]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.metrics.expect_functions(FUNCTIONS_BY_NAME, _FAILURES)

    @property
    def _table(self) -> FunctionTable:
        return FunctionTable(self.config, self.booking, self.pool, self.clock, self.wake_worker)

    async def answer(self, request: web.Request, function: Function) -> web.Response:
        """Return the response to one request. Raises a `Problem` if the request is forged, malformed or not this tenant's. Over
        the rate limit, or without enough memory for the body, nothing is done, and the response is a sentence, since a
        caller is waiting.
        """
        began = self.clock.monotonic()
        try:
            return await self._answer_signed(request, function)
        except TooManyBodies:
            with speaking(language_of(self.config.current, None)):
                answer = _busy()
            self.metrics.function_answered(function.name.lower(), answer.outcome.value, self.clock.monotonic() - began)
            return json_response(answer.as_json())

    async def _answer_signed(self, request: web.Request, function: Function) -> web.Response:
        arrived_at, began = self.clock.now(), self.clock.monotonic()
        async with self.signatures.signed_body(request, Source.RETELL, BODY_LIMIT, "function.unauthorized") as body:
            admitted = await self.limiter.admits(self.config.current.rate_limits.functions_per_second)
            payload = self._decode(body, function)
        route = await self._require_route(request, payload.call)
        signature = request.headers[RETELL_SIGNATURE]
        signed = SignedRequest(self.config.current.tenant, payload.call.call_id, signature)
        if route.branch:
            annotate(branch=route.branch)
        of_branch = {"branch": route.branch} if route.branch else {}
        with (
            speaking(language_of(self.config.current, route)),
            bound_contextvars(step=payload.name, call_id=payload.call.call_id, **of_branch),
        ):
            context = self._routed(request, payload.call, route)
            if admitted:
                answer, context = await self._answer_routed(function, route, payload, context, signed)
            else:
                answer = _busy()
            seconds, outcome = self.clock.monotonic() - began, answer.outcome.value
            log.info("function.answered", function=payload.name, call_id=context.call_id, outcome=outcome)
        annotate(function=payload.name, outcome=outcome)
        if answer.outcome in _FAILURES:
            fail_current()
        self.metrics.function_answered(payload.name, outcome, seconds)
        self.recorder.add(make_record(payload, self.config.current, context, answer, arrived_at, seconds))
        if self.config.current.shadow:
            self.shadow.add(body, payload, context, answer, arrived_at, seconds)
        return json_response(answer.as_json())

    async def close(self) -> None:
        """Wait for call functions that still run after their answer: a booking that is cut off would be found only by a retry."""
        if self.running:
            await asyncio.wait(self.running, timeout=self.deadline_seconds)
        await self.recorder.close()
        await self.shadow.close()

    def _decode(self, body: bytes, function: Function) -> FunctionRequest:
        try:
            payload = decode_request(body)
        except msgspec.DecodeError as error:
            hint = hint_of_body(body, "/retell/functions/<name>")
            raise Problem(400, "Malformed Request", f"Send name, call and args: {error}{hint}") from error
        if FUNCTIONS_BY_NAME.get(payload.name) is not function:
            raise Problem(
                400, "Name Mismatch", "The body's name is not the function of this path: …/retell/functions/<name>"
            )
        return payload

    async def _require_route(self, request: web.Request, call: RetellCall) -> Route:
        """Return the call's route. A call of another tenant is refused with a `Problem` and audited, never sent to some branch."""
        route = find_route(call, self.config.current)
        if route is not None:
            return route
        log.warning("function.unroutable", call_id=call.call_id)
        try:
            tenant, correlation = self.config.current.tenant, correlation_id(request)
            await audit_refusal(self.pool, tenant, "function.refused", call.agent_id, correlation)
        except DATABASE_UNAVAILABLE:
            log.exception("audit.failed", action="function.refused")
        raise Problem(403, "Unknown Agent Or Number", "Neither the call's agent nor its number is this tenant's")

    def _routed(self, request: web.Request, call: OngoingCall, route: Route) -> CallContext:
        """Return the call's context without its transcript."""
        other = identify_other_side(call, self.config.current, route.branch)
        return CallContext(
            call_id=call.call_id,
            branch=route.branch or "",
            caller=other.number,
            shown=other.shown,
            started_at=parse_milliseconds(call.start_timestamp) or self.clock.now(),
            correlation_id=correlation_id(request),
            goes_out=call.direction == "outbound",
        )

    async def _answer_routed(
        self, function: Function, route: Route, payload: FunctionRequest, routed: CallContext, signed: SignedRequest
    ) -> tuple[Answer, CallContext]:
        """Return the answer, and the context with the facts from the transcript. If they cannot be read, nothing is done."""
        try:
            call = _read_transcript(payload, routed, ZoneInfo(self.config.current.time_zone))
        except Exception as error:  # the caller must hear a sentence; the log has type and place
            log.exception("function.transcript_not_read", function=payload.name, call_id=routed.call_id)
            return self._table.failed(error, function, self._table.functions_of(route)), routed
        return await self._answer_in_time(function, route, payload, call, signed), call

    async def _answer_in_time(
        self, function: Function, route: Route, payload: FunctionRequest, call: CallContext, signed: SignedRequest
    ) -> Answer:
        """Return the answer within the deadline. Slower work continues, and a later request of the model finds it done."""
        task = asyncio.create_task(
            self._change_once(function, route, payload, call, signed)
            if function in CHANGES
            else self._table.answer(function, route, payload, call)
        )
        self.running.add(task)
        task.add_done_callback(self.running.discard)
        done, _ = await asyncio.wait({task}, timeout=self.deadline_seconds)
        if task not in done:
            log.warning("function.too_slow", function=payload.name, call_id=call.call_id)
            message = say().still_working if function in CHANGES else say().busy
            return Answer(success=False, message=message, fields={}, outcome=FunctionOutcome.TOO_SLOW)
        return task.result()

    async def _change_once(
        self, function: Function, route: Route, payload: FunctionRequest, call: CallContext, signed: SignedRequest
    ) -> Answer:
        """Carry out a signed request once. A repeated request gets the same answer.

        A signature is valid for five minutes: a replay must not book again a time that was booked and cancelled within the
        call. So a request that was cut off is not carried out again either; the model's next attempt has a new signature.
        """
        name = function.name.lower()
        try:
            state, stored = await claim_request(self.pool, signed, timedelta(seconds=self.deadline_seconds))
            if state is RequestState.CALL_OVER:
                log.warning("function.call_over", function=name, call_id=call.call_id)
                return Answer(success=False, message=say().call_over, fields={}, outcome=FunctionOutcome.CALL_OVER)
            if state is RequestState.SEEN:
                log.warning("function.repeated", function=name, call_id=call.call_id)
        except Exception as error:  # the caller must hear a sentence; the log has type and place
            log.exception("function.failed", function=name, call_id=call.call_id)
            return self._table.failed(error, function, self._table.functions_of(route))
        if state is RequestState.SEEN:
            return await self._repeated_answer(signed, stored)
        answer = await self._table.answer(function, route, payload, call)
        try:
            await store_answer(self.pool, signed, answer.as_json())
        except Exception:  # it is carried out, and a repeated request is still refused
            log.exception("function.answer_not_stored", function=name, call_id=call.call_id)
        return answer

    async def _repeated_answer(self, signed: SignedRequest, stored: dict[str, Any] | None) -> Answer:
        """Return the answer stored for this request, after waiting while it still runs. If none is stored, return the sentence
        that it is still worked on: the change may have been made, and a newly signed request finds it.
        """
        running = True
        try:
            while stored is None and running:
                await self.clock.sleep(_POLL_INTERVAL)
                running, stored = await get_request(self.pool, signed)
        except DATABASE_UNAVAILABLE:
            log.exception("function.answer_not_read", call_id=signed.call_id)
        fields = dict(stored or {"success": False, "message": say().still_working})
        success, message = fields.pop("success"), fields.pop("message")
        return Answer(success=success, message=message, fields=fields, outcome=FunctionOutcome.REPEATED)


def _busy() -> Answer:
    return Answer(success=False, message=say().busy, fields={}, outcome=FunctionOutcome.BUSY)


def _read_transcript(payload: FunctionRequest, routed: CallContext, zone: ZoneInfo) -> CallContext:
    """Return the call's context with the facts from its transcript."""
    call, named = payload.call, read_named(payload.call)
    customer = read_arguments(payload.name, payload.args).values.get("customer_name")
    return replace(
        read_named_times(call, routed, [named, str(customer or "")]),
        replies=read_replies(call, routed.started_at.astimezone(zone).date()),
        said_last=read_said_last(call),
        said=read_said(call),
        said_since_joining=read_said_since_joining(call),
        **read_since(call),
        utterances=read_utterances(call),
        asked_choices=read_asked_choices(call),
        answered_services=_read_answered_services(call),
        offered_services=_read_offered_services(call),
        named=named,
        named_of_caller=read_named(call, without_bookings=True),
        listed=read_listed(call),
        asked_unclear=read_unclear(call),
    )


def _read_answered_services(call: OngoingCall) -> tuple[AnsweredServices, ...]:
    """Return the questions which service is meant, after which the caller has said something, with these words."""
    found = list[AnsweredServices]()
    for each in read_exchanges(call):
        answer = each.answer or {}
        asked = answer.get("services")
        if answer.get("success") is False and isinstance(asked, list) and each.said.strip():
            texts = each.request.read_texts() if each.request is not None else frozenset[str]()
            found.append(AnsweredServices(tuple(map(str, asked)), texts, each.said))
    return tuple(found)


def _read_offered_services(call: OngoingCall) -> tuple[OfferedService, ...]:
    """Return the services that the call's answers offered, with the texts of their requests."""
    return tuple(
        OfferedService(str(slots[0].get("service")), each.request.read_texts())
        for each in read_exchanges(call)
        if each.request is not None and (slots := (each.answer or {}).get("slots"))
    )
