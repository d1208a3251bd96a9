"""A release reaches tenants a few at a time: finds each Tenant's release and unhealthy pods, and decides whose turn it is.

All of this is read from the tenants' Deployments: an annotation names the release of a pod template (`RolloutRecord`), and the
status has the state of its pods. Only this process's memory has the waiting Tenants, turns that are begun but not yet written,
losses of pods, and since when a change is under way. A restart loses nothing: a waiting tenant asks anew with each reconcile,
and the times count anew (docs/decisions/0129-releases-reach-tenants-in-turn.md).
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
_CALLED: Final = frozenset({"web", "worker"})  # other Deployments, of canaries and shadows, hold up no tenant
# Kubernetes waits as long for a Deployment's newest pods (progressDeadlineSeconds), until RolloutStuck is set.
_PATIENCE: Final = timedelta(minutes=10)
# Losses count for a process that dies repeatedly: it comes back within at most five minutes, so `_PATIENCE` never ends.
_LOSSES, _LOSSES_WITHIN = 3, timedelta(minutes=30)


class RolloutRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """The annotation of a Deployment that says where its pod template comes from.

    `release` and `image` are the rendering operator's, `template` is a digest of the template, and `inputs` is a digest of all
    contributions of the tenant's manifests and Secrets. `judged`: a change of release brought the template to healthy pods, so
    the release is to blame if they become unhealthy.
    """

    release: str
    image: str
    template: str
    inputs: str
    judged: bool = False


def read_record(deployment: ObservedObject) -> RolloutRecord | None:
    """Return the rollout record of a Deployment. None: somebody edited the record."""
    try:
        return msgspec.json.decode(deployment.annotations.get(ROLLOUT, ""), type=RolloutRecord)
    except msgspec.DecodeError:
        return None


def encode_record(record: RolloutRecord) -> str:
    """Return a rollout record as the value of the Deployment's annotation."""
    return msgspec.json.encode(record).decode()


class Phase(StrEnum):
    """How far a tenant's pods are on the way to the present release."""

    HELD = "held"  # has another release and does not ask for its turn: paused, or a check keeps its reconcile from the pods
    WAITING = "waiting"
    UNDER_WAY = "under_way"
    DONE = "done"
    UNHEALTHY = "unhealthy"


def rollout_problem(deployment: ObservedObject) -> str | None:
    """Return why the Deployment's newest pods do not become ready; None if they do, or if the status is still of former pods."""
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
    """Return True if all desired pods have the newest template, and no pods of a former template are left."""
    status = deployment.status
    counts = {status.get("replicas", 0), status.get("updatedReplicas", 0), deployment.replicas}
    return len(counts) == 1 and status.get("observedGeneration", 0) >= deployment.generation


def is_broken(deployment: ObservedObject, now: datetime) -> bool:
    """Return True if a Deployment is stuck, is changing its pods, or has been short of a pod for ten minutes. Then another
    template puts no healthy pods at risk, and may be the cure. A pod that was just evicted does not count.
    """
    if not deployment.replicas:
        return False
    status = deployment.status
    is_changing = status.get("updatedReplicas", 0) < status.get("replicas", 0)
    return rollout_problem(deployment) is not None or is_changing or _is_down_for_long(deployment, now)


def soak_end(deployment: ObservedObject, soak: timedelta) -> datetime | None:
    """Return until when the newest pods are watched: `soak` after they last became ready. None until they are all ready."""
    progress = _conditions(deployment).get("Progressing", {})
    if progress.get("reason") != "NewReplicaSetAvailable" or not has_newest_pods_only(deployment):
        return None
    end, back = datetime.fromisoformat(progress["lastUpdateTime"]) + soak, _available_since(deployment, "True")
    # Progressing does not change when a pod fails and comes back. A return long after the roll-out is due to an eviction
    # or scaling.
    return max(end, back + soak) if back is not None and back < end + _PATIENCE else end


def phase_of_pods(deployment: ObservedObject, now: datetime, soak: timedelta) -> Phase:
    """Return the phase of a Deployment whose pod template is the present release's.

    A Deployment that is short of pods later, such as while it is scaled, is unhealthy only if that lasts.
    """
    if not deployment.replicas:
        return Phase.DONE
    down = _down_since(deployment)
    if rollout_problem(deployment) is not None or _is_down_for_long(deployment, now):
        return Phase.UNHEALTHY
    end = soak_end(deployment, soak)
    if end is None or now < end or (down is not None and down < end):
        return Phase.UNDER_WAY
    return Phase.DONE


def may_begin(limit: int, under_way: int, unhealthy: int) -> bool:
    """Return True if one more tenant may change to the present release: no tenant is unhealthy, and fewer than `limit` change."""
    return limit == 0 or (unhealthy == 0 and under_way < limit)


def _is_down_for_long(deployment: ObservedObject, now: datetime) -> bool:
    down = _down_since(deployment)
    return down is not None and now - down >= _PATIENCE


