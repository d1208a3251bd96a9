"""Phone numbers: to E.164 by libphonenumber's rules, and from a number or an agent to the branch that a call is for."""

from dataclasses import dataclass

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat, PhoneNumberType

from askproai_core.tenant_config import Agent, TenantConfig

# What can ring a salon or be rung by it. Emergency and short numbers parse, but they are not a customer's.
_REFUSED_TYPES = frozenset({PhoneNumberType.PREMIUM_RATE, PhoneNumberType.VOICEMAIL, PhoneNumberType.UAN})


class InvalidNumber(ValueError):
    """The text is no phone number that can be used; the message says which and why."""


def to_e164(text: str, region: str = "DE") -> str:
    """Give the E.164 form of a number in any usual spelling (`030 1234567`, `0049…`, `+49 (0)30/…`).

    Raises `InvalidNumber` for what cannot exist, for emergency and service numbers.
    """
    try:
        parsed = phonenumbers.parse(text, region)
    except NumberParseException as error:
        raise InvalidNumber(f"{text!r} is not a phone number: write it like 030 1234567 or +49301234567") from error
    # Not is_valid_number: numbers for films and tests, such as 030 1234567, are possible and not assigned.
    if not phonenumbers.is_possible_number(parsed) or len(str(parsed.national_number)) < 5:  # noqa: PLR2004
        raise InvalidNumber(f"{text!r} has too few or too many digits for a phone number of {region}")
    if phonenumbers.number_type(parsed) in _REFUSED_TYPES:
        raise InvalidNumber(f"{text!r} is a service number: callers and branches have ordinary ones")
    return phonenumbers.format_number(parsed, PhoneNumberFormat.E164)


def caller_or_none(text: str | None, region: str = "DE") -> str | None:
    """Give a caller's number in E.164, or None when it is withheld (`anonymous`, empty) or makes no sense."""
    if not text:
        return None
    try:
        return to_e164(text, region)
    except InvalidNumber:
        return None


@dataclass(frozen=True, slots=True)
class Route:
    """Where a call belongs. `branch` is None at a hotline: there the caller says it (decision 17)."""

    branch: str | None
    agent: Agent | None


class Routing:
    """From the agent or the number that a call came by to its branch. Build a new one when the config changes.

    No match returns None: falling back to "the first branch" would hand a call to a stranger.
    """

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
