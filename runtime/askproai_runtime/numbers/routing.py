"""From the agent or the number that a call came by to the branch that answers it.

No match is an error that says so: falling back to "the first branch" would hand a call to a stranger (N2).
"""

from dataclasses import dataclass

from askproai_runtime.config import Agent, TenantConfig


@dataclass(frozen=True, slots=True)
class Route:
    """Where a call belongs. `branch` is None at a hotline: there the caller says it (decision 17)."""

    branch: str | None
    agent: Agent | None


class Routing:
    """Lookups over one config; build a new one when the config changes."""

    def __init__(self, config: TenantConfig) -> None:
        self._agents = {agent.agent_id: agent for agent in config.agents if agent.agent_id}
        self._only = config.branches[0].name if len(config.branches) == 1 else None
        served = {agent.branch for agent in config.agents}
        # A hotline answers the numbers of all branches that have no agent of their own. Which branch lists such a number
        # says where its invoice goes, not where its caller wants to go.
        self._numbers = {
            number: branch.name if branch.name in served or None not in served else self._only
            for branch in config.branches
            for phone in branch.phone_numbers
            for number in (phone.number, phone.did)
        }

    def route(self, agent_id: str | None, to_number: str | None) -> Route | None:
        """Give the route by agent, else by number; None when neither is the tenant's. Web calls have no number."""
        agent = self._agents.get(agent_id) if agent_id else None
        if agent is not None:
            return Route(agent.branch or self._only, agent)
        return Route(self._numbers[to_number], None) if to_number in self._numbers else None

    def knows(self, to_number: str | None) -> bool:
        """Tell whether the number is one of the tenant's branches'."""
        return to_number in self._numbers
