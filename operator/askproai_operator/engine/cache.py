"""What we know of the cluster: the last seen state of every watched object, and who belongs to whom."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from askproai_core.kube import ApiResource
from askproai_core.phone_numbers import InvalidNumber, to_e164
from askproai_operator.api import KINDS, Branch, Resource, RetellAgent, ServiceOffering, Tenant
from askproai_operator.engine.resources import CUSTOM, SECRETS
from askproai_operator.key import Key

Model = Tenant | Branch | ServiceOffering | RetellAgent
M = TypeVar("M", bound=Resource)

_REMEMBERED = 10_000  # deleted objects
# Written by the API server and by other controllers' status; none of it tells that somebody changed our child.
_VOLATILE = ("resourceVersion", "managedFields", "generation", "selfLink")


@dataclass(frozen=True, slots=True)
class Child:
    """What we keep of any watched object. A Secret's data is never kept, only its part of `fingerprint`.

    `fingerprint` hashes everything but status and bookkeeping: it moves exactly when somebody changed the object. Versions are
    numbers (comparable within one resource, KEP-5504), so that no older state wins.
    """

    uid: str
    version: int
    fingerprint: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    status: Mapping[str, Any]
    generation: int = 0
    replicas: int | None = None


def child_of(raw: Mapping[str, Any]) -> Child:
    """Give what we keep of an object."""
    meta = raw["metadata"]
    kept = [
        {name: value for name, value in meta.items() if name not in _VOLATILE},
        {name: value for name, value in raw.items() if name not in {"status", "metadata", "kind", "apiVersion"}},
    ]
    return Child(
        uid=meta["uid"],
        version=int(meta.get("resourceVersion", "0")),
        fingerprint=hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest(),
        labels=meta.get("labels") or {},
        annotations=meta.get("annotations") or {},
        status=raw.get("status") or {},
        generation=meta.get("generation", 0),
        replicas=(raw.get("spec") or {}).get("replicas"),
    )


class Cache:
    """Every watched object as a `Child`, and the four kinds as typed models. Written by watches and our own writes' answers."""

    def __init__(self) -> None:
        self._models: dict[tuple[str, str], dict[str, Model]] = defaultdict(dict)
        self._children: dict[ApiResource, dict[tuple[str, str], Child]] = defaultdict(dict)
        self._by_number: dict[str, set[Key]] = defaultdict(set)  # as dialled → the branches that list it
        self._gone: dict[str, None] = {}  # uids of the last deleted objects, oldest first
        self.served: set[ApiResource] = set()  # which of `resources.FOREIGN` this cluster has
        self._tenant_of_branch: dict[tuple[str, str], str] = {}  # outlives the branch: its agents belong to a tenant

    # Reading

    def get(self, key: Key) -> Model | None:
        return self._models[key.kind, key.namespace].get(key.name)

    def list(self, kind: type[M], namespace: str | None = None) -> Sequence[M]:
        """Give all objects of a kind, such as `Branch`, of one namespace or of all."""
        return cast("Sequence[M]", [*self.models(namespace, kind.kind)])

    def models(self, namespace: str | None = None, kind: str | None = None) -> Iterator[Model]:
        """Give the objects of all four kinds or of one, of one namespace or of all."""
        if namespace is not None:
            return (model for one in ([kind] if kind else KINDS) for model in self._models[one, namespace].values())
        found = (models for (one, _), models in self._models.items() if kind in {None, one})
        return (model for models in found for model in models.values())

    def tenant(self, namespace: str, name: str) -> Tenant | None:
        return cast("Tenant | None", self.get(Key(Tenant.kind, namespace, name)))

    def branch(self, namespace: str, name: str) -> Branch | None:
        return cast("Branch | None", self.get(Key(Branch.kind, namespace, name)))

    def agent(self, namespace: str, name: str) -> RetellAgent | None:
        return cast("RetellAgent | None", self.get(Key(RetellAgent.kind, namespace, name)))

    def branches(self, namespace: str, tenant: str) -> Sequence[Branch]:
        """Give the branches that name this tenant."""
        return [model for model in self.list(Branch, namespace) if self.tenant_of(model) == tenant]

    def branches_with(self, branch: Branch) -> Sequence[Branch]:
        """Give the branches of the cluster that list one of this branch's numbers, itself among them."""
        keys = {key for number in _dialled(branch) for key in self._by_number.get(number, ())}
        return [found for key in sorted(keys) if isinstance(found := self.get(key), Branch)]

    def offerings(self, namespace: str, tenant: str) -> Sequence[ServiceOffering]:
        """Give the services of this tenant, named directly or by a branch."""
        return [model for model in self.list(ServiceOffering, namespace) if self.tenant_of(model) == tenant]

    def agents(self, namespace: str, tenant: str) -> Sequence[RetellAgent]:
        """Give the agents of this tenant, named directly or by a branch."""
        return [model for model in self.list(RetellAgent, namespace) if self.tenant_of(model) == tenant]

    def tenant_of(self, model: Model) -> str | None:
        """Give the name of the tenant that an object belongs to.

        Of a deleted branch we remember it (references never change), and after a restart its agents' status does, so that
        its agents still find their tenant, and the tenant waits for them.
        """
        if isinstance(model, Tenant):
            return model.metadata.name
        if model.spec.tenant_ref is not None:
            return model.spec.tenant_ref.name
        branch = None if isinstance(model, Branch) else model.spec.branch_ref
        if branch is None:
            return None
        return self._tenant_of_branch.get((model.metadata.namespace, branch.name)) or model.status.get("tenant")

    def child(self, ref: ApiResource, namespace: str, name: str) -> Child | None:
        return self._children[ref].get((namespace, name))

    def secret(self, namespace: str, name: str) -> Child | None:
        """Give a watched Secret without its data: ours, or a user's that carries the label `askproai.de/watch`."""
        return self.child(SECRETS, namespace, name)

    def uids(self, ref: ApiResource) -> Mapping[tuple[str, str], str]:
        """Give the uid of every known object of a resource, by namespace and name."""
        return {where: child.uid for where, child in self._children[ref].items()}

    # Writing

    def put(self, ref: ApiResource, raw: dict[str, Any]) -> tuple[Model | Child | None, Model | Child | None]:
        """Keep an object; give what was known before and what is known now. An older state than the known one is ignored,
        and so is a list's or an answer's that was on its way while the object's deletion was told: uids never come again.
        """
        where = namespace, name = raw["metadata"].get("namespace", ""), raw["metadata"]["name"]
        known, new = self._children[ref].get(where), child_of(raw)
        old = self.get(Key(ref.kind, namespace, name)) if ref in CUSTOM else known
        if (known is not None and new.version <= known.version) or new.uid in self._gone:
            return old, old
        model = cast("Model", KINDS[ref.kind].from_raw(raw)) if ref in CUSTOM else None
        self._children[ref][where] = new
        if model is None:
            return old, new
        self._models[ref.kind, namespace][name] = model
        if isinstance(model, Branch):
            self._tenant_of_branch[where] = model.spec.tenant_ref.name
        self._index(old, model)
        return old, model

    def drop(self, ref: ApiResource, namespace: str, name: str, uid: str) -> Model | Child | None:
        """Forget a deleted object, unless a namesake took its place meanwhile. Gives what was known."""
        child = self.child(ref, namespace, name)
        if child is None or child.uid != uid:
            return None
        self._gone[uid] = None
        if len(self._gone) > _REMEMBERED:
            del self._gone[next(iter(self._gone))]
        del self._children[ref][namespace, name]
        if ref not in CUSTOM:
            return child
        model = self._models[ref.kind, namespace].pop(name)
        self._index(model, None)
        return model

    def _index(self, old: Model | Child | None, new: Model | None) -> None:
        if isinstance(old, Branch):
            for number in _dialled(old):
                self._by_number[number].discard(old.key)
                if not self._by_number[number]:
                    del self._by_number[number]
        if isinstance(new, Branch):
            for number in _dialled(new):
                self._by_number[number].add(new.key)


def _dialled(branch: Branch) -> frozenset[str]:
    """Give the numbers at which a branch is called, in E.164; what cannot be read rings nowhere."""
    return frozenset(found for one in branch.spec.phone_numbers if (found := _e164(one.did or one.number)))


def _e164(number: str) -> str | None:
    try:
        return to_e164(number)
    except InvalidNumber:
        return None
