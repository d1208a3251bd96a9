"""Redis's durability: look whether the server keeps what it takes, and write it where the tenants' pods read it.

A key of its own and no part of a Tenant's reconcile, which ends early while PostgreSQL is away: just then the pods need it.
"""

from typing import Final

import structlog

from askproai_operator.context import ReconcileContext
from askproai_operator.engine import MANAGER, Key, Options, Result
from askproai_operator.redis_users import RedisAdminError
from askproai_operator.settings import Settings

log = structlog.get_logger(__name__)

KIND: Final = "RedisDurability"
OPTIONS: Final = Options(workers=1)


def durability_key(settings: Settings) -> Key:
    """Return the only key of this kind, which is due from the start on."""
    return Key(KIND, settings.namespace, MANAGER)


async def reconcile(_key: Key, context: ReconcileContext) -> Result:
    """Publish it, at the start and at each resync. The problem is reported at each Tenant (EventsSpooled)."""
    if context.redis is None:
        return Result()
    try:
        await context.redis.publish_durability()
    except RedisAdminError as error:
        log.info("redis.durability_not_published", why=str(error))
        return Result(requeue=True, requeue_reason="the pods do not know yet whether they may spool events")
    return Result()
