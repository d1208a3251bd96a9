"""The keys by which pods verify requests: the conditions KeysInUse and RequestsVerified, and the versions of Secrets in pods.

A provider may sign with a new key when all pods have it; if it begins earlier, it is answered 401. A kubelet updates mounted
Secrets a minute or more after their change, so the pods are made to read them at once (`controllers/config_sync.py`). The pods
report their keys as a hash (docs/decisions/0139-pods-show-the-keys-that-they-have.md).
"""

from collections.abc import Sequence
from dataclasses import replace

from askproai_core.former_keys import keys_hash
from askproai_core.signature_verdict import Verdict
from askproai_core.tenant_config.config import config_hash
from askproai_operator.api import Tenant
from askproai_operator.api.conditions import Condition, ConditionType, Reason, bad, good
from askproai_operator.context import ReconcileContext
from askproai_operator.controllers.conditions import local_time
from askproai_operator.controllers.tenant.run import KeysInUse, Run
from askproai_operator.controllers.tenant.signing_keys import SigningKeys
from askproai_operator.credentials import Credentials
from askproai_operator.engine import ObservedObject
from askproai_operator.memory import PodKeys
from askproai_operator.store.tenant_states import RefusedRequests

_KIND = ConditionType.KEYS_IN_USE


async def have_keys_read(run: Run, context: ReconcileContext) -> None:
    """Trigger a config sync if the config has changed, or if not all pods have reported the present keys."""
    tenant, hashed, seen = run.tenant, config_hash(run.config), context.memory.pod_keys.get(run.tenant.key)
    run.in_use = find_keys_in_use(tenant, run.inputs.credentials, run.keys, run.admin_token, run.deployed, seen)
    if tenant.status.get("configHash") not in {None, hashed} or not run.in_use.by_all:
        # A kubelet may take 90 s to update a mounted Secret.
        context.trigger_config_sync(*tenant.key[1:], hashed, run.in_use.wanted)


def requests_verified(run: Run, _: ReconcileContext) -> Condition:
    """Return RequestsVerified: False while the pods refuse every request of this tenant's own calls with 401."""
    kind, refused = ConditionType.REQUESTS_VERIFIED, run.state.refused
    return good(kind) if refused is None else bad(kind, Reason.REQUESTS_REFUSED, describe_refused(run.tenant, refused))


def describe_refused(tenant: Tenant, refused: RefusedRequests) -> str:
    """Return a text that says since when all requests are refused, why, and what a person has to do."""
    match refused.reason:
        case Verdict.OUTSIDE_WINDOW:
            ahead = refused.seconds_ahead or 0
            clock = f"{abs(ahead)} s {'behind' if ahead > 0 else 'ahead of'} the time at which Retell signed"
            todo = f"the key is right, but the clock of a pod's node is {clock}. Synchronize the clocks of the nodes"
        case Verdict.MISSING | Verdict.MALFORMED:
            header = f"the header x-retell-signature is {'missing' if refused.reason == Verdict.MISSING else 'damaged'}"
            todo = f"{header}. Have the proxy or firewall between Retell and the pods pass it on unchanged"
        case _:
            todo = (
                "none of the Secret's keys is the one with the webhook badge at Retell. Put that key into the Secret, or mark the"
                " Secret's key there"
            )
    return (
        f"since {local_time(tenant, refused.since)} every request of Retell that names an agent and a number of this tenant was"
        f" refused with 401, and callers hear an apology: {todo}; it ends with the next request that is accepted"
    )


def find_keys_in_use(
    tenant: Tenant,
    credentials: Credentials,
    keys: SigningKeys,
    token: str,
    deployments: Sequence[ObservedObject],
    seen: PodKeys | None,
) -> KeysInUse:
    """Return the present keys with KeysInUse: True if all pods verify with them. Pure.

    `deployments` are the live ones before this reconcile, since pods that start later mount the present keys; `seen` are the
    keys that the pods reported last. If the status already confirms these very versions of Secrets, KeysInUse stays True: a pod
    never mounts an older Secret again.
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
    meanwhile = "; the former key is accepted meanwhile" if keys.former else ""
    text = f"do not have a provider sign with a new key yet, since its requests would be refused{meanwhile}; {whose}"
    return KeysInUse(wanted, False, bad(_KIND, Reason.PROGRESSING, text), recorded)


def _describe_former(keys: SigningKeys) -> str:
    """Return a text that says for each sender until when its former key is accepted; "" without former keys."""
    ends = sorted((name, entries[0].until) for name, entries in keys.former.items())
    former = ((name.partition("-")[0], until) for name, until in ends)
    return "; ".join(
        f"the former key of {sender} is accepted until {until:%Y-%m-%d %H:%M} UTC" for sender, until in former
    )
