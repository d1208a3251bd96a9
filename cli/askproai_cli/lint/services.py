"""Warns of services that callers could not book, by the rules of the operator's conditions, or that would never reach Cal.com."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches

from askproai_cli.lint.findings import Finding, Identity, warn
from askproai_cli.lint.manifest import Manifest, name_tenants
from askproai_core.provider_names import CalendarProvider
from askproai_operator.api import Branch, ServiceOffering, Tenant
from askproai_operator.api.conditions import Status
from askproai_operator.services import (
    active_offerings,
    name_condition,
    namesakes,
    openings_condition,
    shared_words,
    staff_by_branch,
    staff_condition,
)


def check_services(manifests: Sequence[Manifest]) -> Iterator[Finding]:
    """Warn of services that would not be Ready by these files alone.

    Refused manifests are left out. If a Branch of a tenant is refused, its services are not checked against opening hours.
    """
    latest = list({manifest.identity: manifest for manifest in manifests}.values())
    tenants = name_tenants(latest)
    by_tenant: dict[tuple[str, str], list[Manifest]] = defaultdict(list)
    for manifest in latest:
        if tenant := tenants[manifest.identity]:
            by_tenant[manifest.identity.namespace, tenant].append(manifest)
    for of_tenant in by_tenant.values():
        yield from _check_tenant(of_tenant)


def _check_tenant(manifests: Sequence[Manifest]) -> Iterator[Finding]:
    accepted = [manifest for manifest in manifests if not manifest.judged.faults]
    models = [manifest.model for manifest in accepted]
    branches = [model for model in models if isinstance(model, Branch)]
    all_branches = len(branches) == sum(manifest.identity.kind == "Branch" for manifest in manifests)
    offerings = active_offerings((model for model in models if isinstance(model, ServiceOffering)), branches)
    for manifest in accepted:
        offering = manifest.model
        if not isinstance(offering, ServiceOffering) or offering not in offerings:
            continue
        conditions = {"displayName": name_condition(offering, namesakes(offering, offerings))}
        if branches and all_branches:
            staff = staff_by_branch(offering, branches)
            conditions["durationMinutes"] = openings_condition(offering, branches, staff)
            conditions["requiredSkills"] = staff_condition(offering, staff, offering.spec.capacity)
            yield from _check_named_staff(manifest, offering, staff)
        for field, condition in conditions.items():
            if condition.status == Status.FALSE:
                yield warn(manifest.document, ("spec", field), condition.message)
        for index, other in shared_words(offering, offerings).items():
            text = f"callers who say it can mean {other.metadata.name}, too, whose name or spokenName it is: keep it at one of them"
            yield warn(manifest.document, ("spec", "spokenNames", index), text)


def _check_named_staff(
    manifest: Manifest, offering: ServiceOffering, staff: Mapping[str, Sequence[str]]
) -> Iterator[Finding]:
    """Warn of event types, lengths and prices for staff members who do not offer the service.

    `staff` maps branches to staff members who offer it.
    """
    link, overrides = offering.spec.calcom, offering.spec.staff_overrides
    booked_with = [each.staff for each in link.event_types] if link else []
    for path, members, consequence in (
        (("spec", "calcom", "eventTypes"), booked_with, "the event type is not booked"),
        (("spec", "staffOverrides"), [each.staff for each in overrides], "this entry changes nothing"),
    ):
        for index, member in enumerate(members):
            if unable := _describe_unable(member, staff, consequence):
                yield warn(manifest.document, (*path, index, "staff"), unable)


def _describe_unable(member: str, staff: Mapping[str, Sequence[str]], consequence: str) -> str | None:
    """Return a message that `member` does not offer the service; None if `member` does, or if nobody offers the service."""
    able = sorted({each for members in staff.values() for each in members})
    if not able or member in able:
        return None
    close = get_close_matches(member, able, n=1)
    advice = f"did you mean {close[0]}?" if close else f"{', '.join(able)} can"
    return f"no {member} in {', '.join(sorted(staff))} can do this service, so {consequence}; {advice}"


def check_event_types(manifests: Sequence[Manifest]) -> Iterator[Finding]:
    """Warn of event types that two tenants name, and of services whose appointments never reach Cal.com.

    Refused manifests are left out, and services of tenants that are not among the files.
    """
    latest = {manifest.identity: manifest for manifest in manifests if manifest.model is not None}
    tenants = name_tenants(latest.values())
    holders: dict[tuple[str | None, int], tuple[Manifest, str]] = {}  # by server and id: the tenant and the line
    for manifest in latest.values():
        offering = manifest.model
        tenant = latest.get(Identity("Tenant", manifest.identity.namespace, tenants[manifest.identity] or ""))
        if not isinstance(offering, ServiceOffering) or tenant is None or not isinstance(tenant.model, Tenant):
            continue
        calendar = tenant.model.spec.calendar
        is_local = offering.spec.capacity > 1 or offering.spec.segments  # whatever event types there are
        if calendar.provider is not CalendarProvider.CALCOM or calendar.calcom is None or is_local:
            continue
        link = offering.spec.calcom
        event_types = link.event_types if link else ()
        if not event_types and not (link and link.is_local):
            text = (
                f"{tenant.name} books at Cal.com, and this service names no event types: its appointments stay in the local"
                " calendar, where nobody at Cal.com sees them; name an event type of each person in"
                " calcom.eventTypes, or an empty list (calcom: {eventTypes: []}) if that is meant"
            )
            yield warn(manifest.document, ("spec", "calcom"), text)
        for index, entry in enumerate(event_types):
            path = ("spec", "calcom", "eventTypes", index, "eventTypeId")
            line = f"{manifest.document.file}:{manifest.document.line_of(path)}"
            holder, where = holders.setdefault((calendar.calcom.base_url, entry.event_type_id), (tenant, line))
            if holder.identity != tenant.identity:
                text = (
                    f"{holder.name} names event type {entry.event_type_id}, too ({where}); it is in one account only, and nothing"
                    " is booked at it for the other tenant: correct the id"
                )
                yield warn(manifest.document, path, text)
