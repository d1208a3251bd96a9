"""What the coordinator needs of us: its logins, in a Secret of the operator's own namespace that its pods mount."""

import contextlib
import secrets
from datetime import timedelta

import asyncpg
import structlog

from askproai_core.database import DatabaseError
from askproai_core.redis import ALL_TENANTS
from askproai_operator.controllers.credentials import decode_secret, secret_manifest
from askproai_operator.engine import ApiError, World, resources
from askproai_operator.providers import RedisError, UsersBypassed, UsersUnsupported, parse_login

log = structlog.get_logger(__name__)

SECRET = "askproai-coordinator"  # noqa: S105 (its name)
_LABELS = {"app.kubernetes.io/name": "askproai", "app.kubernetes.io/component": "coordinator"}
_SOON = timedelta(seconds=5)


async def keep_coordinator(world: World) -> None:
    """Make it true at the start and at each resync, until cancelled; sooner again after a failure, which stops nobody."""
    while True:
        pause = world.settings.resync
        try:
            await ensure_coordinator(world)
        except (ApiError, DatabaseError, RedisError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
            log.warning("coordinator.not_ready", error=type(error).__name__)  # a driver's text quotes hosts
            pause = _SOON
        await world.clock.sleep(pause)


async def ensure_coordinator(world: World) -> None:
    """Keep the passwords that the Secret has, else make new ones; it is durable before a login has them."""
    namespace, redis = world.settings.namespace, world.redis
    kept = decode_secret(await world.kube.get(resources.SECRETS, namespace, SECRET))
    password = parse_login(kept.get("DATABASE_URL"))[1] or secrets.token_urlsafe(32)
    values = {"DATABASE_URL": world.database.coordinator_dsn(password)}
    if redis is not None:
        values["REDIS_URL"] = redis.tenant_url(ALL_TENANTS, kept.get("REDIS_URL"))
        values |= {"CA_FILE": redis.ca} if redis.ca else {}
    await world.kube.apply(secret_manifest(namespace, SECRET, _LABELS, values))
    await world.database.prepare()
    await world.database.ensure_coordinator(password)
    if redis is not None:
        # Without users the URL is the shared one from the next look on; an open door is told at each Tenant.
        with contextlib.suppress(UsersUnsupported, UsersBypassed):
            await redis.ensure_user(ALL_TENANTS, values["REDIS_URL"])