def is_down(deployment: ObservedObject) -> bool:
    """Return True if none of a Deployment's desired pods is available now."""
    return bool(deployment.replicas) and not deployment.status.get("availableReplicas")


def _last_progress(deployment: ObservedObject) -> datetime | None:
    """Return the time at which one of the newest pods last became ready; None if Kubernetes has recorded none."""
    updated = _conditions(deployment).get("Progressing", {}).get("lastUpdateTime")
    times = [datetime.fromisoformat(updated) if updated else None, _available_since(deployment, "True")]
    return max((each for each in times if each is not None), default=None)


def _down_since(deployment: ObservedObject) -> datetime | None:
    return _available_since(deployment, "False")


def _available_since(deployment: ObservedObject, status: str) -> datetime | None:
    """Return since when the Deployment's condition Available has had this status; None if it has another one."""
    available = _conditions(deployment).get("Available", {})
    return datetime.fromisoformat(available["lastTransitionTime"]) if available.get("status") == status else None


def _conditions(deployment: ObservedObject) -> Mapping[str, Mapping[str, Any]]:
    return {each["type"]: each for each in deployment.status.get("conditions") or ()}


@dataclass(frozen=True, slots=True)
class RolloutState:
    """The Tenants that are changing to the present release, those that it made unhealthy, and how many wait for their turn."""

    under_way: Collection[Key]
    unhealthy: Collection[Key]
    waiting: int


