"""Releases reach tenants a few at a time: who has the pods of which release, whose pods are unhealthy, and who may begin.

All of it is read from the Deployments of the tenants: an annotation says of which release a pod template is (`RolloutRecord`), and
the status what became of its pods. So a restart changes nothing. Only who waits, and whose turn has begun and is not written yet,
is of this process: each reconcile of a tenant that waits asks anew (docs/decisions/0129-releases-reach-tenants-in-turn.md).
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

import msgspec

from askproai_core.clock import Clock
from askproai_operator.api import CustomResource, Key, Tenant
from askproai_operator.applied_spec import is_paused
from askproai_operator.engine import Cache, ObservedObject
from askproai_operator.resources import DEPLOYMENTS, TENANT_LABEL

ROLLOUT: Final = "askproai.de/rollout"  # annotation of a Deployment: its RolloutRecord, as JSON
_COMPONENT: Final = "app.kubernetes.io/component"
_CALLED: Final = frozenset({"web", "worker"})  # a canary and a shadow have Deployments of their own, and hold up nobody
# As long as Kubernetes waits for the newest pods of a Deployment (progressDeadlineSeconds): then RolloutStuck is set.
_PATIENCE: Final = timedelta(minutes=10)


class RolloutRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where the pod template of a Deployment came from.

    `release` and `image` are those of the operator that rendered it, `template` is its digest, and `inputs` that of all that the
    tenant's manifests and Secrets contribute. `judged`: a change of release brought it to a tenant whose pods were healthy, so the
    release is to blame if they no longer are.
    """

    release: str
    image: str
    template: str
    inputs: str
    judged: bool = False


def read_record(deployment: ObservedObject) -> RolloutRecord | None:
    """Return the record of a Deployment. None: a release without records has applied it last, or somebody has edited it."""
    try:
        return msgspec.json.decode(deployment.annotations.get(ROLLOUT, ""), type=RolloutRecord)
    except msgspec.DecodeError:
        return None


def encode_record(record: RolloutRecord) -> str:
    """Return the value of the annotation."""
    return msgspec.json.encode(record).decode()


class Phase(StrEnum):
    """How far a tenant is on the way to the present release."""

    WAITING = "waiting"
    UNDER_WAY = "under_way"
    DONE = "done"
    UNHEALTHY = "unhealthy"


def rollout_problem(deployment: ObservedObject) -> str | None:
    """Return why the newest pods do not become ready. Its conditions can still be of the former template."""
    if deployment.status.get("observedGeneration", 0) < deployment.generation:
        return None
    found = _conditions(deployment)
    refused, progress = found.get("ReplicaFailure", {}), found.get("Progressing", {})
    if refused.get("status") == "True":  # such as by a quota or an admission policy
        return f"its pods are refused ({refused.get('message', '')})"
    if progress.get("status") == "False" and progress.get("reason") == "ProgressDeadlineExceeded":
        return "its newest pods have not become ready in time, and the former ones go on"
    return None


def has_newest_pods_only(deployment: ObservedObject) -> bool:
    """Return whether no pods of a former template are left, and none of the newest is missing."""
    status = deployment.status
    counts = {status.get("replicas", 0), status.get("updatedReplicas", 0), deployment.replicas}
    return len(counts) == 1 and status.get("observedGeneration", 0) >= deployment.generation


def is_broken(deployment: ObservedObject) -> bool:
    """Return whether a Deployment is stuck, in the midst of a change of its pods, or without an available pod: there is nothing to
    protect from another template, which may be the cure.
    """
    if not deployment.replicas:
        return False
    status = deployment.status
    is_changing = status.get("updatedReplicas", 0) < status.get("replicas", 0)
    return rollout_problem(deployment) is not None or is_changing or not status.get("availableReplicas")


def soak_end(deployment: ObservedObject, soak: timedelta) -> datetime | None:
    """Return until when the newest pods are watched, which is `soak` after they had become ready; None before they are."""
    progress = _conditions(deployment).get("Progressing", {})
    if progress.get("reason") != "NewReplicaSetAvailable" or not has_newest_pods_only(deployment):
        return None
    return datetime.fromisoformat(progress["lastUpdateTime"]) + soak


