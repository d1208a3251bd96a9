"""Reads the objects on which a RetellAgent depends: first the cluster; Retell only when all checks of the cluster pass."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from askproai_core.api_resource import ADOPT_FROM
from askproai_operator.api import Branch, CustomResource, ManagementPolicy, PhoneNumber, RetellAgent, Tenant
from askproai_operator.api.conditions import ConditionType, Reason, Status
from askproai_operator.applied_spec import is_in_effect
from askproai_operator.controllers.agent_plan.catalogue import describe_catalogue, known_questions
from askproai_operator.controllers.agent_plan.observe import Observation, RecordedState, observe
from askproai_operator.controllers.agent_plan.render import (
    Desired,
    DesiredNumber,
    Notice,
    PromptFrame,
    render_desired,
    render_frame,
)
from askproai_operator.controllers.conditions import Check, References, first_failing, resolve_references
from askproai_operator.controllers.name_conflicts import is_of_other
from askproai_operator.credentials import RETELL_BASE_URL, RETELL_KEY, get_named_secret
from askproai_operator.engine import find_condition
from askproai_operator.plan_context import PlanContext
from askproai_operator.providers import CredentialProblem, RetellClient, secret_value
from askproai_operator.services import active_offerings

# A Branch that is deleted and created anew, as by `kubectl replace --force`, publishes nothing.
_REPLACED_WITHIN: Final = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class NumberProblem:
    """The reason why a number is not bound, which a person has to mend. `number` (E.164) is set if only one number is affected."""

    reason: Reason
    message: str
    number: str | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """The desired state of an agent at Retell, the client for the tenant's workspace, and the Branches' problems with numbers.

    `sources` are the Tenant, its Branches and its services, from which the pods' config is made. While `suspended`, callers
    only hear that no appointments are taken. `closed_branch` names the agent's Branch if it is gone and callers are to hear it.
    """

    desired: Desired
    client: RetellClient
    tenant: str
    number_problems: tuple[NumberProblem, ...] = ()
    sources: tuple[CustomResource, ...] = ()
    suspended: bool = False
    closed_branch: str | None = None
    frame: PromptFrame | None = None  # of the declared prompt; None while suspended
    transfers_to: str | None = None  # Branch that has transferTo as its own number: transferred calls come back
    former_marker: str | None = None  # of the installation from which the tenant was moved here


@dataclass(frozen=True, slots=True)
class Inputs:
    """The state of the cluster that one agent depends on. `target` is set exactly when every check of `checks.CHECKS` passes.

    `closes_after` is set if the agent's Branch is gone: the time until callers are to hear that it is closed.
    """

    agent: RetellAgent
    references: References
    client: RetellClient | CredentialProblem | None = None  # None: its Secret was not read
    target: Target | None = None
    closes_after: timedelta | None = None

    @property
    def is_closed(self) -> bool:
        """Return True if callers are to hear now that the agent's Branch is closed, since it is gone."""
        return self.closes_after == timedelta()


@dataclass(frozen=True, slots=True)
class PlanInputs:
    """The recorded, desired and observed state that a plan compares; `adopt` is the agent to take over if none is recorded."""

    recorded: RecordedState
    desired: Desired
    observation: Observation
    adopt: str | None = None
    siblings: frozenset[str] = frozenset()  # ids at Retell of the tenant's other agents
    former_marker: str | None = None


async def gather(agent: RetellAgent, context: PlanContext, checks: Iterable[Check[Inputs]]) -> Inputs:
    """Read the agent's references from the cache, then its Secrets; nothing at Retell.

    Reading stops as soon as one of `checks` fails, so Secrets are read only when the references resolve. Raises HostNotAllowed
    for the Tenant's baseUrl.
    """
    references = await resolve_references(agent, context)
    inputs = Inputs(agent, references, closes_after=_closes_after(agent, references, context.clock.now()))
    tenant = inputs.references.tenant
    if tenant is None or first_failing(checks, inputs) is not None:
        return inputs
    client = await retell_client(context, *tenant.key[1:])
    inputs = replace(inputs, client=client)
    if isinstance(client, CredentialProblem):
        return inputs
    branches = answered_branches(agent, tenant, context)
    is_serving = find_condition(tenant, ConditionType.RUNTIME_AVAILABLE).get("status") == Status.TRUE
    # A number is bound when pods can answer its calls; afterwards it stays bound, even while no pod is available.
    numbers = await _desired_numbers(branches, context) if is_serving or agent.status.get("phoneNumbers") else None
    of_tenant = context.relations.branches(agent.key.namespace, tenant.key.name)
    if inputs.is_closed:
        numbers = _numbers_of_closed(agent, of_tenant)
    suspended = inputs.is_closed or _is_suspended(agent, tenant)
    declared = context.relations.offerings(agent.key.namespace, tenant.key.name)
    # A hotline books in every branch, also where an agent of its own has the numbers.
    named = [branch for branch in (branches if agent.spec.branch_ref else of_tenant) if is_in_effect(branch)]
    offerings = active_offerings(declared, named)
    others = _other_branches(agent, of_tenant)
    asked = known_questions(agent, tenant, named)
    catalogue = describe_catalogue(named, offerings, asked, agent.spec.language, others)
    notice = (Notice.CLOSED if inputs.is_closed else Notice.SUSPENDED) if suspended else None
    open_branches = [branch for branch in of_tenant if is_in_effect(branch)]
    desired = render_desired(
        agent, tenant, numbers, marker(agent, context), catalogue=catalogue, branches=open_branches, notice=notice
    )
    problems = tuple(_number_problems(branches))
    target = Target(
        desired,
        client,
        tenant.key.name,
        problems,
        sources=(tenant, *of_tenant, *declared),
        suspended=suspended,
        closed_branch=references.branch_name if inputs.is_closed else None,
        frame=None if suspended else render_frame(agent, tenant),
        transfers_to=find_own_number(agent.spec.transfer_to, of_tenant),
        former_marker=former_marker(agent, tenant),
    )
    return replace(inputs, target=target)


