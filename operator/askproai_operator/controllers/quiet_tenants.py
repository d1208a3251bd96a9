"""Compares all quiet (healthy) Tenants together with the state that only PostgreSQL and Redis have; enqueues those that differ.

Correctness does not depend on this: a Tenant's own reconcile reads everything by itself. If the comparison fails, all quiet
Tenants become due, and each one's own reconcile reports its problem.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import islice
from typing import Final

import structlog

from askproai_operator.api import Key, Tenant
from askproai_operator.api.conditions import Condition
from askproai_operator.applied_spec import is_paused
from askproai_operator.context import ReconcileContext
from askproai_operator.controllers.tenant.database import CALENDAR_PATIENCE, DATABASE_ERRORS
from askproai_operator.controllers.tenant.quiet import derive_conditions
from askproai_operator.controllers.tenant.redis import read_redis_users, read_spool_condition
from askproai_operator.engine import Backoff, Options, Result
from askproai_operator.memory import QuietTenant
from askproai_operator.redis_users import PresentUsers, user_name
from askproai_operator.settings import Settings

log = structlog.get_logger(__name__)

KIND: Final = "QuietTenants"
_CHUNK: Final = 250  # tenants of one statement; each statement has the pool's time limit
# The most seconds per tenant: an outage makes all due, and they are spread over at most a resync's time.
_SPREAD: Final = 0.05

Quiet = Mapping[Key, QuietTenant]


def quiet_tenants_options(settings: Settings) -> Options:
    """Return the options: a failed comparison is repeated at the next resync only, since all Tenants are due meanwhile."""
    return Options(Backoff(settings.resync, settings.resync, jitter=0.1), workers=1)


class QuietTenantsController:
    """Compares the state of all quiet Tenants with their last reconcile, at each resync."""

    def __init__(
        self,
        schedule: Callable[[Key, timedelta], None],
        set_count: Callable[[int], None],
        chance: Callable[[], float] = random.random,
    ) -> None:
        """Take a function that schedules a key after a delay, the setter of the gauge, and random numbers from 0 to 1."""
        self._schedule, self._set_count, self._chance = schedule, set_count, chance
        # The starts of Redis's servers, and the authorities of Redis and PostgreSQL; None: not known yet.
        self._servers: tuple[frozenset[str] | None, str | None, str | None] | None = None

    async def reconcile(self, _key: Key, context: ReconcileContext) -> Result:
        """Schedule the quiet Tenants whose state differs from their last reconcile; all of them if the state cannot be read."""
        quiet = dict(context.memory.quiet)
        self._set_count(len(quiet))
        due: set[Key] = set(quiet)
        try:
            due = await self._find_due(quiet, context) if quiet else set()
        except DATABASE_ERRORS as error:
            log.warning("quiet_tenants.not_read", tenants=len(quiet), error=type(error).__name__)
            return Result(requeue=True, requeue_reason="PostgreSQL did not tell what quiet Tenants depend on")
        finally:
            self._make_due([key for key in due if context.memory.quiet.get(key) is quiet[key]], context)
        return Result()

    async def _find_due(self, quiet: Quiet, context: ReconcileContext) -> set[Key]:
        cache, present = await read_redis_users(context)
        of_redis = (cache, await read_spool_condition(context))
        if self._is_changed(present, context):
            return set(quiet)
        await context.database.prepare()
        due: set[Key] = set()
        rest = iter(quiet.items())
        while chunk := dict(islice(rest, _CHUNK)):
            due |= await _find_due_of(chunk, of_redis, present, context)
        return due

    def _is_changed(self, present: PresentUsers | None, context: ReconcileContext) -> bool:
        """Return True if since the last run a Redis server restarted, or the CA certificate of Redis or PostgreSQL changed."""
        before = self._servers
        # Users that could not be read are no restart: CacheReady reports them.
        runs = present.runs if present is not None else before[0] if before is not None else None
        redis_ca = context.redis.ca if context.redis is not None else None
        self._servers = runs, redis_ca, context.database.ca
        return before is not None and before != self._servers

    def _make_due(self, keys: list[Key], context: ReconcileContext) -> None:
        """Schedule these Tenants at random moments, so that they do not run at once, and forget that they are quiet."""
        spread = min(context.settings.resync, timedelta(seconds=len(keys) * _SPREAD))
        for key in keys:
            del context.memory.quiet[key]
            self._schedule(key, spread * self._chance())
        if keys:
            log.info("quiet_tenants.due", tenants=len(keys))


async def _find_due_of(
    quiet: Quiet, of_redis: Sequence[Condition], present: PresentUsers | None, context: ReconcileContext
) -> set[Key]:
    tenants = {tenant.key: tenant for tenant in _found(quiet, context)}
    expected = [quiet[key].provisioned for key in tenants]
    provisioned = await context.database.find_provisioned(expected)
    states = await context.database.read_states({each.tenant: each.work for each in expected}, CALENDAR_PATIENCE)
    due: set[Key] = quiet.keys() - tenants.keys()
    for key, tenant in tenants.items():
        state = states[tenant.metadata.dotted]
        differs = (
            tenant.metadata.dotted not in provisioned
            or state.refusals
            or state.refused is not None
            or (state.failing and tenant.spec.notifications is not None)
            or (present is not None and user_name(tenant.metadata.dotted) not in present.names)
            or derive_conditions(tenant, state, of_redis) != set(quiet[key].conditions)
        )
        if differs:
            due.add(key)
    return due


def _found(quiet: Quiet, context: ReconcileContext) -> Iterator[Tenant]:
    """Yield the Tenants of `quiet` that still exist and are not paused: the end of a pause makes a Tenant due anyway."""
    for key in quiet:
        tenant = context.relations.tenant(key.namespace, key.name)
        if tenant is not None and not is_paused(tenant):
            yield tenant
