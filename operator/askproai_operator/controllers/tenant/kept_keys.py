"""The data keys of a deleted Tenant whose rows stay (`dataPolicy: Retain`), in a Secret of the operator's namespace.

The Tenant's own Secret is deleted with the Tenant or its namespace. Without the keys, a Tenant that comes back could not read
its rows. Keys and rows are taken over together, so only a Tenant that has the rows gets the keys.
"""

import hashlib
from typing import Final

from askproai_core.data_keys import DATA_KEYS
from askproai_core.database import DATABASE_UNAVAILABLE, DatabaseError
from askproai_core.kube import Conflict
from askproai_operator import resources
from askproai_operator.api import DataPolicy, Tenant
from askproai_operator.context import ReconcileContext
from askproai_operator.credentials import decode_secret, secret_manifest

LABEL: Final = "askproai.de/kept-data-keys"
_OF: Final = "askproai.de/what"


def kept_name(tenant: str) -> str:
    """Return the name of the Secret with the kept data keys of a tenant (`namespace.name`)."""
    return f"askproai-data-keys-{hashlib.sha256(tenant.encode()).hexdigest()[:12]}"


async def keep_or_forget(tenant: Tenant, keys: str | None, context: ReconcileContext) -> None:
    """For a Tenant in deletion, keep the data keys if its rows stay, and delete all kept keys if its rows are erased.

    `keys` is None if the Tenant never had any. A Tenant that does not own the rows of its name never replaces or deletes kept
    keys: a namesake could destroy the keys of another Tenant's rows. Safe to run again.
    """
    namespace, name = context.settings.namespace, kept_name(tenant.metadata.dotted)
    has_rows = await _has_rows(tenant, context)
    if tenant.spec.data_policy is DataPolicy.ERASE:
        if has_rows:
            await context.kube.delete(resources.SECRETS, namespace, name)
        return
    if keys is None or not (has_rows or _was_provisioned(tenant)):
        return
    manifest = secret_manifest(
        namespace, name, {LABEL: "true"}, {DATA_KEYS: keys}, annotations={_OF: f"data keys of {tenant.metadata.dotted}"}
    )
    try:
        await context.kube.create(manifest)
    except Conflict:  # made by an earlier run, or for a Tenant whose keys this Tenant has taken over
        if has_rows:
            await context.kube.patch(resources.SECRETS, namespace, name, {"data": manifest["data"]})


async def _has_rows(tenant: Tenant, context: ReconcileContext) -> bool:
    """Return False if another Tenant owns the rows of this name. If PostgreSQL fails, return True for a provisioned Tenant."""
    try:
        return await context.database.find_owner(tenant.metadata.dotted) in {None, tenant.metadata.uid}
    except (DatabaseError, *DATABASE_UNAVAILABLE):  # past the budget of the deletion
        return _was_provisioned(tenant)


def _was_provisioned(tenant: Tenant) -> bool:
    """Return True if a reconcile of the Tenant has completed, so the Tenant owned the rows at that time."""
    return tenant.status.get("configHash") is not None


async def read_kept(tenant: Tenant, context: ReconcileContext) -> str | None:
    """Return the encoded data keys that the former Tenant of this name left, or None. Only for a Tenant that owns the rows."""
    kept = await context.kube.get_secret(context.settings.namespace, kept_name(tenant.metadata.dotted))
    return decode_secret(kept).get(DATA_KEYS)


async def forget_kept(tenant: Tenant, context: ReconcileContext) -> None:
    """Delete the kept copy of data keys once the Tenant's Secret has them: else a key destroyed there would come back."""
    await context.kube.delete(resources.SECRETS, context.settings.namespace, kept_name(tenant.metadata.dotted))
