"""The keys with which a tenant's pods encrypt callers' words: `T-data-keys`.

A key is made once and kept: without it, the data that it encrypted is unreadable for good. So an unreadable Secret is left
alone, and deleting the Secret destroys its keys (docs/decisions/0114-bodies-are-encrypted.md).
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import msgspec

from askproai_core.data_keys import (
    DATA_KEYS,
    KNOWN_TO_ALL_PODS,
    DataKeys,
    decode_data_keys,
    encode_data_keys,
    new_data_key,
)
from askproai_operator.api import Tenant
from askproai_operator.api.conditions import Condition, ConditionType, Reason, bad, good
from askproai_operator.context import ReconcileContext
from askproai_operator.controllers.tenant.children.deployment import all_pods_decrypt
from askproai_operator.controllers.tenant.children.metadata import Manifest, child_name
from askproai_operator.controllers.tenant.children.secrets import ENCRYPTION_SUFFIX, tenant_secret
from askproai_operator.controllers.tenant.database import DATABASE_ERRORS, end_without_database
from askproai_operator.controllers.tenant.kept_keys import forget_kept, read_kept
from askproai_operator.controllers.tenant.run import Encryption, Run
from askproai_operator.controllers.tenant.teardown import render_teardown
from askproai_operator.credentials import read_own_secret
from askproai_operator.engine import Result

ROTATE_ANNOTATION: Final = "askproai.de/rotate-data-key"  # on a Tenant: each new value makes a new key
_KIND: Final = ConditionType.BODIES_ENCRYPTED


async def ensure_encryption(run: Run, context: ReconcileContext) -> Result | None:
    """Make the tenant's data keys if the installation encrypts, keep keys that exist, and decide if the pods encrypt now."""
    try:
        run.encryption = await _ensure_keys(run, context)
        if run.are_keys_recorded and run.encryption.stored != run.inputs.data_keys:
            # A new key: the copy for the deletion must have it, too.
            await context.kube.apply(render_teardown(replace(run.inputs, data_keys=run.encryption.stored)))
    except DATABASE_ERRORS as error:
        return end_without_database(run, error, context)
    run.inputs = replace(run.inputs, data_keys=run.encryption.stored)
    return None


async def _ensure_keys(run: Run, context: ReconcileContext) -> Encryption:
    """Return the data keys as stored now, with a condition. If `T-data-keys` is unreadable, its last good copy stays in use."""
    tenant = run.tenant
    meta, now, asked = tenant.metadata, context.clock.now(), context.settings.encrypt_bodies
    stored = (await read_own_secret(context, meta.namespace, meta.name, ENCRYPTION_SUFFIX, uid=meta.uid)).get(DATA_KEYS)
    # A restored tenant needs its former keys to read its rows, even if nothing new is encrypted.
    is_new = tenant.status.get("configHash") is None
    kept = await read_kept(tenant, context) if not stored and (asked or is_new) else None
    if stored is None and kept is None and not asked:
        return Encryption()
    try:
        keys = decode_data_keys(stored or kept or "{}")
    except ValueError as error:
        secret = child_name(meta.name, ENCRYPTION_SUFFIX)
        text = f"Secret {secret}: {error}; restore it from your backup. What is new is stored plainly"
        return Encryption(condition=bad(_KIND, Reason.DATA_KEYS_UNREADABLE, text), stored=run.inputs.data_keys)
    lost = not keys.keys and await context.database.has_encrypted_rows(meta.dotted)
    keys = next_keys(keys, tenant.metadata.annotations.get(ROTATE_ANNOTATION, ""), now, lost=lost)
    in_use = asked and all_pods_decrypt(run.deployed, before=keys.in_use)
    keys = msgspec.structs.replace(keys, in_use=in_use, were_kept=keys.were_kept or kept is not None)
    await context.kube.apply(_secret(tenant, keys))
    if keys.were_kept:
        await forget_kept(tenant, context)
        keys = msgspec.structs.replace(keys, were_kept=False)
        await context.kube.apply(_secret(tenant, keys))
    return Encryption(in_use, encryption_condition(tenant, keys, now, asked=asked), encode_data_keys(keys))


def _secret(tenant: Tenant, keys: DataKeys) -> Manifest:
    return tenant_secret(tenant, ENCRYPTION_SUFFIX, {DATA_KEYS: encode_data_keys(keys)})


def next_keys(keys: DataKeys, rotation: str, now: datetime, *, lost: bool) -> DataKeys:
    """Return the data keys to store: a first key if there is none yet, and a further key if the annotation changed. Pure."""
    if not keys.keys:
        return DataKeys((new_data_key(now),), rotation, now if lost else None)
    if rotation and rotation != keys.rotation:
        return msgspec.structs.replace(keys, keys=(*keys.keys, new_data_key(now)), rotation=rotation)
    return keys


def encryption_condition(tenant: Tenant, keys: DataKeys, now: datetime, *, asked: bool) -> Condition:
    """Return BodiesEncrypted: False while data encrypted by a lost key exists, until it is deleted by age. Pure."""
    kept = tenant.spec.retention
    if keys.lost_at and now < keys.lost_at + timedelta(days=max(kept.raw_event_days, kept.transcript_days)):
        secret = child_name(tenant.metadata.name, ENCRYPTION_SUFFIX)
        text = (
            f"what was encrypted before {keys.lost_at:%Y-%m-%d %H:%M} UTC is unreadable, since its key is gone. Unless it was"
            f" destroyed on purpose, restore Secret {secret} from your backup"
        )
        return bad(_KIND, Reason.DATA_KEY_LOST, text)
    if not asked:
        return good(_KIND, "what is new is stored plainly (settings.encryptBodies)", Reason.NOT_REQUESTED)
    if not keys.in_use:
        return good(_KIND, "begins when all pods are of this release", Reason.PENDING)
    begins = keys.keys[0].since + KNOWN_TO_ALL_PODS
    if now < begins:
        return good(_KIND, f"begins at {begins:%H:%M:%S} UTC, when all pods have the key", Reason.PENDING)
    return good(_KIND)
