"""What changed goes into the cache, and whoever reads it is woken. One way, for watches and for our own writes' answers."""

from collections.abc import Callable
from typing import Any

import structlog
from pydantic import ValidationError

from askproai_core.kube import ApiResource
from askproai_operator.api import Tenant
from askproai_operator.engine.cache import Cache, Child, Model
from askproai_operator.engine.wakes import wakes, wakes_of_child
from askproai_operator.key import Key

log = structlog.get_logger(__name__)


class Feed:
    """Writes the cache and the queue together, so that no change is kept without being acted on."""

    def __init__(self, cache: Cache, wake: Callable[[Key], None]) -> None:
        self.cache = cache
        self._wake = wake

    def prime(self, ref: ApiResource, raw: dict[str, Any]) -> None:
        """Take the state of an object before anybody works: nobody is woken."""
        self._put(ref, raw)

    def observe(self, ref: ApiResource, raw: dict[str, Any]) -> None:
        """Take the state of an object."""
        meta = raw["metadata"]
        old, new = self._put(ref, raw)
        self._changed(ref, meta.get("namespace", ""), meta["name"], old, new)

    def forget(self, ref: ApiResource, namespace: str, name: str, uid: str) -> None:
        """Take the deletion of an object."""
        self._changed(ref, namespace, name, self.cache.drop(ref, namespace, name, uid), None)

    def serve(self, ref: ApiResource, *, there: bool) -> None:
        """Take whether the cluster has a foreign CRD: when that changed, every Tenant has a child more, or less."""
        if there == (ref in self.cache.served):
            return
        (self.cache.served.add if there else self.cache.served.discard)(ref)
        log.info("crd.came" if there else "crd.absent", resource=ref.plural, group=ref.group)
        for tenant in self.cache.list(Tenant):
            self._wake(tenant.key)

    def _changed(
        self, ref: ApiResource, namespace: str, name: str, old: Model | Child | None, new: Model | Child | None
    ) -> None:
        if old is new:
            return
        if isinstance(old, Child | None) and isinstance(new, Child | None):
            woken = wakes_of_child(ref, (namespace, name), old, new, self.cache)
        else:
            assert not isinstance(old, Child) and not isinstance(new, Child)  # noqa: PT018 (one resource, one sort)
            woken = wakes(old, new, self.cache)
        for key in woken:
            self._wake(key)

    def _put(self, ref: ApiResource, raw: dict[str, Any]) -> tuple[Model | Child | None, Model | Child | None]:
        try:
            return self.cache.put(ref, raw)
        except ValidationError as error:  # stored before a rule existed: kubectl shows it, we cannot act on it
            fields = [".".join(map(str, part["loc"])) for part in error.errors(include_input=False)]
            meta = raw["metadata"]
            log.warning(
                "object.unreadable", kind=ref.kind, namespace=meta["namespace"], name=meta["name"], fields=fields
            )
            return None, None
