"""Cal.com's event types in the files: one of two tenants, and services of a Cal.com tenant that name none."""

from collections.abc import Iterator, Sequence

from askproai_cli.lint.findings import Finding, Identity, warn
from askproai_cli.lint.manifest import Manifest
from askproai_core.tenant_config import CalendarProvider
from askproai_operator.api import ServiceOffering, Tenant


def check_event_types(manifests: Sequence[Manifest]) -> Iterator[Finding]:
    """Warn of event types that two tenants name, and of services whose appointments never reach Cal.com.

    Refused manifests are left out, and services of tenants that are not among the files.
    """
    latest = {manifest.identity: manifest for manifest in manifests if manifest.model is not None}
    holders: dict[tuple[str | None, int], tuple[Manifest, str]] = {}  # by server and id: the tenant and the line
    for manifest in latest.values():
        offering = manifest.model
        tenant = _tenant_of(manifest, latest)
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


def _tenant_of(manifest: Manifest, known: dict[Identity, Manifest]) -> Manifest | None:
    """Return the Tenant of a service, by its own reference or that of its Branch."""
    namespace = manifest.identity.namespace
    branch = known.get(Identity("Branch", namespace, str(manifest.part("branchRef").get("name"))))
    name = manifest.belongs_to() or (branch.belongs_to() if branch else None)
    return known.get(Identity("Tenant", namespace, name)) if name else None
