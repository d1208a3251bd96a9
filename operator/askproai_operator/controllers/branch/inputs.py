"""Reads all that a reconcile of a Branch needs, and checks its phone numbers, holidays and staff."""

from collections.abc import Mapping
from dataclasses import dataclass

from askproai_core.phone_numbers import InvalidNumber, to_e164
from askproai_core.public_holidays import find_holiday_problem
from askproai_core.tenant_config.branches import PhoneNumber
from askproai_operator.api import Branch, Key, RetellAgent, ServiceOffering
from askproai_operator.api.conditions import Condition, ConditionType, Reason, bad, good
from askproai_operator.context import ReconcileContext
from askproai_operator.controllers.conditions import (
    Check,
    References,
    first_failing,
    missing_reference,
    resolve_references,
)
from askproai_operator.controllers.grant import report_refusal, take
from askproai_operator.controllers.name_conflicts import claimed_numbers_condition
from askproai_operator.engine import find_condition
from askproai_operator.grants import Subject, SubjectKind
from askproai_operator.services import ambiguous_staff

_MISSING = "there is no {kind} {name} in this namespace: create it, or correct tenantRef by making the Branch anew"


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


@dataclass(frozen=True, slots=True)
class Inputs:
    """The inputs of one reconcile of a Branch.

    `claimed` maps each dialled number that another branch holds to that branch (`namespace/name`). `offerings`, `branches` and
    `agents` are the Tenant's. `default` is the ServiceOffering with the default service's name, whoever created it.
    """

    branch: Branch
    numbers: PhoneNumbers
    claimed: Mapping[str, str]
    references: References
    offerings: tuple[ServiceOffering, ...] = ()
    branches: tuple[Branch, ...] = ()
    default: ServiceOffering | None = None
    agents: tuple[RetellAgent, ...] = ()

    @property
    def own_dids(self) -> frozenset[str]:
        """Return the dialled numbers that this branch lists and that no other branch holds."""
        return frozenset(number.did for number in self.numbers.usable) - self.claimed.keys()


async def gather(branch: Branch, context: ReconcileContext) -> Inputs:
    """Take the grants of the numbers, and read the other inputs of the checks and the plan from the cache."""
    namespace = branch.metadata.namespace
    default = context.cache.get(Key(ServiceOffering.kind, namespace, default_service_name(branch)))
    numbers = read_phone_numbers(branch)
    return Inputs(
        branch=branch,
        numbers=numbers,
        claimed=await _take_numbers(branch, numbers, context),
        references=await resolve_references(branch, context),
        offerings=tuple(context.relations.offerings(namespace, branch.spec.tenant_ref.name)),
        branches=tuple(context.relations.branches(namespace, branch.spec.tenant_ref.name)),
        default=default if isinstance(default, ServiceOffering) else None,
        agents=tuple(context.relations.agents(namespace, branch.spec.tenant_ref.name)),
    )


async def _take_numbers(branch: Branch, numbers: PhoneNumbers, context: ReconcileContext) -> dict[str, str]:
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


def default_service_name(branch: Branch) -> str:
    return f"{branch.metadata.name}-standardberatung"


def tenant_missing(inputs: Inputs) -> Condition | None:
    """Return a condition if the Tenant that the branch names is not in the namespace."""
    return missing_reference(inputs.references, ConditionType.SERVICES_READY, _MISSING)


def numbers_unreadable(inputs: Inputs) -> Condition | None:
    """Return a condition if a number of the spec is not a phone number."""
    if not inputs.numbers.problems:
        return None
    return bad(ConditionType.NUMBERS_VALID, Reason.NUMBER_INVALID, "; ".join(inputs.numbers.problems))


def numbers_claimed(inputs: Inputs) -> Condition | None:
    """Return a condition if another branch of the cluster holds one of the numbers."""
    own = {f"{branch.key.namespace}/{branch.key.name}" for branch in inputs.branches}
    return claimed_numbers_condition(inputs.claimed, own) if inputs.claimed else None


# The order is the precedence. A failing check stops nothing: the other numbers ring.
CHECKS: tuple[Check[Inputs], ...] = (
    numbers_unreadable,  # NumbersValid=False, NumberInvalid
    numbers_claimed,  # NumbersValid=False, NumberClaimedTwice
)


def numbers_condition(inputs: Inputs) -> Condition:
    """Return the condition NumbersValid: False if a number is unreadable or another branch holds it."""
    if failed := first_failing(CHECKS, inputs):
        return failed
    if not inputs.numbers.usable:
        return good(ConditionType.NUMBERS_VALID, "no phone numbers are listed", Reason.NOT_REQUESTED)
    return good(ConditionType.NUMBERS_VALID, ", ".join(number.number for number in inputs.numbers.usable))


def holidays_condition(branch: Branch) -> Condition:
    """Return the condition HolidaysValid: False if the country or subdivision of the holidays is not known."""
    rules, kind = branch.spec.holidays, ConditionType.HOLIDAYS_VALID
    if rules is None:
        return good(kind, "no public holidays count", Reason.NOT_REQUESTED)
    problem = find_holiday_problem(rules.country, rules.subdivision)
    if problem is None:
        return good(kind)
    counting = "no public holidays" if problem.field == "country" else f"only those of the whole of {rules.country}"
    text = f"holidays.{problem.field}: {problem.message}; until then {counting} count"
    return bad(kind, Reason.HOLIDAYS_UNKNOWN, text)


def staff_condition(inputs: Inputs) -> Condition:
    """Return the condition StaffIdentified: False if other branches list the same staff id, perhaps for another person."""
    kind, ambiguous = ConditionType.STAFF_IDENTIFIED, ambiguous_staff(inputs.branch, inputs.branches)
    if not ambiguous:
        return good(kind)
    who = "; ".join(
        f"{staff} is on the staff of {', '.join(sorted(others))}, too" for staff, others in ambiguous.items()
    )
    text = (
        f"{who}: one person can be booked in both at the same time; write the same staff[].person at each entry, or different"
        " ones for different people"
    )
    return bad(kind, Reason.PERSON_AMBIGUOUS, text)
