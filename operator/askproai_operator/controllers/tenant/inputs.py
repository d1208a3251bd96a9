"""All that a reconcile of a Tenant reads before it decides or writes anything."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import msgspec

from askproai_core import tenant_config as config
from askproai_operator.api import Branch, RetellAgent, ServiceOffering, Tenant
from askproai_operator.context import ReconcileContext
from askproai_operator.controllers.branch import numbers_of_older_branches
from askproai_operator.controllers.plan_annotation import is_planned
from askproai_operator.controllers.tenant.addresses import Address, address_of
from askproai_operator.controllers.tenant.children.metadata import child_name
from askproai_operator.controllers.tenant.children.secrets import KEY_HASH
from askproai_operator.credentials import Credentials, calcom_account, read_credentials, read_own_secret
from askproai_operator.engine import resources
from askproai_operator.providers import KeyHolder, ProviderError, hash_key


@dataclass(frozen=True, slots=True)
class Inputs:
    """What one reconcile of a Tenant has read. The values of Secrets are never part of its text."""

    tenant: Tenant
    address: Address
    credentials: Credentials
    key_error: ProviderError | None  # why the keys could not be used; None also where one is missing and none was tried
    was_provisioned: bool  # T-teardown exists: an earlier reconcile found the keys good, so pods may be running
    key_holder: KeyHolder = field(repr=False)
    other_key_holders: tuple[KeyHolder, ...] = field(repr=False)
    branches: tuple[Branch, ...]
    offerings: tuple[ServiceOffering, ...]
    agents: tuple[RetellAgent, ...]
    foreign_numbers: Mapping[str, frozenset[str]]  # by branch: the DIDs that an older branch in the cluster claims
    # Read once the checks passed. Empty if the objects do not exist yet.
    applied_agents: tuple[config.Agent, ...] = ()  # of T-config; read only if an agent is in plan mode
    runtime_values: Mapping[str, str] = field(default_factory=dict, repr=False)  # of T-runtime
    admin_token: str | None = field(default=None, repr=False)  # of T-admin


async def gather(tenant: Tenant, context: ReconcileContext) -> Inputs:
    """Read the user's Secrets, try the keys at the providers, and take everything else from the cache."""
    relations, (namespace, name) = context.relations, tenant.key[1:]
    credentials = await read_credentials(tenant, context)
    branches = tuple(relations.branches(namespace, name))
    return Inputs(
        tenant=tenant,
        address=address_of(tenant, context.settings.shared_base_url),
        credentials=credentials,
        key_error=None if credentials.problems else await _try_keys(tenant, credentials, context),
        was_provisioned=context.cache.secret(namespace, child_name(name, "teardown")) is not None,
        key_holder=_key_holder(tenant, hash_key(context.installation_id, credentials.retell_key)),
        other_key_holders=_other_key_holders(tenant, context),
        branches=branches,
        offerings=tuple(relations.offerings(namespace, name)),
        agents=tuple(relations.agents(namespace, name)),
        foreign_numbers={
            branch.key.name: frozenset(numbers_of_older_branches(branch, relations.branches_sharing_number(branch)))
            for branch in branches
        },
    )


async def gather_own_objects(inputs: Inputs, context: ReconcileContext) -> Inputs:
    """Add what the operator itself stored before and keeps: passwords, token, and the config of agents in plan mode."""
    owner = inputs.tenant.key[1:]
    runtime, admin = [await read_own_secret(context, *owner, suffix) for suffix in ("runtime", "admin")]
    agents = await _applied_agents(*owner, context) if any(map(is_planned, inputs.agents)) else ()
    return replace(inputs, runtime_values=runtime, admin_token=admin.get("token"), applied_agents=agents)


async def _applied_agents(namespace: str, name: str, context: ReconcileContext) -> tuple[config.Agent, ...]:
    """Return the agents of the config that the pods have. None if somebody broke it: it is written anew then."""
    live = await context.kube.get(resources.CONFIG_MAPS, namespace, child_name(name, "config")) or {}
    try:
        return config.decode((live.get("data") or {}).get("tenant.json", "")).agents
    except msgspec.DecodeError:
        return ()


async def _try_keys(tenant: Tenant, credentials: Credentials, context: ReconcileContext) -> ProviderError | None:
    """Return why the keys cannot be used; None if they can. Cal.com is asked nothing: only its host is checked."""
    try:
        if calcom_account(tenant) is not None:
            context.providers.calcom(credentials.calendar_base_url, credentials.calcom_key)  # raises HostNotAllowed
        retell = context.providers.retell(credentials.retell_base_url, credentials.retell_key)
        await retell.list_agents(context.installation_id)
    except ProviderError as error:
        return error
    return None


def _other_key_holders(tenant: Tenant, context: ReconcileContext) -> tuple[KeyHolder, ...]:
    """Return the other Tenants of the cluster whose Retell key was found good, by the annotation of their T-teardown."""
    holders = []
    for other in context.cache.list(Tenant):
        secret = context.cache.secret(other.metadata.namespace, child_name(other.metadata.name, "teardown"))
        if other.metadata.uid != tenant.metadata.uid and secret is not None and KEY_HASH in secret.annotations:
            holders.append(_key_holder(other, secret.annotations[KEY_HASH]))
    return tuple(holders)


def _key_holder(tenant: Tenant, hashed_key: str) -> KeyHolder:
    return KeyHolder(tenant.metadata.dotted, tenant.metadata.creation_timestamp, hashed_key)
