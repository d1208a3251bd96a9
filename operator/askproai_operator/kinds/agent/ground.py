"""What a RetellAgent stands on: its Tenant, its Branches, and the key of the Retell workspace."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from askproai_operator.api import Branch, RetellAgent, Tenant
from askproai_operator.api.conditions import ConditionType, Reason, Status
from askproai_operator.engine import World, refs
from askproai_operator.external import CredentialProblem, RetellClient, secret_value
from askproai_operator.kinds.agent.decide import Finding
from askproai_operator.kinds.agent.render import Declared, Number
from askproai_runtime.config import BusinessModel
from askproai_runtime.numbers import InvalidNumber, to_e164


@dataclass(frozen=True, slots=True)
class Ground:
    """Everything that the remote objects are made of, and the client to make them with.

    `number_findings` is what the Branches themselves found wrong with their numbers.
    """

    declared: Declared
    client: RetellClient
    tenant: str
    number_findings: tuple[Finding, ...] = ()


def marker(agent: RetellAgent, world: World) -> str:
    """Give the name by which we know our own objects at Retell (contract §2)."""
    return f"{world.installation_id}/{agent.key.namespace}/{agent.key.name}"


def tenant_name(agent: RetellAgent, world: World) -> str | None:
    """Give the tenant's name, also when the Branch that named it is gone: our status remembers it."""
    return world.cache.tenant_of(agent) or agent.status.get("tenant")


async def find_ground(agent: RetellAgent, world: World) -> Ground | Finding:
    """Follow the references; a Finding says which one does not hold yet, and what to do."""
    namespace = agent.key.namespace
    if agent.spec.branch_ref is not None and world.cache.branch(namespace, agent.spec.branch_ref.name) is None:
        return Finding(
            Reason.BRANCH_NOT_FOUND, f"Branch {agent.spec.branch_ref.name!r} is not in this namespace; create it"
        )
    name = tenant_name(agent, world)
    tenant = world.cache.tenant(namespace, name) if name else None
    if tenant is None:
        return Finding(Reason.TENANT_NOT_FOUND, f"Tenant {name!r} is not in this namespace; create it")
    if tenant.metadata.deletion_timestamp is not None:
        return Finding(
            Reason.TENANT_NOT_FOUND,
            f"Tenant {name!r} is being deleted; this agent stays as it is until it is deleted, too",
        )
    if agent.spec.tenant_ref is not None and tenant.spec.business_model is BusinessModel.SIMPLE:
        text = "an agent for all branches (tenantRef) needs businessModel MultiBranchHotline or ComplexServiceMatrix; use branchRef"
        return Finding(Reason.BUSINESS_MODEL_MISMATCH, text)
    urls = tenant.status.get("webhookUrls") or {}
    credentials = _condition(tenant, ConditionType.CREDENTIALS_VALID)
    if credentials.get("status") == Status.FALSE or not urls.get("retell") or not urls.get("functions"):
        why = credentials.get("message") or "its webhook URLs are not known yet"
        return Finding(Reason.TENANT_NOT_READY, f"Tenant {name!r} is not ready: {why}")
    client = await teardown_client(world, namespace, tenant.key.name)
    if isinstance(client, CredentialProblem):
        return Finding(Reason.TENANT_NOT_READY, f"Tenant {name!r} is not ready: {client.message}")
    branches = _branches(agent, tenant, world)
    declared = declare(agent, tenant, await _numbers(branches, world), marker(agent, world))
    return Ground(declared, client, tenant.key.name, _number_findings(branches))


async def teardown_client(world: World, namespace: str, tenant: str) -> RetellClient | CredentialProblem:
    """Give the client by the tenant kind's own copy of the key, which outlives the user's Secret (design §2.6).

    The copy is made only of keys that were found good, so nothing is sent with a refused or shared one.
    """
    name = f"{tenant}-teardown"
    secret = await world.kube.get(refs.SECRETS, namespace, name)
    key = secret_value(secret, name, "retell-api-key")
    base_url = secret_value(secret, name, "retell-base-url")
    if isinstance(key, CredentialProblem):
        return key
    return base_url if isinstance(base_url, CredentialProblem) else world.providers.retell(base_url, key)


