"""The list of all tenants of a cluster, the worst first, for `askproai tenants` and the fleet's page. Pure.

The rules read the custom resources as the API server has them: the conditions, pauses by people, and the figures in
`Tenant.status`. These objects hold no data of callers.
"""

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Any, Final

_INTENDED: Final = frozenset({"Paused", "Suspended", "Deleting"})  # by a person
_TEXTS: Final = ("type", "status", "reason", "message")
NEGATIVE_TYPES: Final = frozenset({"Drifted", "Paused"})  # conditions whose good state is False


class Severity(IntEnum):
    """How urgently a tenant needs a person's attention, the worst first."""

    FAILING = 0  # the Tenant or an object of it is not Ready
    OVER_BUDGET = 1
    INTENDED = 2
    GOOD = 3


class Drift(StrEnum):
    """How a tenant's agents at Retell differ from the declaration."""

    DRIFTED = "drifted"  # somebody made a change at Retell
    PLANNED = "planned"  # a change waits for approval


@dataclass(frozen=True, slots=True)
class FleetCondition:
    """One condition of an object. `since` is its `lastTransitionTime`, as the API server writes it."""

    type: str
    status: str
    reason: str
    message: str
    since: str | None

    @property
    def is_good(self) -> bool:
        return self.status == ("False" if self.type in NEGATIVE_TYPES else "True")


@dataclass(frozen=True, slots=True)
class FleetObject:
    """The facts about one custom resource that the list uses. `tenant` and `branch` are the names that its spec refers to, in
    the same namespace.

    Only a Tenant has figures, `release` (of the operator that applied it last) and `page_url` (where its page is published).
    `planned` is the number of changes of an agent that wait for approval.
    """

    kind: str
    namespace: str
    name: str
    display_name: str
    created: str | None
    tenant: str | None
    branch: str | None
    conditions: tuple[FleetCondition, ...]
    calls_24h: int | None
    booked_percent: str | None
    budget_percent: str | None
    release: str | None
    page_url: str | None
    planned: int

    @property
    def ready(self) -> FleetCondition | None:
        for each in self.conditions:
            if each.type == "Ready":
                return each
        return None


@dataclass(frozen=True, slots=True)
class FleetRow:
    """One tenant in the list. `tenant` is the value for the option `-t`; `what` names the object that is not Ready, and why.

    `since` is when that object's `state` began, as the API server writes it. The figures come from `Tenant.status`: calls of
    the last 24 hours, the percentage of their bookings that succeeded, and the percentage left of the error budget of 30 days.
    A figure is None if nothing was counted.
    """

    tenant: str
    display_name: str
    severity: Severity
    state: str
    since: str | None
    calls_24h: int | None
    booked_percent: str | None
    budget_percent: str | None
    what: str | None
    drift: Drift | None
    release: str | None


def read_object(raw: Mapping[str, Any]) -> FleetObject:
    """Return the facts about a custom resource that the list needs. `raw` is the object from the API server, with its `kind`."""
    meta, spec, status = raw["metadata"], raw.get("spec") or {}, raw.get("status") or {}
    return FleetObject(
        kind=raw["kind"],
        namespace=sys.intern(meta["namespace"]),
        name=meta["name"],
        display_name=spec.get("displayName") or meta["name"],
        created=meta.get("creationTimestamp"),
        tenant=(spec.get("tenantRef") or {}).get("name"),
        branch=(spec.get("branchRef") or {}).get("name"),
        conditions=tuple(_condition(each) for each in status.get("conditions") or ()),
        calls_24h=status.get("calls24h"),
        booked_percent=status.get("bookingSuccessPercent"),
        budget_percent=status.get("errorBudgetPercent"),
        release=status.get("release"),
        page_url=status.get("pageUrl"),
        planned=len(status.get("plan") or ()),
    )


def _condition(raw: Mapping[str, Any]) -> FleetCondition:
    # Interned: ten thousand objects have the same few texts.
    kind, status, reason, message = (sys.intern(raw.get(name) or "") for name in _TEXTS)
    return FleetCondition(kind, status, reason, message, raw.get("lastTransitionTime"))