def find_own_number(number: str | None, branches: Iterable[Branch]) -> str | None:
    """Return the name of the branch that lists this number, public or dialled; None without one, or if `number` is None."""
    for branch in branches:
        spec = branch.spec
        own = {read(entry) for entry in spec.phone_numbers for read in (spec.read_public, spec.read_dialled)}
        if number is not None and number in own:
            return branch.key.name
    return None


async def gather_remote(agent: RetellAgent, target: Target, context: PlanContext) -> PlanInputs:
    """Read the agent's objects at Retell, and return the inputs of its plan. Raises ProviderError."""
    recorded, now = RecordedState.from_status(agent.status), context.clock.now()
    adopt = agent.spec.adopt.agent_id if agent.spec.adopt else None
    search = _must_search_duplicates(agent)
    # The former marker counts until we have published the agent. Later it is foreign: the tenant may have moved back.
    is_managed = agent.spec.management_policy is not ManagementPolicy.OBSERVE_ONLY
    has_taken_over = is_managed and recorded.published_version is not None
    former = None if has_taken_over else target.former_marker
    observation = await observe(
        target.client, recorded, target.desired, now, adopt=adopt, search=search, former_marker=former
    )
    others = (each for each in context.relations.agents(agent.key.namespace, target.tenant) if each.key != agent.key)
    siblings = frozenset(str(each.status["agentId"]) for each in others if each.status.get("agentId"))
    return PlanInputs(recorded, target.desired, observation, adopt, siblings, former)


def marker(agent: RetellAgent, context: PlanContext) -> str:
    """Return the marker that identifies the agent's own objects at Retell."""
    return f"{context.installation_id}/{agent.key.namespace}/{agent.key.name}"


def former_marker(agent: RetellAgent, tenant: Tenant) -> str | None:
    """Return the agent's marker in the installation that its Tenant was moved from; None if the Tenant was not moved."""
    installation = tenant.metadata.annotations.get(ADOPT_FROM)
    return f"{installation}/{agent.key.namespace}/{agent.key.name}" if installation else None


async def retell_client(context: PlanContext, namespace: str, tenant: str) -> RetellClient | CredentialProblem:
    """Return the client for a tenant's key, read from `<tenant>-teardown`: the operator's copy outlives the user's Secret.

    Only keys that were found good are copied, so no request is sent with a refused or shared key. Raises HostNotAllowed.
    """
    name = f"{tenant}-teardown"
    secret = await context.kube.get_secret(namespace, name)
    key, base_url = secret_value(secret, name, RETELL_KEY), secret_value(secret, name, RETELL_BASE_URL)
    if isinstance(key, CredentialProblem):
        return key
    return base_url if isinstance(base_url, CredentialProblem) else context.providers.retell(base_url, key)


def _closes_after(agent: RetellAgent, references: References, now: datetime) -> timedelta | None:
    """Return the time until callers are to hear that the agent's deleted Branch is closed; None if nothing is to be said.

    The pods do not know a deleted Branch and would refuse each function of its callers. The time counts from when Synced became
    False. In plan mode, Synced is False for another reason.
    """
    if references.absence is not Reason.BRANCH_NOT_FOUND or references.tenant is None:
        return None
    if agent.spec.management_policy is ManagementPolicy.OBSERVE_ONLY or not agent.status.get("agentId"):
        return None
    if agent.status.get("suspended") is True:  # callers hear it already
        return timedelta()
    synced = find_condition(agent, ConditionType.SYNCED)
    if synced.get("status") != Status.FALSE:
        return _REPLACED_WITHIN
    return max(datetime.fromisoformat(synced["lastTransitionTime"]) + _REPLACED_WITHIN - now, timedelta())


