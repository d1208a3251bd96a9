"""What a branch's numbers are and whether they are its own; whether it needs the default service. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from askproai_core.phone_numbers import InvalidNumber, to_e164
from askproai_operator.api import Branch, ServiceOffering
from askproai_operator.api.conditions import Condition, ConditionType, Reason, bad, good
from askproai_operator.controllers.offering.staffing import is_auto_created, is_offered_in


@dataclass(frozen=True, slots=True)
class Number:
    """One phone number of a branch: the public one, and what Retell sees as `to_number`; both E.164."""

    number: str
    did: str


@dataclass(frozen=True, slots=True)
class Numbers:
    """The usable numbers of a branch, and what is wrong with the others."""

    numbers: tuple[Number, ...]
    problems: tuple[str, ...]


def read_numbers(branch: Branch) -> Numbers:
    """Bring a branch's phone numbers to E.164."""
    numbers: list[Number] = []
    problems: list[str] = []
    for entry in branch.spec.phone_numbers:
        try:
            number = to_e164(entry.number)
            numbers.append(Number(number, to_e164(entry.did) if entry.did else number))
        except InvalidNumber as error:
            problems.append(str(error))
    return Numbers(tuple(numbers), tuple(problems))


def claimed_by_older(branch: Branch, others: Iterable[Branch]) -> dict[str, str]:
    """Give the numbers of this branch that an older branch (then: the first by name) claims too, with its `namespace/name`.

    A number rings in one place only; the younger claim is refused, so that no stranger takes over a number that works.
    """
    own = {number.did for number in read_numbers(branch).numbers}
    taken: dict[str, str] = {}
    for other in others:
        if other.metadata.uid == branch.metadata.uid or _age(other) > _age(branch):
            continue
        for number in read_numbers(other).numbers:
            if number.did in own:
                taken[number.did] = f"{other.metadata.namespace}/{other.metadata.name}"
    return taken


def _age(branch: Branch) -> tuple[datetime, str, str]:
    meta = branch.metadata
    return (meta.creation_timestamp, meta.namespace, meta.name)


def numbers_condition(numbers: Numbers, taken: dict[str, str]) -> Condition:
    if numbers.problems:
        return bad(ConditionType.NUMBERS_VALID, Reason.NUMBER_INVALID, "; ".join(numbers.problems))
    if taken:
        # The other branch may be a stranger's: its name stays out of a status that this tenant reads.
        return bad(
            ConditionType.NUMBERS_VALID,
            Reason.NUMBER_CLAIMED_TWICE,
            f"{', '.join(sorted(taken))}: another branch claims it already; a number rings in one branch only",
        )
    if not numbers.numbers:
        return good(ConditionType.NUMBERS_VALID, "no phone numbers are listed", Reason.NOT_REQUESTED)
    return good(ConditionType.NUMBERS_VALID, ", ".join(number.number for number in numbers.numbers))


def hand_made(branch: Branch, offerings: Iterable[ServiceOffering]) -> list[ServiceOffering]:
    """Give the services of a branch that people wrote."""
    return [
        o
        for o in offerings
        if is_offered_in(o, branch) and not is_auto_created(o) and o.metadata.deletion_timestamp is None
    ]


def default_service_name(branch: Branch) -> str:
    return f"{branch.metadata.name}-standardberatung"