def phase_of_pods(deployment: ObservedObject, now: datetime, soak: timedelta) -> Phase:
    """Return how far the pods of a Deployment are that has the template of the present release.

    What is short of pods later, such as while it is scaled, is unhealthy only when that stays so.
    """
    if not deployment.replicas:
        return Phase.DONE
    down = _down_since(deployment)
    if rollout_problem(deployment) is not None or (down is not None and now - down >= _PATIENCE):
        return Phase.UNHEALTHY
    end = soak_end(deployment, soak)
    if end is None or now < end or (down is not None and down < end):
        return Phase.UNDER_WAY
    return Phase.DONE


def may_begin(limit: int, under_way: int, unhealthy: int) -> bool:
    """Return whether one tenant more may get the present release; a `limit` of 0 is none."""
    return limit == 0 or (unhealthy == 0 and under_way < limit)


def _down_since(deployment: ObservedObject) -> datetime | None:
    available = _conditions(deployment).get("Available", {})
    return datetime.fromisoformat(available["lastTransitionTime"]) if available.get("status") == "False" else None


def _conditions(deployment: ObservedObject) -> Mapping[str, Mapping[str, Any]]:
    return {each["type"]: each for each in deployment.status.get("conditions") or ()}


@dataclass(frozen=True, slots=True)
class RolloutState:
    """Who is in the midst of a change to the present release, whose pods it has made unhealthy, and how many wait."""

    under_way: Collection[Key]
    unhealthy: Collection[Key]
    waiting: int


