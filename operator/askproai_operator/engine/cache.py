"""The last seen state of every watched object, written by watches and by the answers to our own writes."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from sys import intern
from typing import Any, TypeVar, cast

import msgspec

from askproai_core.api_resource import ApiResource
from askproai_operator.api import KINDS, CustomResource, Key, Part
from askproai_operator.engine.owned_fields import digest, digest_of_owned
from askproai_operator.resources import CUSTOM, OWN, PERMITTED, SECRETS, USE_LABEL

M = TypeVar("M", bound=CustomResource)
Indexer = Callable[[CustomResource | None, CustomResource | None], None]
ChildIndexer = Callable[[tuple[str, str], "ObservedObject | None"], None]

_REMEMBERED_DELETIONS = 10_000
# Written by the API server and by other controllers' status updates: a change of these is not an edit of our child.
_VOLATILE = ("resourceVersion", "managedFields", "generation", "selfLink")


@dataclass(frozen=True, slots=True)
class ObservedObject:
    """The part of a watched object that is cached. A Secret's data is kept (`secret`) only if it is ours, or permits its use.

    `fingerprint` hashes everything but status and bookkeeping: it changes exactly when somebody edited the object. `version` is
    the resourceVersion, which is comparable as a number within one resource (KEP-5504), so that no older state wins.
    """

    uid: str
    version: int
    fingerprint: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    status: Mapping[str, Any]
    generation: int = 0
    replicas: int | None = None
    owned: str | None = None  # the digest of the fields that our apply owns in it (`owned_fields`)
    secret: bytes | None = field(default=None, repr=False)  # the Secret itself, as JSON, without bookkeeping


def observed_object(raw: Mapping[str, Any]) -> ObservedObject:
    """Return the part of an API object that the cache keeps."""
    meta = raw["metadata"]
    content = [
        {name: value for name, value in meta.items() if name not in _VOLATILE},
        {name: value for name, value in raw.items() if name not in {"status", "metadata", "kind", "apiVersion"}},
    ]
    return ObservedObject(
        uid=meta["uid"],
        version=_version(meta),
        fingerprint=digest(content),
        labels=meta.get("labels") or {},
        annotations=meta.get("annotations") or {},
        status=raw.get("status") or {},
        generation=meta.get("generation", 0),
        replicas=(raw.get("spec") or {}).get("replicas"),
        owned=digest_of_owned(raw),
        secret=_usable_secret(raw),
    )


def _usable_secret(raw: Mapping[str, Any]) -> bytes | None:
    """Return the encoded Secret if it is ours or permits its use; None for any other object, whose data must not stay here."""
    meta = raw["metadata"]
    labels = meta.get("labels") or {}
    if raw.get("kind") != SECRETS.kind or labels.get(USE_LABEL) not in {PERMITTED, OWN}:
        return None
    names = ("name", "namespace", "uid", "resourceVersion", "labels", "ownerReferences")
    kept = {name: meta[name] for name in names if name in meta}
    return msgspec.json.encode({"metadata": kept, "data": raw.get("data") or {}})


def _version(meta: Mapping[str, Any]) -> int:
    return int(meta.get("resourceVersion", "0"))


def _share_strings(raw: dict[str, Any]) -> None:
    """Share equal strings of conditions and labels in memory: thousands of objects have the same strings."""
    status, meta = raw.get("status") or {}, raw["metadata"]
    if labels := meta.get("labels"):
        meta["labels"] = {intern(name): intern(value) for name, value in labels.items()}
    for condition in status.get("conditions") or ():
        condition |= {name: intern(value) for name, value in condition.items() if isinstance(value, str)}


_NAMES_OF_FIELDS: dict[frozenset[str], set[str]] = {}


def _share_names(value: object) -> None:
    """Share equal sets of field names (pydantic's record of the fields that a manifest sets), so that each is in memory once.

    pydantic makes a set for each part of each object: 20 of a tenant's 43 kB. It copies a set before it changes one.
    """
    if isinstance(value, Part):
        stated = value.__pydantic_fields_set__
        object.__setattr__(value, "__pydantic_fields_set__", _NAMES_OF_FIELDS.setdefault(frozenset(stated), stated))
        for part in value.__dict__.values():
            _share_names(part)
    elif isinstance(value, tuple):
        for part in value:
            _share_names(part)


class Cache:
    """Every watched object as an `ObservedObject`; our custom resources also as typed models."""

    def __init__(self) -> None:
        self._models: dict[tuple[str, str], dict[str, CustomResource]] = defaultdict(dict)  # kind and namespace → name
        self._children: dict[ApiResource, dict[tuple[str, str], ObservedObject]] = defaultdict(dict)
        self._deleted: dict[str, int] = {}  # uids of the last deleted objects, with their last version; oldest first
        self._indexers: list[Indexer] = []
        self._child_indexers: dict[ApiResource, list[ChildIndexer]] = defaultdict(list)
        self.served: set[ApiResource] = set()  # which of `refs.FOREIGN` this cluster has

    def add_indexer(self, indexer: Indexer) -> None:
        """Call `indexer(old, new)` at every later change of a custom resource, and now with (None, object) for each known one."""
        for model in self.models():
            indexer(None, model)
        self._indexers.append(indexer)

    def add_child_indexer(self, ref: ApiResource, indexer: ChildIndexer) -> None:
        """Call `indexer(where, new)` for every change of an object of a watched resource, and once for each object that is
        already known. `where` is its namespace and name; `new` is None if it is gone.
        """
        for where, child in self._children[ref].items():
            indexer(where, child)
        self._child_indexers[ref].append(indexer)

    # Reading

    def get(self, key: Key) -> CustomResource | None:
        """Return the custom resource of this key; None if the cache does not know it."""
        return self._models.get((key.kind, key.namespace), {}).get(key.name)

    def list(self, kind: type[M], namespace: str | None = None) -> Sequence[M]:
        """Return all custom resources of one kind, in one namespace or (None) in all."""
        return cast("Sequence[M]", [*self.models(namespace, kind.kind)])

    def models(self, namespace: str | None = None, kind: str | None = None) -> Iterator[CustomResource]:
        """Yield all custom resources; with `namespace` only its own, with `kind` only that kind."""
        if namespace is not None:
            kinds = [kind] if kind else [*KINDS]
            return (model for each in kinds for model in self._models.get((each, namespace), {}).values())
        by_name = (models for (each, _), models in self._models.items() if kind in {None, each})
        return (model for models in by_name for model in models.values())

    def child(self, ref: ApiResource, namespace: str, name: str) -> ObservedObject | None:
        """Return the cached part of an object of any watched resource; None if it is not known."""
        return self._children[ref].get((namespace, name))

    def secret(self, namespace: str, name: str) -> ObservedObject | None:
        """Return a watched Secret (ours, or a user's that permits its use), or None."""
        return self.child(SECRETS, namespace, name)

    def uids(self, ref: ApiResource) -> Mapping[tuple[str, str], str]:
        """Return the UIDs of all known objects of a resource, keyed by namespace and name."""
        return {where: child.uid for where, child in self._children[ref].items()}

    def saw_deletion(self, uid: str) -> bool:
        """Return True if this process saw the object with this UID, and then its deletion."""
        return uid in self._deleted

    # Writing

    def put(
        self, ref: ApiResource, raw: dict[str, Any]
    ) -> tuple[CustomResource | ObservedObject | None, CustomResource | ObservedObject | None]:
        """Store an object's state. Returns the former and the new state; twice the former state if the new one is ignored.

        A state is ignored if it is older than the known state, or than a deletion of the object that was seen. A UID of our own
        kinds never comes back. A UID of another kind can: if somebody removes the label by which it is watched, the watch
        reports a deletion, and when the label is back, the state is newer. Raises pydantic.ValidationError for a custom
        resource that cannot be parsed.
        """
        meta = raw["metadata"]
        where = namespace, name = meta.get("namespace", ""), meta["name"]
        known = self._children[ref].get(where)
        old = self.get(Key(ref.kind, namespace, name)) if ref in CUSTOM else known
        if (known is not None and _version(meta) <= known.version) or self._is_deleted(ref, meta):
            return old, old  # most objects of a list
        self._deleted.pop(meta["uid"], None)
        _share_strings(raw)
        new = observed_object(raw)
        if ref not in CUSTOM:
            self._children[ref][where] = new
            self._index_child(ref, where, new)
            return old, new
        model = KINDS[ref.kind].from_raw(raw)
        _share_names(model)
        self._children[ref][where] = new
        self._models[ref.kind, namespace][name] = model
        self._index(cast("CustomResource | None", old), model)
        return old, model

    def _is_deleted(self, ref: ApiResource, meta: Mapping[str, Any]) -> bool:
        """Return True if the deletion of this object was seen, and `meta` describes the object before the deletion."""
        last = self._deleted.get(meta["uid"])
        return last is not None and (ref in CUSTOM or _version(meta) <= last)

    def drop(
        self, ref: ApiResource, namespace: str, name: str, uid: str, version: int = 0
    ) -> CustomResource | ObservedObject | None:
        """Remove a deleted object, unless a namesake replaced it. Returns the object's last state; None if nothing was removed.

        `version` is the deletion's resourceVersion, 0 if it was not reported. A deletion that is older than the known state is
        ignored: somebody removed the label by which the object is watched, and then restored it.
        """
        child = self.child(ref, namespace, name)
        if child is None or child.uid != uid or 0 < version < child.version:
            return None
        self._deleted[uid] = max(version, child.version)
        if len(self._deleted) > _REMEMBERED_DELETIONS:
            del self._deleted[next(iter(self._deleted))]
        del self._children[ref][namespace, name]
        if ref not in CUSTOM:
            self._index_child(ref, (namespace, name), None)
            return child
        model = self._models[ref.kind, namespace].pop(name)
        self._index(model, None)
        return model

    def _index(self, old: CustomResource | None, new: CustomResource | None) -> None:
        for indexer in self._indexers:
            indexer(old, new)

    def _index_child(self, ref: ApiResource, where: tuple[str, str], new: ObservedObject | None) -> None:
        for indexer in self._child_indexers.get(ref, ()):
            indexer(where, new)
