"""Reconcile one ServiceOffering. It only observes: nothing is written but its status, so it needs no finalizer."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from askproai_operator.api import ServiceOffering, Tenant
from askproai_operator.api.conditions import Condition, ConditionType
from askproai_operator.context import ReconcileContext
from askproai_operator.controllers.conditions import condition_of, missing_reference
from askproai_operator.controllers.offering.inputs import gather, read_event_types
from askproai_operator.controllers.offering.openings import openings_condition
from askproai_operator.controllers.offering.staffing import (
    namesakes,
    outdated_offerings,
    plan_units,
    staff_by_branch,
)
from askproai_operator.controllers.offering.status import (
    calendar_condition,
    calendar_key_missing,
    calendar_not_requested,
    calendar_without_seats,
    name_condition,
    staff_condition,
)
from askproai_operator.controllers.plan_annotation import plan_hold
from askproai_operator.credentials import calcom_account, event_types_of, read_credentials
from askproai_operator.engine import GONE, Key, Result
from askproai_operator.providers import ProviderError

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
    conditions = (
        staff_condition(offering, staff, effective_capacity),
        openings_condition(offering, inputs.branches, staff),
        name_condition(offering, namesakes(offering, inputs.neighbours)),
        await _check_calendar(offering, tenant, staff, context),
    )
    members = sorted({member for members in staff.values() for member in members})
    return Result(
        conditions,
        {"staff": members[:_MAX_STAFF], "eventTypes": len(event_types_of(offering))},
        # What does not fit is put right at Cal.com, which sends us nothing about it: then the usual resync, which is sooner.
        requeue_after=EVENT_TYPES_INTERVAL if all(condition.good for condition in conditions) else None,
        requeue_reason="event types are compared seldom: Cal.com counts requests",
    )


async def _check_calendar(
    offering: ServiceOffering, tenant: Tenant, staff: Mapping[str, tuple[str, ...]], context: ReconcileContext
) -> Condition:
    """Return CalendarLinked. Reads the Secret only if event types are named, and Cal.com only if the Secret has its key."""
    if calcom_account(tenant) is None or offering.spec.calcom is None:
        return calendar_not_requested()
    if offering.spec.capacity > 1:
        return calendar_without_seats(offering.spec.capacity)
    credentials = await read_credentials(tenant, context)
    if not credentials.calcom_key:
        return calendar_key_missing()
    try:
        event_types = await read_event_types(offering, tenant, credentials, context)
    except ProviderError as error:
        return condition_of(error, ConditionType.CALENDAR_LINKED, retry_note="looked at again soon")
    return calendar_condition(offering, staff, event_types)
