"""Finds other tenants' uses of the Cal.com event types of planned services. It sees only services that the person may list."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from askproai_cli.plan.grants import Claim
from askproai_core.kube import ApiError
from askproai_operator import resources
from askproai_operator.api import CustomResource, Key, ServiceOffering, Tenant
from askproai_operator.api.conditions import ConditionType, Reason
from askproai_operator.credentials import calcom_account, event_types_of
from askproai_operator.plan_context import PlanContext


@dataclass(frozen=True, slots=True)
class _Use:
    """The event types (`ids`) that one service names, with its Tenant by namespace and name. Each Cal.com server (`base_url`)
    has its own ids.

    `in_account` are the event types that the operator has seen in the account of the Tenant or of a staff member.
    """

    tenant: tuple[str, str]
    base_url: str
    ids: frozenset[int]
    in_account: frozenset[int] = frozenset()


async def find_event_type_claims(models: Iterable[CustomResource], context: PlanContext) -> dict[Key, Claim]:
    """Return a report for each service whose event types another tenant names, too, or for which that is unknown.

    An event type is in one account only, so event types that the operator has seen in the service's own account are left out.
    Lint compares the services of the planned files with each other, because it knows their lines.
    """
    planned = {model.key: model for model in models if isinstance(model, ServiceOffering)}
    uses = {key: use for key, model in planned.items() if (use := _planned_use(model, context)) is not None}
    if not uses:
        return {}
    try:
        others = await _find_others(frozenset().union(*(use.ids for use in uses.values())), planned, context)
    except ApiError as error:
        if error.status != HTTPStatus.FORBIDDEN:
            raise
        return {key: Claim(_not_known(use), is_known=False) for key, use in uses.items()}
    return {key: claim for key, use in uses.items() if (claim := _compare(use, others)) is not None}


def _planned_use(offering: ServiceOffering, context: PlanContext) -> _Use | None:
    """Return the planned service's event types to search for; None if there are none, or it is not booked at Cal.com."""
    namespace, name = offering.metadata.namespace, context.relations.tenant_of(offering)
    tenant = context.relations.tenant(namespace, name) if name is not None else None
    base_url = _base_url(tenant, context) if tenant is not None else None
    if name is None or base_url is None or offering.spec.capacity > 1:
        return None
    ids = {entry.event_type_id for entry in event_types_of(offering)} - _listed(offering.status, "eventTypesInAccount")
    return _Use((namespace, name), base_url, frozenset(ids)) if ids else None


async def _find_others(ids: frozenset[int], planned: Collection[Key], context: PlanContext) -> list[_Use]:
    """Return other services of the cluster that name one of the ids. Raises ApiError if the person may not list them."""
    found = []
    chunks = context.kube.list_chunks(resources.OFFERINGS)  # of a fleet few have one of the ids
    for raw in [raw async for chunk in chunks for raw in chunk if _named(raw) & ids]:
        meta = raw["metadata"]
        key = Key(ServiceOffering.kind, meta["namespace"], meta["name"])
        if key not in planned and (use := await _stored_use(raw, context)) is not None:
            found.append(use)
    return found


async def _stored_use(raw: Mapping[str, Any], context: PlanContext) -> _Use | None:
    """Return the event types of a service in the cluster; None if it is being deleted, or not booked at Cal.com."""
    namespace, spec, status = raw["metadata"]["namespace"], raw["spec"], raw.get("status") or {}
    if "deletionTimestamp" in raw["metadata"] or spec.get("capacity", 1) > 1:
        return None
    owner: Mapping[str, Any] | None = raw
    if "tenantRef" not in spec:
        owner = await context.kube.get(resources.BRANCHES, namespace, spec["branchRef"]["name"])
    name = owner["spec"]["tenantRef"]["name"] if owner is not None else ""
    tenant = await context.kube.get(resources.TENANTS, namespace, name) if name else None
    base_url = _base_url(Tenant.from_raw(tenant), context) if tenant is not None else None
    ids = _named(raw) - _listed(status, "eventTypesNotFound")
    return _Use((namespace, name), base_url, ids, _listed(status, "eventTypesInAccount")) if base_url else None


def _base_url(tenant: Tenant, context: PlanContext) -> str | None:
    """Return the base URL of the Cal.com server at which a tenant books; None if the tenant does not book at Cal.com."""
    account = calcom_account(tenant)
    return (account.base_url or context.settings.calcom_base_url) if account is not None else None


def _named(raw: Mapping[str, Any]) -> frozenset[int]:
    event_types = (raw["spec"].get("calcom") or {}).get("eventTypes") or ()
    return frozenset(entry["eventTypeId"] for entry in event_types)


def _listed(status: Mapping[str, Any], field: str) -> frozenset[int]:
    return frozenset(each["eventTypeId"] for each in status.get(field) or ())


def _compare(use: _Use, others: Iterable[_Use]) -> Claim | None:
    """Return the operator's report, or a hint if uncertain, about event types that other services also name; None without any."""
    rivals = [other for other in others if other.tenant != use.tenant and other.base_url == use.base_url]
    had = {number for other in rivals for number in use.ids & other.ids & other.in_account}
    named = {number for other in rivals for number in use.ids & other.ids} - had
    # The other tenant may belong to somebody else: its name is never shown to this one.
    texts = [
        f"event type {number} is in the Cal.com account of another tenant: with a key of another account"
        f" {ConditionType.CALENDAR_LINKED} would be False, {Reason.EVENT_TYPE_NOT_FOUND}, and nothing is booked at it; correct"
        " the id"
        for number in sorted(had)
    ]
    texts += [
        f"another tenant names event type {number}, too: it is in one account only, and nothing is booked at it for the other"
        " tenant; check the id"
        for number in sorted(named)
    ]
    return Claim("; ".join(texts), is_known=bool(had)) if texts else None


def _not_known(use: _Use) -> str:
    numbers = ", ".join(map(str, sorted(use.ids)))
    problem = (
        f"your account may not list the services of all namespaces; apply, and read {ConditionType.CALENDAR_LINKED}"
    )
    return f"not looked at: whether another tenant names event type {numbers} ({problem}, or ask who runs the platform)"
