"""Keep the keys that providers sign with for an hour after a change: `T-signing-keys`.

A person changes a Secret, and the pods have the new key within a minute or two; the provider begins to sign with it earlier or
later. Until then the former key is accepted, and Cal.com is given a changed secret only when the pods have it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import msgspec

from askproai_core.former_keys import FORMER_KEYS, FormerKey, FormerKeys, decode_former_keys, encode_former_keys
from askproai_operator.api import Tenant
from askproai_operator.context import ReconcileContext
from askproai_operator.controllers.tenant.children.secrets import SIGNING_KEYS, signing_keys_secret
from askproai_operator.credentials import RETELL_KEY, Credentials, read_own_secret

GRACE: Final = timedelta(hours=1)
# A kubelet updates mounted Secrets each minute, from a cache that may be a minute old.
PODS_UPDATED: Final = timedelta(minutes=2)
GRACE_ANNOTATION: Final = "askproai.de/key-grace"  # "none": a leaked key is not accepted any more
_PRESENT: Final = "present"  # not mounted: the pods have the present keys from the tenant's own Secrets


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """The keys by which providers sign, by the name of the mounted file. Never part of a text."""

    present: Mapping[str, str] = field(default_factory=dict, repr=False)
    former: FormerKeys = field(default_factory=dict, repr=False)

    def to_register(self, name: str, value: str, now: datetime) -> str:
        """Return the secret that the provider is to sign with now: the former one while pods may not have `value` yet."""
        waiting = [each for each in self.former.get(name, ()) if now < each.until - GRACE + PODS_UPDATED]
        return waiting[-1].key if waiting else value


def next_keys(
    keys: SigningKeys, credentials: Credentials, now: datetime, *, usable: bool, grace: timedelta = GRACE
) -> SigningKeys:
    """Return the keys after a reconcile that has read `credentials`. Pure.

    A value that could not be read changes nothing. One that is not `usable` is never accepted later, but the key before it is.
    """
    names = {name for name in credentials.secret_refs if name == RETELL_KEY or name.endswith("-webhook-secret")}
    present = {name: key for name, key in keys.present.items() if name in names}
    former = {name: list(each) for name, each in keys.former.items() if name in names}
    for name in sorted(names & credentials.values.keys()):
        value, before = credentials.values[name], present.pop(name, None)
        if before is not None and before != value:
            former.setdefault(name, []).insert(0, FormerKey(before, now + grace))
        if usable:
            present[name] = value
        elif before == value:
            present[name] = before
    live = {name: tuple(each for each in entries if now < each.until) for name, entries in former.items()}
    return SigningKeys(present, {name: entries for name, entries in live.items() if entries})


async def keep_signing_keys(
    tenant: Tenant, credentials: Credentials, context: ReconcileContext, *, usable: bool
) -> SigningKeys:
    """Update `T-signing-keys` with what the tenant's Secrets hold now, and return it."""
    meta = tenant.metadata
    stored = await read_own_secret(context, meta.namespace, meta.name, SIGNING_KEYS, uid=meta.uid)
    keys = SigningKeys(_decode_present(stored.get(_PRESENT)), decode_former_keys(stored.get(FORMER_KEYS)))
    keys = next_keys(keys, credentials, context.clock.now(), usable=usable)
    if tenant.metadata.annotations.get(GRACE_ANNOTATION) == "none":
        keys = SigningKeys(keys.present)
    values = {FORMER_KEYS: encode_former_keys(keys.former)} if keys.former else {}
    present = msgspec.json.encode(dict(keys.present), order="deterministic").decode()
    await context.kube.apply(signing_keys_secret(tenant, values | {_PRESENT: present}))
    return keys


def _decode_present(text: str | None) -> dict[str, str]:
    try:
        return msgspec.json.decode(text or "{}", type=dict[str, str])
    except msgspec.DecodeError:  # somebody's hand: the next change has no grace
        return {}
