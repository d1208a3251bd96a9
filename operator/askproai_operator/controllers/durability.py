"""Redis's durability: test if the server persists its data, and publish the result to the tenants' pods.

It has a key of its own in the queue, because a Tenant's reconcile ends early while PostgreSQL is down: just then the pods need
the result.
"""

from typing import Final

import structlog

from askproai_operator.api import Key
from askproai_operator.context import ReconcileContext
from askproai_operator.engine import Options, Result
from askproai_operator.redis_users import RedisAdminError

log = structlog.get_logger(__name__)

KIND: Final = "RedisDurability"
OPTIONS: Final = Options(workers=1)


async def reconcile(_key: Key, context: ReconcileContext) -> Result:
    """Publish Redis's durability, at the start and at each resync. Each Tenant reports a problem (EventsSpooled)."""
    if context.redis is None:
        return Result()
    try:
        await context.redis.publish_durability()
    except RedisAdminError as error:
        log.info("redis.durability_not_published", why=str(error))
        return Result(requeue=True, requeue_reason="the pods do not know yet whether they may spool events")
    return Result()
