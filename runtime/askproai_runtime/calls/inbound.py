"""The inbound-call webhook: Retell asks who is calling while the phone still rings (reference/retell.md §7).

The answer never waits: when the database is slow, the caller withheld or a stranger, it is empty, and the agent speaks with
the default variables that the operator declared. Of the caller it says the least that helps: no service, since a reason for
a visit can be about health, and what is said is only to be asked for, since a number may be a family's (decision 18).
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

from askproai_core.clock import Clock
from askproai_core.database import DATABASE_UNAVAILABLE, Pool
from askproai_core.http_server import Problem, correlation_id, json_answer, read_body
from askproai_core.phone_numbers import Route, Routing, caller_or_none
from askproai_core.tenant_config import TenantConfig
from askproai_runtime.calls.payload import read
from askproai_runtime.calls.store import audit_unroutable
from askproai_runtime.german_dates import spoken
from askproai_runtime.intake import Source, require_signature
from askproai_runtime.watched_files import Credentials, LiveConfig

log = structlog.get_logger(__name__)

BUDGET_SECONDS = 0.2  # contract §3: answered within 300 ms, whatever happens
BODY_LIMIT = 1024 * 1024
_NAME_LENGTH = 60

_CALLER = """
SELECT c.name, coming.starts_at, coming.branch, past.branch AS last_branch
FROM customers c
LEFT JOIN LATERAL (SELECT a.starts_at, a.branch FROM appointments a
                   WHERE a.tenant = c.tenant AND a.customer_id = c.id AND a.status IN ('confirmed', 'pending_sync')
                     AND a.starts_at > $3 ORDER BY a.starts_at LIMIT 1) coming ON true
LEFT JOIN LATERAL (SELECT a.branch FROM appointments a
                   WHERE a.tenant = c.tenant AND a.customer_id = c.id
                     AND a.status IN ('confirmed', 'pending_sync', 'no_show') ORDER BY a.created_at DESC LIMIT 1) past ON true
WHERE c.tenant = $1 AND c.phone = $2
"""


class _Ringing(msgspec.Struct, frozen=True, kw_only=True):
    to_number: str
    from_number: str | None = None
    agent_id: str | None = None


class _InboundRequest(msgspec.Struct, frozen=True, kw_only=True):
    call_inbound: _Ringing


@dataclass(frozen=True, slots=True)
class Caller:
    """What the book knows of a caller; branches by their names."""

    name: str
    starts_at: datetime | None
    branch: str | None
    last_branch: str | None


def variables(config: TenantConfig, caller: Caller, *, hotline: bool) -> dict[str, str]:
    """Give the dynamic variables, all of them texts; what is not known is left to the agent's defaults. Pure."""
    names = {branch.name: branch.display_name for branch in config.branches}
    told = {"caller_known": "true", "caller_name": _plain(caller.name)}
    if caller.starts_at is not None:
        when = spoken(caller.starts_at, ZoneInfo(config.time_zone))
        where = f" in {names[caller.branch]}" if hotline and caller.branch in names else ""
        told["caller_next_appointment"] = f"{when}{where}"
    if hotline:
        told["caller_usual_branch"] = names.get(caller.last_branch or "", "")
    return {name: value for name, value in told.items() if value}


def _plain(name: str) -> str:
    """Keep what names are made of: a caller chose this text, and it goes into the prompt of a model."""
    return " ".join("".join(c for c in name if c.isalpha() or c in " -'.").split())[:_NAME_LENGTH]


@dataclass(frozen=True, slots=True)
class Inbound:
    """What the inbound webhook needs."""

    config: LiveConfig
    credentials: Credentials
    pool: Pool
    clock: Clock
    budget_seconds: float = BUDGET_SECONDS
    running: set[asyncio.Task[Any]] = field(default_factory=set)

    async def answer(self, request: web.Request) -> web.Response:
        """Say who is calling, in time. Raises a `Problem` for forged, malformed and foreign requests."""
        body = await read_body(request, BODY_LIMIT)
        require_signature(request, Source.RETELL, body, self.credentials, self.clock.now(), "inbound.unauthorized")
        try:
            call = read(body, _InboundRequest).call_inbound
        except msgspec.DecodeError as error:
            raise Problem(400, "Malformed Request", f"Send call_inbound with to_number: {error}") from error
        config, dialled, caller = self.config.current, caller_or_none(call.to_number), caller_or_none(call.from_number)
        routing = Routing(config)
        if not routing.knows(dialled):
            audit = audit_unroutable(
                self.pool, config.tenant, "inbound.refused", call.agent_id, correlation_id(request)
            )
            await self._in_time(audit, goes_on=True)
            raise Problem(403, "Unknown Number", "The number that was called is not this tenant's")
        route = routing.route(call.agent_id, dialled)
        known = None
        if caller is not None and route is not None and _recognises(config, route):
            known = await self._in_time(self._look_up(config.tenant, caller))
        log.info("inbound.answered", known=known is not None)
        if known is None:
            return json_answer({"call_inbound": {}})
        hotline = route is not None and route.branch is None
        return json_answer({"call_inbound": {"dynamic_variables": variables(config, known, hotline=hotline)}})

    async def close(self) -> None:
        """Let audits end that outlived their answer."""
        if self.running:
            await asyncio.wait(self.running, timeout=1)

    async def _look_up(self, tenant: str, caller: str) -> Caller | None:
        row = await self.pool.fetchrow(_CALLER, tenant, caller, self.clock.now())
        return None if row is None else Caller(**row)

    async def _in_time(self, work: Coroutine[Any, Any, Any], *, goes_on: bool = False) -> Any:
        """Give what the database says, or None if it is slow or away.

        What is slow is cancelled, so that callers whom nobody can name do not hold the connections that webhooks need.
        """
        task = asyncio.create_task(work)
        self.running.add(task)
        task.add_done_callback(self._ended)
        done, _ = await asyncio.wait({task}, timeout=self.budget_seconds)
        if not done:
            log.warning("inbound.too_slow", budget_seconds=self.budget_seconds)
            if not goes_on:
                task.cancel()
        return task.result() if done and task.exception() is None else None

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self.running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning(
                "inbound.database_away" if isinstance(error, DATABASE_UNAVAILABLE) else "inbound.failed",
                error=repr(type(error)),
            )


def _recognises(config: TenantConfig, route: Route) -> bool:
    """Tell whether the agent that will answer asks for it. Retell names it, once one is bound."""
    agents = (route.agent,) if route.agent else (one for one in config.agents if one.branch in {route.branch, None})
    return any(agent.caller_recognition for agent in agents)
