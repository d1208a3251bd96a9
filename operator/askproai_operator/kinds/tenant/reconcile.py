"""Make one Tenant true: credentials, database, config, pods, the Cal.com webhook. Read from top to bottom."""

import base64
import secrets
from collections.abc import Sequence
from datetime import datetime
from urllib.parse import unquote, urlsplit

import asyncpg

from askproai_operator.api import Branch, Tenant
from askproai_operator.api.conditions import Condition, ConditionType, Reason, bad, good, unknown
from askproai_operator.engine import GONE, Key, Result, World, refs
from askproai_operator.external import (
    CredentialRefused,
    KeyHolder,
    ProviderError,
    ensure_calcom_webhook,
    key_hash,
    shared_key_conflict,
)
from askproai_operator.kinds.branch.decide import claimed_by_older
from askproai_operator.kinds.credentials import Credentials, read_credentials
from askproai_operator.kinds.tenant import render
from askproai_operator.kinds.tenant.compile import ResourceIds, compile_config, wanted_resources
from askproai_operator.kinds.tenant.decide import (
    CALCOM_TRIGGERS,
    Address,
    address,
    connection_limit,
    exposed_condition,
    host_condition,
    not_built_yet,
    runtime_condition,
)
from askproai_operator.kinds.tenant.teardown import tear_down
from askproai_runtime.config import config_hash, encode
from askproai_runtime.store import DataOwnedByOther, StoreError

_ADOPT = "askproai.de/adopt-data"
_KEY_HASH = "askproai.de/retell-key"  # on T-teardown: how tenants' keys are compared without reading them


async def reconcile(key: Key, world: World) -> Result:
    """Make one Tenant true. Level-triggered: safe to run again at any point."""
    tenant = world.cache.tenant(key.namespace, key.name)
    if tenant is None:
        return GONE
    if tenant.metadata.deletion_timestamp is not None:
        return await tear_down(tenant, world)
    if not await world.kube.add_finalizer(tenant):
        return GONE
    credentials = await read_credentials(tenant, world)
    refused = await _check_credentials(tenant, credentials, world)
    if refused is not None:
        return Result(conditions=(refused,))
    branches = world.cache.branches(key.namespace, key.name)
    try:
        resource_ids, database_url = await _ensure_database(tenant, branches, world)
    except DataOwnedByOther as error:
        text = f"{error}; to take them over, set the annotation {_ADOPT} to that UID"
        return Result(conditions=(_valid(), bad(ConditionType.DATABASE_READY, Reason.DATA_OWNED_BY_OTHER, text)))
    except (StoreError, asyncpg.PostgresError, OSError) as error:
        text = f"{type(error).__name__}: the operator cannot prepare the database; tried again by itself"
        return Result(
            conditions=(_valid(), bad(ConditionType.DATABASE_READY, Reason.DATABASE_UNAVAILABLE, text)), retry=True
        )
    where = address(tenant, world.settings.shared_base_url)
    text = _config(tenant, branches, resource_ids, where, credentials, world)
    pods = await _apply_children(tenant, credentials, database_url, text, world)
    webhooks = await _register_webhook(tenant, credentials, where, world)
    return Result(
        conditions=(
            _valid(),
            good(ConditionType.DATABASE_READY),
            pods,
            exposed_condition(tenant, where),
            webhooks,
            *not_built_yet(),
        ),
        status={
            "key": f"{key.namespace}.{key.name}",
            "webhookUrls": where.urls(world.installation_id),
            "configHash": config_hash(text),
            "branches": len(branches),
            "replicas": 0 if tenant.spec.suspend else tenant.spec.runtime.web.min_replicas,
        },
    )


def _valid() -> Condition:
    return good(ConditionType.CREDENTIALS_VALID)


async def _check_credentials(tenant: Tenant, credentials: Credentials, world: World) -> Condition | None:
    """Give what is wrong with the credentials; None when nothing is, and then what deletion will need is kept."""
    problem = host_condition(tenant, world.settings.provider_hosts) or credentials.condition()
    if problem is not None:
        return problem
    try:
        await world.providers.retell(credentials.retell_base_url, str(credentials.retell_key)).list_agents(
            world.installation_id
        )
    except CredentialRefused as error:
        return bad(ConditionType.CREDENTIALS_VALID, Reason.CREDENTIALS_INVALID, str(error))
    except (
        ProviderError
    ) as error:  # the key was fine when it was last seen: pods must not wait for a provider's bad hour
        if not tenant.status.get("webhookUrls"):
            return unknown(
                ConditionType.CREDENTIALS_VALID, Reason.PROVIDER_UNAVAILABLE, f"{error}; tried again by itself"
            )
    mine = KeyHolder(_name(tenant), _created(tenant), key_hash(world.installation_id, str(credentials.retell_key)))
    if shared_key_conflict(mine, _other_holders(tenant, world)) is not None:
        # The other tenant may be a stranger's: its name stays out of a status that this one reads.
        return bad(
            ConditionType.CREDENTIALS_VALID,
            Reason.CREDENTIALS_SHARED,
            "another tenant uses this Retell key: who shares a workspace can sign for the other; make a workspace of your own",
        )
    teardown = render.teardown_secret(tenant, credentials)  # only keys that are known good: deletion will need them
    teardown["metadata"]["annotations"] = {_KEY_HASH: mine.key_hash}
    await world.kube.apply(teardown)
    return None


