"""Make one Branch true. It owns nothing remote, so it needs no finalizer: its default service goes with its owner reference."""

from dataclasses import replace
from datetime import timedelta

from askproai_operator.api import Branch, ServiceOffering
from askproai_operator.api.conditions import Condition, ConditionType, Reason, bad, good, unknown
from askproai_operator.context import ReconcileContext
from askproai_operator.controllers.branch import render
from askproai_operator.controllers.branch.decide import (
    claimed_by_older,
    default_service_name,
    hand_made,
    numbers_condition,
    read_numbers,
)
from askproai_operator.controllers.offering.decide import auto_created
from askproai_operator.engine import GONE, Conflict, EventRecord, EventType, Key, Result, refs

_SETTLE = timedelta(seconds=3)  # one `kubectl apply` brings the services right after their branch


async def reconcile(key: Key, world: ReconcileContext) -> Result:
    """Bring the numbers to E.164, and see that there is a service. Level-triggered: safe to run again at any point."""
    branch = world.relations.branch(key.namespace, key.name)
    if branch is None or branch.metadata.deletion_timestamp is not None:
        return GONE
    numbers = read_numbers(branch)
    taken = claimed_by_older(branch, world.relations.branches_sharing_number(branch))
    services = await _see_to_a_service(branch, world)
    return replace(
        services,
        conditions=(
            *([missing] if (missing := await _tenant_condition(branch, world)) else services.conditions),
            numbers_condition(numbers, taken),
        ),
        status={
            **services.status,
            "phoneNumbers": [number.number for number in numbers.numbers if number.did not in taken],
            "staff": len(branch.spec.staff),
        },
    )


async def _see_to_a_service(branch: Branch, world: ReconcileContext) -> Result:
    """Create the default service when there is none, remove it when a hand-made one comes (requirement P2)."""
    meta, name, kind = branch.metadata, default_service_name(branch), ConditionType.SERVICES_READY
    made_by_hand = hand_made(branch, world.relations.offerings(meta.namespace, branch.spec.tenant_ref.name))
    default = next((o for o in world.cache.list(ServiceOffering, meta.namespace) if o.metadata.name == name), None)
    if made_by_hand:
        if default is not None and auto_created(default) and default.metadata.deletion_timestamp is None:
            await world.kube.delete(refs.OFFERINGS, meta.namespace, name, uid=default.metadata.uid)
        return Result((good(kind, f"{len(made_by_hand)} services"),), {"services": len(made_by_hand)})
    if default is None:
        if timedelta() <= world.clock.now() - meta.creation_timestamp < _SETTLE:
            return Result(
                (unknown(kind, Reason.PROGRESSING, "waits for a service"),),
                {"services": 0},
                requeue_after=_SETTLE,
                requeue_reason="its services may follow",
            )
        if await world.kube.get(refs.OFFERINGS, meta.namespace, name) is not None:
            raise Conflict(409, "AlreadyExists", f"{name} came a moment ago: to be looked at first")
    elif not auto_created(default):  # nothing is ever written to a person's own object
        text = f"no service names this branch, and the ServiceOffering {name} is another one's: create a service"
        return Result((bad(kind, Reason.OWNERSHIP_CONFLICT, text),), {"services": 0})
    await world.kube.apply(render.default_service(branch))
    told = f"no service names this branch: {name} was created (30 minutes, 0.00 EUR, all staff)"
    return Result(
        (good(kind, "the default service; it goes when the first hand-made one comes"),),
        {"services": 1},
        events=() if default is not None else (EventRecord("DefaultServiceCreated", told, EventType.NORMAL),),
    )


async def _tenant_condition(branch: Branch, world: ReconcileContext) -> Condition | None:
    namespace, name = branch.metadata.namespace, branch.spec.tenant_ref.name
    if world.relations.tenant(namespace, name) is not None:
        return None
    text = f"there is no Tenant {name} in this namespace: create it, or correct tenantRef by making the Branch anew"
    why = await world.missing_reason(refs.TENANTS, namespace, name, Reason.TENANT_NOT_FOUND)
    return bad(ConditionType.SERVICES_READY, why, text)
