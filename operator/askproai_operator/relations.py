"""Relations between the four kinds: each object's tenant, the objects that name a host or number, and the keys due after a
change.

The Tenant compiles its config from all its objects. Branches, services and agents wait for the Tenant. Agents bind their
branch's numbers, and their prompt names its services and staff. A branch's default service is deleted when a person creates
another. A grant is reviewed when its subject is named or dropped. An object that waits for a subject is due when a holder
releases it.
"""

from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import cast

from askproai_core.api_resource import ApiResource
from askproai_operator.api import Branch, CustomResource, Key, RetellAgent, ServiceOffering, Tenant
from askproai_operator.api.conditions import ConditionType, Status
from askproai_operator.applied_spec import in_effect, is_in_effect, is_planned
from askproai_operator.engine import Cache, M, ObservedObject, find_condition, is_edit
from askproai_operator.grants import LABEL, Subject, former_host, queue_key, read_grant, requested_subjects, used_host
from askproai_operator.resources import CONFIG_MAPS, FINALIZER, HTTP_ROUTES, INGRESSES, SECRETS, TENANT_LABEL
from askproai_operator.status_reads import READ_BY, is_child_change, is_read_change


class Relations:
    """Finds the objects that belong to a tenant or name a host or number, and the keys due after a change (`Dependents`)."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        self._by_subject: dict[Subject, set[Key]] = defaultdict(set)  # a host or number → the objects that name it
        # Namespace and branch → tenant. Kept after a branch's deletion: its agents still belong to the tenant.
        self._tenant_of_branch: dict[tuple[str, str], str] = {}
        cache.add_indexer(self._index)

    # Lookups. They return objects with the spec in effect, which may differ from the declared spec of a paused object.

    def tenant(self, namespace: str, name: str) -> Tenant | None:
        return self._find(Tenant, namespace, name)

    def branch(self, namespace: str, name: str) -> Branch | None:
        return self._find(Branch, namespace, name)

    def agent(self, namespace: str, name: str) -> RetellAgent | None:
        return self._find(RetellAgent, namespace, name)

    def branches(self, namespace: str, tenant: str) -> Sequence[Branch]:
        """Return the branches that name this tenant, except branches that were paused before their first reconcile."""
        return self._in_effect(Branch, namespace, tenant)

    def offerings(self, namespace: str, tenant: str) -> Sequence[ServiceOffering]:
        """Return the services that name this tenant or one of its branches, except any paused before their first reconcile."""
        return self._in_effect(ServiceOffering, namespace, tenant)

    def agents(self, namespace: str, tenant: str) -> Sequence[RetellAgent]:
        """Return the agents that name this tenant or one of its branches."""
        return [model for model in self._cache.list(RetellAgent, namespace) if self.tenant_of(model) == tenant]

    def requesting(self, subject: Subject) -> Sequence[Key]:
        """Return all objects of the cluster that name this host or dialled number."""
        return sorted(self._by_subject.get(subject, ()))

    def tenant_of(self, model: CustomResource) -> str | None:
        """Return the name of the tenant that an object belongs to; None if it is not known.

        The tenant of a deleted branch is remembered (references never change). After a restart, the status of the branch's
        agents names it. So these agents still find their tenant, and the tenant waits for them.
        """
        if isinstance(model, Tenant):
            return model.metadata.name
        assert isinstance(model, Branch | ServiceOffering | RetellAgent)
        if model.spec.tenant_ref is not None:
            return model.spec.tenant_ref.name
        branch = None if isinstance(model, Branch) else model.spec.branch_ref
        if branch is None:
            return None
        return self._tenant_of_branch.get((model.metadata.namespace, branch.name)) or model.status.get("tenant")

    def _find(self, kind: type[M], namespace: str, name: str) -> M | None:
        model = self._cache.get(Key(kind.kind, namespace, name))
        return None if model is None else in_effect(cast("M", model))

    def _in_effect(self, kind: type[M], namespace: str, tenant: str) -> Sequence[M]:
        own = (model for model in self._cache.list(kind, namespace) if self.tenant_of(model) == tenant)
        return [in_effect(model) for model in own if is_in_effect(model)]

    # Dependents

    def of_resource(self, old: CustomResource | None, new: CustomResource | None) -> set[Key]:
        """Return the keys that are due after one of the four kinds changed.

        The object itself is due if a person changed it, but not after our own status writes. Its relatives are due if they read
        something of it that has changed.
        """
        model = new or old
        assert model is not None, "a change has a state before or a state now"
        keys: set[Key] = set()
        if old is None or new is None or is_edit(old, new) or _lost_finalizer(old, new):
            keys.add(model.key)
        readers = {kind for kind in READ_BY[model.kind] if is_read_change(old, new, kind)}
        if readers:  # their search walks the namespace, which may have a thousand tenants
            keys.update(key for key in self._relatives(model) if key.kind in readers)
            keys -= self._linked_before(old, new)
        changed = requested_subjects(old).items() ^ requested_subjects(new).items()
        changed |= used_host(old).items() - used_host(new).items()  # senders have another URL now
        changed |= former_host(old).items() - former_host(new).items()  # its route was deleted
        keys.update(subject.queue_key for subject, _ in changed)
        if _ends_plan(old, new):
            keys.update(self._siblings(model))
        if isinstance(model, Branch) and _staff(old) != _staff(new):  # their condition StaffIdentified compares the ids
            keys.update(_keys(self.branches(model.key.namespace, model.spec.tenant_ref.name)))
        if _name(old) != _name(new):  # the condition NameUnique of services compares the names
            keys.update(self._namesakes(model.key.namespace, {_name(old), _name(new)}))
        return keys - ({model.key} if new is None else set())

    def of_child(
        self, ref: ApiResource, where: tuple[str, str], old: ObservedObject | None, new: ObservedObject | None
    ) -> set[Key]:
        """Return the keys due after a child, grant or labelled Secret changed: its Tenant, and all objects that depend on it."""
        if old is not None and new is not None and not is_child_change(ref, old, new):
            return set()
        namespace, name = where
        labels = {**(old.labels if old else {}), **(new.labels if new else {})}
        keys = {Key(Tenant.kind, namespace, labels[TENANT_LABEL])} if TENANT_LABEL in labels else set()
        if ref is SECRETS:
            naming = [model for model in self._cache.models(namespace) if name in secrets_named(model)]
            keys.update(model.key for model in naming)
            # The key of a staff member's own Cal.com account: its Tenant gives it to the pods.
            owners = {self.tenant_of(model) for model in naming if isinstance(model, ServiceOffering)}
            keys.update(Key(Tenant.kind, namespace, owner) for owner in owners if owner)
            for model in naming:  # another key may be of another account, which has other event types
                if isinstance(model, Tenant) and _has_calcom_key(model, name):
                    keys.update(_keys(self.offerings(namespace, model.metadata.name)))
        if ref in {INGRESSES, HTTP_ROUTES} and keys:  # another tenant may hold the host of a restored route by now
            tenant = self.tenant(namespace, labels[TENANT_LABEL])
            keys.update(subject.queue_key for subject in (*requested_subjects(tenant), *former_host(tenant)))
        if ref is CONFIG_MAPS and LABEL in labels:
            keys.add(queue_key(name))
            keys.update(self._waiting_for_release(old, new))
        return keys

    def of_foreign_crd(self) -> list[Key]:
        """Return all Tenants: each gains or loses a child when a foreign CRD is installed or removed."""
        return [tenant.key for tenant in self._cache.list(Tenant)]

    def _waiting_for_release(self, old: ObservedObject | None, new: ObservedObject | None) -> Sequence[Key]:
        """Return the objects due after a grant lost a holder: all that name its subject, and the lost holder, to take it."""
        before, after = (read_grant(state.annotations) if state is not None else None for state in (old, new))
        if before is None:
            return ()
        left = after.holders if after is not None else ()
        if set(before.holders) <= set(left):
            return ()
        lost = {holder.key for holder in before.holders} - {holder.key for holder in left}
        return [*self.requesting(before.subject), *sorted(lost)]

    def _siblings(self, model: CustomResource) -> Iterator[Key]:
        """Yield the keys of all Branches and services of the Tenant of `model`, to run when edits of them are no longer held."""
        namespace, tenant = model.key.namespace, self.tenant_of(model)
        if isinstance(model, Branch | ServiceOffering) and tenant:
            yield from _keys(self.branches(namespace, tenant))
            yield from _keys(self.offerings(namespace, tenant))

    def _namesakes(self, namespace: str, names: Container[str | None]) -> Iterator[Key]:
        """Yield the services whose heard name is one of `names`; not all services, since each reconcile may ask Cal.com."""
        return _keys(model for model in self._cache.list(ServiceOffering, namespace) if _name(model) in names)

    def _linked_before(self, old: CustomResource | None, new: CustomResource | None) -> set[Key]:
        """Return the services whose calendar is linked already, which need no run when the Tenant's keys are first found valid."""
        kind = ConditionType.CREDENTIALS_VALID
        if not isinstance(new, Tenant) or old is None or is_edit(old, new) or find_condition(old, kind):
            return set()
        if find_condition(new, kind).get("status") != Status.TRUE:
            return set()
        offerings, linked = self.offerings(new.key.namespace, new.key.name), ConditionType.CALENDAR_LINKED
        return {each.key for each in offerings if find_condition(each, linked).get("status") == Status.TRUE}

    def _relatives(self, model: CustomResource) -> Iterator[Key]:
        namespace, tenant = model.key.namespace, self.tenant_of(model)
        if not tenant:
            return  # its branch is not known yet; it will be due when the branch comes
        if not isinstance(model, Tenant):
            yield Key(Tenant.kind, namespace, tenant)
        if isinstance(model, ServiceOffering | RetellAgent):
            ref = model.spec.branch_ref
            yield from [Key(Branch.kind, namespace, ref.name)] if ref else _keys(self.branches(namespace, tenant))
        if isinstance(model, RetellAgent):  # a hotline's agent leaves a Branch's numbers to the Branch's own agent
            hotlines = (each for each in self.agents(namespace, tenant) if each.spec.branch_ref is None)
            yield from (each.key for each in hotlines if each.key != model.key)
        if isinstance(model, Tenant | Branch):
            yield from _keys(self.offerings(namespace, tenant))
        if isinstance(model, Tenant | Branch | ServiceOffering):  # their prompt names the services
            yield from _keys(self.agents(namespace, tenant))
        if isinstance(model, Tenant):
            yield from _keys(self.branches(namespace, tenant))

    # Indexes

    def _index(self, old: CustomResource | None, new: CustomResource | None) -> None:
        for subject in requested_subjects(old):
            assert old is not None
            self._by_subject[subject].discard(old.key)
            if not self._by_subject[subject]:
                del self._by_subject[subject]
        for subject in requested_subjects(new):
            assert new is not None
            self._by_subject[subject].add(new.key)
        if isinstance(new, Branch):
            self._tenant_of_branch[new.metadata.namespace, new.metadata.name] = new.spec.tenant_ref.name


