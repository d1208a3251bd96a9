"""Reconcile one ServiceOffering. It writes only the status, so it needs no finalizer."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Final

from askproai_core.providers import Json, ProviderError
from askproai_operator.api import Calcom, Key, ServiceOffering, Tenant
from askproai_operator.api.conditions import Condition, ConditionType
from askproai_operator.applied_spec import is_paused
from askproai_operator.context import ReconcileContext
from askproai_operator.controllers.conditions import FOLLOWS, condition_of, missing_reference
from askproai_operator.controllers.offering.inputs import EventTypes, gather, read_event_types, read_usable_own_keys
from askproai_operator.controllers.offering.status import (
    calendar_condition,
    calendar_key_missing,
    calendar_not_requested,
    calendar_without_look,
    calendar_without_seats,
    calendar_without_waits,
)
from askproai_operator.controllers.offering.units import outdated_offerings, plan_units
from askproai_operator.controllers.plan_annotation import edit_hold, plan_hold
from askproai_operator.credentials import (
    AccountHashes,
    calcom_account,
    calendar_account,
    event_types_of,
    hash_accounts,
    read_credentials,
    seen_with,
)
from askproai_operator.engine import GONE, Result
from askproai_operator.providers import (
    CredentialProblem,
    default_minutes,
    find_answered_fields,
    find_optional_notes,
    is_booked_by_host,
    needs_confirmation,
)
from askproai_operator.services import name_condition, namesakes, openings_condition, staff_by_branch, staff_condition

_MISSING: Final = "there is no {kind} {name} in this namespace: create it, or delete this ServiceOffering"
_MAX_STAFF: Final = 200  # that the CRD lets a status list
_FOUND: Final = (
    "eventTypesInAccount", "eventTypesNotFound", "eventTypesGone", "variableLengths", "needsConfirmation", "bookedByHost",
    "bookingFields",
)  # fmt: skip
_SEEN_WITH: Final = ("eventTypesSeenWith", "ownEventTypesSeenWith")
_MAX_FOUND: Final = 2000
_MAX_NOT_FOUND: Final = 200  # that the CRD lets the status list


async def reconcile(key: Key, context: ReconcileContext) -> Result:
    """Match staff members by skill and check the event types. Level-triggered: safe to run again at any point."""
    offering = context.cache.get(key)
    if not isinstance(offering, ServiceOffering) or offering.metadata.deletion_timestamp is not None:
        context.memory.looks.forget(key)
        return GONE  # it has nothing outside the cluster that must be deleted
    if held := plan_hold([offering]):
        return Result(paused=held)  # no requeue: the end of the annotation enqueues this offering
    inputs = await gather(offering, context)
    if missing := missing_reference(inputs.references, ConditionType.STAFF_MATCHED, _MISSING):
        # The missing object enqueues this one when it is created.
        return Result((missing,), {"staff": []}, inputs.references.look_again, requeue_reason=FOLLOWS)
    tenant = inputs.references.tenant
    assert tenant is not None  # else `missing` is set
    units = plan_units(inputs.branches, inputs.neighbours)
    for neighbour in outdated_offerings(inputs.neighbours, units):
        if neighbour.key != key:
            context.enqueue(neighbour.key)
    staff = staff_by_branch(offering, inputs.branches)
    effective_capacity = units.effective_capacity.get(key.name, offering.spec.capacity)
    calendar, found = await _check_calendar(offering, tenant, staff, context)
    of_specs = (
        staff_condition(offering, staff, effective_capacity),
        openings_condition(offering, inputs.branches, staff),
        name_condition(offering, namesakes(offering, inputs.neighbours)),
    )
    # The pods keep the config from before the pause, which is only in the database.
    conditions = (*(map(_when_resumed, of_specs) if is_paused(tenant) else of_specs), calendar)
    members = sorted({member for members in staff.values() for member in members})
    return Result(
        conditions,
        {"staff": members[:_MAX_STAFF], "eventTypes": len(event_types_of(offering)), **found},
        # Watches report all changes except those at Cal.com.
        resync_after=context.next_look(key, otherwise=context.settings.drift if calendar.good else timedelta()),
        edit_held=edit_hold(tenant, (*inputs.branches, *inputs.offerings)),
    )


def _when_resumed(condition: Condition) -> Condition:
    """Return a condition for a service whose Tenant is paused: the message of a problem says that it begins after the pause."""
    if condition.good:
        return condition
    return replace(condition, message=f"when the Tenant is resumed: {condition.message}")


async def _check_calendar(
    offering: ServiceOffering, tenant: Tenant, staff: Mapping[str, tuple[str, ...]], context: ReconcileContext
) -> tuple[Condition, Json]:
    """Return CalendarLinked, and the status fields about event types. Reads Secrets only if event types are used."""
    remote = calendar_account(tenant)
    if remote is not None and not isinstance(remote, Calcom):
        context.memory.looks.forget(offering.key)
        linked = remote.event_types_of(offering)
        return calendar_without_look(tenant.spec.calendar.provider.label, linked, staff), _nothing_used(offering)
    account, link = calcom_account(tenant), offering.spec.calcom
    if link is not None and link.is_local:
        link = None
    if account is None or link is None or offering.spec.capacity > 1:
        context.memory.looks.forget(offering.key)
    if account is not None and offering.spec.segments:
        return calendar_without_waits(), _nothing_used(offering)
    if account is None or link is None:
        return calendar_not_requested(), _nothing_used(offering)
    if offering.spec.capacity > 1:
        return calendar_without_seats(offering.spec.capacity), _nothing_used(offering)
    credentials = await read_credentials(tenant, context)
    before = {name: offering.status.get(name) for name in (*_FOUND, *_SEEN_WITH)}
    if not credentials.calcom_key:
        return calendar_key_missing(), before
    own_keys = await read_usable_own_keys(offering, tenant, context)
    try:
        event_types = await read_event_types(offering, credentials, own_keys, context)
    except ProviderError as error:
        return condition_of(error, ConditionType.CALENDAR_LINKED, retry_note="looked at again soon"), before
    found = _found(offering, event_types, hash_accounts(credentials, own_keys, context.installation_id))
    return calendar_condition(offering, staff, event_types, account.api_versions), found


def _nothing_used(offering: ServiceOffering) -> Json:
    """Return the status fields of a service that books at no event type; ids that were not found at Cal.com stay recorded."""
    kept = ("eventTypesNotFound", "eventTypesGone")
    return dict.fromkeys((*_FOUND, *_SEEN_WITH)) | {name: offering.status.get(name) for name in kept}


def _found(offering: ServiceOffering, event_types: EventTypes, accounts: AccountHashes) -> Json:
    """Return the status fields about the event types at Cal.com, from which the pods' config is compiled.

    An event type that could not be read keeps its fields, but counts as in the account only if it was seen with the same key at
    the same address. A missing event type stays in `eventTypesNotFound` when no longer named: bookings made there by mistake
    must not be moved or cancelled. If it was in the account before, it is in `eventTypesGone`: bookings there are the tenant's
    own.
    """
    found: dict[str, list[Json]] = {name: [] for name in _FOUND}
    own_seen_with: list[Json] = []
    declared = offering.spec.calcom.booking_fields if offering.spec.calcom else ()
    for entry, event_type in {entry.event_type_id: (entry, event_type) for entry, event_type in event_types}.values():
        number, account = {"eventTypeId": entry.event_type_id}, accounts.of(entry)
        before = seen_with(offering, entry.event_type_id)
        # With an unusable key of its own, the earlier facts stay.
        dropped = {"eventTypesInAccount"} if account is not None and account != before else set()
        if entry.api_key_secret_ref is not None and (account or before) is not None:
            own_seen_with.append({**number, "seenWith": account or before})
        if isinstance(event_type, CredentialProblem | ProviderError):
            for name in found.keys() - dropped:
                found[name] += [each for each in offering.status.get(name) or () if number.items() <= each.items()]
        elif event_type is None:
            once_in = {"eventTypesInAccount", "eventTypesGone"} - dropped
            was_there = any(number in (offering.status.get(name) or ()) for name in once_in)
            found["eventTypesGone" if was_there else "eventTypesNotFound"].append(number)
        else:
            found["eventTypesInAccount"].append(number)
            if (minutes := default_minutes(event_type)) is not None:
                found["variableLengths"].append({**number, "defaultMinutes": minutes})
            if needs_confirmation(event_type):
                found["needsConfirmation"].append(number)
            if is_booked_by_host(event_type):
                found["bookedByHost"].append(number)
            answered = find_answered_fields(event_type, declared)
            found["bookingFields"] += ({**number, "slug": slug, "type": kind} for slug, kind in answered)
            if (kind := find_optional_notes(event_type, declared)) is not None:
                found["bookingFields"].append({**number, "slug": "notes", "type": kind, "optional": True})
    named = {entry.event_type_id for entry in event_types_of(offering)}
    not_found = offering.status.get("eventTypesNotFound") or ()
    found["eventTypesNotFound"] += [each for each in not_found if each["eventTypeId"] not in named]
    del found["eventTypesNotFound"][_MAX_NOT_FOUND:]
    marks = dict(zip(_SEEN_WITH, (accounts.tenant, own_seen_with or None), strict=True))
    return {name: items[:_MAX_FOUND] or None for name, items in found.items()} | marks
