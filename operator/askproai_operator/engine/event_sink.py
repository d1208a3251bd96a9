"""`EventSink`, which receives observed changes from watches and own writes: it updates the cache and enqueues dependents' keys."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import structlog
from pydantic import ValidationError

from askproai_core.api_resource import ApiResource
from askproai_operator.api import CustomResource, Key, Tenant
from askproai_operator.engine.cache import Cache, ObservedObject
from askproai_operator.resources import STATUS_READ

log = structlog.get_logger(__name__)

_State = CustomResource | ObservedObject | None  # of an object in the cache; None if it is not there


class Dependents(Protocol):
    """Returns the keys that are due after an object changed from `old` to `new`; None means that the object did not exist."""

    def of_resource(self, old: CustomResource | None, new: CustomResource | None) -> Iterable[Key]:
        """Return the keys that are due after a custom resource changed."""

    def of_child(
        self, ref: ApiResource, where: tuple[str, str], old: ObservedObject | None, new: ObservedObject | None
    ) -> Iterable[Key]:
        """Return the keys that are due after another object changed; `where` is its namespace and name."""

    def of_foreign_crd(self) -> Iterable[Key]:
        """Return the keys that are due after a foreign CRD was installed or removed."""


def is_edit(old: CustomResource, new: CustomResource) -> bool:
    """Return True if somebody edited or deleted an object. The operator's own writes, of finalizers and statuses, do not count."""
    return _edited(old) != _edited(new)


def goes_first(key: Key, edited: CustomResource) -> bool:
    """Return True if an edit takes effect when `key` runs: the edited object's key, or the key of the Tenant with the config."""
    return key == edited.key or key.kind == Tenant.kind


def _edited(model: CustomResource) -> tuple[object, ...]:
    meta = model.metadata
    return (meta.uid, meta.generation, meta.deletion_timestamp, meta.labels, meta.annotations)


class EventSink:
    """Receives observed changes of objects, stores each in the cache, and enqueues the keys that depend on it."""

    def __init__(
        self,
        cache: Cache,
        dependents: Dependents,
        enqueue: Callable[[Key], None],
        enqueue_edited: Callable[[Key], None] | None = None,
        observes: Callable[[ApiResource, dict[str, Any]], bool] = lambda *_: True,
    ) -> None:
        """Take the functions that enqueue keys; `enqueue_edited` is for the keys that must run for a person's edit to take
        effect (`goes_first`).

        `observes` returns False for objects that are not to be stored, such as those of other shards.
        """
        self.cache = cache
        self._dependents = dependents
        self._enqueue = enqueue
        self._enqueue_edited = enqueue_edited or enqueue
        self.observes = observes
        self._applying: dict[tuple[ApiResource, str, str], str] = {}  # a child → the digest of our fields in it

    @contextmanager
    def applying(self, ref: ApiResource, namespace: str, name: str, owned: str) -> Iterator[None]:
        """Suppress the enqueuing of keys for our own apply in this block, which a watch may report before the answer comes.

        Only a report in which our fields have just become `owned` is suppressed (`owned_fields`); all other reports enqueue
        keys as always. The caller must go on with the child as the cache has it at the end of the block.
        """
        self._applying[ref, namespace, name] = owned
        try:
            yield
        finally:
            self._applying.pop((ref, namespace, name), None)

    def prime(self, ref: ApiResource, raw: dict[str, Any]) -> None:
        """Store the state of an object in the cache before the reconcile loop runs; nothing is enqueued."""
        if self.observes(ref, raw):
            self._put(ref, raw)

    def observe(self, ref: ApiResource, raw: dict[str, Any]) -> None:
        """Store the new state of an object in the cache, and enqueue the keys that depend on the change."""
        if not self.observes(ref, raw):
            return
        meta = raw["metadata"]
        old, new = self._put(ref, raw)
        self._enqueue_dependents(ref, meta.get("namespace", ""), meta["name"], old, new)

    def forget(self, ref: ApiResource, namespace: str, name: str, uid: str, version: int = 0) -> None:
        """Remove a deleted object from the cache, and enqueue the keys that depend on it. `version` is as in `Cache.drop`."""
        self._enqueue_dependents(ref, namespace, name, self.cache.drop(ref, namespace, name, uid, version), None)

    def set_served(self, ref: ApiResource, *, served: bool) -> None:
        """Record whether the cluster serves a foreign CRD, and enqueue the dependents if that changed."""
        if served == (ref in self.cache.served):
            return
        (self.cache.served.add if served else self.cache.served.discard)(ref)
        log.info("crd.came" if served else "crd.absent", resource=ref.plural, group=ref.group)
        for key in self._dependents.of_foreign_crd():
            self._enqueue(key)

    def _enqueue_dependents(self, ref: ApiResource, namespace: str, name: str, old: _State, new: _State) -> None:
        if old is new or self._is_applied(ref, namespace, name, old, new):
            return
        edited: CustomResource | None = None
        if isinstance(old, ObservedObject | None) and isinstance(new, ObservedObject | None):
            keys = self._dependents.of_child(ref, (namespace, name), old, new)
        else:
            assert not isinstance(old, ObservedObject), "old and new are of one resource"
            assert not isinstance(new, ObservedObject), "old and new are of one resource"
            keys = self._dependents.of_resource(old, new)
            edited = new if old is not None and new is not None and is_edit(old, new) else None
        for key in keys:
            if edited is not None and goes_first(key, edited):
                self._enqueue_edited(key)
            else:
                self._enqueue(key)

    def _is_applied(self, ref: ApiResource, namespace: str, name: str, old: _State, new: _State) -> bool:
        """Return True if a change of a child is exactly that of the apply whose answer is still awaited."""
        owned = self._applying.get((ref, namespace, name))
        if owned is None or not isinstance(new, ObservedObject) or not isinstance(old, ObservedObject | None):
            return False
        before, status = (old.owned, old.status) if old is not None else (None, {})
        return before != owned == new.owned and (ref not in STATUS_READ or status == new.status)

    def _put(self, ref: ApiResource, raw: dict[str, Any]) -> tuple[_State, _State]:
        try:
            return self.cache.put(ref, raw)
        except ValidationError as error:  # stored before a rule existed: kubectl shows it, but we cannot act on it
            fields = [".".join(map(str, part["loc"])) for part in error.errors(include_input=False)]
            meta = raw["metadata"]
            log.warning(
                "object.unreadable", kind=ref.kind, namespace=meta["namespace"], name=meta["name"], fields=fields
            )
            return None, None
