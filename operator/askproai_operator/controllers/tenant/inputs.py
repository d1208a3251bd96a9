"""Reads the inputs of a reconcile of a Tenant before it decides or writes anything."""

import asyncio
from dataclasses import replace
from typing import Any

import msgspec

from askproai_core import tenant_config as config
from askproai_core.data_keys import DATA_KEYS, keys_to_copy
from askproai_operator import resources
from askproai_operator.api import Branch, Tenant
from askproai_operator.applied_spec import is_paused
from askproai_operator.context import ReconcileContext
from askproai_operator.controllers.branch import read_phone_numbers
from askproai_operator.controllers.name_conflicts import find_holder, is_of_other
from askproai_operator.controllers.plan_annotation import plan_hold
from askproai_operator.controllers.tenant.children.metadata import child_name
from askproai_operator.controllers.tenant.children.secrets import ENCRYPTION_SUFFIX
from askproai_operator.controllers.tenant.credentials import key_subjects, key_test_due, report_shared_keys, try_keys
from askproai_operator.controllers.tenant.exposure import read_exposure
from askproai_operator.controllers.tenant.run import Inputs, Run
from askproai_operator.controllers.tenant.tenant_config import is_held_back
from askproai_operator.controllers.tenant.withheld import needs_applied
from askproai_operator.credentials import own_key_refs, read_credentials, read_own_secret
from askproai_operator.services import active_offerings


async def gather(tenant: Tenant, context: ReconcileContext) -> Inputs:
    """Read the user's Secrets, test the keys at the providers, read all else from the cache; return the inputs."""
    (namespace, name), relatives = tenant.key[1:], _relatives(tenant, context)
    credentials = await read_credentials(tenant, context)
    keys = {} if credentials.problems else key_subjects(tenant, credentials, context.installation_id)
    holders = {subject: find_holder(tenant, subject, context) for subject in keys.values()}
    agents = relatives["agents"]
    key_error = None if credentials.problems else await try_keys(tenant, credentials, agents, context)
    return Inputs(
        tenant=tenant,
        exposure=await read_exposure(tenant, agents, context),
        credentials=credentials,
        key_error=key_error,
        was_provisioned=context.cache.secret(namespace, child_name(name, "teardown")) is not None,
        keys=keys,
        shared_keys=await report_shared_keys(tenant, holders, context),
        key_test_due=key_test_due(tenant, context) if key_error is not None else None,
        **relatives,
    )


async def gather_own_secrets(run: Run, context: ReconcileContext) -> None:
    """Add to the run the passwords and data keys that the operator itself stored in the Tenant's Secrets before."""
    _take_newest_relatives(run, context)
    owner, uid = run.tenant.key[1:], run.tenant.metadata.uid
    suffixes = ("runtime", "teardown", ENCRYPTION_SUFFIX)
    runtime, teardown, encryption = await asyncio.gather(
        *(read_own_secret(context, *owner, suffix, uid=uid) for suffix in suffixes)
    )
    data_keys = keys_to_copy(encryption.get(DATA_KEYS), teardown.get(DATA_KEYS))
    run.inputs = replace(run.inputs, runtime_values=runtime, teardown_values=teardown, data_keys=data_keys)


async def gather_applied_config(run: Run, context: ReconcileContext) -> None:
    """Add the pods' present config to the run, if an agent is held back or an event type has its own key or was not looked up."""
    inputs = run.inputs
    offerings = active_offerings(inputs.offerings, inputs.branches)
    if (
        own_key_refs(offerings)
        or any(map(is_held_back, inputs.agents))
        or needs_applied(run.tenant, offerings, inputs.accounts)
    ):
        run.inputs = replace(inputs, applied=await _applied_config(*run.tenant.key[1:], context))


def _take_newest_relatives(run: Run, context: ReconcileContext) -> None:
    """Replace the tenant's Branches, services and agents by the newest in the cache, unless edits have no effect by now.

    One `kubectl apply` can bring them right after the Tenant, while its keys are tested. With the older objects, the first
    config would be empty, and all pods would have to read a second one.
    """
    tenant, found = context.cache.get(run.tenant.key), _relatives(run.tenant, context)
    if tenant is None or is_paused(tenant) or plan_hold([tenant, *found["branches"], *found["offerings"]]):
        return  # that change has made the Tenant due again
    run.inputs = replace(run.inputs, **found)


def _relatives(tenant: Tenant, context: ReconcileContext) -> dict[str, Any]:
    """Return the fields of `Inputs` with the tenant's Branches, services and agents, and the numbers that other branches hold."""
    relations, names = context.relations, tenant.key[1:]
    branches = tuple(relations.branches(*names))
    return {
        "branches": branches,
        "offerings": tuple(relations.offerings(*names)),
        "agents": tuple(relations.agents(*names)),
        "foreign_numbers": {branch.key.name: _refused_numbers(branch, context) for branch in branches},
    }


async def _applied_config(namespace: str, name: str, context: ReconcileContext) -> config.TenantConfig | None:
    """Return the pods' present config from its ConfigMap. None if it is missing or unreadable; it is then written anew."""
    live = await context.kube.get(resources.CONFIG_MAPS, namespace, child_name(name, "config")) or {}
    try:
        return config.decode((live.get("data") or {}).get("tenant.json", ""))
    except msgspec.DecodeError:
        return None


def _refused_numbers(branch: Branch, context: ReconcileContext) -> frozenset[str]:
    """Return the branch's dialled numbers that another branch holds now, or held when the Branch was last reconciled."""
    granted = branch.status.get("phoneNumbers")
    if granted is None:
        return frozenset()  # not reconciled yet
    return frozenset(
        number.did
        for number in read_phone_numbers(branch).usable
        if number.number not in granted or is_of_other(branch, number.did, context)
    )
