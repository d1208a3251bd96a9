"""Make one Tenant true: credentials, database, config, pods, the Cal.com webhook. Read from top to bottom."""

import secrets
from collections.abc import Mapping, Sequence

import asyncpg
import structlog

from askproai_core.database import DataOwnedByOther, StoreError, TenantFacts
from askproai_core.tenant_config import Retention, config_hash, encode
from askproai_operator.api import Branch, Tenant
from askproai_operator.api.conditions import Condition, ConditionType, Reason, Status, bad, good, unknown
from askproai_operator.context import ReconcileContext
from askproai_operator.controllers.branch.decide import claimed_by_older
from askproai_operator.controllers.tenant import render
from askproai_operator.controllers.tenant.cache import ensure_cache, redis_url
from askproai_operator.controllers.tenant.children import apply_pods, expose, monitor
from askproai_operator.controllers.tenant.compile import ResourceIds, compile_config, wanted_resources
from askproai_operator.controllers.tenant.decide import (
    CALCOM_TRIGGERS,
    Address,
    address,
    connection_limit,
    database_condition,
    runtime_condition,
)
from askproai_operator.controllers.tenant.render import Component
from askproai_operator.controllers.tenant.teardown import registered_url, tear_down
from askproai_operator.credentials import (
    CALCOM_WEBHOOK,
    Credentials,
    calcom_of,
    kept_values,
    read_credentials,
)
from askproai_operator.engine import GONE, EventRecord, EventType, Key, NotOurs, ObservedObject, Result, refs
from askproai_operator.providers import (
    CredentialRefused,
    HostNotAllowed,
    KeyHolder,
    ProviderError,
    ensure_calcom_webhook,
    key_hash,
    login_in,
    remove_calcom_webhook,
    shared_key_conflict,
)

log = structlog.get_logger(__name__)


async def reconcile(key: Key, world: ReconcileContext) -> Result:
    """Make one Tenant true. Level-triggered: safe to run again at any point."""
    tenant = world.relations.tenant(key.namespace, key.name)
    if tenant is None:
        return GONE
    if tenant.metadata.deletion_timestamp is not None:
        return await tear_down(tenant, world)
    if not await world.kube.add_finalizer(tenant):
        return GONE
    try:
        return await _make_true(tenant, world)
    except NotOurs as error:
        return Result(
            (bad(ConditionType.RUNTIME_AVAILABLE, Reason.OWNERSHIP_CONFLICT, error.message),),
            requeue=True,
            requeue_reason=error.message,
        )


