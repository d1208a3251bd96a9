"""The tenant's user in Redis. An accelerator: whatever is wrong with it is told, and stands in nobody's way."""

from askproai_operator.api import Tenant
from askproai_operator.api.conditions import Condition, ConditionType, Reason, bad, good
from askproai_operator.context import ReconcileContext
from askproai_operator.providers import RedisAway, UsersBypassed, UsersUnsupported

_KIND = ConditionType.CACHE_READY


def redis_url(tenant: str, kept: str | None, world: ReconcileContext) -> str | None:
    """Give the tenant's REDIS_URL, made durable in `T-runtime` before the user has its password; None without a Redis."""
    return world.redis.tenant_url(tenant, kept) if world.redis is not None else None


async def ensure_cache(tenant: Tenant, url: str | None, world: ReconcileContext) -> Condition:
    """See that the user is on every node as it should be."""
    if world.redis is None or url is None:
        text = "the operator knows no Redis (ASKPROAI_REDIS_ADMIN_URL): locks, limits and circuits are each pod's own"
        return good(_KIND, text, Reason.NOT_REQUESTED)
    try:
        missed = await world.redis.ensure_user(tenant.metadata.dotted, url)
    except UsersUnsupported:
        if world.redis.tenant_url("", url) != url:
            world.enqueue(tenant.key)  # the Secret still has a user that this server does not know
        text = "this Redis knows no users: all tenants share the operator's, and only the names of their keys differ"
        return good(_KIND, text, Reason.USERS_UNSUPPORTED)
    except UsersBypassed as error:
        text = f"{error}, so nobody is fenced off: give its user `default` a password, or switch it off"
        return bad(_KIND, Reason.USERS_BYPASSED, text)
    except RedisAway as error:
        text = f"{error}; everything goes on without it, more slowly; tried again by itself"
        return bad(_KIND, Reason.CACHE_UNAVAILABLE, text)
    later = f"; on {', '.join(missed)} as soon as it answers" if missed else ""
    return good(_KIND, f"the tenant has a user of its own on every node{later}")
