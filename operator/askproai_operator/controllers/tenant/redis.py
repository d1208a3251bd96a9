"""A tenant's user in Redis, and the conditions CacheReady and EventsSpooled.

Redis is an accelerator: every error becomes a condition that does not affect Ready.
"""

from collections.abc import Sequence

from askproai_operator.api import Tenant
from askproai_operator.api.conditions import Condition, ConditionType, Reason, bad, good, unknown
from askproai_operator.context import ReconcileContext
from askproai_operator.controllers.tenant.run import Run
from askproai_operator.redis_users import PresentUsers, RedisAdminError, UsersBypassed, UsersUnsupported

_CACHE, _SPOOL = ConditionType.CACHE_READY, ConditionType.EVENTS_SPOOLED


async def ensure_redis(run: Run, context: ReconcileContext) -> None:
    """Create or update the tenant's user on every node of Redis, and determine if pods may acknowledge events from Redis."""
    run.cache = await _ensure_user(run.tenant, run.urls.redis, context)
    run.spool = await read_spool_condition(context)


async def _ensure_user(tenant: Tenant, url: str | None, context: ReconcileContext) -> Condition:
    if context.redis is None or url is None:
        return no_cache_condition()
    try:
        unreachable = await context.redis.ensure_user(tenant.metadata.dotted, url)
    except RedisAdminError as error:
        if isinstance(error, UsersUnsupported) and context.redis.tenant_url("", url) != url:
            context.enqueue(tenant.key)  # T-runtime still names a user that this server does not know
        return cache_error_condition(error)
    return cache_condition(unreachable)


async def read_redis_users(context: ReconcileContext) -> tuple[Condition, PresentUsers | None]:
    """Return CacheReady for tenants whose user exists, and the users that exist; None for the users if Redis cannot list them."""
    if context.redis is None:
        return no_cache_condition(), None
    try:
        present = await context.redis.list_users()
    except RedisAdminError as error:
        return cache_error_condition(error), None
    return cache_condition(present.unreached), present


async def read_spool_condition(context: ReconcileContext) -> Condition:
    """Return EventsSpooled: True if pods may acknowledge events from this Redis."""
    if context.redis is None:
        return no_spool_condition()
    try:
        problem = await context.redis.find_durability_problem()
    except RedisAdminError as error:
        return unknown(_SPOOL, Reason.CACHE_UNAVAILABLE, f"{error}; tried again by itself")
    if problem is None:
        return good(_SPOOL)
    text = f"{problem}; until then events are answered 503 while PostgreSQL is away, and senders repeat them"
    return bad(_SPOOL, Reason.REDIS_NOT_DURABLE, text)


def cache_condition(unreachable: Sequence[str]) -> Condition:
    """Return CacheReady, True, for a tenant whose user exists; the message names `unreachable` replicas that still lack it."""
    later = f"; on {', '.join(unreachable)} as soon as it answers" if unreachable else ""
    return good(_CACHE, f"the tenant has a user of its own on every node{later}")


def cache_error_condition(error: RedisAdminError) -> Condition:
    """Return CacheReady for an error of Redis. The condition is advisory: a Tenant can be Ready whatever fails in Redis."""
    match error:
        case UsersUnsupported():
            text = (
                "this Redis knows no users: all tenants share the operator's, and only the names of their keys differ"
            )
            return good(_CACHE, text, Reason.USERS_UNSUPPORTED)
        case UsersBypassed():
            text = f"{error}, so nobody is fenced off: give its user `default` a password, or switch it off"
            return bad(_CACHE, Reason.USERS_BYPASSED, text)
    text = f"{error}; everything goes on without it, more slowly; tried again by itself"
    return bad(_CACHE, Reason.CACHE_UNAVAILABLE, text)


def no_cache_condition() -> Condition:
    text = "the operator knows no Redis (ASKPROAI_REDIS_ADMIN_URL): locks, limits and circuits are each pod's own"
    return good(_CACHE, text, Reason.NOT_REQUESTED)


def no_spool_condition() -> Condition:
    text = "the operator knows no Redis (ASKPROAI_REDIS_ADMIN_URL): while PostgreSQL is away events are answered 503"
    return good(_SPOOL, text, Reason.NOT_REQUESTED)
