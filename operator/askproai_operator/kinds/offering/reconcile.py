"""Make one ServiceOffering true: it only looks, so it has no finalizer and writes nothing but its status."""

from datetime import timedelta

from askproai_operator.api import ServiceOffering, Tenant
from askproai_operator.api.conditions import Condition, ConditionType, Reason, bad, good, unknown
from askproai_operator.engine import GONE, Key, Result, World
from askproai_operator.external import CalcomClient, EventTypeNeeds, ProviderError, event_type_problems
from askproai_operator.kinds.credentials import Credentials, read_credentials
from askproai_operator.kinds.offering.decide import (
    calendar_condition,
    missing_event_types,
    offered_in,
    staff_by_branch,
    staff_condition,
)

# Cal.com counts 120 requests a minute for each key, and the calls need them: event types are looked at this rarely.
LOOK_AGAIN = timedelta(minutes=10)


async def reconcile(key: Key, world: World) -> Result:
    """Match staff by skill and check the event types. Level-triggered: safe to run again at any point."""
    offering = world.cache.get(key)
    if not isinstance(offering, ServiceOffering) or offering.metadata.deletion_timestamp is not None:
        return GONE
    name = world.cache.tenant_of(offering)
    tenant = world.cache.tenant(key.namespace, name) if name else None
    if tenant is None:
        return Result(conditions=(_homeless(offering),))
    branches = [
        branch for branch in world.cache.branches(key.namespace, tenant.metadata.name) if offered_in(offering, branch)
    ]
    staff = staff_by_branch(offering, branches)
    linked = await _calendar(offering, tenant, staff, world)
    conditions = (staff_condition(offering, staff), linked)
    return Result(
        conditions=conditions,
        status={
            "staff": sorted({person for people in staff.values() for person in people}),
            "eventTypes": len(offering.spec.calcom.event_types) if offering.spec.calcom else 0,
        },
        after=LOOK_AGAIN if all(condition.good for condition in conditions) else None,
    )


def _homeless(offering: ServiceOffering) -> Condition:
    if offering.spec.branch_ref is not None:
        text = (
            f"there is no Branch {offering.spec.branch_ref.name} of a known Tenant in this namespace: create it first"
        )
        return bad(ConditionType.STAFF_MATCHED, Reason.BRANCH_NOT_FOUND, text)
    return bad(
        ConditionType.STAFF_MATCHED,
        Reason.TENANT_NOT_FOUND,
        "there is no such Tenant in this namespace: create it first",
    )


async def _calendar(
    offering: ServiceOffering, tenant: Tenant, staff: dict[str, tuple[str, ...]], world: World
) -> Condition:
    if tenant.spec.calendar.calcom is None or offering.spec.calcom is None:
        text = "no Cal.com event types are named: appointments stay in our own book"
        return good(ConditionType.CALENDAR_LINKED, text, Reason.NOT_REQUESTED)
    credentials = await read_credentials(tenant, world)
    if credentials.calcom_key is None:
        return bad(
            ConditionType.CALENDAR_LINKED,
            Reason.TENANT_NOT_READY,
            "the Tenant's Cal.com key is missing: see its CredentialsValid",
        )
    problems = [
        (
            f"{person} has no event type: add one to calcom.eventTypes, or the appointments stay in our own book",
            Reason.EVENT_TYPE_MISSING,
        )
        for person in missing_event_types(offering, staff)
    ]
    try:
        problems += await _event_type_problems(offering, credentials, world)
    except ProviderError as error:
        return unknown(ConditionType.CALENDAR_LINKED, Reason.PROVIDER_UNAVAILABLE, f"{error}; looked at again soon")
    return calendar_condition(problems, len(offering.spec.calcom.event_types))


async def _event_type_problems(
    offering: ServiceOffering, credentials: Credentials, world: World
) -> list[tuple[str, Reason]]:
    spec = offering.spec
    needs = EventTypeNeeds(spec.duration_minutes, spec.buffer_before_minutes, spec.buffer_after_minutes)
    found: list[tuple[str, Reason]] = []
    for entry in spec.calcom.event_types if spec.calcom else ():
        client: CalcomClient = world.providers.calcom(credentials.calcom_base_url, str(credentials.calcom_key))
        event_type = await client.event_type(entry.event_type_id)
        if event_type is None:
            text = f"event type {entry.event_type_id} of {entry.staff} is not in this Cal.com account: correct the id"
            found.append((text, Reason.EVENT_TYPE_NOT_FOUND))
            continue
        found += [
            (f"event type {entry.event_type_id} of {entry.staff}: {problem}", Reason.EVENT_TYPE_MISMATCH)
            for problem in event_type_problems(event_type, needs)
        ]
    return found
