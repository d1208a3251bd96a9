"""Parts of conditions that several controllers share: tables of checks, failed provider calls, unresolved references, rounding."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

from askproai_core.providers import CredentialRefused, HostNotAllowed, ProviderError
from askproai_operator import resources
from askproai_operator.api import Branch, RetellAgent, ServiceOffering, Tenant
from askproai_operator.api.conditions import Condition, ConditionType, Reason, bad, unknown
from askproai_operator.engine import find_condition
from askproai_operator.plan_context import PlanContext

InputsT = TypeVar("InputsT")
Check = Callable[[InputsT], Condition | None]  # pure; returns the condition to report, None if it passes
FOLLOWS_WITHIN: Final = timedelta(seconds=30)
"""How long a new object waits for an object that it names. Flux creates all Branches of a commit first and its Tenants last."""
FOLLOWS: Final = "what this new object names may follow, and nothing may come"


def first_failing(checks: Iterable[Check[InputsT]], inputs: InputsT) -> Condition | None:
    """Return the condition of the first check that fails, or None if all pass. The order of the table is the precedence."""
    return next((condition for check in checks if (condition := check(inputs)) is not None), None)


def condition_of(error: ProviderError, type_: ConditionType, *, retry_note: str = "tried again by itself") -> Condition:
    """Return the condition for a failed call to a provider.

    Its status is False if a person has to act: the host is not allowed, or the key is refused. Otherwise it is Unknown, and
    `retry_note` ends the message, since nothing needs to be done.
    """
    match error:
        case HostNotAllowed():
            return bad(type_, Reason.PROVIDER_HOST_NOT_ALLOWED, str(error))
        case CredentialRefused():
            return bad(type_, Reason.CREDENTIALS_INVALID, str(error))
    return unknown(type_, Reason.PROVIDER_UNAVAILABLE, f"{error}; {retry_note}")


@dataclass(frozen=True, slots=True)
class References:
    """The Branch and the Tenant that a resource belongs to. A name without its object is a reference that does not resolve.

    `branch_name` is None if the resource names its Tenant directly. `tenant_name` is None if the Branch that names it is gone.
    `absence` is the reason for the condition about the first missing object. `look_again` is the time until a new resource has
    waited long enough for that object; None if no run is needed, since a watch will report the object.
    """

    branch_name: str | None
    branch: Branch | None
    tenant_name: str | None
    tenant: Tenant | None
    absence: Reason | None = None
    look_again: timedelta | None = None


async def resolve_references(model: Branch | ServiceOffering | RetellAgent, context: PlanContext) -> References:
    """Return the Branch that a resource names and the Tenant that it belongs to, from the cache.

    While the resource is so new that a missing object may still follow, `absence` is Pending. After that, the API server is
    asked: if the object exists, `absence` is Pending, too, since only its watch event is still due.
    """
    namespace, relations = model.metadata.namespace, context.relations
    branch_ref = None if isinstance(model, Branch) else model.spec.branch_ref
    branch_name = branch_ref.name if branch_ref else None
    branch = relations.branch(namespace, branch_name) if branch_name else None
    tenant_name = relations.tenant_of(model)
    tenant = relations.tenant(namespace, tenant_name) if tenant_name else None
    is_missing = tenant is None or (branch_name and branch is None)
    look_again = _waits_for(model, context.clock.now()) if is_missing else None
    absence = None
    if look_again is not None:
        absence = Reason.PENDING
    elif branch_name and branch is None:
        absence = await context.missing_reason(resources.BRANCHES, namespace, branch_name, Reason.BRANCH_NOT_FOUND)
    elif tenant is None:
        absence = await context.missing_reason(resources.TENANTS, namespace, tenant_name, Reason.TENANT_NOT_FOUND)
    return References(branch_name, branch, tenant_name, tenant, absence, look_again)


def _waits_for(model: Branch | ServiceOffering | RetellAgent, now: datetime) -> timedelta | None:
    """Return how long a new resource may still wait for the objects that it names; None if it is not new, or once had them."""
    age = now - model.metadata.creation_timestamp
    has_waited_only = find_condition(model, ConditionType.READY).get("reason") in {None, Reason.PENDING}
    return FOLLOWS_WITHIN - age if has_waited_only and timedelta() <= age < FOLLOWS_WITHIN else None


def missing_reference(
    references: References,
    type_: ConditionType,
    message: str = "there is no {kind} {name} in this namespace: create it",
) -> Condition | None:
    """Return the condition about a missing Branch, else about a missing Tenant; None if nothing is missing."""
    if references.branch_name and references.branch is None:
        reason, text = Reason.BRANCH_NOT_FOUND, message.format(kind=Branch.kind, name=references.branch_name)
    elif references.tenant is None:
        reason, text = Reason.TENANT_NOT_FOUND, message.format(kind=Tenant.kind, name=references.tenant_name)
    else:
        return None
    return bad(type_, references.absence or reason, text)


def tenants_with(trial: str, context: PlanContext) -> list[Tenant]:
    """Return the provisioned Tenants that declare a `canary` or `shadow` or had one, with their declared spec."""
    return [
        each
        for each in context.cache.list(Tenant)
        if (trial in each.status or getattr(each.spec.runtime, trial) is not None)
        and "key" in each.status
        and each.metadata.deletion_timestamp is None
    ]


def round_down(number: int) -> int:
    """Return a number rounded down to 0, 1, 2, 5, 10, 20 and so on, so that small changes do not change a status."""
    magnitude = int(10 ** (len(str(number)) - 1))
    return max(step * magnitude for step in (0, 1, 2, 5) if step * magnitude <= number)


def local_time(tenant: Tenant, instant: datetime) -> str:
    """Return an instant as text in the tenant's time zone."""
    zone = tenant.spec.time_zone
    return f"{instant.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M} ({zone})"
