"""Reconcile one Branch. A Branch owns nothing remote and needs no finalizer: its default service has an owner reference."""

from collections.abc import Collection, Iterable, Sequence
from datetime import timedelta
from typing import Final

from askproai_core.kube import Conflict
from askproai_operator import resources
from askproai_operator.api import Branch, Key, ManagementPolicy, RetellAgent
from askproai_operator.api.conditions import Condition, ConditionType, Reason, Status, bad, good, unknown
from askproai_operator.context import ReconcileContext
from askproai_operator.controllers.branch.inputs import (
    Inputs,
    default_service_name,
    gather,
    holidays_condition,
    staff_condition,
    tenant_missing,
)
from askproai_operator.controllers.branch.phone_numbers import numbers_condition
from askproai_operator.controllers.branch.plan import (
    SETTLE,
    Action,
    Plan,
    default_service,
    is_settling,
    plan_default_service,
)
from askproai_operator.controllers.plan_annotation import edit_hold, plan_hold
from askproai_operator.engine import GONE, EventRecord, EventType, Result, find_condition, pause_condition
from askproai_operator.services import is_offered_in

QUIET_RESYNCS: Final = 5

_ANSWERED = ConditionType.NUMBERS_ANSWERED
_WAITS = {
    Reason.TENANT_NOT_READY,
    Reason.PENDING,
}  # Synced is False then, too, but the agent goes on by itself or in plan mode


async def reconcile(key: Key, context: ReconcileContext) -> Result:
    """Reconcile one Branch. Level-triggered: safe to run again at any point."""
    branch = context.relations.branch(key.namespace, key.name)
    if branch is None or branch.metadata.deletion_timestamp is not None:
        return GONE  # no requeue: nothing remote is left to remove
    offerings = context.relations.offerings(key.namespace, branch.spec.tenant_ref.name)
    if held := plan_hold([branch, *(offering for offering in offerings if is_offered_in(offering, branch))]):
        return Result(paused=held)  # no requeue: the end of the annotation enqueues this Branch
    inputs = await gather(branch, context)
    now = context.clock.now()
    plan, settling = plan_default_service(inputs, now), is_settling(inputs, now)
    await _execute(plan.action, inputs, context)
    services = tenant_missing(inputs) or plan.condition
    answered = answering_condition(branch, inputs.own_dids, answering_agents(branch, inputs.agents), settling=settling)
    numbers = numbers_condition(inputs.numbers, inputs.claimed, inputs.branches)
    conditions = (services, numbers, answered, holidays_condition(branch), staff_condition(inputs))
    is_good = all(condition.good for condition in conditions)
    # Watches report changes of other objects. They do not report a foreign write of this status, or of the default service's
    # owner reference; the next run corrects it, and is therefore soon.
    return Result(
        conditions,
        status={
            "services": plan.services,
            "phoneNumbers": [number.number for number in inputs.numbers.usable if number.did not in inputs.claimed],
            "staff": len(branch.spec.staff),
        },
        requeue_after=_next_run(inputs, answered, plan),
        requeue_reason="its Tenant, its services and its agent may follow, and none of them may come",
        resync_after=_quiet_resync(context) if is_good else None,
        events=(_created(inputs),) if plan.action is Action.CREATE else (),
        edit_held=edit_hold(inputs.references.tenant, (*inputs.branches, *inputs.offerings)),
    )


def _next_run(inputs: Inputs, answered: Condition, plan: Plan) -> timedelta | None:
    """Return the time until the next run, while objects may still follow a new Branch; None if no object is awaited."""
    if inputs.references.look_again is not None:
        return inputs.references.look_again
    return SETTLE if answered.reason is Reason.PROGRESSING else plan.requeue_after


def _quiet_resync(context: ReconcileContext) -> timedelta | None:
    """Return the time until a healthy Branch is reconciled again (± 20 %); None for the usual resync."""
    settings = context.settings
    return context.memory.looks.wait(0, settings.quiet_interval(QUIET_RESYNCS), settings.resync) or None


