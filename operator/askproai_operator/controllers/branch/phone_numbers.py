"""The phone numbers of a branch: in E.164, and which of them an older branch has claimed. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from askproai_core.phone_numbers import InvalidNumber, to_e164
from askproai_core.tenant_config import PhoneNumber
from askproai_operator.api import Branch


@dataclass(frozen=True, slots=True)
class PhoneNumbers:
    """The usable numbers of a branch, and a sentence about each of the others."""

    usable: tuple[PhoneNumber, ...]
    problems: tuple[str, ...]


def read_phone_numbers(branch: Branch) -> PhoneNumbers:
    """Convert a branch's phone numbers to E.164."""
    usable: list[PhoneNumber] = []
    problems: list[str] = []
    for entry in branch.spec.phone_numbers:
        try:
            number = to_e164(entry.number)
            usable.append(PhoneNumber(number=number, did=to_e164(entry.did) if entry.did else number))
        except InvalidNumber as error:
            problems.append(str(error))
    return PhoneNumbers(tuple(usable), tuple(problems))


def numbers_of_older_branches(branch: Branch, others: Iterable[Branch]) -> dict[str, str]:
    """Return the numbers (DIDs) of this branch that an older branch lists too, with the older one's `namespace/name`.

    Of two branches of the same age the first by namespace and name counts as the older one. A number rings in one place
    only, and the younger claim is the one refused, so that nobody takes over a number that works.
    """
    own = {number.did for number in read_phone_numbers(branch).usable}
    claimed: dict[str, str] = {}
    for other in others:
        if other.metadata.uid == branch.metadata.uid or _seniority(other) > _seniority(branch):
            continue
        for number in read_phone_numbers(other).usable:
            if number.did in own:
                claimed[number.did] = f"{other.metadata.namespace}/{other.metadata.name}"
    return claimed


def _seniority(branch: Branch) -> tuple[datetime, str, str]:
    metadata = branch.metadata
    return (metadata.creation_timestamp, metadata.namespace, metadata.name)
