"""Keep providers' former signing keys for an hour after a change: `T-signing-keys`.

A person changes a Secret, and the provider signs with the former key until a person enters the new key there. Until then the
former key is accepted, and Cal.com gets a changed secret only when the pods have it. A secret with which Cal.com still signs is
accepted as long as it does: its registration may wait for a person.

Former keys are kept for each sender, under the name of its first file: a key that moved to another file is not a former one.

The Secret also records which API key Cal.com has accepted in a request, so that an untested key can be recognized.
"""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

import structlog

from askproai_core.former_keys import (
    FORMER_KEYS,
    PRESENT_KEYS,
    REVOKED_AT,
    FormerKey,
    FormerKeys,
    decode_former_keys,
    decode_present_keys,
    encode_former_keys,
    encode_present_keys,
)
from askproai_operator.api import Key, Tenant
from askproai_operator.api.conditions import ConditionType, Status
from askproai_operator.context import ReconcileContext
from askproai_operator.controllers.tenant.children.metadata import child_name
from askproai_operator.controllers.tenant.children.secrets import SIGNING_KEYS, tenant_secret
from askproai_operator.credentials import RETELL_KEY, RETELL_WEBHOOK_KEY, Credentials, read_credentials, read_own_secret
from askproai_operator.engine import UnmanagedObject, find_condition

log = structlog.get_logger(__name__)

GRACE: Final = timedelta(hours=1)
# A kubelet updates mounted Secrets each minute, from a cache that may be a minute old.
PODS_UPDATED: Final = timedelta(minutes=2)
GRACE_ANNOTATION: Final = "askproai.de/key-grace"  # "none": no former key is accepted, since one has leaked
# Fields of the Secret that are not mounted.
_REGISTERED: Final = "registered"
_ACCEPTED: Final = "accepted"


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """The keys with which providers sign, by mounted file; former keys by `sender_of` the file. `repr` hides the keys."""

    present: Mapping[str, str] = field(default_factory=dict, repr=False)
    former: FormerKeys = field(default_factory=dict, repr=False)
    registered: Mapping[str, str] = field(default_factory=dict, repr=False)  # what the operator last registered
    accepted: Mapping[str, str] = field(default_factory=dict)  # hashes of API keys that their provider accepted last
    revoked_at: str = ""  # when a person last ended former keys early

    def to_register(self, name: str, value: str, now: datetime) -> str:
        """Return the secret that the provider is to sign with now: the former one while pods may lack the new one, `value`.

        The wait is as long as a kubelet may take, since not every pod can be asked.
        """
        waiting = [each for each in self.former.get(name, ()) if _is_mounted(each, now)]
        return waiting[-1].key if waiting else value

    def mounted(self) -> dict[str, str]:
        """Return the content of the files by which pods get these keys, by file: present keys, former keys, time of revocation."""
        former = {FORMER_KEYS: encode_former_keys(self.former)} if self.former else {}
        revoked = {REVOKED_AT: self.revoked_at} if self.revoked_at else {}
        return former | revoked | {PRESENT_KEYS: encode_present_keys(self.present)}

    def is_untried(self, name: str, key_hash: str) -> bool:
        """Return True if the provider has not accepted this API key (`key_hash`) in a request yet."""
        return self.accepted.get(name) != key_hash


def next_keys(
    keys: SigningKeys,
    credentials: Credentials,
    now: datetime,
    *,
    refused: Container[str] | None = (),
    is_held: bool = False,
    is_revoked: bool = False,
) -> SigningKeys:
    """Return the signing keys after a reconcile that has read `credentials`. Pure.

    A value that could not be read changes nothing. A key whose file is in `refused` never becomes a former key, but the key
    before it does; if `refused` is None, keys were not tested, and earlier refusals stay. While the reconcile `is_held`, no
    former key expires, since the status says that a provider may not sign with a newer key yet; a key that is still registered
    does not expire, either. With `is_revoked`, all former keys end, and the time is recorded.
    """
    names = {name for name in credentials.secret_refs if sender_of(name) is not None}
    senders = {sender for name in names if (sender := sender_of(name))}
    present = {name: key for name, key in keys.present.items() if name in names}
    for name in names & credentials.values.keys():
        value, before = credentials.values[name], present.pop(name, None)
        if before == value or (before is not None if refused is None else name not in refused):
            present[name] = value
    former = {sender: list(keys.former.get(sender, ())) for sender in senders}
    for name, key in sorted(keys.present.items()):
        sender = sender_of(name)
        if sender in senders and key not in _keys_of(sender, present):
            former[sender].insert(0, FormerKey(key, now + GRACE))
    registered = {name: key for name, key in keys.registered.items() if name in names}
    signing = {name: key for name, key in registered.items() if key != credentials.values.get(name)}
    kept = {
        name: [_prolonged(each, now) if is_held or each.key == signing.get(name) else each for each in entries]
        for name, entries in former.items()
    }
    live = {name: _list_live(entries, _keys_of(name, present), now) for name, entries in kept.items()}
    accepted = {name: key for name, key in keys.accepted.items() if name in credentials.secret_refs}
    lasting = {name: entries for name, entries in live.items() if entries}
    if is_revoked:
        return SigningKeys(present, {}, registered, accepted, now.isoformat() if lasting else keys.revoked_at)
    return SigningKeys(present, lasting, registered, accepted, keys.revoked_at)


