"""What a RetellAgent stands on: its Tenant, its Branches, and the key of the Retell workspace."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from askproai_core.phone_numbers import InvalidNumber, to_e164
from askproai_core.tenant_config import BusinessModel
from askproai_operator.api import Branch, RetellAgent, Tenant
from askproai_operator.api.conditions import ConditionType, Reason, Status
from askproai_operator.context import ReconcileContext
from askproai_operator.controllers.agent.decide import Finding
from askproai_operator.controllers.agent.render import Desired, Number, desired
from askproai_operator.credentials import RETELL_BASE_URL, RETELL_KEY
from askproai_operator.engine import refs
from askproai_operator.providers import CredentialProblem, RetellClient, secret_value


@dataclass(frozen=True, slots=True)
class Ground:
    """What should be at Retell, the client to make it with, and what the Branches found wrong with their own numbers."""

    wanted: Desired
    client: RetellClient
    tenant: str
    number_findings: tuple[Finding, ...] = ()


def marker(agent: RetellAgent, world: ReconcileContext) -> str:
    """Give the name by which we know our own objects at Retell (contract §2)."""
    return f"{world.installation_id}/{agent.key.namespace}/{agent.key.name}"


def tenant_name(agent: RetellAgent, world: ReconcileContext) -> str | None:
    """Give the tenant's name, also when the Branch that named it is gone: our status remembers it."""
    return world.relations.tenant_of(agent) or agent.status.get("tenant")


async def find_ground(agent: RetellAgent, world: ReconcileContext) -> Ground | Finding:
    """Follow the references; a Finding says which one does not hold yet, and what to do."""
    spec, namespace = agent.spec, agent.key.namespace
    if spec.branch_ref is not None and world.relations.branch(namespace, spec.branch_ref.name) is None:
        text = f"Branch {spec.branch_ref.name!r} is not in this namespace; create it"
        return Finding(
            await world.missing_reason(refs.BRANCHES, namespace, spec.branch_ref.name, Reason.BRANCH_NOT_FOUND), text
        )
    name = tenant_name(agent, world)
    tenant = world.relations.tenant(namespace, name) if name else None
    if tenant is None:
        reason = await world.missing_reason(refs.TENANTS, namespace, name, Reason.TENANT_NOT_FOUND)
        return Finding(reason, f"Tenant {name!r} is not in this namespace; create it")
    if tenant.metadata.deletion_timestamp is not None:
        text = f"Tenant {name!r} is being deleted; this agent stays as it is until it is deleted, too"
        return Finding(Reason.TENANT_NOT_FOUND, text)
    if spec.tenant_ref is not None and tenant.spec.business_model is BusinessModel.SIMPLE:
        text = "an agent for all branches (tenantRef) needs businessModel MultiBranchHotline or ComplexServiceMatrix; use branchRef"
        return Finding(Reason.BUSINESS_MODEL_MISMATCH, text)
    urls, credentials = tenant.status.get("webhookUrls") or {}, _condition(tenant, ConditionType.CREDENTIALS_VALID)
    if credentials.get("status") == Status.FALSE or not urls.get("retell") or not urls.get("functions"):
        why = credentials.get("message") or "its webhook URLs are not known yet"
        return Finding(Reason.TENANT_NOT_READY, f"Tenant {name!r} is not ready: {why}")
    client = await teardown_client(world, namespace, tenant.key.name)
    if isinstance(client, CredentialProblem):
        text = f"Tenant {name!r} is not ready: the operator has yet to keep its Retell key in Secret {tenant.key.name}-teardown"
        return Finding(Reason.TENANT_NOT_READY, text)
    branches = _branches(agent, tenant, world)
    serving = _condition(tenant, ConditionType.RUNTIME_AVAILABLE).get("status") == Status.TRUE
    # A number is first bound when somebody is there to answer its calls; later nothing takes it off because a pod is late.
    numbers = await _numbers(branches, world) if serving or agent.status.get("phoneNumbers") else None
    wanted = desired(agent, tenant, numbers, marker(agent, world))
    return Ground(wanted, client, tenant.key.name, tuple(_number_findings(branches)))


