"""The numbers of a tenant's branches: whose national numbers are meant there, and the route of a call to a branch."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from askproai_core.phone_numbers import e164_or_none, home_region
from askproai_core.tenant_config import Agent, Branch, TenantConfig


def region_of(config: TenantConfig, branch: str | None = None) -> str:
    """Return the country whose national numbers are meant at a branch, else at the tenant."""
    here = config.find_branch(branch)
    branches = (here,) if here else config.branches
    countries = (each.holidays.country for each in branches if each.holidays)
    return home_region(_list_numbers(branches), next(countries, None), config.time_zone)


def regions_of(config: TenantConfig) -> tuple[str, ...]:
    """Return the countries whose national numbers are meant anywhere at the tenant, its own one first."""
    return tuple(dict.fromkeys((region_of(config), *(region_of(config, branch.name) for branch in config.branches))))


def own_numbers(config: TenantConfig) -> frozenset[str]:
    """Return the tenant's numbers in E.164, the public ones and those that Retell sees."""
    return frozenset(_list_numbers(config.branches))


def _list_numbers(branches: Iterable[Branch]) -> Iterator[str]:
    return (number for branch in branches for phone in branch.phone_numbers for number in (phone.number, phone.did))


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
        # A hotline answers the numbers of all branches without an agent of their own. The branch that lists such a number
        # pays its invoice; it is not where the caller wants to go.
        self._numbers = {
            number: branch.name
            if branch.name in branches_with_agent or None not in branches_with_agent
            else self._only_branch
            for branch in config.branches
            for number in _list_numbers((branch,))
        }
        self._regions = regions_of(config)

    def route(self, agent_id: str | None, to_number: str | None) -> Route | None:
        """Return the route by agent, else by number; None when neither is the tenant's. Web calls have no number."""
        agent = self._agents.get(agent_id) if agent_id else None
        if agent is not None:
            return Route(agent.branch or self._only_branch, agent)
        dialled = self.find_number(to_number)
        return Route(self._numbers[dialled], None) if dialled else None

    def find_number(self, to_number: str | None) -> str | None:
        """Return the number of the tenant's branches that was dialled, in any spelling, in E.164; None if it is none of them."""
        readings = (e164_or_none(to_number, region) for region in self._regions)
        return next((number for number in readings if number in self._numbers), None)
