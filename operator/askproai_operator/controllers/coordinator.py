"""The coordinator's logins: roles in PostgreSQL and Redis, whose passwords its pods mount from a Secret."""

import contextlib
import secrets
from datetime import timedelta
from typing import Final

import structlog

from askproai_core.database import DATABASE_UNAVAILABLE, DatabaseError
from askproai_core.kube import ApiError
from askproai_core.redis import ALL_TENANTS
from askproai_operator import resources
from askproai_operator.api import Key
from askproai_operator.context import ReconcileContext
from askproai_operator.credentials import decode_secret, secret_manifest
from askproai_operator.engine import Backoff, Options, Result
from askproai_operator.login_urls import parse_login
from askproai_operator.redis_users import RedisAdminError, UsersBypassed, UsersUnsupported

log = structlog.get_logger(__name__)

KIND: Final = "CoordinatorLogins"
SECRET_NAME = "askproai-coordinator"  # noqa: S105 (its name)
_LABELS = {"app.kubernetes.io/name": "askproai", "app.kubernetes.io/component": "coordinator"}
# A worker of its own, so that no reconcile waits while a database does not answer; 5 s after each failure.
OPTIONS: Final = Options(Backoff(timedelta(seconds=5), longest=timedelta(seconds=5), jitter=0), workers=1)


async def reconcile(_key: Key, context: ReconcileContext) -> Result:
    """Ensure the logins, at the start and at each resync."""
    try:
        await ensure_coordinator(context)
    except (ApiError, DatabaseError, RedisAdminError, *DATABASE_UNAVAILABLE) as error:
        log.warning("coordinator.not_ready", error=type(error).__name__)  # a driver's text quotes hosts
        return Result(requeue=True, requeue_reason="the coordinator cannot start without its Secret and logins")
    return Result()


async def ensure_coordinator(context: ReconcileContext) -> None:
    """Ensure the coordinator's Secret and its logins at PostgreSQL and Redis. A new password is stored before a login gets it."""
    namespace, redis = context.settings.namespace, context.redis
    current = decode_secret(await context.kube.get(resources.SECRETS, namespace, SECRET_NAME))
    password = parse_login(current.get("DATABASE_URL"))[1] or secrets.token_urlsafe(32)
    values = {"DATABASE_URL": context.database.coordinator_dsn(password)}
    values |= {"DATABASE_CA_FILE": ca} if (ca := context.database.ca) else {}
    if redis is not None:
        values["REDIS_URL"] = redis.tenant_url(ALL_TENANTS, current.get("REDIS_URL"))
        values |= {"CA_FILE": redis.ca} if redis.ca else {}
    await context.kube.apply(secret_manifest(namespace, SECRET_NAME, _LABELS, values))
    await context.database.prepare()
    await context.database.ensure_coordinator(password)
    if redis is not None:
        # Unsupported: the next run writes the shared URL. Bypassed (no password needed): each Tenant reports it.
        with contextlib.suppress(UsersUnsupported, UsersBypassed):
            await redis.ensure_user(ALL_TENANTS, values["REDIS_URL"])
