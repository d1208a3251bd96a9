"""What all controllers share to build conditions: tables of checks, failed provider calls, references that do not resolve."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from askproai_operator.api import Branch, RetellAgent, ServiceOffering, Tenant
from askproai_operator.api.conditions import Condition, ConditionType, Reason, bad, unknown
from askproai_operator.engine import World, refs
from askproai_operator.providers import CredentialRefused, HostNotAllowed, ProviderError

InputsT = TypeVar("InputsT")


def first_failing(checks: Iterable[Callable[[InputsT], Condition | None]], inputs: InputsT) -> Condition | None:
    """Return the condition of the first check that fails, or None if all pass. The order of the table is the precedence."""
    return next((condition for check in checks if (condition := check(inputs)) is not None), None)


def condition_of(error: ProviderError, type_: ConditionType, *, retry_note: str = "tried again by itself") -> Condition:
    """Return the condition for a failed call to a provider.

    False where a person has to act: the host is not allowed, or the key is refused. Unknown otherwise, and then
    `retry_note` tells the reader that nothing needs to be done.
    """
    match error:
        case HostNotAllowed():
            return bad(type_, Reason.PROVIDER_HOST_NOT_ALLOWED, str(error))
        case CredentialRefused():
            return bad(type_, Reason.CREDENTIALS_INVALID, str(error))
    return unknown(type_, Reason.PROVIDER_UNAVAILABLE, f"{error}; {retry_note}")


@dataclass(frozen=True, slots=True)
class References:
    """The objects that a resource names. `branch` is None where it names its Tenant directly."""

    tenant: Tenant
    branch: Branch | None = None


@dataclass(frozen=True, slots=True)
class MissingReference:
    """A referenced object that does not exist. The reason is Pending if it exists and only its watch event is still due."""

    reason: Reason
    message: str

    def condition(self, type_: ConditionType) -> Condition:
        return bad(type_, self.reason, self.message)


async def resolve_references(
    model: Branch | ServiceOffering | RetellAgent,
    world: World,
    *,
    branch_missing: str = "there is no Branch {name} in this namespace: create it",
    tenant_missing: str = "there is no Tenant {name} in this namespace: create it",
) -> References | MissingReference:
    """Return the Branch that a resource names and the Tenant that it belongs to, or the first of the two that is missing.

    The messages are format strings with the field `name`; the name of the Tenant is None where nothing tells it, since the
    Branch that named it is gone.
    """
    namespace = model.metadata.namespace
    branch: Branch | None = None
    if not isinstance(model, Branch) and model.spec.branch_ref is not None:
        name = model.spec.branch_ref.name
        branch = world.cache.branch(namespace, name)
        if branch is None:
            reason = await world.missing(refs.BRANCHES, namespace, name, Reason.BRANCH_NOT_FOUND)
            return MissingReference(reason, branch_missing.format(name=name))
    tenant_name = world.cache.tenant_of(model)
    tenant = world.cache.tenant(namespace, tenant_name) if tenant_name else None
    if tenant is None:
        reason = await world.missing(refs.TENANTS, namespace, tenant_name, Reason.TENANT_NOT_FOUND)
        return MissingReference(reason, tenant_missing.format(name=tenant_name))
    return References(tenant, branch)