def declare(agent: RetellAgent, tenant: Tenant, numbers: tuple[Number, ...] | None, mark: str) -> Declared:
    """Gather what the bodies are rendered from. Pure."""
    spec = agent.spec
    return Declared(
        marker=mark,
        display_name=spec.display_name,
        business_name=tenant.spec.display_name,
        voice_id=spec.voice_id,
        language=spec.language,
        model=spec.llm.model,
        temperature=str(spec.llm.temperature),
        prompt=spec.llm.prompt,
        begin_message=spec.llm.begin_message,
        functions=tuple(str(function) for function in spec.functions),
        caller_recognition=spec.caller_recognition,
        webhook_events=tuple(str(event) for event in spec.webhook_events),
        webhook_url=tenant.status["webhookUrls"]["retell"],
        functions_url=tenant.status["webhookUrls"]["functions"],
        time_zone=tenant.spec.time_zone,
        ai_notice=tenant.spec.privacy.ai_notice,
        storage=str(tenant.spec.privacy.retell_storage),
        retention_days=tenant.spec.privacy.retell_retention_days,
        numbers=numbers,
    )


def _condition(model: Tenant | Branch, type_: ConditionType) -> dict[str, Any]:
    return next((c for c in model.status.get("conditions") or [] if c.get("type") == type_), {})


def _branches(agent: RetellAgent, tenant: Tenant, world: World) -> list[Branch]:
    """Give the branches whose numbers are ours: the one we name, or as a hotline all that have no agent of their own."""
    namespace = agent.key.namespace
    if agent.spec.branch_ref is not None:
        branch = world.cache.branch(namespace, agent.spec.branch_ref.name)
        return [branch] if branch is not None else []
    agents = world.cache.agents(namespace, tenant.key.name)
    served = {other.spec.branch_ref.name for other in agents if other.spec.branch_ref is not None}
    branches = world.cache.branches(namespace, tenant.key.name)
    return sorted((branch for branch in branches if branch.key.name not in served), key=lambda branch: branch.key)


def _number_findings(branches: Iterable[Branch]) -> tuple[Finding, ...]:
    """Repeat what the Branches' own reconciles say of their numbers: an invalid one, or one that rings elsewhere."""
    findings = []
    for branch in branches:
        valid = _condition(branch, ConditionType.NUMBERS_VALID)
        if valid.get("status") == Status.FALSE:
            twice = valid.get("reason") == Reason.NUMBER_CLAIMED_TWICE
            reason = Reason.NUMBER_CLAIMED_TWICE if twice else Reason.NUMBER_INVALID
            findings.append(Finding(reason, f"Branch {branch.key.name!r}: {valid.get('message', '')}"))
    return tuple(findings)


async def _numbers(branches: Iterable[Branch], world: World) -> tuple[Number, ...] | None:
    """Give the numbers that the Branches found valid and their own; None while one of them has not looked yet."""
    numbers: list[Number] = []
    for branch in branches:
        valid = branch.status.get("phoneNumbers")
        if valid is None:
            return None
        for entry in branch.spec.phone_numbers:
            e164 = _e164(entry.number)
            if e164 in valid:
                numbers.append(await _number(branch, entry, str(e164), world))
    return tuple(numbers)


def _e164(text: str) -> str | None:
    try:
        return to_e164(text)
    except InvalidNumber:  # told by the Branch's condition NumbersValid
        return None


async def _number(branch: Branch, entry: Any, e164: str, world: World) -> Number:
    number = entry.did or e164  # Retell sees the number that the public one is forwarded to
    if entry.sip is None:
        return Number(number)
    body: dict[str, Any] = {"phone_number": number, "termination_uri": entry.sip.termination_uri}
    if entry.sip.auth_secret_ref is not None:
        name = entry.sip.auth_secret_ref.name
        secret = await world.kube.get(refs.SECRETS, branch.key.namespace, name)
        user, password = secret_value(secret, name, "username"), secret_value(secret, name, "password")
        if isinstance(user, CredentialProblem) or isinstance(password, CredentialProblem):
            return Number(number)  # not imported without its credentials; NumberNotAtRetell tells
        body |= {"sip_trunk_auth_username": user, "sip_trunk_auth_password": password}
    return Number(number, body)
