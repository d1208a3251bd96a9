"""Make one ServiceOffering true: it only looks, so it has no finalizer and writes nothing but its status."""

from datetime import timedelta

from askproai_operator.api import ServiceOffering, Tenant
from askproai_operator.api.conditions import Condition, ConditionType, Reason, bad, good, unknown
from askproai_operator.context import ReconcileContext
from askproai_operator.controllers.offering.capacity import misjudged, plan_units
from askproai_operator.controllers.offering.decide import (
    calendar_condition,
    linked_event_types,
    missing_event_types,
    offered_in,
    staff_by_branch,
    staff_condition,
    standing_offerings,
)
from askproai_operator.credentials import Credentials, calcom_of, read_credentials
from askproai_operator.engine import GONE, Key, Result, refs
from askproai_operator.providers import (
    CredentialRefused,
    EventTypeNeeds,
    HostNotAllowed,
    ProviderError,
    event_type_problems,
)

# Cal.com counts 120 requests a minute for each key, and the calls need them: event types are looked at this rarely.
LOOK_AGAIN = timedelta(minutes=10)


async def reconcile(key: Key, world: ReconcileContext) -> Result:
    """Match staff by skill and check the event types. Level-triggered: safe to run again at any point."""
    offering = world.cache.get(key)
    if not isinstance(offering, ServiceOffering) or offering.metadata.deletion_timestamp is not None:
        return GONE
    ref, name = offering.spec.branch_ref, world.relations.tenant_of(offering)
    if ref is not None and world.relations.branch(key.namespace, ref.name) is None:
        text = f"there is no Branch {ref.name} in this namespace: create it"
        why = await world.missing_reason(refs.BRANCHES, key.namespace, ref.name, Reason.BRANCH_NOT_FOUND)
        return Result((bad(ConditionType.STAFF_MATCHED, why, text),), {"staff": []})
    tenant = world.relations.tenant(key.namespace, name) if name else None
    if tenant is None:
        text = f"there is no Tenant {name} in this namespace: create it"
        why = await world.missing_reason(refs.TENANTS, key.namespace, name, Reason.TENANT_NOT_FOUND)
        return Result((bad(ConditionType.STAFF_MATCHED, why, text),), {"staff": []})
    branches = world.relations.branches(key.namespace, tenant.metadata.name)
    staff = staff_by_branch(offering, (branch for branch in branches if offered_in(offering, branch)))
    standing = standing_offerings(world.relations.offerings(key.namespace, tenant.metadata.name), branches)
    units = plan_units(branches, standing)
    for other in misjudged(standing, units):
        if other.key != key:
            world.enqueue(other.key)
    at_once = units.at_once.get(key.name, offering.spec.capacity)
    conditions = (staff_condition(offering, staff, at_once), await _calendar(offering, tenant, staff, world))
    people = sorted({person for people in staff.values() for person in people})
    return Result(
        conditions,
        {"staff": people[:200], "eventTypes": len(linked_event_types(offering))},  # as the CRD bounds them
        requeue_after=LOOK_AGAIN if all(condition.good for condition in conditions) else None,
        requeue_reason="event types are compared seldom: Cal.com counts requests",
    )


async def _calendar(
    offering: ServiceOffering, tenant: Tenant, staff: dict[str, tuple[str, ...]], world: ReconcileContext
) -> Condition:
    kind = ConditionType.CALENDAR_LINKED
    if calcom_of(tenant) is None or offering.spec.calcom is None:
        text = "no Cal.com event types are named: appointments stay in our own book"
        return good(kind, text, Reason.NOT_REQUESTED)
    credentials = await read_credentials(tenant, world)
    if not credentials.calcom_key:
        text = "the Tenant's Cal.com key is missing: see its CredentialsValid"
        return bad(kind, Reason.TENANT_NOT_READY, text)
    advice = "add one of the Tenant's own account to calcom.eventTypes, or the appointments stay in our own book"
    without = missing_event_types(offering, staff)
    problems = [(f"{person} has no event type: {advice}", Reason.EVENT_TYPE_MISSING) for person in without]
    try:
        problems += await _event_type_problems(offering, credentials, world)
    except HostNotAllowed as error:
        return bad(kind, Reason.PROVIDER_HOST_NOT_ALLOWED, str(error))
    except CredentialRefused as error:
        return bad(kind, Reason.CREDENTIALS_INVALID, str(error))
    except ProviderError as error:
        return unknown(kind, Reason.PROVIDER_UNAVAILABLE, f"{error}; looked at again soon")
    return calendar_condition(problems, len(offering.spec.calcom.event_types))


async def _event_type_problems(
    offering: ServiceOffering, credentials: Credentials, world: ReconcileContext
) -> list[tuple[str, Reason]]:
    spec = offering.spec
    needs = EventTypeNeeds(spec.duration_minutes, spec.buffer_before_minutes, spec.buffer_after_minutes, spec.capacity)
    client = world.providers.calcom(credentials.calcom_base_url, credentials.calcom_key)
    found: list[tuple[str, Reason]] = []
    for entry in linked_event_types(offering):
        what = f"event type {entry.event_type_id} of {entry.staff}"
        event_type = await client.event_type(entry.event_type_id)
        if event_type is None:
            found.append((f"{what} is not in this Cal.com account: correct the id", Reason.EVENT_TYPE_NOT_FOUND))
            continue
        problems = event_type_problems(event_type, needs)
        found += [(f"{what}: {problem}", Reason.EVENT_TYPE_MISMATCH) for problem in problems]
    return found
