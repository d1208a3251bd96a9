"""Who must look again when an object changed: pure functions over what was known before and what is known now."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from askproai_core.kube import ApiResource
from askproai_operator.engine.cache import Cache, Child, Model
from askproai_operator.engine.resources import (
    BRANCHES,
    FINALIZER,
    OFFERINGS,
    SECRETS,
    STATUS_READ,
    TENANT_LABEL,
    TENANTS,
)
from askproai_operator.key import Key

# Status that no other object reads: without this list each count of calls would wake a whole tenant.
_OWN_STATUS = frozenset({
    "conditions", "lastReconcileToken", "observedGeneration", "plan", "pending", "configHash", "replicas", "branches", "services",
    "calls24h", "bookingSuccessPercent", "errorBudgetPercent",
})  # fmt: skip


def wakes(old: Model | None, new: Model | None, cache: Cache) -> set[Key]:
    """Give the keys to reconcile after one of our kinds changed.

    Itself, when a person changed it (our own status writes wake nobody by themselves); its relatives, when what they read of
    it changed. The Tenant compiles the config from everything; branches, services and agents wait for the Tenant; agents
    bind their branch's numbers; a branch's default service goes when another one comes.
    """
    model = new or old
    assert model is not None
    woken: set[Key] = set()
    if old is None or new is None or _by_person(old) != _by_person(new) or _lost_finalizer(old, new):
        woken.add(model.key)
    if old is None or new is None or _read_by_others(old) != _read_by_others(new):
        woken.update(_relatives(model, cache))
    return woken - ({model.key} if new is None else set())


def wakes_of_child(
    ref: ApiResource, where: tuple[str, str], old: Child | None, new: Child | None, cache: Cache
) -> set[Key]:
    """Give the keys to reconcile after a child or a labelled Secret changed: its tenant, and whoever names the Secret."""
    if old is not None and new is not None and _equal(ref, old, new):
        return set()
    namespace, name = where
    labels = {**(old.labels if old else {}), **(new.labels if new else {})}
    woken = {Key(TENANTS.kind, namespace, labels[TENANT_LABEL])} if TENANT_LABEL in labels else set()
    if ref is SECRETS:
        woken.update(model.key for model in cache.models(namespace) if name in secrets_named(model))
    return woken


def _equal(ref: ApiResource, old: Child, new: Child) -> bool:
    return old.fingerprint == new.fingerprint and (ref not in STATUS_READ or old.status == new.status)


def secrets_named(model: Model) -> frozenset[str]:
    """Give the names of the Secrets that a spec refers to, wherever they stand in it."""
    return frozenset(_secret_names(model.spec.model_dump(by_alias=True, exclude_none=True)))


def _secret_names(value: object, field: str = "") -> Iterator[str]:
    if isinstance(value, Mapping):
        if field.endswith(("SecretRef", "SecretRefs")) and "name" in value:
            yield str(value["name"])
        for name, inner in value.items():
            yield from _secret_names(inner, name)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _secret_names(inner, field)


def _by_person(model: Model) -> tuple[Any, ...]:
    meta = model.metadata
    return (meta.uid, meta.generation, meta.deletion_timestamp, meta.labels, meta.annotations)


def _lost_finalizer(old: Model, new: Model) -> bool:
    return FINALIZER in old.metadata.finalizers and FINALIZER not in new.metadata.finalizers


def _read_by_others(model: Model) -> tuple[Any, ...]:
    status = {name: value for name, value in model.status.items() if name not in _OWN_STATUS}
    conditions = {one["type"]: one["status"] for one in model.status.get("conditions", ())}
    return (*_by_person(model), status, conditions)


def _relatives(model: Model, cache: Cache) -> Iterator[Key]:
    namespace, tenant = model.key.namespace, cache.tenant_of(model)
    if not tenant:
        return  # its branch is not here yet; the branch's coming wakes it
    if model.key.kind != TENANTS.kind:
        yield Key(TENANTS.kind, namespace, tenant)
    if model.key.kind == OFFERINGS.kind:
        branch = getattr(model.spec, "branch_ref", None)
        yield from (
            [Key(BRANCHES.kind, namespace, branch.name)] if branch else _keys(cache.branches(namespace, tenant))
        )
    if model.key.kind in {TENANTS.kind, BRANCHES.kind}:
        yield from _keys(cache.offerings(namespace, tenant))
        yield from _keys(cache.agents(namespace, tenant))
    if model.key.kind == TENANTS.kind:
        yield from _keys(cache.branches(namespace, tenant))


def _keys(models: Iterable[Model]) -> Iterator[Key]:
    return (model.key for model in models)
