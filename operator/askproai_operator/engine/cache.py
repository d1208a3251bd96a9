"""What we know of the cluster: the last seen state of every watched object, and who belongs to whom."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from askproai_operator.api import KINDS, Branch, Resource, RetellAgent, ServiceOffering, Tenant
from askproai_operator.engine.refs import CUSTOM, SECRETS, Ref
from askproai_operator.key import Key

Model = Tenant | Branch | ServiceOffering | RetellAgent
M = TypeVar("M", bound=Resource)

# Written by the API server and by other controllers' status; none of it tells that somebody changed our child.
_VOLATILE = ("resourceVersion", "managedFields", "generation", "selfLink")


@dataclass(frozen=True, slots=True)
class Child:
    """A watched object that is not one of our four kinds. A Secret's data is never kept, only its part of `fingerprint`."""

    uid: str
    version: int
    fingerprint: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    status: Mapping[str, Any]


def fingerprint(raw: Mapping[str, Any]) -> str:
    """Give a hash of everything but status and bookkeeping: it moves exactly when somebody changed the object."""
    meta = raw["metadata"]
    if raw["kind"] in {ref.kind for ref in CUSTOM}:
        return _fingerprint_of_custom(meta["generation"], meta.get("labels") or {}, meta.get("annotations") or {})
    meta = {name: value for name, value in raw["metadata"].items() if name not in _VOLATILE}
    kept = {name: value for name, value in raw.items() if name not in {"status", "metadata", "kind", "apiVersion"}}
    return hashlib.sha256(json.dumps([meta, kept], sort_keys=True).encode()).hexdigest()


def _fingerprint_of_custom(generation: int, labels: Mapping[str, str], annotations: Mapping[str, str]) -> str:
    return hashlib.sha256(
        json.dumps([generation, dict(labels), dict(annotations)], sort_keys=True).encode()
    ).hexdigest()


def version_of(raw: Mapping[str, Any]) -> int:
    """Give the resourceVersion as a number (comparable within one resource, KEP-5504), so that no older state wins."""
    return int(raw["metadata"].get("resourceVersion", "0"))


def child_of(raw: Mapping[str, Any]) -> Child:
    """Give what we keep of an object."""
    meta = raw["metadata"]
    return Child(
        uid=meta["uid"],
        version=version_of(raw),
        fingerprint=fingerprint(raw),
        labels=meta.get("labels") or {},
        annotations=meta.get("annotations") or {},
        status=raw.get("status") or {},
    )


