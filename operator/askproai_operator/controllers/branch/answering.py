"""Whether a RetellAgent answers the numbers of a branch. Pure."""

from collections.abc import Collection, Iterable, Sequence

from askproai_operator.api import Branch, ManagementPolicy, RetellAgent
from askproai_operator.api.conditions import Condition, ConditionType, Reason, Status, bad, good, unknown
from askproai_operator.engine import find_condition, pause_condition

_KIND = ConditionType.NUMBERS_ANSWERED
_WAITS = {
    Reason.TENANT_NOT_READY,
    Reason.PENDING,
}  # Synced is False then, too, but the agent goes on by itself or in plan mode


def answering_agents(branch: Branch, agents: Iterable[RetellAgent]) -> list[RetellAgent]:
    """Return the agents whose numbers are the branch's: its own, or without one those of the whole tenant."""
    active = [agent for agent in agents if agent.metadata.deletion_timestamp is None]
    own = [agent for agent in active if agent.spec.branch_ref and agent.spec.branch_ref.name == branch.metadata.name]
    return own or [agent for agent in active if agent.spec.tenant_ref is not None]


def answering_condition(
    branch: Branch, dids: Collection[str], agents: Sequence[RetellAgent], *, settling: bool
) -> Condition:
    """Return NumbersAnswered. `dids` are the dialled numbers that the branch has; `agents` answer them, and may follow while it is
    `settling`."""
    if not dids:
        return good(_KIND, "the branch has no phone numbers of its own", Reason.NOT_REQUESTED)
    if not agents:
        if settling:
            return unknown(_KIND, Reason.PROGRESSING, "waits for a RetellAgent")
        text = (
            f"nobody answers {', '.join(sorted(dids))}: create a RetellAgent with branchRef {branch.metadata.name}, or one with"
            " tenantRef for a hotline, or take the numbers out of the Branch"
        )
        return bad(_KIND, Reason.NO_AGENT, text)
    names = ", ".join(agent.metadata.name for agent in agents)
    unbound = sorted(set(dids).difference(*(agent.status.get("phoneNumbers") or () for agent in agents)))
    if not unbound:
        return good(_KIND, f"answered by RetellAgent {names}")
    if all(agent.spec.management_policy is ManagementPolicy.OBSERVE_ONLY for agent in agents):
        text = f"RetellAgent {names} has managementPolicy ObserveOnly: numbers at Retell stay as they are"
        return good(_KIND, text, Reason.OBSERVE_ONLY)
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
        return bad(_KIND, Reason.NUMBER_NOT_BOUND, text)
    return unknown(_KIND, Reason.PENDING, text)
