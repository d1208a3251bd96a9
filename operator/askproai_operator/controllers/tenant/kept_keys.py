"""The data keys of a deleted Tenant whose rows stay (`dataPolicy: Retain`): a Secret of the operator's namespace.

The Tenant's own Secret goes with it, and with its namespace; without the keys nobody could read the rows that a Tenant gets which
comes back. It takes the keys together with the rows, so nobody has them who has not those.
"""

import hashlib
from typing import Final

from askproai_core.data_keys import DATA_KEYS
from askproai_core.database import DATABASE_UNAVAILABLE, DatabaseError
from askproai_operator.api import DataPolicy, Tenant
from askproai_operator.context import ReconcileContext
from askproai_operator.credentials import decode_secret, secret_manifest
from askproai_operator.engine import Conflict, resources

LABEL: Final = "askproai.de/kept-data-keys"
_OF: Final = "askproai.de/what"


def kept_name(tenant: str) -> str:
    """Return the name of the Secret for a tenant (`namespace.name`)."""
    return f"askproai-data-keys-{hashlib.sha256(tenant.encode()).hexdigest()[:12]}"


async def keep_or_forget(tenant: Tenant, keys: str | None, context: ReconcileContext) -> None:
    """Keep the keys of a Tenant that is being deleted if its rows stay; else forget also what an earlier one has left.

    `keys` is None if it never had any. A Tenant that has not got the rows of its name changes none of the keys that are kept for
    them: a namesake could destroy the keys of another's rows, or put its own in their place. Safe to run again.
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
    except Conflict:  # of an earlier run, or of a Tenant whose keys this one has taken over
        if has_rows:
            await context.kube.patch(resources.SECRETS, namespace, name, {"data": manifest["data"]})


async def _has_rows(tenant: Tenant, context: ReconcileContext) -> bool:
    """Return whether the rows of this name are the Tenant's, or there are none."""
    try:
        return await context.database.find_owner(tenant.metadata.dotted) in {None, tenant.metadata.uid}
    except (DatabaseError, *DATABASE_UNAVAILABLE):  # past the budget of the deletion
        return _was_provisioned(tenant)


def _was_provisioned(tenant: Tenant) -> bool:
    """Return whether a reconcile of the Tenant has come to its end: it had the rows then."""
    return tenant.status.get("configHash") is not None


async def read_kept(tenant: Tenant, context: ReconcileContext) -> str | None:
    """Return the keys that the former Tenant of this name has left, to a Tenant that has its rows; None without any."""
    kept = await context.kube.get_secret(context.settings.namespace, kept_name(tenant.metadata.dotted))
    return decode_secret(kept).get(DATA_KEYS)


async def forget_kept(tenant: Tenant, context: ReconcileContext) -> None:
    """Delete what was kept, once the Tenant's own Secret has it: else a key that is destroyed there would come back."""
    await context.kube.delete(resources.SECRETS, context.settings.namespace, kept_name(tenant.metadata.dotted))