def sender_of(file: str) -> str | None:
    """Return the file name by which the sender who signs with this file's key is known; None if nobody signs with the key."""
    if file == RETELL_KEY or file.startswith(RETELL_WEBHOOK_KEY):
        return RETELL_KEY
    return file if file.endswith("-webhook-secret") else None


def _keys_of(sender: str, present: Mapping[str, str]) -> frozenset[str]:
    return frozenset(key for name, key in present.items() if sender_of(name) == sender)


def _list_live(entries: Sequence[FormerKey], present: frozenset[str], now: datetime) -> tuple[FormerKey, ...]:
    """Return the unexpired former keys. A key no longer mounted is left out if it is in `present` or in an earlier entry."""
    newer = [{*present, *(each.key for each in entries[:at])} for at in range(len(entries))]
    kept = (each for each, keys in zip(entries, newer, strict=True) if _is_mounted(each, now) or each.key not in keys)
    return tuple(each for each in kept if now < each.until)


def _is_mounted(former: FormerKey, now: datetime) -> bool:
    """Return True while a pod may still mount a former key as its present key."""
    return now < former.until - GRACE + PODS_UPDATED


def _prolonged(former: FormerKey, now: datetime) -> FormerKey:
    """Return a former key, with new grace if less than half of it is left. No registration waits for it: pods have a newer key."""
    is_near = former.until - now < GRACE / 2
    return FormerKey(former.key, now + GRACE - PODS_UPDATED) if is_near else former


async def keep_signing_keys(
    tenant: Tenant,
    credentials: Credentials,
    context: ReconcileContext,
    *,
    refused: Container[str] | None = (),
    is_held: bool,
) -> SigningKeys:
    """Update the Secret `T-signing-keys` by the present content of the tenant's Secrets, and return its keys.

    While the reconcile `is_held` or KeysInUse is False, no former key expires: providers may sign with no other key.
    """
    meta = tenant.metadata
    stored = await read_own_secret(context, meta.namespace, meta.name, SIGNING_KEYS, uid=meta.uid)
    keys = SigningKeys(
        decode_present_keys(stored.get(PRESENT_KEYS)),
        decode_former_keys(stored.get(FORMER_KEYS)),
        decode_present_keys(stored.get(_REGISTERED)),
        decode_present_keys(stored.get(_ACCEPTED)),
        stored.get(REVOKED_AT, ""),
    )
    is_revoked = tenant.metadata.annotations.get(GRACE_ANNOTATION) == "none"
    is_held |= find_condition(tenant, ConditionType.KEYS_IN_USE).get("status") == Status.FALSE
    keys = next_keys(keys, credentials, context.clock.now(), refused=refused, is_held=is_held, is_revoked=is_revoked)
    await _write(tenant, keys, context)
    return keys


async def keep_signing_keys_of_held(key: Key, context: ReconcileContext) -> None:
    """Update the signing keys of a paused or planned Tenant: its pods run, and providers may sign with the replaced key.

    New keys are not tested, but the pods mount them, and a provider may sign with any of them.
    """
    tenant = context.relations.tenant(key.namespace, key.name)
    if tenant is None or tenant.metadata.deletion_timestamp is not None:
        return
    if context.cache.secret(key.namespace, child_name(key.name, "teardown")) is None:
        return  # never provisioned
    try:
        await keep_signing_keys(tenant, await read_credentials(tenant, context), context, refused=None, is_held=True)
    except UnmanagedObject as error:  # the reconcile after the pause reports it in a condition
        log.warning("signing_keys.not_kept", tenant=tenant.metadata.dotted, error=error.message)


async def record_registered(
    tenant: Tenant,
    keys: SigningKeys,
    context: ReconcileContext,
    *,
    registered: Mapping[str, str],
    accepted: Mapping[str, str],
) -> None:
    """Record the secrets with which providers sign from now on, and the hashes of the API keys that they just accepted."""
    recorded = replace(keys, registered={**keys.registered, **registered}, accepted={**keys.accepted, **accepted})
    if recorded != keys:
        await _write(tenant, recorded, context)


async def _write(tenant: Tenant, keys: SigningKeys, context: ReconcileContext) -> None:
    values = keys.mounted()
    values |= {_REGISTERED: encode_present_keys(keys.registered)} if keys.registered else {}
    values |= {_ACCEPTED: encode_present_keys(keys.accepted)} if keys.accepted else {}
    await context.kube.apply(tenant_secret(tenant, SIGNING_KEYS, values))
