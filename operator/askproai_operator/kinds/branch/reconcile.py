"""Make one Branch true. It owns nothing remote, so it needs no finalizer: its default service goes with its owner reference."""

from askproai_operator.api import Branch
from askproai_operator.api.conditions import Condition, ConditionType, Reason, bad, good
from askproai_operator.engine import GONE, Key, Result, Warn, World, refs
from askproai_operator.kinds.branch import render
from askproai_operator.kinds.branch.decide import (
    claimed_by_older,
    default_service_name,
    hand_made,
    numbers_condition,
    read_numbers,
)


async def reconcile(key: Key, world: World) -> Result:
    """Bring the numbers to E.164, and see that there is a service. Level-triggered: safe to run again at any point."""
    branch = world.cache.branch(key.namespace, key.name)
    if branch is None or branch.metadata.deletion_timestamp is not None:
        return GONE
    numbers = read_numbers(branch)
    taken = claimed_by_older(branch, world.cache.list(Branch))
    services, condition, warnings = await _see_to_a_service(branch, world)
    return Result(
        conditions=(_tenant_condition(branch, world) or condition, numbers_condition(numbers, taken)),
        status={
            "phoneNumbers": [number.number for number in numbers.numbers if number.did not in taken],
            "services": services,
            "staff": len(branch.spec.staff),
        },
        warnings=warnings,
    )


async def _see_to_a_service(branch: Branch, world: World) -> tuple[int, Condition, tuple[Warn, ...]]:
    """Create the default service when there is none, remove it when a hand-made one comes (requirement P2)."""
    namespace, tenant = branch.metadata.namespace, branch.spec.tenant_ref.name
    made_by_hand = hand_made(branch, world.cache.offerings(namespace, tenant))
    default = world.cache.get(Key(refs.OFFERINGS.kind, namespace, default_service_name(branch)))
    if made_by_hand:
        if default is not None and default.metadata.deletion_timestamp is None:
            await world.kube.delete(refs.OFFERINGS, namespace, default.metadata.name, uid=default.metadata.uid)
        return len(made_by_hand), good(ConditionType.SERVICES_READY, f"{len(made_by_hand)} services"), ()
    await world.kube.apply(render.default_service(branch))
    warnings: tuple[Warn, ...] = ()
    if default is None:
        text = f"no service names this branch: {default_service_name(branch)} was created (30 minutes, 0.00 EUR, all staff)"
        warnings = (Warn("DefaultServiceCreated", text),)
    return (
        1,
        good(ConditionType.SERVICES_READY, "the default service; it goes when the first hand-made one comes"),
        warnings,
    )


def _tenant_condition(branch: Branch, world: World) -> Condition | None:
    name = branch.spec.tenant_ref.name
    if world.cache.tenant(branch.metadata.namespace, name) is not None:
        return None
    return bad(
        ConditionType.SERVICES_READY,
        Reason.TENANT_NOT_FOUND,
        f"there is no Tenant {name} in this namespace: create it, or correct tenantRef by making the Branch anew",
    )
