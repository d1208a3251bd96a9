"""The route of a call: its branch and its agent, found by the called number and the agent that answers."""

from dataclasses import dataclass

from askproai_core.phone_numbers import e164_or_none
from askproai_core.tenant_config import Agent, TenantConfig
from askproai_runtime.branch_numbers import list_numbers, regions_of


@dataclass(frozen=True, slots=True)
class Route:
    """The branch and the agent of a call. `branch` is None at a hotline: there the caller chooses it
    (docs/decisions/0017-the-caller-chooses-the-branch.md). `agent` is None when the number alone decided.
    """

    branch: str | None
    agent: Agent | None


class Routing:
    """Finds a call's branch by its agent or its number. Build a new one when the config changes.

    Without a match there is no route: falling back to "the first branch" would connect a call to a stranger.
    """

    def __init__(self, config: TenantConfig) -> None:
        self._agents = {agent.agent_id: agent for agent in config.agents if agent.agent_id}
        self._only_branch = config.branches[0].name if len(config.branches) == 1 else None
        branches_with_agent = {agent.branch for agent in config.agents}
        # A hotline answers the numbers of all branches that have no agent. The branch that lists such a number pays for it, but
        # a caller may want another branch.
        self._numbers = {
            number: branch.name
            if branch.name in branches_with_agent or None not in branches_with_agent
            else self._only_branch
            for branch in config.branches
            for number in list_numbers((branch,))
        }
        self._regions = regions_of(config)

    def route(self, agent_id: str | None, to_number: str | None) -> Route | None:
        """Return the route by agent, else by called number; None if neither is the tenant's. Web calls have no number."""
        agent = self._agents.get(agent_id) if agent_id else None
        if agent is not None:
            return Route(agent.branch or self._only_branch, agent)
        dialled = self.find_number(to_number)
        return Route(self._numbers[dialled], None) if dialled else None

    def find_number(self, to_number: str | None) -> str | None:
        """Return the dialled number in E.164 if it belongs to one of the tenant's branches, whatever its spelling; else None."""
        readings = (e164_or_none(to_number, region) for region in self._regions)
        return next((number for number in readings if number in self._numbers), None)
