"""The phone numbers of a branch in E.164. Pure."""

from dataclasses import dataclass

from askproai_core.phone_numbers import InvalidNumber, to_e164
from askproai_core.tenant_config.branches import PhoneNumber
from askproai_operator.api import Branch


@dataclass(frozen=True, slots=True)
class PhoneNumbers:
    """The numbers of a branch that can be read, in E.164, and a sentence about each entry that cannot."""

    usable: tuple[PhoneNumber, ...]
    problems: tuple[str, ...]


def read_phone_numbers(branch: Branch) -> PhoneNumbers:
    """Return a branch's phone numbers converted to E.164, and a sentence about each entry that is no phone number."""
    usable: list[PhoneNumber] = []
    problems: list[str] = []
    region = branch.spec.region
    for entry in branch.spec.phone_numbers:
        try:
            number = to_e164(entry.number, region)
            usable.append(PhoneNumber(number=number, did=to_e164(entry.did, region) if entry.did else number))
        except InvalidNumber as error:
            problems.append(str(error))
    return PhoneNumbers(tuple(usable), tuple(problems))