def _other_holders(tenant: Tenant, world: World) -> list[KeyHolder]:
    holders = []
    for other in world.cache.list(Tenant):
        secret = world.cache.secret(other.metadata.namespace, render.names(other.metadata.name)["teardown"])
        if other.metadata.uid != tenant.metadata.uid and secret is not None and _KEY_HASH in secret.annotations:
            holders.append(KeyHolder(_name(other), _created(other), secret.annotations[_KEY_HASH]))
    return holders


def _name(tenant: Tenant) -> str:
    return f"{tenant.metadata.namespace}.{tenant.metadata.name}"


def _created(tenant: Tenant) -> datetime:
    return tenant.metadata.creation_timestamp


async def _ensure_database(tenant: Tenant, branches: Sequence[Branch], world: World) -> tuple[ResourceIds, str]:
    """Give the resource rows' ids and the tenant's own database URL; the password is kept in Secret `T-runtime`."""
    await world.database.prepare()
    meta = tenant.metadata
    kept = await world.kube.get(refs.SECRETS, meta.namespace, render.names(meta.name)["runtime"])
    password = _password(kept) or secrets.token_urlsafe(32)
    database_url = world.database.tenant_dsn(_name(tenant), password)
    await world.kube.apply(render.runtime_secret(tenant, database_url))  # durable before the role has it
    adopt = meta.annotations.get(_ADOPT)
    await world.database.ensure_tenant(_name(tenant), meta.uid, password, connection_limit(tenant), adopt=adopt)
    return await world.database.ensure_resources(_name(tenant), wanted_resources(branches)), database_url


def _password(secret: dict[str, dict[str, str]] | None) -> str | None:
    encoded = ((secret or {}).get("data") or {}).get("DATABASE_URL")
    found = urlsplit(base64.b64decode(encoded).decode()).password if encoded else None
    return unquote(found) if found else None


def _config(
    tenant: Tenant,
    branches: Sequence[Branch],
    resource_ids: ResourceIds,
    where: Address,
    credentials: Credentials,
    world: World,
) -> str:
    """Compile what the pods read. The claims of numbers are compared with all branches of the cluster."""
    everywhere = world.cache.list(Branch)
    return encode(
        compile_config(
            tenant,
            branches,
            world.cache.offerings(*tenant.key[1:]),
            world.cache.agents(*tenant.key[1:]),
            resource_ids=resource_ids,
            foreign_numbers={b.metadata.name: frozenset(claimed_by_older(b, everywhere)) for b in branches},
            path_prefix=where.path_prefix,
            installation_id=world.installation_id,
            calcom_base_url=credentials.calcom_base_url,
        )
    )


async def _apply_children(
    tenant: Tenant, credentials: Credentials, database_url: str, config: str, world: World
) -> Condition:
    """Apply config and credentials before the pods that mount them, and tell how the pods are."""
    meta = tenant.metadata
    admin = await world.kube.get(refs.SECRETS, meta.namespace, render.names(meta.name)["admin"])
    encoded = ((admin or {}).get("data") or {}).get("token")
    token = base64.b64decode(encoded).decode() if encoded else secrets.token_urlsafe(32)
    await world.kube.apply(render.config_map(tenant, config))
    await world.kube.apply(render.runtime_secret(tenant, database_url))
    await world.kube.apply(render.admin_secret(tenant, token))
    for service in render.services(tenant):
        await world.kube.apply(service)
    deployment = await world.kube.apply(render.deployment(tenant, credentials, world.settings.runtime_image))
    return runtime_condition(tenant, deployment.status)


async def _register_webhook(tenant: Tenant, credentials: Credentials, where: Address, world: World) -> Condition:
    """See that Cal.com tells us what changes there. The URL is the webhook's identity, so a second run finds the first one."""
    kind = ConditionType.WEBHOOKS_REGISTERED
    if tenant.spec.calendar.calcom is None or tenant.spec.calendar.provider != "Calcom":
        return good(kind, "the calendar is local; Retell's webhook is a field of its agents", Reason.NOT_REQUESTED)
    client = world.providers.calcom(credentials.calcom_base_url, str(credentials.calcom_key))
    url = where.urls(world.installation_id)["calcom"]
    try:
        world.fence()
        await ensure_calcom_webhook(client, url, CALCOM_TRIGGERS, str(credentials.calcom_webhook_secret))
    except CredentialRefused as error:
        return bad(kind, Reason.CREDENTIALS_INVALID, str(error))
    except ProviderError as error:
        return unknown(kind, Reason.PROVIDER_UNAVAILABLE, f"{error}; tried again by itself")
    return good(kind, "Cal.com tells us of bookings")