async def _make_true(tenant: Tenant, world: ReconcileContext) -> Result:
    key = tenant.key
    credentials = await read_credentials(tenant, world)
    refused = await _check_credentials(tenant, credentials, world)
    if refused is not None:
        return Result((refused,))
    valid = good(ConditionType.CREDENTIALS_VALID)
    branches = world.relations.branches(key.namespace, key.name)
    connect_to = await _runtime_urls(tenant, world)
    try:
        facts = _facts(tenant, credentials)
        resource_ids, told = await _ensure_database(tenant, branches, connect_to[0], facts, world)
    except (StoreError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        state = getattr(error, "sqlstate", None)
        log.warning("database.not_ready", tenant=tenant.metadata.dotted, error=type(error).__name__, sqlstate=state)
        condition, temporary = database_condition(error), not isinstance(error, DataOwnedByOther)
        return Result((valid, condition), requeue=temporary, requeue_reason=condition.message)
    cache = await ensure_cache(tenant, connect_to[1], world)
    where = address(tenant, world.settings.shared_base_url)
    config = _config(tenant, branches, resource_ids, where, credentials, world)
    servers = [*filter(None, connect_to), credentials.retell_base_url, credentials.calcom_base_url]
    deployments = await _apply_children(tenant, credentials, servers, config, world)
    pods = runtime_condition(tenant, deployments)
    if tenant.status.get("configHash") not in {None, config_hash(config)}:
        world.trigger_config_sync(*key[1:], config_hash(config))
    webhooks = await _register_webhook(tenant, credentials, where, world)
    exposed = await expose(tenant, where, world)
    monitored = await monitor(tenant, world)
    urls = where.urls(world.installation_id)
    if not webhooks.good:  # what Cal.com was told, until it knows better: an old webhook must not be forgotten
        urls["calcom"] = registered_url(tenant) or urls["calcom"]
    return Result(
        (valid, good(ConditionType.DATABASE_READY), cache, pods, exposed, webhooks, monitored),
        status={
            "key": tenant.metadata.dotted,
            "webhookUrls": urls,
            "configHash": config_hash(config),
            "branches": len(branches),
            "replicas": deployments[Component.WEB].replicas,
        },
        events=told,
        requeue=exposed.reason is Reason.PENDING,
        requeue_reason="a Gateway's verdict on an HTTPRoute is not watched, only listed",
    )


async def _check_credentials(tenant: Tenant, credentials: Credentials, world: ReconcileContext) -> Condition | None:
    """Give what is wrong with the credentials; None when nothing is, and then what deletion will need is kept."""
    problem = credentials.condition() or await _try_keys(tenant, credentials, world)
    runs = world.cache.secret(tenant.metadata.namespace, render.names(tenant.metadata.name)["teardown"]) is not None
    if problem is not None and not (runs and problem.status is Status.UNKNOWN):
        return problem  # but what runs already must not wait for a provider's bad hour
    mine = _holder(tenant, key_hash(world.installation_id, credentials.retell_key))
    others = _other_holders(tenant, world)
    if shared_key_conflict(mine, others) is not None:
        # The other tenant may be a stranger's: its name stays out of a status that this one reads.
        text = "another tenant uses this Retell key, and who shares a workspace can sign for the other: use your own"
        return bad(ConditionType.CREDENTIALS_VALID, Reason.CREDENTIALS_SHARED, text)
    if problem is None:  # only keys that are known good: deletion will need them
        await world.kube.apply(render.teardown_secret(tenant, credentials, mine.key_hash))
    for other in others:
        if other.key_hash == mine.key_hash:  # it came before it could know of us, and is refused now
            world.enqueue(Key(refs.TENANTS.kind, *other.tenant.split(".", 1)))
    return None


async def _try_keys(tenant: Tenant, credentials: Credentials, world: ReconcileContext) -> Condition | None:
    """Give why the keys cannot be used; None when they can."""
    kind = ConditionType.CREDENTIALS_VALID
    try:
        if calcom_of(tenant) is not None:
            world.providers.calcom(credentials.calcom_base_url, credentials.calcom_key)  # refuses its host, if need be
        retell = world.providers.retell(credentials.retell_base_url, credentials.retell_key)
        await retell.list_agents(world.installation_id)
    except HostNotAllowed as error:
        return bad(kind, Reason.PROVIDER_HOST_NOT_ALLOWED, str(error))
    except CredentialRefused as error:
        return bad(kind, Reason.CREDENTIALS_INVALID, str(error))
    except ProviderError as error:
        return unknown(kind, Reason.PROVIDER_UNAVAILABLE, f"{error}; tried again by itself")
    return None


def _other_holders(tenant: Tenant, world: ReconcileContext) -> list[KeyHolder]:
    holders = []
    for other in world.cache.list(Tenant):
        secret = world.cache.secret(other.metadata.namespace, render.names(other.metadata.name)["teardown"])
        if other.metadata.uid != tenant.metadata.uid and secret is not None and render.KEY_HASH in secret.annotations:
            holders.append(_holder(other, secret.annotations[render.KEY_HASH]))
    return holders


def _holder(tenant: Tenant, hashed: str) -> KeyHolder:
    return KeyHolder(tenant.metadata.dotted, tenant.metadata.creation_timestamp, hashed)


async def _runtime_urls(tenant: Tenant, world: ReconcileContext) -> tuple[str, str | None]:
    """Give DATABASE_URL and REDIS_URL, durable in `T-runtime` before role and user have their passwords."""
    name, kept = tenant.metadata.dotted, await kept_values(world, *tenant.key[1:], "runtime")
    password = login_in(kept.get("DATABASE_URL"))[1] or secrets.token_urlsafe(32)
    urls = world.database.tenant_dsn(name, password), redis_url(name, kept.get("REDIS_URL"), world)
    ca = world.redis.ca if world.redis is not None else None
    await world.kube.apply(render.runtime_secret(tenant, *urls, ca))
    return urls


def _facts(tenant: Tenant, credentials: Credentials) -> TenantFacts:
    return TenantFacts(
        retention=Retention(**tenant.spec.retention.model_dump()),
        retell_base_url=credentials.retell_base_url,
        calcom_base_url=credentials.calcom_base_url if calcom_of(tenant) else "",
    )


async def _ensure_database(
    tenant: Tenant, branches: Sequence[Branch], url: str, facts: TenantFacts, world: ReconcileContext
) -> tuple[ResourceIds, tuple[EventRecord, ...]]:
    """Make schema, role and rows; gives the resource rows' ids, and what there is to tell."""
    await world.database.prepare()
    meta, password = tenant.metadata, login_in(url)[1]
    adopt = meta.annotations.get("askproai.de/adopt-data")
    limit = connection_limit(tenant)
    adopted = await world.database.ensure_tenant(
        tenant.metadata.dotted, meta.uid, password, limit, adopt=adopt, facts=facts
    )
    text = f"the rows of the earlier Tenant with UID {adopt} are this one's now; the annotation may go"
    told = (EventRecord("DataAdopted", text, EventType.NORMAL),) if adopted else ()
    wanted = wanted_resources(branches, world.relations.offerings(*tenant.key[1:]))
    return await world.database.ensure_resources(tenant.metadata.dotted, wanted), told


def _config(
    tenant: Tenant,
    branches: Sequence[Branch],
    resource_ids: ResourceIds,
    where: Address,
    credentials: Credentials,
    world: ReconcileContext,
) -> str:
    """Compile what the pods read. The claims of numbers are compared with all branches of the cluster."""
    rivals = world.relations.branches_sharing_number
    return encode(
        compile_config(
            tenant,
            branches,
            world.relations.offerings(*tenant.key[1:]),
            world.relations.agents(*tenant.key[1:]),
            resource_ids=resource_ids,
            foreign_numbers={b.metadata.name: frozenset(claimed_by_older(b, rivals(b))) for b in branches},
            path_prefix=where.path_prefix,
            installation_id=world.installation_id,
            calcom_base_url=credentials.calcom_base_url,
        )
    )


async def _apply_children(
    tenant: Tenant, credentials: Credentials, servers: Sequence[str], config: str, world: ReconcileContext
) -> Mapping[Component, ObservedObject]:
    """Apply config and credentials before the pods that mount them; gives the Deployments."""
    token = (await kept_values(world, *tenant.key[1:], "admin")).get("token") or secrets.token_urlsafe(32)
    await world.kube.apply(render.config_map(tenant, config))
    await world.kube.apply(render.admin_secret(tenant, token))
    for service in render.services(tenant):
        await world.kube.apply(service)
    return await apply_pods(tenant, credentials, servers, world)


async def _register_webhook(
    tenant: Tenant, credentials: Credentials, where: Address, world: ReconcileContext
) -> Condition:
    """See that Cal.com tells us what changes there. The URL is the webhook's identity, so a second run finds the first one."""
    kind = ConditionType.WEBHOOKS_REGISTERED
    if calcom_of(tenant) is None:
        return good(kind, "the calendar is local; Retell's webhook is a field of its agents", Reason.NOT_REQUESTED)
    url, before = where.urls(world.installation_id)["calcom"], registered_url(tenant)
    try:
        world.fence()
        client = world.providers.calcom(credentials.calcom_base_url, credentials.calcom_key)
        await ensure_calcom_webhook(client, url, CALCOM_TRIGGERS, credentials.values[CALCOM_WEBHOOK])
        if before and before != url:  # the tenant moved; the status names the old address until this is done
            await remove_calcom_webhook(client, before)
    except CredentialRefused as error:
        return bad(kind, Reason.CREDENTIALS_INVALID, str(error))
    except ProviderError as error:
        return unknown(kind, Reason.PROVIDER_UNAVAILABLE, f"{error}; tried again by itself")
    return good(kind, "Cal.com tells us of bookings")