def secrets_named(model: CustomResource) -> frozenset[str]:
    """Return the names of all Secrets that a spec refers to, at any depth."""
    assert isinstance(model, Tenant | Branch | ServiceOffering | RetellAgent)
    return frozenset(secret_names(model.spec.model_dump(by_alias=True, exclude_none=True)))


def _has_calcom_key(tenant: Tenant, secret: str) -> bool:
    account = tenant.spec.calendar.calcom
    return account is not None and account.api_key_secret_ref.name == secret


def secret_names(value: object, field: str = "") -> Iterator[str]:
    """Yield the names of the Secrets in a part of a manifest, also repeatedly. `field` is the name of that part."""
    if isinstance(value, Mapping):
        if field.endswith(("SecretRef", "SecretRefs")) and "name" in value:
            yield str(value["name"])
        for name, inner in value.items():
            yield from secret_names(inner, name)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from secret_names(inner, field)


def _lost_finalizer(old: CustomResource, new: CustomResource) -> bool:
    return FINALIZER in old.metadata.finalizers and FINALIZER not in new.metadata.finalizers


def _ends_plan(old: CustomResource | None, new: CustomResource | None) -> bool:
    """Return True if an object lost the annotation `askproai.de/plan`, or was deleted while it had it."""
    return old is not None and is_planned(old) and (new is None or not is_planned(new))


def _staff(model: CustomResource | None) -> list[tuple[str, str | None]]:
    """Return the staff (id, person) in a branch's spec in effect, which changes when a pause ends, not during it."""
    if not isinstance(model, Branch) or not is_in_effect(model):
        return []
    return [(member.id, member.person) for member in in_effect(model).spec.staff]


def _name(model: CustomResource | None) -> str | None:
    """Return the heard name of a service by its spec in effect; None if the service is being deleted or not in effect."""
    if (
        not isinstance(model, ServiceOffering)
        or model.metadata.deletion_timestamp is not None
        or not is_in_effect(model)
    ):
        return None
    return in_effect(model).heard_name


def _keys(models: Iterable[CustomResource]) -> Iterator[Key]:
    return (model.key for model in models)
