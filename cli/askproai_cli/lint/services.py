"""Services that callers could not book, by the rules of the operator's conditions: no opening fits, or a name is not unique."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches

from askproai_cli.lint.findings import Finding, Identity, warn
from askproai_cli.lint.manifest import Manifest
from askproai_operator.api import Branch, ServiceOffering
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

    Refused manifests are left out, and so are the openings of tenants with a refused Branch.
    """
    latest = list({manifest.identity: manifest for manifest in manifests}.values())
    tenants = {manifest.identity: manifest.belongs_to() for manifest in latest}
    by_tenant: dict[tuple[str, str], list[Manifest]] = defaultdict(list)
    for manifest in latest:
        tenant = tenants[manifest.identity] or tenants.get(_branch_of(manifest))
        if tenant is not None:
            by_tenant[manifest.identity.namespace, tenant].append(manifest)
    for of_tenant in by_tenant.values():
        yield from _check_tenant(of_tenant)


def _branch_of(manifest: Manifest) -> Identity:
    return Identity("Branch", manifest.identity.namespace, str(manifest.part("branchRef").get("name")))


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
            yield from _check_event_type_staff(manifest, offering, staff)
            yield from _check_overridden_staff(manifest, offering, staff)
        for field, condition in conditions.items():
            if condition.status == Status.FALSE:
                yield warn(manifest.document, ("spec", field), condition.message)
        for index, other in shared_words(offering, offerings).items():
            text = f"callers who say it can mean {other.metadata.name}, too, whose name or spokenName it is: keep it at one of them"
            yield warn(manifest.document, ("spec", "spokenNames", index), text)


def _check_event_type_staff(
    manifest: Manifest, offering: ServiceOffering, staff: Mapping[str, Sequence[str]]
) -> Iterator[Finding]:
    """Warn of event types of people who cannot be booked for the service. `staff` are those who can, by branch."""
    for index, entry in enumerate(offering.spec.calcom.event_types if offering.spec.calcom else ()):
        if unable := _describe_unable(entry.staff, staff, "the event type is not booked"):
            yield warn(manifest.document, ("spec", "calcom", "eventTypes", index, "staff"), unable)


def _check_overridden_staff(
    manifest: Manifest, offering: ServiceOffering, staff: Mapping[str, Sequence[str]]
) -> Iterator[Finding]:
    """Warn of an own length or price of people who cannot be booked for the service."""
    for index, entry in enumerate(offering.spec.staff_overrides):
        if unable := _describe_unable(entry.staff, staff, "this entry changes nothing"):
            yield warn(manifest.document, ("spec", "staffOverrides", index, "staff"), unable)


def _describe_unable(member: str, staff: Mapping[str, Sequence[str]], consequence: str) -> str | None:
    """Return that somebody is none of `staff`, by branch those who can do a service; None if nobody can, which is reported."""
    able = sorted({each for members in staff.values() for each in members})
    if not able or member in able:
        return None
    close = get_close_matches(member, able, n=1)
    advice = f"did you mean {close[0]}?" if close else f"{', '.join(able)} can"
    return f"no {member} in {', '.join(sorted(staff))} can do this service, so {consequence}; {advice}"
