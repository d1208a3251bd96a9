"""All that a reconcile of a Tenant reads before it decides or writes anything."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

import msgspec

from askproai_core import tenant_config as config
from askproai_core.data_keys import DATA_KEYS, keys_to_copy
from askproai_operator.api import Branch, RetellAgent, ServiceOffering, Tenant
from askproai_operator.api.conditions import ConditionType, Reason
from askproai_operator.applied_spec import is_paused
from askproai_operator.context import ReconcileContext, TenantUrl
from askproai_operator.controllers.addresses import address_of
from askproai_operator.controllers.branch import read_phone_numbers
from askproai_operator.controllers.grant import report_refusal, take_all
from askproai_operator.controllers.holders import find_holder, is_of_other
from askproai_operator.controllers.plan_annotation import plan_hold
from askproai_operator.controllers.tenant.children.metadata import child_name
from askproai_operator.controllers.tenant.children.secrets import ENCRYPTION_SUFFIX
from askproai_operator.controllers.tenant.exposure import Exposure, choose_exposure
from askproai_operator.controllers.tenant.notifications import NotificationAccess, read_notifications
from askproai_operator.controllers.tenant.own_keys import OwnKeys, settle_own_keys
from askproai_operator.controllers.tenant.page import PageAccess, read_page
from askproai_operator.controllers.tenant.tenant_config import is_held_back
from askproai_operator.controllers.tenant.withheld import needs_applied
from askproai_operator.credentials import (
    AccountHashes,
    Credentials,
    calcom_account,
    hash_accounts,
    own_key_refs,
    read_credentials,
    read_own_secret,
)
from askproai_operator.engine import TOKEN_ANNOTATION, find_condition, resources
from askproai_operator.grants import Holder, Subject, SubjectKind
from askproai_operator.providers import ProviderError, RetellClient, hash_key
from askproai_operator.services import active_offerings

KEY_TEST: Final = "Retell key"  # a look at a provider


@dataclass(frozen=True, slots=True)
class Inputs:
    """The inputs of one reconcile of a Tenant. The values of Secrets are never part of its text."""

    tenant: Tenant
    exposure: Exposure
    credentials: Credentials
    key_error: ProviderError | None  # why the keys could not be used; None also where one is missing and none was tried
    was_provisioned: bool  # T-teardown exists: an earlier reconcile found the keys good, so pods may be running
    keys: Mapping[SubjectKind, Subject]  # that the tenant uses, as hashes
    shared_keys: frozenset[SubjectKind]  # that another tenant has
    branches: tuple[Branch, ...]
    offerings: tuple[ServiceOffering, ...]
    agents: tuple[RetellAgent, ...]
    foreign_numbers: Mapping[str, frozenset[str]]  # by branch: the DIDs that another branch in the cluster has
    key_test_due: datetime | None = None  # when the keys are tried again, after they could not be used
    # Read once the checks passed. Empty if the objects do not exist yet.
    applied: config.TenantConfig | None = None  # T-config; read for agents held back, own keys, new event types
    own_keys: OwnKeys = field(default_factory=OwnKeys)
    accounts: AccountHashes = field(default_factory=AccountHashes)
    notifications: NotificationAccess = field(default_factory=NotificationAccess)
    page: PageAccess = field(default_factory=PageAccess)
    runtime_values: Mapping[str, str] = field(default_factory=dict, repr=False)  # of T-runtime
    teardown_values: Mapping[str, str] = field(
        default_factory=dict, repr=False
    )  # of T-teardown: the keys used until now
    data_keys: str | None = field(default=None, repr=False)  # of T-data-keys


async def gather(tenant: Tenant, context: ReconcileContext) -> Inputs:
    """Read the user's Secrets, try the keys at the providers, and take everything else from the cache."""
    (namespace, name), relatives = tenant.key[1:], _relatives(tenant, context)
    credentials = await read_credentials(tenant, context)
    keys = {} if credentials.problems else _key_subjects(tenant, credentials, context.installation_id)
    holders = {subject: find_holder(tenant, subject, context) for subject in keys.values()}
    agents = relatives["agents"]
    key_error = None if credentials.problems else await _try_keys(tenant, credentials, agents, context)
    requested = address_of(tenant, context.settings.shared_base_url)
    uid = tenant.metadata.uid
    token = (await read_own_secret(context, namespace, name, "admin", uid=uid)).get("token", "").strip()
    verdict = context.url_proofs.find(TenantUrl(namespace, name, uid, requested.base_url, token))
    return Inputs(
        tenant=tenant,
        exposure=choose_exposure(tenant, agents, requested, verdict, context.clock.now()),
        credentials=credentials,
        key_error=key_error,
        was_provisioned=context.cache.secret(namespace, child_name(name, "teardown")) is not None,
        keys=keys,
        shared_keys=await _report_shared_keys(tenant, holders, context),
        key_test_due=_key_test_due(tenant, context) if key_error is not None else None,
        **relatives,
    )