async def teardown_client(world: ReconcileContext, namespace: str, tenant: str) -> RetellClient | CredentialProblem:
    """Give the client by the tenant kind's own copy of the key, which outlives the user's Secret (design §2.6).

    The copy is made only of keys that were found good, so nothing is sent with a refused or shared one.
    """
    name = f"{tenant}-teardown"
    secret = await world.kube.get(refs.SECRETS, namespace, name)
    key, base_url = secret_value(secret, name, RETELL_KEY), secret_value(secret, name, RETELL_BASE_URL)
    if isinstance(key, CredentialProblem):
        return key
    return base_url if isinstance(base_url, CredentialProblem) else world.providers.retell(base_url, key)


def _condition(model: Tenant | Branch, type_: ConditionType) -> dict[str, Any]:
    return next((c for c in model.status.get("conditions") or [] if c.get("type") == type_), {})


def _branches(agent: RetellAgent, tenant: Tenant, world: ReconcileContext) -> list[Branch]:
    """Give the branches whose numbers are ours: the one we name, or as a hotline all that have no agent of their own."""
    relations, where = world.relations, (agent.key.namespace, tenant.key.name)
    if agent.spec.branch_ref is not None:
        return [branch for branch in relations.branches(*where) if branch.key.name == agent.spec.branch_ref.name]
    staying = [other for other in relations.agents(*where) if other.metadata.deletion_timestamp is None]
    served = {other.spec.branch_ref.name for other in staying if other.spec.branch_ref is not None}
    return sorted((one for one in relations.branches(*where) if one.key.name not in served), key=lambda one: one.key)


def _number_findings(branches: Iterable[Branch]) -> Iterator[Finding]:
    """Repeat what the Branches' own reconciles say of their numbers: an invalid one, or one that rings elsewhere."""
    for branch in branches:
        valid = _condition(branch, ConditionType.NUMBERS_VALID)
        if valid.get("status") == Status.FALSE:
            twice = valid.get("reason") == Reason.NUMBER_CLAIMED_TWICE
            reason = Reason.NUMBER_CLAIMED_TWICE if twice else Reason.NUMBER_INVALID
            yield Finding(reason, f"Branch {branch.key.name!r}: {valid.get('message', '')}")


async def _numbers(branches: Iterable[Branch], world: ReconcileContext) -> tuple[Number, ...] | None:
    """Give the numbers that the Branches found valid and their own; None while one of them has not looked yet."""
    numbers: list[Number] = []
    for branch in branches:
        valid = branch.status.get("phoneNumbers")
        if valid is None:
            return None
        for entry in branch.spec.phone_numbers:
            try:
                e164 = to_e164(entry.number)
            except InvalidNumber:  # told by the Branch's condition NumbersValid
                continue
            if e164 in valid:
                numbers.append(await _number(branch, entry, e164, world))
    return tuple(numbers)


async def _number(branch: Branch, entry: Any, e164: str, world: ReconcileContext) -> Number:
    number = entry.did or e164  # Retell sees the number that the public one is forwarded to
    if entry.sip is None:
        return Number(number)
    body: dict[str, Any] = {"phone_number": number, "termination_uri": entry.sip.termination_uri}
    if entry.sip.auth_secret_ref is not None:
        name = entry.sip.auth_secret_ref.name
        secret = await world.kube.get(refs.SECRETS, branch.key.namespace, name)
        for field, key in (("sip_trunk_auth_username", "username"), ("sip_trunk_auth_password", "password")):
            value = secret_value(secret, name, key)
            if isinstance(value, CredentialProblem):
                return Number(number, problem=value.message)
            body[field] = value
    return Number(number, body)
