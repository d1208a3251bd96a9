"""Which keys the pods verify with: the condition KeysInUse, and the versions of the Secrets that all pods have.

A provider may sign with a new key when all pods have it; who moves it before is answered 401. A kubelet updates mounted Secrets
a minute or more after their change, so the pods are made to read them at once (`controllers/config_sync.py`), and they show what
they have as a hash (docs/decisions/0139-pods-show-the-keys-that-they-have.md).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from askproai_core.former_keys import keys_hash
from askproai_operator.api import Tenant
from askproai_operator.api.conditions import Condition, ConditionType, Reason, bad, good
from askproai_operator.controllers.tenant.signing_keys import SigningKeys
from askproai_operator.credentials import Credentials
from askproai_operator.engine import ObservedObject
from askproai_operator.memory import PodKeys

_KIND = ConditionType.KEYS_IN_USE


@dataclass(frozen=True, slots=True)
class KeysInUse:
    """The present keys, whether all pods have them, and what the status says about it."""

    wanted: PodKeys
    by_all: bool
    condition: Condition
    status: dict[str, Any]


def find_keys_in_use(
    tenant: Tenant,
    credentials: Credentials,
    keys: SigningKeys,
    token: str,
    deployments: Sequence[ObservedObject],
    seen: PodKeys | None,
) -> KeysInUse:
    """Return whether all pods verify with the present keys. Pure.

    `deployments` are the live ones before this reconcile, since pods that start later mount what there is then; `seen` are the
    keys that the pods showed last. The status about these very versions stays true: a pod never mounts an older Secret
    again.
    """
    versions = tuple(sorted(credentials.versions.items()))
    wanted = PodKeys(keys_hash(token, {**credentials.values, **keys.mounted()}), versions)
    status = {
        "keysHash": wanted.hash,
        "secretsInUse": [{"name": name, "resourceVersion": version} for name, version in versions],
    }
    recorded = {name: tenant.status.get(name) for name in status}
    if not deployments or recorded == status or seen == wanted:
        return KeysInUse(wanted, True, good(_KIND, _describe_former(keys)), status)
    without = seen.without if seen is not None and replace(seen, without=()) == wanted else ()
    whose = f"pods that have not shown the new keys: {', '.join(without)}" if without else "the pods are asked"
    text = f"do not have a provider sign with a new key yet, since its requests would be refused; {whose}"
    return KeysInUse(wanted, False, bad(_KIND, Reason.PROGRESSING, text), recorded)


def _describe_former(keys: SigningKeys) -> str:
    """Return until when former keys are accepted, for the person who has to move a provider to the new one."""
    ends = sorted((name, entries[0].until) for name, entries in keys.former.items())
    return "; ".join(f"the former {name} is accepted until {until:%Y-%m-%d %H:%M} UTC" for name, until in ends)