async def take_keys(inputs: Inputs, context: ReconcileContext) -> Inputs:
    """Take the grants of the keys that were found good, right before they are recorded in T-teardown.

    Two that ask at once pass all checks; then `shared_keys` of the second one names the key.
    """
    if inputs.key_error is not None:
        return inputs
    holders = await take_all(inputs.tenant, inputs.keys.values(), context)
    return replace(inputs, shared_keys=await _report_shared_keys(inputs.tenant, holders, context))


async def gather_own_objects(inputs: Inputs, context: ReconcileContext) -> Inputs:
    """Add what the operator itself stored before and keeps: passwords, and the config of agents that are held back."""
    inputs = _with_newest_relatives(inputs, context)
    owner, uid = inputs.tenant.key[1:], inputs.tenant.metadata.uid
    suffixes = ("runtime", "teardown", ENCRYPTION_SUFFIX)
    runtime, teardown, encryption = await asyncio.gather(
        *(read_own_secret(context, *owner, suffix, uid=uid) for suffix in suffixes)
    )
    offerings = active_offerings(inputs.offerings, inputs.branches)
    keys = await settle_own_keys(
        inputs.tenant,
        offerings,
        context,
        calcom_key=inputs.credentials.calcom_key,
        calcom_url=inputs.exposure.requested.urls(context.installation_id)["calcom"],
        is_usable=inputs.key_error is None,
    )
    accounts = hash_accounts(inputs.credentials, keys.values, context.installation_id)
    is_needed = (
        own_key_refs(offerings)
        or any(map(is_held_back, inputs.agents))
        or needs_applied(inputs.tenant, offerings, accounts)
    )
    applied = await _applied_config(*owner, context) if is_needed else None
    return replace(
        inputs,
        runtime_values=runtime,
        teardown_values=teardown,
        data_keys=keys_to_copy(encryption.get(DATA_KEYS), teardown.get(DATA_KEYS)),
        applied=applied,
        own_keys=keys,
        accounts=accounts,
        notifications=await read_notifications(inputs.tenant, context),
        page=await read_page(inputs.tenant, context),
    )


def _with_newest_relatives(inputs: Inputs, context: ReconcileContext) -> Inputs:
    """Replace the tenant's objects by those in the cache, unless a person has asked meanwhile that nothing be applied.

    One `kubectl apply` brings it right after the Tenant, whose keys were tried meanwhile: without it the first config would be an
    empty one, and all pods would have to read the next.
    """
    tenant, found = context.cache.get(inputs.tenant.key), _relatives(inputs.tenant, context)
    if tenant is None or is_paused(tenant) or plan_hold([tenant, *found["branches"], *found["offerings"]]):
        return inputs  # that change has made the Tenant due again
    return replace(inputs, **found)


def _relatives(tenant: Tenant, context: ReconcileContext) -> dict[str, Any]:
    """Return the fields of `Inputs` that come from the objects of the tenant."""
    relations, names = context.relations, tenant.key[1:]
    branches = tuple(relations.branches(*names))
    return {
        "branches": branches,
        "offerings": tuple(relations.offerings(*names)),
        "agents": tuple(relations.agents(*names)),
        "foreign_numbers": {branch.key.name: _refused_numbers(branch, context) for branch in branches},
    }


