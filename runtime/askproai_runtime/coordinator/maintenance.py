"""The leader's work on the tenants' tables: sweep expired holds, re-arm stuck jobs, delete old rows, update the counts.

Each function is the `run` of a periodic task and returns the number of changes. The fence is checked before every statement
that writes.
"""

from collections.abc import AsyncIterator, Callable, Iterable
from datetime import timedelta
from uuid import uuid4

import asyncpg
import structlog

from askproai_core.logging import error_location
from askproai_runtime.coordinator import store
from askproai_runtime.coordinator.periodic_task import CoordinatorContext

log = structlog.get_logger(__name__)

BATCH = 500
# The limits of one statement for one tenant in one run: a tenant with more new rows than one run deletes does not delay others
# waiting.
MAX_BATCHES = 200

_SLOT_LOCK_LIFE_MS = "60000"
_NO_EXPIRY = -1


async def sweep_holds(context: CoordinatorContext) -> int:
    """Delete expired holds with their claims. A booking removes only the expired holds that conflict with it."""

    async def sweep(tenant: str) -> AsyncIterator[int]:
        for _ in range(MAX_BATCHES):
            context.fence()
            deleted = await store.delete_expired_holds(context.pool, BATCH, tenant)
            yield deleted
            if not deleted:  # the other expired holds, if any, are locked now
                break

    return await _for_each_tenant(context, "holds", await store.list_tenants_with_expired_holds(context.pool), sweep)


async def sweep_slot_locks(context: CoordinatorContext) -> int:
    """Set an expiry on slot locks that have none.

    Locks are created with an expiry. A key that a person wrote, or that a bug left, may lack it and would block its slot
    forever. The option `NX` does not change a lock that was created anew meanwhile.
    """
    repaired = 0
    if not context.redis.configured:
        return repaired
    async for key in context.redis.keys("askproai:*:slot:*"):
        if await context.redis.expiry(key) == _NO_EXPIRY:
            context.fence()
            await context.redis.write(key, ("PEXPIRE", _SLOT_LOCK_LIFE_MS, "NX"))
            repaired += 1
    return repaired


async def rearm_events(context: CoordinatorContext) -> int:
    """Make jobs ready again that no worker has had for `stuck_after_seconds`, as a second delivery of their event would.

    Workers take over the jobs of their tenant's lost workers within a minute. If a job is stuck for longer, all pods of the
    tenant were down, or somebody changed its row by hand.
    """
    stuck = timedelta(seconds=context.settings.stuck_after_seconds)

    async def rearm(tenant: str) -> AsyncIterator[int]:
        for statement in store.REARM_STATEMENTS:
            yield await _change_in_batches(context, statement, stuck, tenant)

    return await _for_each_tenant(
        context, "events", await store.list_tenants_with_stuck_work(context.pool, stuck), rearm
    )


async def empty_answers(context: CoordinatorContext) -> int:
    """Empty the stored answers of call functions once no repeated request can need them, since answers name callers."""
    return await _change_in_batches(context, store.EMPTY_ANSWERS)


async def delete_expired(context: CoordinatorContext) -> int:
    """Delete or empty old data by Tenant `spec.retention`, but never data that still has to be processed.

    `rawEventDays` are for raw bodies, `transcriptDays` for transcripts, `callDays` for rows. After `appointmentDays` an
    appointment loses its customer's data. After `customerDays` a customer is deleted if nothing refers to them any more.
    """
    days = {row["tenant"]: row for row in await store.list_retention(context.pool)}

    async def delete(tenant: str) -> AsyncIterator[int]:
        for column, statement in store.RETENTION_STATEMENTS:
            yield await _change_in_batches(context, statement, tenant, days[tenant][column])
        for column, what, statement in store.AGEING_STATEMENTS:
            if days[tenant][column] is not None:
                yield await _age(context, what, statement, tenant, days[tenant][column])

    return await _for_each_tenant(context, "retention", days, delete)


async def update_counts(context: CoordinatorContext) -> int:
    """Publish the counts that need the rows of all tenants. A zero is published, too: it differs from an absent count."""
    pool, metrics = context.pool, context.metrics
    zeros = dict.fromkeys(await store.list_tenants(pool), 0)
    metrics.dead_letters(zeros | await store.count_dead_jobs(pool))
    metrics.double_bookings(zeros | await store.count_double_bookings(pool))
    metrics.oldest(await store.measure_oldest_jobs(pool))
    return 0


async def _for_each_tenant(
    context: CoordinatorContext, duty: str, tenants: Iterable[str], change: Callable[[str], AsyncIterator[int]]
) -> int:
    """Run `change` for one tenant after the other. Return the sum of the numbers of changes that it yields.

    If a tenant's change fails, for example at a locked row, this is logged and counted, and the next run tries again.
    """
    changed = 0
    for tenant in tenants:
        try:
            async for count in change(tenant):
                changed += count
        except asyncpg.PostgresError as error:
            where = {"error": type(error).__name__, "at": error_location(error)}
            log.warning("duty.tenant_failed", duty=duty, tenant=tenant, **where)
            context.metrics.runs.labels(duty, "tenant_failed").inc()
    return changed


async def _change_in_batches(context: CoordinatorContext, statement: str, *values: object) -> int:
    """Run a statement of the store for `BATCH` rows at a time until no row is left, and return the number of changes."""
    changed = 0
    for _ in range(MAX_BATCHES):
        context.fence()
        batch = await store.change_rows(context.pool, statement, BATCH, *values)
        changed += batch
        if batch < BATCH:
            break
    return changed


async def _age(context: CoordinatorContext, what: store.Aged, statement: str, tenant: str, days: int) -> int:
    """Age a tenant's data by a statement of the store, `BATCH` rows at a time, each row once. Return the number of aged rows.

    Only batches in which a row aged count against the limit of batches: otherwise later rows might never be examined.
    """
    aged, batches, position, run = 0, 0, store.Position(), str(uuid4())
    while batches < MAX_BATCHES:
        context.fence()
        changed, last = await store.age_rows(context.pool, statement, BATCH, tenant, days, position, run)
        aged, batches = aged + changed, batches + (changed > 0)
        context.metrics.aged.labels(what).inc(changed)
        if last is None:
            break
        position = last
    return aged
