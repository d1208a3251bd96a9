"""Event types that are withheld from the pods, since the tenant's account is not known to have them. Pure.

Cal.com accepts bookings at any account's event type: a wrong id would book the tenant's callers into another business's
account. The status of a service has the findings of its own reconcile, which asks with the account's key
(docs/decisions/0087-event-types-of-the-own-account.md).
"""

from collections.abc import Iterable
from typing import Final

from askproai_core.provider_names import CalendarApi, CalendarProvider
from askproai_core.tenant_config import TenantConfig, Withheld
from askproai_operator.api import ServiceOffering, Tenant
from askproai_operator.credentials import AccountHashes, calcom_account, event_types_of, seen_with

_MAX_NOT_FOUND: Final = 1000  # that the CRD lets the status list


def needs_applied(tenant: Tenant, offerings: Iterable[ServiceOffering], accounts: AccountHashes) -> bool:
    """Return True if `find_withheld` needs the applied config: an event type in a manifest was not looked up yet."""
    found = find_withheld(tenant, offerings, None, "", accounts)
    return any(reason is Withheld.NOT_LOOKED_UP for each in found.values() for reason in each.values())


def find_withheld(
    tenant: Tenant,
    offerings: Iterable[ServiceOffering],
    applied: TenantConfig | None,
    base_url: str,
    accounts: AccountHashes,
) -> dict[str, dict[int, Withheld]]:
    """Return the event types that are withheld from the pods, with the reason, by the name of the offering and by id.

    An event type counts as seen only with its account's present key at the tenant's present address (`accounts`). With version
    1 of the API, only event types that Cal.com reported as missing are withheld, since a server without version 2 shows none.

    Bookings at event types that the pods already use (`applied`, at the same `base_url`) go on until Cal.com reports them
    missing: neither an upgrade nor an outage disables a running tenant's calendar.
    """
    account = calcom_account(tenant)
    if account is None:
        return {}
    offerings = [offering for offering in offerings if offering.spec.capacity == 1]
    in_account = _in_account(offerings, accounts)
    must_be_seen = CalendarApi.V1 not in account.api_versions
    in_use = _event_types_in_use(applied, base_url)
    found, of_deleted = {}, {each["eventTypeId"] for each in tenant.status.get("eventTypesNotFound") or ()}
    for offering in offerings:
        missing = ("eventTypesNotFound", "eventTypesGone")
        not_found = {number for field in missing for number in _ids(offering, field, accounts)}
        # With the former key, too.
        doubtful = of_deleted | {number for field in missing for number in _all_ids(offering, field)}
        found[offering.metadata.name] = {
            number: Withheld.NOT_FOUND if number in not_found else Withheld.NOT_LOOKED_UP
            for number in sorted({each.event_type_id for each in event_types_of(offering)} - in_account)
            if number in not_found or (number not in in_use and (must_be_seen or number in doubtful))
        }
    return {name: numbers for name, numbers in found.items() if numbers}


def find_not_found(tenant: Tenant, offerings: Iterable[ServiceOffering], accounts: AccountHashes) -> tuple[int, ...]:
    """Return the ids of event types that Cal.com reported as missing in the tenant's account, for the Tenant's status to keep.

    The status of a ServiceOffering is deleted with it. An event type that was found since is the tenant's own, and left out.
    """
    offerings = list(offerings)
    not_found = {each["eventTypeId"] for each in tenant.status.get("eventTypesNotFound") or ()}
    not_found |= {number for offering in offerings for number in _all_ids(offering, "eventTypesNotFound")}
    gone = {number for offering in offerings for number in _ids(offering, "eventTypesGone", accounts)}
    return tuple(sorted(not_found - _in_account(offerings, accounts) - gone)[:_MAX_NOT_FOUND])


def find_former(tenant: Tenant, offerings: Iterable[ServiceOffering], accounts: AccountHashes) -> tuple[int, ...]:
    """Return the ids in `find_not_found` at which no service books any more.

    An appointment that was booked there by mistake is another business's booking, and is neither moved nor cancelled. A service
    with seats never books at the event types that it names.
    """
    if calcom_account(tenant) is None:
        return ()
    offerings = list(offerings)
    not_found = find_not_found(tenant, offerings, accounts)
    linked = (offering for offering in offerings if offering.spec.capacity == 1)
    named = {each.event_type_id for offering in linked for each in event_types_of(offering)}
    return tuple(number for number in not_found if number not in named)


def _event_types_in_use(applied: TenantConfig | None, base_url: str) -> set[int]:
    if applied is None or (applied.calendar.provider, applied.calendar.base_url) != (CalendarProvider.CALCOM, base_url):
        return set()
    services = (service for service in applied.services if service.capacity == 1)
    links = (link for service in services for link in service.linked_event_types)
    return {link.event_type_id for link in links if link.withheld is None}


def _in_account(offerings: Iterable[ServiceOffering], accounts: AccountHashes) -> set[int]:
    return {number for offering in offerings for number in _ids(offering, "eventTypesInAccount", accounts)}


def _ids(offering: ServiceOffering, field: str, accounts: AccountHashes) -> set[int]:
    """Return the ids in a `field` of the offering's status, except ids that were seen with another key or at another address."""
    present = {each.event_type_id: accounts.of(each) for each in event_types_of(offering)}
    seen = {number: seen_with(offering, number) for number in _all_ids(offering, field)}
    return {number for number, account in seen.items() if account and account == present.get(number, accounts.tenant)}


def _all_ids(offering: ServiceOffering, field: str) -> set[int]:
    return {each["eventTypeId"] for each in offering.status.get(field) or ()}
