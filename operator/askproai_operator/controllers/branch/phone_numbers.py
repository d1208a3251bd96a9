"""The phone numbers of a Branch: read as E.164, granted to one branch of the cluster, and the condition NumbersValid."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from askproai_core.phone_numbers import InvalidNumber, to_e164
from askproai_core.tenant_config.branches import PhoneNumber
from askproai_operator.api import Branch
from askproai_operator.api.conditions import Condition, ConditionType, Reason, bad, good
from askproai_operator.context import ReconcileContext
from askproai_operator.controllers.grant import report_refusal, take
from askproai_operator.controllers.name_conflicts import claimed_numbers_condition
from askproai_operator.engine import find_condition
from askproai_operator.grants import Subject, SubjectKind


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


async def take_numbers(branch: Branch, numbers: PhoneNumbers, context: ReconcileContext) -> dict[str, str]:
    """Take the grants of the dialled numbers. Return the numbers that another branch holds, each with that branch's name.

    A number rings in one place only. A branch that lists it later is refused, so that nobody takes over a working number.
    """
    claimed: dict[str, str] = {}
    reported = find_condition(branch, ConditionType.NUMBERS_VALID).get("message", "")
    for did in sorted({number.did for number in numbers.usable}):
        subject = Subject(SubjectKind.NUMBER, did)
        holder = await take(branch, subject, context)
        if holder is not None:
            claimed[did] = f"{holder.namespace}/{holder.name}"
            if did not in reported:
                await report_refusal(branch, subject, holder, context)
    return claimed


def numbers_condition(numbers: PhoneNumbers, claimed: Mapping[str, str], siblings: Iterable[Branch]) -> Condition:
    """Return the condition NumbersValid: False if a number is unreadable, else if another branch holds it (`claimed`), which may
    be one of the Tenant's own (`siblings`). Neither stops anything: the other numbers ring.
    """
    if numbers.problems:
        return bad(ConditionType.NUMBERS_VALID, Reason.NUMBER_INVALID, "; ".join(numbers.problems))
    if claimed:
        own = {f"{branch.key.namespace}/{branch.key.name}" for branch in siblings}
        return claimed_numbers_condition(claimed, own)
    if not numbers.usable:
        return good(ConditionType.NUMBERS_VALID, "no phone numbers are listed", Reason.NOT_REQUESTED)
    return good(ConditionType.NUMBERS_VALID, ", ".join(number.number for number in numbers.usable))