def _numbers_of_closed(agent: RetellAgent, branches: Iterable[Branch]) -> tuple[DesiredNumber, ...]:
    """Return the numbers that a deleted Branch's agent answers, except those that another Branch of the Tenant lists now."""
    listed = {branch.spec.read_dialled(entry) for branch in branches for entry in branch.spec.phone_numbers}
    answered: list[str] = agent.status.get("phoneNumbers") or []
    return tuple(DesiredNumber(number) for number in answered if number not in listed)


def _is_suspended(agent: RetellAgent, tenant: Tenant) -> bool:
    """Return True if the tenant is suspended, or was suspended and has no pods yet that could answer a function."""
    runtime = find_condition(tenant, ConditionType.RUNTIME_AVAILABLE)
    if tenant.spec.suspend:
        return True
    was_suspended = agent.status.get("suspended") is True
    return was_suspended and (runtime.get("status") != Status.TRUE or runtime.get("reason") == Reason.SUSPENDED)


def _must_search_duplicates(agent: RetellAgent) -> bool:
    """Return True if agents with our marker are to be searched: after an edit of our object, and while duplicates remain."""
    synced = find_condition(agent, ConditionType.SYNCED)
    is_seen = synced.get("observedGeneration") == agent.metadata.generation
    return not is_seen or synced.get("reason") == Reason.DUPLICATE_FOUND


def answered_branches(agent: RetellAgent, tenant: Tenant, context: PlanContext) -> list[Branch]:
    """Return the branches whose numbers the agent answers: its own, or for a hotline all that have no agent of their own."""
    relations, scope = context.relations, (agent.key.namespace, tenant.key.name)
    if agent.spec.branch_ref is not None:
        branch = relations.branch(agent.key.namespace, agent.spec.branch_ref.name)
        return [branch] if branch is not None and relations.tenant_of(branch) == tenant.key.name else []
    active = [other for other in relations.agents(*scope) if other.metadata.deletion_timestamp is None]
    with_own_agent = {other.spec.branch_ref.name for other in active if other.spec.branch_ref is not None}
    branches = (branch for branch in relations.branches(*scope) if branch.key.name not in with_own_agent)
    return sorted(branches, key=lambda branch: branch.key)


def _other_branches(agent: RetellAgent, of_tenant: Iterable[Branch]) -> list[Branch]:
    """Return the tenant's branches except the agent's own: callers may want an appointment at another branch."""
    ref = agent.spec.branch_ref
    return sorted((each for each in of_tenant if ref and each.key.name != ref.name), key=lambda branch: branch.key)


def _number_problems(branches: Iterable[Branch]) -> Iterator[NumberProblem]:
    """Yield a problem for each Branch whose condition NumbersValid is False: a number is invalid, or another branch holds it."""
    for branch in branches:
        valid = find_condition(branch, ConditionType.NUMBERS_VALID)
        if valid.get("status") == Status.FALSE:
            is_claimed_twice = valid.get("reason") == Reason.NUMBER_CLAIMED_TWICE
            reason = Reason.NUMBER_CLAIMED_TWICE if is_claimed_twice else Reason.NUMBER_INVALID
            yield NumberProblem(reason, f"Branch {branch.key.name!r}: {valid.get('message', '')}")


async def _desired_numbers(branches: Iterable[Branch], context: PlanContext) -> tuple[DesiredNumber, ...] | None:
    """Return the Branches' valid numbers that no other branch holds; None until every Branch was reconciled."""
    numbers: list[DesiredNumber] = []
    for branch in branches:
        valid = branch.status.get("phoneNumbers")
        if valid is None:
            return None
        for entry in branch.spec.phone_numbers:
            e164, did = branch.spec.read_public(entry), branch.spec.read_dialled(entry)
            # The Branch's condition NumbersValid reports the others.
            if e164 and e164 in valid and did and not is_of_other(branch, did, context):
                numbers.append(await _desired_number(branch, entry, e164, context))
    return tuple(numbers)


async def _desired_number(branch: Branch, entry: PhoneNumber, e164: str, context: PlanContext) -> DesiredNumber:
    number = entry.did or e164  # Retell sees the number that the public one is forwarded to
    if entry.sip is None:
        return DesiredNumber(number)
    body: dict[str, Any] = {"phone_number": number, "termination_uri": entry.sip.termination_uri}
    if entry.sip.auth_secret_ref is not None:
        name = entry.sip.auth_secret_ref.name
        secret = await get_named_secret(context, branch.key.namespace, name)
        for field, key in (("sip_trunk_auth_username", "username"), ("sip_trunk_auth_password", "password")):
            value = secret_value(secret, name, key)
            if isinstance(value, CredentialProblem):
                return DesiredNumber(number, problem=value.message)
            body[field] = value
    return DesiredNumber(number, body)
