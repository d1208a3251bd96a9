"""Phone numbers in E.164 by libphonenumber's rules, and the route of a call from its agent or number to a branch.

Used by the operator (`to_e164`), and by the runtime.
"""

from dataclasses import dataclass
from functools import lru_cache

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat, PhoneNumberType

from askproai_core.tenant_config import Agent, TenantConfig

_REGION = "DE"  # of a number without its country
# Types that no caller and no branch can have. Emergency and short numbers parse, too; their length refuses them.
_REFUSED_TYPES = frozenset({PhoneNumberType.PREMIUM_RATE, PhoneNumberType.VOICEMAIL, PhoneNumberType.UAN})


class InvalidNumber(ValueError):
    """The text is no phone number that a caller or a branch can have; the message says which text, and why."""


@lru_cache(maxsize=1024)  # a third of a worker's time otherwise: each event of a call names the same two numbers
def to_e164(text: str) -> str:
    """Return the E.164 form of a number in any usual spelling (`030 1234567`, `0049…`, `+49 (0)30/…`).

    Raises InvalidNumber for a number that cannot exist, and for emergency and service numbers.
    """
    try:
        parsed = phonenumbers.parse(text, _REGION)
    except NumberParseException as error:
        raise InvalidNumber(f"{text!r} is not a phone number: write it like 030 1234567 or +49301234567") from error
    # Not is_valid_number: numbers for films and tests, such as 030 1234567, are possible but not assigned.
    if not phonenumbers.is_possible_number(parsed) or len(str(parsed.national_number)) < 5:  # noqa: PLR2004
        raise InvalidNumber(f"{text!r} has too few or too many digits for a phone number of {_REGION}")
    if phonenumbers.number_type(parsed) in _REFUSED_TYPES:
        raise InvalidNumber(f"{text!r} is a service number: callers and branches have ordinary ones")
    return phonenumbers.format_number(parsed, PhoneNumberFormat.E164)


@lru_cache(maxsize=1024)  # a refused one, too
def e164_or_none(text: str | None) -> str | None:
    """Return a number in E.164, None when it is withheld (`anonymous`, empty) or not a phone number."""
    if not text:
        return None
    try:
        return to_e164(text)
    except InvalidNumber:
        return None


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
            for phone in branch.phone_numbers
            for number in (phone.number, phone.did)
        }

    def route(self, agent_id: str | None, to_number: str | None) -> Route | None:
        """Return the route by agent, else by number; None when neither is the tenant's. Web calls have no number."""
        agent = self._agents.get(agent_id) if agent_id else None
        if agent is not None:
            return Route(agent.branch or self._only_branch, agent)
        return Route(self._numbers[to_number], None) if to_number in self._numbers else None

    def has_number(self, to_number: str | None) -> bool:
        """Return whether the number belongs to one of the tenant's branches."""
        return to_number in self._numbers


def caller_number(text: str | None, config: TenantConfig) -> str | None:
    """Return the number of who calls, in E.164; None if it is withheld, or one of the tenant's own.

    A call that shows one of these was forwarded without its caller's number: by it all forwarded callers would be one.
    """
    number = e164_or_none(text)
    return None if Routing(config).has_number(number) else number