class Rollouts:
    """The Deployments of all tenants by what they have of the present release, and whose turn it is."""

    def __init__(
        self, cache: Cache, clock: Clock, release: str, *, limit: int, soak: timedelta, changed: Callable[[], None]
    ) -> None:
        """Take the present release; `changed` is called when the next turns may be due."""
        self._cache, self._clock, self._soak, self._changed = cache, clock, soak, changed
        self.release, self.limit = release, limit
        self._pods: dict[Key, dict[str, tuple[ObservedObject, RolloutRecord | None]]] = {}  # by Tenant and component
        self._unsettled: set[Key] = set()  # judged by the present release, and not known to be done
        self._begun: set[Key] = set()  # whose turn is not written yet
        self._waiting: dict[Key, None] = {}  # in the order in which they came
        cache.add_child_indexer(DEPLOYMENTS, self._index)
        cache.add_indexer(self._note_tenant)

    def begin(self, tenant: Key) -> bool:
        """Return whether it is a Tenant's turn; `end` must follow then. If not, it is made due when it may be."""
        state = self.state()
        if may_begin(self.limit, len({*state.under_way, *self._begun} - {tenant}), len(state.unhealthy)):
            self._waiting.pop(tenant, None)
            self._begun.add(tenant)
            return True
        self._waiting[tenant] = None
        self._changed()
        return False

    def end(self, tenant: Key) -> None:
        """Note that the Deployments of a Tenant whose turn has begun show it, or that nothing of it was written."""
        if tenant in self._begun:
            self._begun.remove(tenant)
            self._changed()

    def forget(self, tenant: Key) -> None:
        """Note that a Tenant is looked at anew: whether it waits is seen then."""
        self._waiting.pop(tenant, None)

    def take_next(self) -> list[Key]:
        """Return the Tenants whose turn it may be, which count as waiting again when they ask for it in vain."""
        state = self.state()
        free = self.limit - len({*state.under_way, *self._begun}) if not state.unhealthy else 0
        found = [*self._waiting][: max(0, free)]
        for tenant in found:
            del self._waiting[tenant]
        return found

    def state(self) -> RolloutState:
        """Return who is under way and who is unhealthy now; of those that are known to be done nobody is looked at."""
        self._unsettled = {tenant for tenant in self._unsettled if self._is_unsettled(tenant)}  # time settles them, too
        phases = {tenant: self._phase(tenant) for tenant in self._unsettled if _can_hold_up(self._cache.get(tenant))}
        return RolloutState(
            [tenant for tenant, phase in phases.items() if phase is Phase.UNDER_WAY],
            [tenant for tenant, phase in phases.items() if phase is Phase.UNHEALTHY],
            len(self._waiting),
        )

    def next_change(self) -> timedelta | None:
        """Return in how long the first of the tenants that are watched will have been ready for long enough; None without one."""
        now = self._clock.now()
        ends = [
            end
            for tenant in self._unsettled
            for live, _ in self._judged(tenant)
            if (end := soak_end(live, self._soak)) is not None and end > now
        ]
        return min(ends) - now if ends else None

    def count_phases(self) -> Mapping[Phase, int]:
        """Return how many Tenants are in each phase. Who has another release and does not ask for its turn is in none."""
        state = self.state()
        midst = {*state.under_way, *state.unhealthy}
        counts = Counter({Phase.UNDER_WAY: len(state.under_way), Phase.UNHEALTHY: len(state.unhealthy)})
        counts[Phase.WAITING] = state.waiting
        counts[Phase.DONE] = sum(self._has_release(tenant) for tenant in self._pods.keys() - midst)
        return counts

    def _index(self, where: tuple[str, str], new: ObservedObject | None) -> None:
        """Keep what is known of a Deployment. That of a canary or of a shadow is not among them."""
        namespace, name = where
        owner, _, component = name.rpartition("-")
        tenant = Key(Tenant.kind, namespace, owner)
        labels = (new.labels.get(TENANT_LABEL), new.labels.get(_COMPONENT)) if new is not None else None
        if new is None or component not in _CALLED or labels != (owner, component):
            pods = self._pods.get(tenant, {})
            if pods.pop(component, None) is None:
                return
            if not pods:
                del self._pods[tenant]
        else:
            self._pods.setdefault(tenant, {})[component] = (new, read_record(new))
        before = tenant in self._unsettled
        (self._unsettled.add if self._is_unsettled(tenant) else self._unsettled.discard)(tenant)
        if before or tenant in self._unsettled:
            self._changed()

    def _note_tenant(self, old: CustomResource | None, new: CustomResource | None) -> None:
        """Have the next turns given when a Tenant no longer holds up others, or does so again."""
        model = new or old
        if model is not None and model.key in self._unsettled and _can_hold_up(old) != _can_hold_up(new):
            self._changed()

    def _is_unsettled(self, tenant: Key) -> bool:
        judged = self._judged(tenant)
        if not judged:
            return False
        return self._phase(tenant) is not Phase.DONE or any(_down_since(live) is not None for live, _ in judged)

    def _judged(self, tenant: Key) -> Collection[tuple[ObservedObject, RolloutRecord]]:
        """Return the Deployments to which a change to the present release brought their template."""
        return [
            (live, record)
            for live, record in self._pods.get(tenant, {}).values()
            if record is not None and record.judged and record.release == self.release
        ]

    def _phase(self, tenant: Key) -> Phase:
        """Return the worst phase of a Tenant's judged Deployments; it is under way while another one has to follow."""
        now = self._clock.now()
        found = {phase_of_pods(live, now, self._soak) for live, _ in self._judged(tenant)}
        if Phase.UNHEALTHY in found:
            return Phase.UNHEALTHY
        return Phase.UNDER_WAY if Phase.UNDER_WAY in found or not self._has_release(tenant) else Phase.DONE

    def _has_release(self, tenant: Key) -> bool:
        return all(record is not None and record.release == self.release for record in self._records(tenant))

    def _records(self, tenant: Key) -> Iterable[RolloutRecord | None]:
        return (record for _, record in self._pods.get(tenant, {}).values())


def _can_hold_up(tenant: CustomResource | None) -> bool:
    """Return whether a Tenant can hold up others: not one that is being deleted, nor one that a person has paused."""
    return tenant is not None and tenant.metadata.deletion_timestamp is None and not is_paused(tenant)
