"""Reads all that a reconcile of a Branch needs, and checks its holidays and staff."""

from collections.abc import Mapping
from dataclasses import dataclass

from askproai_core.public_holidays import find_holiday_problem
from askproai_operator.api import Branch, Key, RetellAgent, ServiceOffering
from askproai_operator.api.conditions import Condition, ConditionType, Reason, bad, good
from askproai_operator.context import ReconcileContext
from askproai_operator.controllers.branch.phone_numbers import PhoneNumbers, read_phone_numbers, take_numbers
from askproai_operator.controllers.conditions import References, missing_reference, resolve_references
from askproai_operator.services import ambiguous_staff

_MISSING = "there is no {kind} {name} in this namespace: create it, or correct tenantRef by making the Branch anew"


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
        claimed=await take_numbers(branch, numbers, context),
        references=await resolve_references(branch, context),
        offerings=tuple(context.relations.offerings(namespace, branch.spec.tenant_ref.name)),
        branches=tuple(context.relations.branches(namespace, branch.spec.tenant_ref.name)),
        default=default if isinstance(default, ServiceOffering) else None,
        agents=tuple(context.relations.agents(namespace, branch.spec.tenant_ref.name)),
    )


def default_service_name(branch: Branch) -> str:
    return f"{branch.metadata.name}-standardberatung"


def tenant_missing(inputs: Inputs) -> Condition | None:
    """Return a condition if the Tenant that the branch names is not in the namespace."""
    return missing_reference(inputs.references, ConditionType.SERVICES_READY, _MISSING)


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
