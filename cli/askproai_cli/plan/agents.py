"""What the operator would do at the providers, planned by the operator's own code. The fence refuses every write."""

from askproai_core.clock import SystemClock
from askproai_core.database import AdminStore
from askproai_core.fault_injection import FaultPoints
from askproai_operator.api import CustomResource, RetellAgent, Tenant
from askproai_operator.api.conditions import ConditionType, Reason, Status
from askproai_operator.applied_spec import PAUSED_ANNOTATION, is_paused
from askproai_operator.context import ReconcileContext
from askproai_operator.controllers.agent import CHECKS, gather, gather_remote, make_plan, plan_unseen
from askproai_operator.controllers.conditions import find_condition, first_failing
from askproai_operator.controllers.tenant import address_of, apply_ceilings
from askproai_operator.credentials import calendar_account
from askproai_operator.engine import Cache, Kube, NotLeader
from askproai_operator.providers import ProviderClients, ProviderError
from askproai_operator.relations import Relations
from askproai_operator.settings import Settings


async def plan_steps(agent: RetellAgent, context: ReconcileContext) -> tuple[str, ...]:
    """Return what the operator would do at Retell; nothing for an agent that is being deleted, or is as it should be.

    An agent that does not exist yet first waits for its Tenant; the steps after that create it.
    """
    return _when_resumed(agent, await _plan_steps(agent, context))


async def _plan_steps(agent: RetellAgent, context: ReconcileContext) -> tuple[str, ...]:
    if agent.metadata.deletion_timestamp is not None:
        return ()
    try:
        inputs = await gather(agent, context, CHECKS)
        if failure := first_failing(CHECKS, inputs):
            if failure.reason is Reason.BUSINESS_MODEL_MISMATCH:
                return (f"refused: {failure.message}",)
            tenant = inputs.references.tenant
            if failure.reason is not Reason.TENANT_NOT_READY or tenant is None or agent.status.get("agentId"):
                return (f"waits: {failure.message}",)
            if agent.spec.adopt is not None:
                return (f"take over {agent.spec.adopt.agent_id} when Tenant {tenant.key.name} is ready",)
            return (f"waits until Tenant {tenant.key.name} is ready, then:", *_plan_creation(agent, tenant, context))
        assert inputs.target is not None  # else a check had failed
        plan = make_plan(await gather_remote(agent, inputs.target, context))
    except ProviderError as error:
        return (f"Retell cannot be asked: {error}",)
    if plan.refused is not None:
        return (f"refused: {plan.refused.message}",)
    return tuple(plan.lines()) if plan.steps or plan.wait or plan.number_problems else ()


def _plan_creation(agent: RetellAgent, tenant: Tenant, context: ReconcileContext) -> list[str]:
    """Return the steps that make an agent of a Tenant that has no URLs yet."""
    urls = address_of(tenant, context.settings.shared_base_url).urls(context.installation_id)
    return plan_unseen(agent, tenant.model_copy(update={"status": {"webhookUrls": urls}}), context).lines()


def plan_calendar(tenant: Tenant) -> tuple[str, ...]:
    """Return what the operator would do at Cal.com for a Tenant that has no webhook there yet."""
    registered = find_condition(tenant, ConditionType.WEBHOOKS_REGISTERED)
    if tenant.metadata.deletion_timestamp is not None or calendar_account(tenant) is None:
        return ()
    if registered.get("status") == Status.TRUE and registered.get("reason") != Reason.NOT_REQUESTED:
        return ()
    return _when_resumed(tenant, ("register the tenant's webhook",))


def _when_resumed(model: CustomResource, steps: tuple[str, ...]) -> tuple[str, ...]:
    """Return the steps for an object at a provider, of which a paused one has none until it is resumed."""
    return (
        (f"waits until the annotation {PAUSED_ANNOTATION} is removed, then:", *steps)
        if is_paused(model) and steps
        else steps
    )


def find_lowered(tenant: Tenant) -> tuple[str, ...]:
    """Return what the platform's ceilings would lower or leave out. The operator's settings are not read.

    They are the defaults, or the `ASKPROAI_MAX_…` of this process.
    """
    return tuple(f"unless the platform allows it: {sentence}" for sentence in apply_ceilings(tenant, Settings())[1])


def read_only_context(
    kube: Kube,
    cache: Cache,
    relations: Relations,
    providers: ProviderClients,
    installation_id: str,
    operator_namespace: str,
) -> ReconcileContext:
    """Return a ReconcileContext to gather and plan with. Its fence refuses every remote write, because this process never leads."""

    def refuse() -> None:
        raise NotLeader("a plan writes nothing")

    settings = Settings().model_copy(update={"namespace": operator_namespace})
    return ReconcileContext(
        kube=kube,
        cache=cache,
        relations=relations,
        settings=settings,
        clock=SystemClock(),
        faults=FaultPoints(None),
        database=AdminStore("postgresql://a-plan-opens-none"),
        providers=providers,
        installation_id=settings.installation_id or installation_id,
        fence=refuse,
        enqueue=lambda _: None,
    )
