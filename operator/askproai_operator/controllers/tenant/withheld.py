"""Event types that the pods must not send anything to, since the tenant's account is not known to have them. Pure.

Cal.com takes bookings at anybody's event type: a wrong id would book the tenant's callers into another business's account. What a
service's own reconcile has read with the account's key is in its status (docs/decisions/0087-event-types-of-the-own-account.md).
"""

from collections.abc import Iterable

from askproai_core.tenant_config import CalcomVersion, CalendarProvider, TenantConfig, Withheld
from askproai_operator.api import ServiceOffering, Tenant
from askproai_operator.credentials import calcom_account, event_types_of


def needs_applied(tenant: Tenant, offerings: Iterable[ServiceOffering], seen_with: str) -> bool:
    """Return whether `find_withheld` needs the applied config: an event type was not looked up since it is named."""
    found = find_withheld(tenant, offerings, None, "", seen_with)
    return any(reason is Withheld.NOT_LOOKED_UP for each in found.values() for reason in each.values())


def find_withheld(
    tenant: Tenant,
    offerings: Iterable[ServiceOffering],
    applied: TenantConfig | None,
    base_url: str,
    seen_with: str,
) -> dict[str, dict[int, Withheld]]:
    """Return the event types that are withheld from the pods, by the name of the offering and their id.

    Only what was seen with the tenant's present key at its present address counts: `seen_with`, its `hash_account`. With version 1
    of the API all are used but those that Cal.com said an account does not have, since a server without version 2 shows none.

    What the pods book at already (`applied`, at the same `base_url`) goes on until Cal.com says that the account does not have it:
    neither an upgrade nor an outage takes a running tenant's calendar.
    """
    account = calcom_account(tenant)
    if account is None:
        return {}
    offerings = [offering for offering in offerings if offering.spec.capacity == 1]
    in_account = {number for offering in offerings for number in _ids(offering, "eventTypesInAccount", seen_with)}
    must_be_seen = CalcomVersion.V1 not in account.api_versions
    in_use = _event_types_in_use(applied, base_url)
    found = {}
    for offering in offerings:
        missing = ("eventTypesNotFound", "eventTypesGone")
        not_found = {number for field in missing for number in _ids(offering, field, seen_with)}
        doubtful = {number for field in missing for number in _all_ids(offering, field)}  # with the former key, too
        found[offering.metadata.name] = {
            number: Withheld.NOT_FOUND if number in not_found else Withheld.NOT_LOOKED_UP
            for number in sorted({each.event_type_id for each in event_types_of(offering)} - in_account)
            if number in not_found or (number not in in_use and (must_be_seen or number in doubtful))
        }
    return {name: numbers for name, numbers in found.items() if numbers}


def find_former(tenant: Tenant, offerings: Iterable[ServiceOffering]) -> tuple[int, ...]:
    """Return the event types at which no service books any more, of which Cal.com said that the account does not have them.

    An appointment that was booked there by mistake is another business's booking, which is neither moved nor cancelled. A service
    with seats books at none of those that it names.
    """
    if calcom_account(tenant) is None:
        return ()
    offerings = list(offerings)
    not_found = {number for offering in offerings for number in _all_ids(offering, "eventTypesNotFound")}
    linked = (offering for offering in offerings if offering.spec.capacity == 1)
    return tuple(sorted(not_found - {each.event_type_id for offering in linked for each in event_types_of(offering)}))


def _event_types_in_use(applied: TenantConfig | None, base_url: str) -> set[int]:
    if applied is None or (applied.calendar.provider, applied.calendar.base_url) != (CalendarProvider.CALCOM, base_url):
        return set()
    services = (service for service in applied.services if service.capacity == 1)
    links = (link for service in services for link in service.linked_event_types)
    return {link.event_type_id for link in links if link.withheld is None}


def _ids(offering: ServiceOffering, field: str, seen_with: str) -> set[int]:
    """Return the ids in a field of the status; none where they were seen with another key, or at another address."""
    if offering.status.get("eventTypesSeenWith") != seen_with:
        return set()
    return _all_ids(offering, field)


def _all_ids(offering: ServiceOffering, field: str) -> set[int]:
    return {each["eventTypeId"] for each in offering.status.get(field) or ()}
