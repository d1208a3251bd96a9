"""Reconcile one ServiceOffering. It only observes: nothing is written but its status, so it needs no finalizer."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final

from askproai_operator.api import ServiceOffering, Tenant
from askproai_operator.api.conditions import Condition, ConditionType
from askproai_operator.context import ReconcileContext
from askproai_operator.controllers.conditions import condition_of, missing_reference
from askproai_operator.controllers.offering.inputs import gather, gather_event_types, read_event_types
from askproai_operator.controllers.offering.status import (
    calendar_condition,
    calendar_key_missing,
    calendar_not_requested,
    calendar_without_seats,
)
from askproai_operator.controllers.offering.units import outdated_offerings, plan_units
from askproai_operator.controllers.plan_annotation import plan_hold
from askproai_operator.credentials import calcom_account, event_types_of, read_credentials
from askproai_operator.engine import GONE, Key, Result
from askproai_operator.memory import EventTypes, EventTypesReading
from askproai_operator.providers import CredentialProblem, Json, ProviderError, default_minutes
from askproai_operator.services import name_condition, namesakes, openings_condition, staff_by_branch, staff_condition

# Cal.com counts 120 requests a minute for each key, and the calls need them: event types that fit are read this rarely.
EVENT_TYPES_INTERVAL: Final = timedelta(minutes=10)
_MAX_STAFF: Final = 200  # that the CRD lets a status list


async def reconcile(key: Key, context: ReconcileContext) -> Result:
    """Match staff members by skill and check the event types. Level-triggered: safe to run again at any point."""
    offering = context.cache.get(key)
    if not isinstance(offering, ServiceOffering) or offering.metadata.deletion_timestamp is not None:
        return GONE  # nothing outside the cluster is its own, so nothing is to be cleaned up
    if held := plan_hold([offering]):
        return Result(paused=held)  # no requeue: the end of the annotation enqueues this offering
    inputs = await gather(offering, context)
    if missing := missing_reference(inputs.references, ConditionType.STAFF_MATCHED):
        return Result((missing,), {"staff": []})  # no retry: the missing object enqueues this one when it is created
    tenant = inputs.references.tenant
    assert tenant is not None  # else it were missing
    units = plan_units(inputs.branches, inputs.neighbours)
    for neighbour in outdated_offerings(inputs.neighbours, units):
        if neighbour.key != key:
            context.enqueue(neighbour.key)
    staff = staff_by_branch(offering, inputs.branches)
    effective_capacity = units.effective_capacity.get(key.name, offering.spec.capacity)
    calendar, lengths, next_reading = await _check_calendar(offering, tenant, staff, context)
    conditions = (
        staff_condition(offering, staff, effective_capacity),
        openings_condition(offering, inputs.branches, staff),
        name_condition(offering, namesakes(offering, inputs.neighbours)),
        calendar,
    )
    members = sorted({member for members in staff.values() for member in members})
    return Result(
        conditions,
        {
            "staff": members[:_MAX_STAFF],
            "eventTypes": len(event_types_of(offering)),
            "variableLengths": lengths or None,
        },
        requeue_after=next_reading,
        requeue_reason="event types are compared seldom: Cal.com counts requests",
    )


async def _check_calendar(
    offering: ServiceOffering, tenant: Tenant, staff: Mapping[str, tuple[str, ...]], context: ReconcileContext
) -> tuple[Condition, Sequence[Json], timedelta | None]:
    """Return CalendarLinked, `status.variableLengths`, and when to look at it again (None: after the usual resync).

    Reads the Secret only if event types are named. Reads Cal.com only after an edit of the service, its keys or the calendar's
    address, and when the answer is too old: the runs that a relative causes are many, and would hold the workers of all tenants.
    """
    if calcom_account(tenant) is None or offering.spec.calcom is None:
        return calendar_not_requested(), (), EVENT_TYPES_INTERVAL
    if offering.spec.capacity > 1:
        return calendar_without_seats(offering.spec.capacity), (), EVENT_TYPES_INTERVAL
    credentials = await read_credentials(tenant, context)
    if not credentials.calcom_key:
        return calendar_key_missing(), offering.status.get("variableLengths") or (), None
    request = await gather_event_types(offering, tenant, credentials, context)
    source, readings = request.source(context.installation_id), context.memory.event_types
    if (known := readings.find(offering.key, source)) is not None:
        condition = _judge(known, offering, staff)
        age = timedelta(seconds=context.clock.monotonic() - known.at)
        if (left := _interval(condition, context) - age) > timedelta():
            return condition, _lengths(known, offering), left
    answer: EventTypes | ProviderError
    try:
        answer = await read_event_types(request, context)
    except ProviderError as error:
        answer = error
    reading = EventTypesReading(source, answer, context.clock.monotonic())
    readings.keep(offering.key, reading)
    condition = _judge(reading, offering, staff)
    return condition, _lengths(reading, offering), _interval(condition, context)


def _lengths(reading: EventTypesReading, offering: ServiceOffering) -> Sequence[Json]:
    """Return `status.variableLengths`: as it was where Cal.com could not be asked."""
    before = {each["eventTypeId"]: each for each in offering.status.get("variableLengths") or ()}
    if isinstance(reading.answer, ProviderError):
        return list(before.values())
    lengths: list[Json] = []
    for entry, event_type in reading.answer:
        if isinstance(event_type, CredentialProblem):
            lengths += [before[entry.event_type_id]] if entry.event_type_id in before else []
        elif event_type is not None and (minutes := default_minutes(event_type)) is not None:
            lengths.append({"eventTypeId": entry.event_type_id, "defaultMinutes": minutes})
    return lengths


def _judge(reading: EventTypesReading, offering: ServiceOffering, staff: Mapping[str, tuple[str, ...]]) -> Condition:
    if isinstance(reading.answer, ProviderError):
        return condition_of(reading.answer, ConditionType.CALENDAR_LINKED, retry_note="looked at again soon")
    return calendar_condition(offering, staff, reading.answer)


def _interval(calendar: Condition, context: ReconcileContext) -> timedelta:
    """Return how long an answer is used. What does not fit is put right at Cal.com, which sends us nothing about it."""
    return EVENT_TYPES_INTERVAL if calendar.good else context.settings.resync