class Rollouts:
    """The Deployments of all tenants, their progress toward the present release, and the order in which tenants change."""

    def __init__(
        self, cache: Cache, clock: Clock, release: str, *, limit: int, soak: timedelta, changed: Callable[[], None]
    ) -> None:
        """Take the present `release` and the `limit` of changing tenants (0: no limit). `changed` runs when turns may be due."""
        self._cache, self._clock, self._soak, self._changed = cache, clock, soak, changed
        self.release, self.limit = release, limit
        self._pods: dict[Key, dict[str, tuple[ObservedObject, RolloutRecord | None]]] = {}  # by Tenant and component
        self._unsettled: set[Key] = set()  # judged Tenants that are not known to be done
        self._begun: set[Key] = set()  # Tenants whose turn is not written yet
        self._waiting: dict[Key, None] = {}  # in the order of their requests
        self._midst_since: dict[Key, datetime] = {}  # Tenants under way
        self._losses: dict[tuple[Key, str], list[datetime]] = {}  # when all judged pods of a component went away
        cache.add_child_indexer(DEPLOYMENTS, self._index)
        cache.add_indexer(self._note_tenant)

    def begin(self, tenant: Key) -> bool:
        """Begin a Tenant's turn and return True, or return False if it must wait; it is made due later. After True, call `end`."""
        state = self.state()
        if may_begin(self.limit, len({*state.under_way, *self._begun} - {tenant}), len(state.unhealthy)):
            self._waiting.pop(tenant, None)
            self._begun.add(tenant)
            return True
        self._waiting[tenant] = None
        self._changed()
        return False

    def end(self, tenant: Key) -> None:
        """End a Tenant's begun turn: its Deployments in the cache show the change now, or nothing was written."""
        if tenant in self._begun:
            self._begun.remove(tenant)
            self._changed()

    def forget(self, tenant: Key) -> None:
        """Stop counting a Tenant as waiting, because its new reconcile shows whether it still waits."""
        self._waiting.pop(tenant, None)

    def take_next(self) -> list[Key]:
        """Return the waiting Tenants that may begin now; they stop counting as waiting until `begin` refuses them again.

        Tenants without available pods come first: the release may be their cure.
        """
        state = self.state()
        free = self.limit - len({*state.under_way, *self._begun}) if not state.unhealthy else 0
        found = sorted(self._waiting, key=lambda tenant: not self._has_lost_pods(tenant))[: max(0, free)]
        for tenant in found:
            del self._waiting[tenant]
        return found

    def state(self) -> RolloutState:
        """Return the changing and the unhealthy Tenants, and how many wait. Tenants that are done are not examined again."""
        self._unsettled = {tenant for tenant in self._unsettled if self._is_unsettled(tenant)}
        phases = {tenant: self._phase(tenant) for tenant in self._unsettled if _can_hold_up(self._cache.get(tenant))}
        now = self._clock.now()
        midst = [tenant for tenant, phase in phases.items() if phase is Phase.UNDER_WAY]
        self._midst_since = {tenant: self._midst_since.get(tenant, now) for tenant in midst}
        stuck = {tenant for tenant in midst if now - self._moved_at(tenant) >= _PATIENCE + self._soak}
        return RolloutState(
            [tenant for tenant in midst if tenant not in stuck],
            [tenant for tenant, phase in phases.items() if phase is Phase.UNHEALTHY or tenant in stuck],
            len(self._waiting),
        )

    def next_change(self) -> timedelta | None:
        """Return the time until the first watched Deployment has been ready for the soak time; None if none is watched."""
        now = self._clock.now()
        ends = [
            end
            for tenant in self._unsettled
            for live, _ in self._judged(tenant)
            if (end := soak_end(live, self._soak)) is not None and end > now
        ]
        return min(ends) - now if ends else None

    def count_phases(self) -> Mapping[Phase, int]:
        """Return by phase of the roll-out how many Tenants with pods are in it."""
        state = self.state()
        midst = {*state.under_way, *state.unhealthy}
        counts = Counter({Phase.UNDER_WAY: len(state.under_way), Phase.UNHEALTHY: len(state.unhealthy)})
        counts[Phase.WAITING] = state.waiting
        others = self._pods.keys() - midst - self._waiting.keys()
        counts[Phase.DONE] = sum(self._has_release(tenant) for tenant in others)
        counts[Phase.HELD] = len(others) - counts[Phase.DONE]
        return counts

    def _index(self, where: tuple[str, str], new: ObservedObject | None) -> None:
        """Store the state and rollout record of a tenant's Deployment. Deployments of canaries and shadows are ignored."""
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
            self._losses.pop((tenant, component), None)
        else:
            known = self._pods.get(tenant, {}).get(component)
            self._pods.setdefault(tenant, {})[component] = (new, read_record(new))
            self._note_loss(tenant, component, known)
        before = tenant in self._unsettled
        (self._unsettled.add if self._is_unsettled(tenant) else self._unsettled.discard)(tenant)
        if before or tenant in self._unsettled:
            self._changed()

    def _note_loss(
        self, tenant: Key, component: str, before: tuple[ObservedObject, RolloutRecord | None] | None
    ) -> None:
        """Remember that a Deployment of the present release lost its last available pod, until it gets another template."""
        live, record = self._pods[tenant][component]
        if before is None or before[1] != record:
            self._losses.pop((tenant, component), None)
        elif is_down(live) and before[0].status.get("availableReplicas") and record is not None and record.judged:
            now = self._clock.now()
            self._losses[tenant, component] = [*self._list_losses(tenant, component), now]

    def _list_losses(self, tenant: Key, component: str) -> list[datetime]:
        now = self._clock.now()
        return [at for at in self._losses.get((tenant, component), ()) if now - at < _LOSSES_WITHIN]

    def _moved_at(self, tenant: Key) -> datetime:
        """Return the time at which a changing Tenant last made progress: a pod became ready, or its change began."""
        progress = (_last_progress(live) for live, _ in self._judged(tenant))
        return max([self._midst_since[tenant], *(each for each in progress if each is not None)])

    def _has_lost_pods(self, tenant: Key) -> bool:
        return any(is_down(live) for live, _ in self._pods.get(tenant, {}).values())

    def _note_tenant(self, old: CustomResource | None, new: CustomResource | None) -> None:
        """Have turns decided anew if an unfinished Tenant now can hold up others, or no longer can (`_can_hold_up`)."""
        model = new or old
        if model is not None and model.key in self._unsettled and _can_hold_up(old) != _can_hold_up(new):
            self._changed()

    def _is_unsettled(self, tenant: Key) -> bool:
        judged = self._judged(tenant)
        if not judged:
            return False
        return self._phase(tenant) is not Phase.DONE or any(_down_since(live) is not None for live, _ in judged)

    def _judged(self, tenant: Key) -> Collection[tuple[ObservedObject, RolloutRecord]]:
        """Return the Tenant's Deployments that got their template by a change to the present release."""
        return [
            (live, record)
            for live, record in self._pods.get(tenant, {}).values()
            if record is not None and record.judged and record.release == self.release
        ]

    def _phase(self, tenant: Key) -> Phase:
        """Return a Tenant's phase: the worst of its judged Deployments, or under way while a Deployment lacks the release."""
        now = self._clock.now()
        found = {phase_of_pods(live, now, self._soak) for live, _ in self._judged(tenant)}
        lost = max((len(self._list_losses(tenant, each)) for each in self._pods.get(tenant, ())), default=0)
        if found and (Phase.UNHEALTHY in found or lost >= _LOSSES):
            return Phase.UNHEALTHY
        return Phase.UNDER_WAY if Phase.UNDER_WAY in found or not self._has_release(tenant) else Phase.DONE

    def _has_release(self, tenant: Key) -> bool:
        return all(record is not None and record.release == self.release for record in self._records(tenant))

    def _records(self, tenant: Key) -> Iterable[RolloutRecord | None]:
        return (record for _, record in self._pods.get(tenant, {}).values())


def _can_hold_up(tenant: CustomResource | None) -> bool:
    """Return True if a Tenant's phase counts for the turns of others; False if it is deleted, being deleted, or paused."""
    return tenant is not None and tenant.metadata.deletion_timestamp is None and not is_paused(tenant)
