"""From the agent or the number that a call came by to the branch that answers it.

No match is an error that says so: falling back to "the first branch" would hand a call to a stranger (N2).
"""

from dataclasses import dataclass

from askproai_runtime.config import Agent, TenantConfig


@dataclass(frozen=True, slots=True)
class Route:
    """Where a call belongs. `branch` is None when a hotline's agent answers a number of no branch."""

    branch: str | None
    agent: Agent | None


class Routing:
    """Lookups over one config; build a new one when the config changes."""

    def __init__(self, config: TenantConfig) -> None:
        self._agents = {agent.agent_id: agent for agent in config.agents if agent.agent_id}
        self._branches = {
            number: branch.name
            for branch in config.branches
            for phone in branch.phone_numbers
            for number in (phone.number, phone.did)
        }

    def route(self, agent_id: str | None, to_number: str | None) -> Route | None:
        """Give the route by agent, else by number; None when neither is the tenant's. Web calls have no number."""
        by_number = self._branches.get(to_number) if to_number else None
        agent = self._agents.get(agent_id) if agent_id else None
        if agent is not None:
            return Route(agent.branch or by_number, agent)
        return Route(by_number, None) if by_number else None
