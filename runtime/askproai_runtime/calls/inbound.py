"""The inbound-call webhook: Retell asks for the caller's data while the phone still rings (docs/vendors/retell.md).

The answer never waits. If the database is slow, the number withheld or the caller unknown, the answer says only whether a
number is shown, and the agent speaks with the default variables that the operator declared. It names no service,
because a reason for a visit can be about health. A family may share a number, so the agent asks for the person
before it uses the data (docs/decisions/0018-what-the-agent-learns-of-a-caller.md).
"""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import structlog
from aiohttp import web
from structlog.contextvars import bound_contextvars

from askproai_core.clock import Clock
from askproai_core.database import DATABASE_UNAVAILABLE, Pool
from askproai_core.http_server import Problem, correlation_id, json_response
from askproai_core.tenant_config import CallerVerification, TenantConfig
from askproai_runtime.call_routes import Route, Routing
from askproai_runtime.caller_identity import identify_caller
from askproai_runtime.calls.languages import language_of
from askproai_runtime.calls.payload import decode
from askproai_runtime.calls.store import KnownCaller, audit_refusal, find_known_caller
from askproai_runtime.intake import Signatures, Source, hint_of_body
from askproai_runtime.redis.rate_limiter import RateLimiter
from askproai_runtime.sentences import format_spoken, say, speaking
from askproai_runtime.watched_files import LiveConfig

log = structlog.get_logger(__name__)

# For the database; the whole answer takes at most 300 ms, whatever happens (docs/reference/http.md).
BUDGET_SECONDS = 0.2
BODY_LIMIT = 1024 * 1024
_NAME_WORDS = range(2, 5)
_MAX_NAME_CHARACTERS = 40


class _Ringing(msgspec.Struct, frozen=True, kw_only=True):
    to_number: str
    from_number: str | None = None
    agent_id: str | None = None


class _InboundRequest(msgspec.Struct, frozen=True, kw_only=True):
    call_inbound: _Ringing


def dynamic_variables(config: TenantConfig, caller: KnownCaller, now: datetime, *, hotline: bool) -> dict[str, str]:
    """Return the agent's variables for a known caller, as texts. Unknown values are absent: the agent has defaults. Pure."""
    branch_names = {branch.name: branch.display_name for branch in config.branches}
    variables = {"caller_known": "true", "caller_name": _sanitize_name(caller.name)}
    if caller.starts_at is not None:
        when = format_spoken(caller.starts_at, ZoneInfo(config.time_zone), now)
        is_said = hotline and caller.branch in branch_names
        place = say().in_branch.format(branch=branch_names[caller.branch]) if is_said and caller.branch else ""
        variables["caller_next_appointment"] = f"{when}{place}{say().requested if caller.requested else ''}"
    if hotline:
        variables["caller_usual_branch"] = branch_names.get(caller.last_branch or "", "")
    return {name: value for name, value in variables.items() if value}


def _sanitize_name(name: str) -> str:
    """Return only the characters that names consist of: a caller chose this text, and it becomes part of a model's prompt.

    Return "" unless it is a name of two to four words: a sentence could be an instruction to the model.
    """
    words = "".join(c for c in name if c.isalpha() or c in " -'.").split()
    kept = " ".join(words)
    return kept if len(words) in _NAME_WORDS and len(kept) <= _MAX_NAME_CHARACTERS else ""


@dataclass(frozen=True, slots=True)
class InboundCalls:
    """The endpoint of the inbound-call webhook."""

    config: LiveConfig
    signatures: Signatures
    pool: Pool
    limiter: RateLimiter
    clock: Clock
    budget_seconds: float = BUDGET_SECONDS
    running: set[asyncio.Task[Any]] = field(default_factory=set)

    async def answer(self, request: web.Request) -> web.Response:
        """Return the caller's data within the time budget. Raises `Problem` if the request is forged, malformed or not this
        tenant's. Over the rate limit of functions, the caller is not looked up, and the call goes on without the data.
        """
        async with self.signatures.signed_body(request, Source.RETELL, BODY_LIMIT, "inbound.unauthorized") as body:
            try:
                call = decode(body, _InboundRequest).call_inbound
            except msgspec.DecodeError as error:
                detail = f"Send call_inbound with to_number: {error}{hint_of_body(body, '/retell/inbound')}"
                raise Problem(400, "Malformed Request", detail) from error
        config = self.config.current
        routing = Routing(config)
        if routing.find_number(call.to_number) is None:
            audit = audit_refusal(self.pool, config.tenant, "inbound.refused", call.agent_id, correlation_id(request))
            await self._within_budget(audit, cancel=False)
            raise Problem(403, "Unknown Number", "The number that was called is not this tenant's")
        route = routing.route(call.agent_id, call.to_number)
        shown = identify_caller(call.from_number, config, route.branch if route else None)
        number = shown.number
        caller = None
        by_number = config.caller_verification is CallerVerification.NUMBER  # any other number identifies nobody
        recognises = by_number and number is not None and route is not None and _recognises_callers(config, route)
        with bound_contextvars(step="inbound", branch=route.branch if route else None):
            if recognises and not await self.limiter.admits(config.rate_limits.functions_per_second):
                log.warning("inbound.limited", consequence="the caller is not looked up")
                recognises = False
            if recognises and number is not None:
                lookup = find_known_caller(self.pool, config, number, self.clock.now())
                caller = await self._within_budget(lookup, cancel=True)
            log.info("inbound.answered", known=caller is not None)
        hotline = route is not None and route.branch is None
        with speaking(language_of(config, route)):
            variables = {"caller_number": say().caller_numbers[shown.kind]}
            if caller is not None:
                variables |= dynamic_variables(config, caller, self.clock.now(), hotline=hotline)
        return json_response({"call_inbound": {"dynamic_variables": variables}})

    async def close(self) -> None:
        """Wait up to one second for audit records that are still being written."""
        if self.running:
            await asyncio.wait(self.running, timeout=1)

    async def _within_budget(self, work: Coroutine[Any, Any, Any], *, cancel: bool) -> Any:
        """Return the value of `work`; None if the database is slow or unavailable.

        With `cancel`, slow work is cancelled, so that lookups of callers do not hold the connections that webhooks need.
        """
        task = asyncio.create_task(work)
        self.running.add(task)
        task.add_done_callback(self._log_failure)
        done, _ = await asyncio.wait({task}, timeout=self.budget_seconds)
        if not done:
            log.warning("inbound.too_slow", budget_seconds=self.budget_seconds)
            if cancel:
                task.cancel()
        return task.result() if done and task.exception() is None else None

    def _log_failure(self, task: asyncio.Task[Any]) -> None:
        self.running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning(
                "inbound.database_away" if isinstance(error, DATABASE_UNAVAILABLE) else "inbound.failed",
                error=repr(type(error)),
            )


def _recognises_callers(config: TenantConfig, route: Route) -> bool:
    """Return True if the answering agent has caller recognition on. Retell names the agent only if one is bound to the number."""
    agents = (route.agent,) if route.agent else (a for a in config.agents if a.branch in {route.branch, None})
    return any(agent.caller_recognition for agent in agents)