class Cache:
    """The four kinds as typed models, and children, by namespace. Written by the informer and by our own writes' answers."""

    def __init__(self) -> None:
        self._models: dict[tuple[str, str], dict[str, Model]] = defaultdict(dict)
        self._children: dict[Ref, dict[tuple[str, str], Child]] = defaultdict(dict)
        self._tenant_of_branch: dict[
            tuple[str, str], str
        ] = {}  # outlives the branch: its agents still belong to a tenant

    # Reading

    def get(self, key: Key) -> Model | None:
        return self._models[key.kind, key.namespace].get(key.name)

    def list(self, kind: type[M], namespace: str | None = None) -> Sequence[M]:
        """Give all objects of a kind, such as `Branch`, of one namespace or of all."""
        if namespace is not None:
            return cast("Sequence[M]", [*self._models[kind.kind, namespace].values()])
        found = [models for (name, _), models in self._models.items() if name == kind.kind]
        return cast("Sequence[M]", [model for models in found for model in models.values()])

    def list_namespace(self, namespace: str) -> Iterator[Model]:
        """Give the objects of all four kinds in one namespace."""
        return (model for kind in KINDS for model in self._models[kind, namespace].values())

    def tenant(self, namespace: str, name: str) -> Tenant | None:
        return cast("Tenant | None", self.get(Key(Tenant.kind, namespace, name)))

    def branch(self, namespace: str, name: str) -> Branch | None:
        return cast("Branch | None", self.get(Key(Branch.kind, namespace, name)))

    def offering(self, namespace: str, name: str) -> ServiceOffering | None:
        return cast("ServiceOffering | None", self.get(Key(ServiceOffering.kind, namespace, name)))

    def agent(self, namespace: str, name: str) -> RetellAgent | None:
        return cast("RetellAgent | None", self.get(Key(RetellAgent.kind, namespace, name)))

    def branches(self, namespace: str, tenant: str) -> Sequence[Branch]:
        """Give the branches that name this tenant."""
        return [model for model in self.list(Branch, namespace) if self.tenant_of(model) == tenant]

    def offerings(self, namespace: str, tenant: str) -> Sequence[ServiceOffering]:
        """Give the services of this tenant, named directly or by a branch."""
        return [model for model in self.list(ServiceOffering, namespace) if self.tenant_of(model) == tenant]

    def agents(self, namespace: str, tenant: str) -> Sequence[RetellAgent]:
        """Give the agents of this tenant, named directly or by a branch."""
        return [model for model in self.list(RetellAgent, namespace) if self.tenant_of(model) == tenant]

    def tenant_of(self, model: Model) -> str | None:
        """Give the name of the tenant that an object belongs to.

        Of a deleted branch we remember it (references never change), so that its agents still find their tenant.
        """
        if isinstance(model, Tenant):
            return model.metadata.name
        if model.spec.tenant_ref is not None:
            return model.spec.tenant_ref.name
        branch = None if isinstance(model, Branch) else model.spec.branch_ref
        return self._tenant_of_branch.get((model.metadata.namespace, branch.name)) if branch is not None else None

    def live(self, ref: Ref, namespace: str, name: str) -> tuple[str, str] | None:
        """Give the uid and the fingerprint of any watched object."""
        if ref not in CUSTOM:
            child = self.child(ref, namespace, name)
            return (child.uid, child.fingerprint) if child is not None else None
        model = self.get(Key(ref.kind, namespace, name))
        if model is None:
            return None
        meta = model.metadata
        return meta.uid, _fingerprint_of_custom(meta.generation, meta.labels, meta.annotations)

    def child(self, ref: Ref, namespace: str, name: str) -> Child | None:
        return self._children[ref].get((namespace, name))

    def secret(self, namespace: str, name: str) -> Child | None:
        """Give a watched Secret without its data: ours, or a user's that carries the label `askproai.de/watch`."""
        return self.child(SECRETS, namespace, name)

    # Writing

    def put(self, ref: Ref, raw: dict[str, Any]) -> tuple[Model | Child | None, Model | Child | None]:
        """Keep an object; give what was known before and what is known now. An older state than the known one is ignored."""
        namespace, name = raw["metadata"].get("namespace", ""), raw["metadata"]["name"]
        if ref not in CUSTOM:
            old_child = self.child(ref, namespace, name)
            if old_child is not None and version_of(raw) <= old_child.version:
                return old_child, old_child
            self._children[ref][namespace, name] = child_of(raw)
            return old_child, self._children[ref][namespace, name]
        old = self.get(Key(ref.kind, namespace, name))
        if old is not None and version_of(raw) <= int(old.metadata.resource_version or 0):
            return old, old
        new = cast("Model", KINDS[ref.kind].from_raw(raw))
        self._models[ref.kind, namespace][name] = new
        if isinstance(new, Branch):
            self._tenant_of_branch[namespace, name] = new.spec.tenant_ref.name
        return old, new

    def drop(self, ref: Ref, namespace: str, name: str, uid: str) -> Model | Child | None:
        """Forget a deleted object, unless a namesake took its place meanwhile. Gives what was known."""
        if ref not in CUSTOM:
            child = self.child(ref, namespace, name)
            return self._children[ref].pop((namespace, name)) if child is not None and child.uid == uid else None
        model = self.get(Key(ref.kind, namespace, name))
        if model is None or model.metadata.uid != uid:
            return None
        return self._models[ref.kind, namespace].pop(name)

    def all_keys(self) -> Sequence[Key]:
        """Give the keys of all objects of our kinds."""
        return [model.key for models in self._models.values() for model in models.values()]