async def _execute(action: Action, inputs: Inputs, context: ReconcileContext) -> None:
    """Carry out the planned change of the default service. Raises Conflict, for a retry, if the cache does not show it yet."""
    namespace, name = inputs.branch.metadata.namespace, default_service_name(inputs.branch)
    match action:
        case Action.DELETE:
            assert inputs.default is not None
            await context.kube.delete(resources.OFFERINGS, namespace, name, uid=inputs.default.metadata.uid)
        case Action.CREATE:
            if await context.kube.get(resources.OFFERINGS, namespace, name) is not None:
                raise Conflict(409, "AlreadyExists", f"{name} came a moment ago: to be looked at first")
            await context.kube.apply(default_service(inputs.branch))
        case Action.REPAIR:
            await context.kube.apply(default_service(inputs.branch))


def _created(inputs: Inputs) -> EventRecord:
    name = default_service_name(inputs.branch)
    what = "30 minutes, all staff; callers hear that its price is not known"
    text = f"no service names this branch: {name} was created ({what})"
    return EventRecord("DefaultServiceCreated", text, EventType.NORMAL)


def answering_agents(branch: Branch, agents: Iterable[RetellAgent]) -> list[RetellAgent]:
    """Return the agents that answer the branch's numbers: agents of this branch, or if there are none, the tenant's hotlines."""
    active = [agent for agent in agents if agent.metadata.deletion_timestamp is None]
    own = [agent for agent in active if agent.spec.branch_ref and agent.spec.branch_ref.name == branch.metadata.name]
    return own or [agent for agent in active if agent.spec.tenant_ref is not None]


def answering_condition(
    branch: Branch, dids: Collection[str], agents: Sequence[RetellAgent], *, settling: bool
) -> Condition:
    """Return NumbersAnswered: True if agents answer all dialled numbers `dids`. While `settling`, an agent may still follow."""
    if not dids:
        return good(_ANSWERED, "the branch has no phone numbers of its own", Reason.NOT_REQUESTED)
    if not agents:
        if settling:
            return unknown(_ANSWERED, Reason.PROGRESSING, "waits for a RetellAgent")
        text = (
            f"nobody answers {', '.join(sorted(dids))}: create a RetellAgent with branchRef {branch.metadata.name}, or one with"
            " tenantRef for a hotline, or take the numbers out of the Branch"
        )
        return bad(_ANSWERED, Reason.NO_AGENT, text)
    names = ", ".join(agent.metadata.name for agent in agents)
    unbound = sorted(set(dids).difference(*(agent.status.get("phoneNumbers") or () for agent in agents)))
    if not unbound:
        return good(_ANSWERED, f"answered by RetellAgent {names}")
    if all(agent.spec.management_policy is ManagementPolicy.OBSERVE_ONLY for agent in agents):
        text = f"RetellAgent {names} has managementPolicy ObserveOnly: numbers at Retell stay as they are"
        return good(_ANSWERED, text, Reason.OBSERVE_ONLY)
    text = f"RetellAgent {names} does not answer {', '.join(unbound)}"
    reports = [(agent, find_condition(agent, ConditionType.SYNCED)) for agent in agents]
    failed = [(agent, synced) for agent, synced in reports if synced.get("status") == Status.FALSE]
    causes = [f"{agent.metadata.name}: {paused.message}" for agent in agents if (paused := pause_condition(agent))]
    causes += [f"{agent.metadata.name}: {synced.get('message', '')}" for agent, synced in failed]
    where = f"why: kubectl get retellagents -n {branch.metadata.namespace} -o wide"
    text = f"{text}; {'; '.join(causes) or where}"
    is_refused = any(synced.get("reason") not in _WAITS for _, synced in failed)
    is_unbound = any(
        find_condition(agent, ConditionType.NUMBERS_BOUND).get("status") == Status.FALSE for agent in agents
    )
    if is_refused or is_unbound or any(pause_condition(agent) for agent in agents):
        return bad(_ANSWERED, Reason.NUMBER_NOT_BOUND, text)
    return unknown(_ANSWERED, Reason.PENDING, text)
