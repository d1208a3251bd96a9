"""Offers at the end of an answer, if the request failed: a transfer, a message to the team, or the waiting list. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self
from zoneinfo import ZoneInfo

from askproai_core.tenant_config import Agent, Function, TenantConfig
from askproai_runtime.availability.opening_hours import find_closure, list_minutes, open_minutes
from askproai_runtime.call_routes import Route
from askproai_runtime.conversation.types import Answer, FunctionOutcome
from askproai_runtime.sentences import say

# Only the team can help. Their sentences say why, and nothing of what to do; but for NONE_FOUND and NOT_BOOKABLE,
# where some ask something.
_FOR_THE_TEAM = frozenset(
    {
        FunctionOutcome.LIMITED, FunctionOutcome.REFUSED, FunctionOutcome.NOT_KNOWN, FunctionOutcome.NONE_FOUND,
        FunctionOutcome.NOT_BOOKABLE,
    }
)  # fmt: skip
_NOT_POSSIBLE = frozenset({FunctionOutcome.NOT_BOOKABLE, FunctionOutcome.GONE})
_NOT_FREE = frozenset(
    {FunctionOutcome.TAKEN, FunctionOutcome.CLOSED_DAY, FunctionOutcome.DAY_OFF, FunctionOutcome.OUTSIDE_HOURS}
)
_NOTES = frozenset({Function.LEAVE_MESSAGE, Function.JOIN_WAITLIST})


@dataclass(frozen=True, slots=True)
class AgentFunctions:
    """The functions other than booking that the agent of a call can offer: transfer, message, waiting list."""

    transfers: bool = False
    leaves_messages: bool = False
    joins_waitlist: bool = False

    @classmethod
    def of(cls, config: TenantConfig, route: Route, now: datetime) -> Self:
        """Return the functions of the call's agent; or those that all agents of the tenant have, if only the called number is
        known.

        The agents of one tenant differ, and an offer that the agent cannot keep is worse than none. A transfer is therefore
        offered only at hours when a person answers.
        """
        agents = (route.agent,) if route.agent else config.agents
        local = now.astimezone(ZoneInfo(config.time_zone))
        return cls(
            transfers=bool(agents) and all(_transfers(agent, config, local) for agent in agents),
            leaves_messages=bool(agents) and all(agent.leaves_messages for agent in agents),
            joins_waitlist=bool(agents) and all(agent.joins_waitlist for agent in agents),
        )


def _transfers(agent: Agent, config: TenantConfig, local: datetime) -> bool:
    """Return whether the agent can transfer a caller, and a person answers at this local time."""
    if Function.TRANSFER_TO_HUMAN not in agent.functions:
        return False
    day, minute = local.date(), local.hour * 60 + local.minute
    branch = config.find_branch(agent.branch) if agent.branch else None
    if agent.transfer_hours is not None:
        ranges = list_minutes(agent.transfer_hours, day)
    elif branch is None or not branch.opening_hours:
        return True
    else:
        ranges = open_minutes(branch, day) if find_closure(branch, day) is None else []
    return any(opens <= minute < closes for opens, closes in ranges)


def offer_instead(answer: Answer, function: Function, agent: AgentFunctions) -> Answer:
    """Return the answer; if it has no slots, it ends with an offer of another function that the call's agent has."""
    if function is Function.LEAVE_MESSAGE or answer.fields.get("slots") or answer.fields.get("alternatives"):
        return answer
    if answer.fields.get("not_offered") and (agent.leaves_messages or agent.transfers):
        return _append(answer, lead_on(agent))
    is_for_the_team = answer.outcome in _FOR_THE_TEAM or "not_answered" in answer.fields
    if is_for_the_team and not answer.message.endswith("?"):
        return _append(answer, lead_on(agent))
    if function in _NOTES:
        return answer
    if answer.outcome in _NOT_FREE and agent.joins_waitlist:
        return _append(answer, say().offer_waitlist)
    if answer.outcome in _NOT_POSSIBLE | _NOT_FREE and agent.leaves_messages:
        return _append(answer, say().offer_message)
    return answer


def offer_message(answer: Answer, agent: AgentFunctions) -> Answer:
    """Return the answer with the offer to take a message, if the call's agent can."""
    return _append(answer, say().offer_message) if agent.leaves_messages else answer


def lead_on(agent: AgentFunctions) -> str:
    """Return the question for a caller whom only the team can help. "Please call us" would not help: the caller has called us."""
    if agent.transfers:
        return say().transfer_or_message if agent.leaves_messages else say().transfer_to_team
    return say().offer_message if agent.leaves_messages else say().anything_else


def _append(answer: Answer, question: str) -> Answer:
    joined = (
        say().or_instead.format(question=question)
        if answer.message.endswith("?")
        else f"{question[0].upper()}{question[1:]}"
    )
    return replace(answer, message=f"{answer.message} {joined}")
