"""The operator's steps at the providers in a plan, computed by the operator's own code."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from askproai_core.providers import ProviderError
from askproai_operator.api import CustomResource, RetellAgent, Tenant
from askproai_operator.api.conditions import TRANSIENT_REASONS, ConditionType, Reason, Status
from askproai_operator.applied_spec import PAUSED_ANNOTATION, is_paused
from askproai_operator.controllers.agent_plan import CHECKS, Action, Plan, gather, gather_remote, make_plan, plan_unseen
from askproai_operator.controllers.ceilings import apply_ceilings
from askproai_operator.controllers.conditions import first_failing
from askproai_operator.controllers.webhook_urls import address_of
from askproai_operator.credentials import calcom_account, secret_refs
from askproai_operator.engine import find_condition
from askproai_operator.plan_context import PlanContext
from askproai_operator.settings import Settings

_ABOUT_SECRETS = frozenset({Reason.SECRET_NOT_FOUND, Reason.SECRET_KEY_MISSING, Reason.SECRET_NOT_PERMITTED})


@dataclass(frozen=True, slots=True)
class ProviderSteps:
    """The operator's steps at a provider, one line each. `is_problem`: the operator would refuse, wait for a person, be unable
    to ask the provider, or take a number from another agent.
    """

    lines: tuple[str, ...] = ()
    is_problem: bool = False


async def plan_steps(
    agent: RetellAgent, context: PlanContext, in_files: Collection[tuple[str, str, str]] = ()
) -> ProviderSteps:
    """Return the operator's steps at Retell; none for an agent that is being deleted, or needs no change.

    An agent that does not exist yet first waits for its Tenant; the steps after that create it. `in_files` are kind, namespace
    and name of the objects in the files.
    """
    steps = await _plan_steps(agent, context, in_files)
    return replace(steps, lines=_when_resumed(agent, steps.lines))


async def _plan_steps(
    agent: RetellAgent, context: PlanContext, in_files: Collection[tuple[str, str, str]]
) -> ProviderSteps:
    if agent.metadata.deletion_timestamp is not None:
        return ProviderSteps()
    try:
        inputs = await gather(agent, context, CHECKS)
        if failure := first_failing(CHECKS, inputs):
            if failure.reason is Reason.BUSINESS_MODEL_MISMATCH:
                return ProviderSteps((f"refused: {failure.message}",), is_problem=True)
            tenant = inputs.references.tenant
            if awaited := _find_awaited(agent, tenant, failure.reason, in_files):
                return ProviderSteps((f"waits: {awaited}",))
            if failure.reason is not Reason.TENANT_NOT_READY or tenant is None or agent.status.get("agentId"):
                return ProviderSteps((f"waits: {failure.message}",), failure.reason not in TRANSIENT_REASONS)
            if agent.spec.adopt is not None:
                return ProviderSteps((f"take over {agent.spec.adopt.agent_id} when Tenant {tenant.key.name} is ready",))
            creation = _plan_creation(agent, tenant, context)
            first = f"waits until Tenant {tenant.key.name} is ready, then:"
            return ProviderSteps((first, *creation.lines()), bool(creation.number_problems))
        assert inputs.target is not None  # else a check had failed
        plan = make_plan(await gather_remote(agent, inputs.target, context))
    except ProviderError as error:
        return ProviderSteps((f"Retell cannot be asked: {error}",), is_problem=True)
    if plan.refused is not None:
        return ProviderSteps((f"refused: {plan.refused.message}",), is_problem=True)
    if not (plan.steps or plan.wait or plan.number_problems):
        return ProviderSteps()
    loses_number = any(step.action is Action.UNBIND for step in plan.steps)
    return ProviderSteps(tuple(plan.lines()), loses_number or bool(plan.number_problems))


def _find_awaited(
    agent: RetellAgent, tenant: Tenant | None, reason: Reason, in_files: Collection[tuple[str, str, str]]
) -> str | None:
    """Return the object in the files that the agent waits for, as a sentence; None if the operator's own message applies."""
    namespace, spec = agent.metadata.namespace, agent.spec
    if reason in {Reason.TENANT_NOT_FOUND, Reason.BRANCH_NOT_FOUND}:
        refs = {"Branch": spec.branch_ref, "Tenant": spec.tenant_ref}
        named = [(kind, ref.name) for kind, ref in refs.items() if ref is not None]
        refused = [f"{kind} {name}" for kind, name in named if (kind, namespace, name) in in_files]
        return f"{' and '.join(refused)} of these files is not accepted, see above" if refused else None
    if reason is not Reason.TENANT_NOT_READY or tenant is None:
        return None
    if find_condition(tenant, ConditionType.CREDENTIALS_VALID).get("reason") not in _ABOUT_SECRETS:
        return None
    names = {ref.name for ref in secret_refs(tenant).values()}
    new = sorted(name for name in names if ("Secret", namespace, name) in in_files)
    return f"Tenant {tenant.key.name} has not read Secret {', '.join(new)} of these files yet" if new else None


def _plan_creation(agent: RetellAgent, tenant: Tenant, context: PlanContext) -> Plan:
    """Return the steps that create an agent whose Tenant has no URLs yet."""
    urls = address_of(tenant, context.settings.shared_base_url).urls(context.installation_id)
    return plan_unseen(agent, tenant.model_copy(update={"status": {"webhookUrls": urls}}), context)


def plan_calendar(tenant: Tenant) -> tuple[str, ...]:
    """Return the operator's steps at the remote calendar for a Tenant that has no webhook there yet."""
    registered = find_condition(tenant, ConditionType.WEBHOOKS_REGISTERED)
    if tenant.metadata.deletion_timestamp is not None or calcom_account(tenant) is None:
        return ()
    if registered.get("status") == Status.TRUE and registered.get("reason") != Reason.NOT_REQUESTED:
        return ()
    return _when_resumed(tenant, ("register the tenant's webhook",))


def _when_resumed(model: CustomResource, steps: tuple[str, ...]) -> tuple[str, ...]:
    """Return the operator's steps. If the object is paused, the first line says that they wait until it is resumed."""
    return (
        (f"waits until the annotation {PAUSED_ANNOTATION} is removed, then:", *steps)
        if is_paused(model) and steps
        else steps
    )


def find_lowered(tenant: Tenant) -> tuple[str, ...]:
    """Return a sentence for each value of a Tenant that the platform's ceilings would lower or leave out.

    The ceilings are the defaults, or the `ASKPROAI_MAX_…` of this process: the operator's own settings are not read.
    """
    return tuple(f"unless the platform allows it: {sentence}" for sentence in apply_ceilings(tenant, Settings())[1])