async def _applied_config(namespace: str, name: str, context: ReconcileContext) -> config.TenantConfig | None:
    """Return the config that the pods have. None if somebody broke it: it is written anew then."""
    live = await context.kube.get(resources.CONFIG_MAPS, namespace, child_name(name, "config")) or {}
    try:
        return config.decode((live.get("data") or {}).get("tenant.json", ""))
    except msgspec.DecodeError:
        return None


async def _try_keys(
    tenant: Tenant, credentials: Credentials, agents: Iterable[RetellAgent], context: ReconcileContext
) -> ProviderError | None:
    """Return why the keys cannot be used; None if they can. Cal.com is asked nothing: only its host is checked.

    Retell is asked about a new key, and when it refuses the key to one of the agents, which use it at intervals.
    """
    meta, url, key = tenant.metadata, credentials.retell_base_url, credentials.retell_key
    refused = frozenset(
        agent.metadata.name
        for agent in agents
        if find_condition(agent, ConditionType.SYNCED).get("reason") == Reason.CREDENTIALS_INVALID
    )
    source = (meta.uid, meta.annotations.get(TOKEN_ANNOTATION), url, hash_key(context.installation_id, key), refused)
    try:
        if calcom_account(tenant) is not None:
            context.providers.calcom(credentials.calendar_base_url, credentials.calcom_key)  # raises HostNotAllowed
        retell = context.providers.retell(url, key)
        await context.look(tenant.key, KEY_TEST, source, partial(_try_key, retell, context), once=True)
    except ProviderError as error:
        return error
    return None


async def _try_key(retell: RetellClient, context: ReconcileContext) -> None:
    retell.api.forget_refusal()  # this test has waits of its own, and none when a person asks for it
    await retell.list_agents(context.installation_id)


def _key_test_due(tenant: Tenant, context: ReconcileContext) -> datetime | None:
    """Return the minute in which the keys will have been tried again, None if only a change makes them be tried."""
    due = context.memory.looks.due(tenant.key, KEY_TEST)
    if due == float("inf"):
        return None
    at = context.clock.now() + timedelta(seconds=due - context.clock.monotonic())
    return at.replace(second=0, microsecond=0) + timedelta(minutes=1)


async def _report_shared_keys(
    tenant: Tenant, holders: Mapping[Subject, Holder | None], context: ReconcileContext
) -> frozenset[SubjectKind]:
    """Return the keys that another Tenant has, and report that once."""
    is_known = find_condition(tenant, ConditionType.CREDENTIALS_VALID).get("reason") == Reason.CREDENTIALS_SHARED
    others = {subject: holder for subject, holder in holders.items() if holder is not None}
    for subject, holder in others.items():
        if not is_known:
            await report_refusal(tenant, subject, holder, context)
    return frozenset(subject.kind for subject in others)


def _key_subjects(tenant: Tenant, credentials: Credentials, installation_id: str) -> dict[SubjectKind, Subject]:
    """Return the keys that the tenant uses, as keyed hashes."""
    values = {SubjectKind.RETELL_KEY: credentials.retell_key}
    if calcom_account(tenant) is not None:
        values[SubjectKind.CALCOM_KEY] = credentials.calcom_key
    return {kind: Subject(kind, hash_key(installation_id, key)) for kind, key in values.items() if key}


def _refused_numbers(branch: Branch, context: ReconcileContext) -> frozenset[str]:
    """Return the DIDs that the Branch's own reconcile found to be another branch's, or that another branch has by now."""
    granted = branch.status.get("phoneNumbers")
    if granted is None:
        return frozenset()  # not reconciled yet
    return frozenset(
        number.did
        for number in read_phone_numbers(branch).usable
        if number.number not in granted or is_of_other(branch, number.did, context)
    )