def count(rows: Iterable[FleetRow]) -> dict[str, int]:
    """Return the number of tenants (rows of the list) by severity."""
    found = [row.severity for row in rows]
    return {severity.name.lower(): found.count(severity) for severity in Severity}


def group_by_tenant(objects: Iterable[FleetObject]) -> dict[tuple[str, str], tuple[FleetObject, list[FleetObject]]]:
    """Return each Tenant with its Branches, services and agents, keyed by the Tenant's namespace and name."""
    objects = list(objects)
    owners = {(each.kind, each.namespace, each.name): each.tenant for each in objects if each.tenant is not None}
    found = {(each.namespace, each.name): (each, list[FleetObject]()) for each in objects if each.kind == "Tenant"}
    for each in objects:
        if each.kind != "Tenant" and (owner := _owner(each, owners)) is not None:
            tenant = found.get((each.namespace, owner))
            if tenant is not None:
                tenant[1].append(each)
    return found


def rank(objects: Iterable[FleetObject]) -> list[FleetRow]:
    """Return a row for each Tenant: first those not Ready, the longest first, then those whose error budget is used up."""
    return sorted((_row(*each) for each in group_by_tenant(objects).values()), key=_order)


def matches(row: FleetRow, search: str | None) -> bool:
    """Return True if the text `search` is part of a tenant's name, displayed name, state or cause. Case does not matter."""
    texts = (row.tenant, row.display_name, row.state, row.what or "")
    return search is None or any(search.casefold() in text.casefold() for text in texts)


def _order(row: FleetRow) -> tuple[Any, ...]:
    budget = float(row.budget_percent) if row.budget_percent is not None else 100.0
    return row.severity, row.since or "" if row.severity is Severity.FAILING else "", budget, row.tenant


def _owner(each: FleetObject, owners: Mapping[tuple[str, str, str], str | None]) -> str | None:
    """Return the name of the Tenant to which a Branch, a service or an agent belongs; None if its Branch does not exist."""
    return owners.get(("Branch", each.namespace, each.branch)) if each.branch else each.tenant


def _row(tenant: FleetObject, parts: Sequence[FleetObject]) -> FleetRow:
    budget = tenant.budget_percent
    # While the Tenant itself is not Ready, its other objects wait for it.
    found = [bad for each in ([tenant] if _not_ready(tenant) else parts) if (bad := _not_ready(each)) is not None]
    unintended = [bad for bad in found if bad[0] not in _INTENDED]
    state, since, what = min(unintended or found, key=lambda bad: bad[1] or "", default=("Ready", None, None))
    if unintended:
        severity = Severity.FAILING
    elif found:
        severity = Severity.INTENDED
    elif budget is not None and float(budget) <= 0:
        severity = Severity.OVER_BUDGET
    else:
        severity = Severity.GOOD
    return FleetRow(
        f"{tenant.namespace}.{tenant.name}", tenant.display_name, severity, state, since, tenant.calls_24h,
        tenant.booked_percent, budget, what, _drift(parts), tenant.release,
    )  # fmt: skip


def _drift(parts: Iterable[FleetObject]) -> Drift | None:
    parts = [each for each in parts if each.kind == "RetellAgent"]
    if any(each.type == "Drifted" and each.status == "True" for part in parts for each in part.conditions):
        return Drift.DRIFTED
    return Drift.PLANNED if any(part.planned for part in parts) else None


def _not_ready(each: FleetObject) -> tuple[str, str | None, str] | None:
    """Return reason, start time and cause for an object that is not Ready or is paused by a person; None for other objects."""
    if (ready := each.ready) is None:
        return "NotReconciled", each.created, f"{each.kind} {each.name}: the operator has not looked at it yet"
    if ready.status == "True" and ready.reason not in _INTENDED:
        return None
    since = ready.since if ready.status != "True" else _paused_since(each, ready.reason)
    return ready.reason, since, f"{each.kind} {each.name}: {ready.message}"


def _paused_since(each: FleetObject, reason: str) -> str | None:
    """Return when a person paused or suspended an object whose condition `Ready` is True; None if no condition has that time.

    A pause does not change the condition `Ready`, whose own time is when the object became Ready.
    """
    found = (cond.since for cond in each.conditions if cond.type == reason and cond.status == "True")
    return next(found, None)
