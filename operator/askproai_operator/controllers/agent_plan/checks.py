"""Checks before a RetellAgent is written at Retell. Pure: each check returns the condition Synced if it fails, else None.

The order of a table is the precedence: the first failing check is reported.
"""

from typing import Final

from askproai_core.tenant_config.vocabulary import BusinessModel
from askproai_operator.api.conditions import Condition, ConditionType, Reason, Status, bad
from askproai_operator.controllers.agent_plan.inputs import Inputs, PlanInputs
from askproai_operator.controllers.agent_plan.observe import engine_of
from askproai_operator.controllers.agent_plan.render import agent_owner, llm_owner
from askproai_operator.controllers.conditions import Check, missing_reference
from askproai_operator.engine import find_condition
from askproai_operator.providers import CredentialProblem
from askproai_operator.status_reads import repeated_part

_SYNCED: Final = ConditionType.SYNCED

# In the cluster


def reference_missing(inputs: Inputs) -> Condition | None:
    """Return a condition if the Branch that the agent names does not exist, or the Tenant of the agent or of that Branch.

    None, too, when callers are to hear that the Branch is closed.
    """
    if inputs.is_closed:
        return None
    return missing_reference(inputs.references, _SYNCED, "{kind} {name!r} is not in this namespace; create it")


def tenant_deleting(inputs: Inputs) -> Condition | None:
    """Return a condition while the Tenant is being deleted: nothing is created or changed for it any more."""
    tenant = inputs.references.tenant
    if tenant is None or tenant.metadata.deletion_timestamp is None:
        return None
    text = f"Tenant {tenant.key.name!r} is being deleted; this agent stays as it is until it is deleted, too"
    return bad(_SYNCED, Reason.TENANT_NOT_FOUND, text)


def business_model_mismatch(inputs: Inputs) -> Condition | None:
    """Return a condition if an agent for all branches (tenantRef) has businessModel Simple, which has no choice of a branch."""
    tenant = inputs.references.tenant
    if tenant is None or inputs.agent.spec.tenant_ref is None:
        return None
    if tenant.spec.business_model is not BusinessModel.SIMPLE:
        return None
    text = "an agent for all branches (tenantRef) needs businessModel MultiBranchHotline or ComplexServiceMatrix; use branchRef"
    return bad(_SYNCED, Reason.BUSINESS_MODEL_MISMATCH, text)


def tenant_not_ready(inputs: Inputs) -> Condition | None:
    """Return a condition if the Tenant's keys are refused, or if it has no URLs yet for webhooks and functions.

    A suspended Tenant needs no URLs: its agent only speaks a sentence.
    """
    tenant = inputs.references.tenant
    if tenant is None:
        return None
    urls = tenant.status.get("webhookUrls") or {}
    credentials = find_condition(tenant, ConditionType.CREDENTIALS_VALID)
    # Retell's key is good then: a fault of the calendar must not prevent a change of the agent.
    about_calendar = credentials.get("reason") == Reason.BOOKINGS_REFUSED
    usable = credentials.get("status") != Status.FALSE or about_calendar
    if usable and (tenant.spec.suspend or (urls.get("retell") and urls.get("functions"))):
        return None
    exposed = find_condition(tenant, ConditionType.EXPOSED)
    # The same words from the start until pods answer: what this waits for changes with each step of the Tenant.
    has_failed = exposed.get("status") == Status.FALSE and exposed.get("reason") != Reason.PENDING
    where = f"why: kubectl get tenants {tenant.key.name} -n {tenant.key.namespace} -o wide"
    failed = exposed if has_failed else {}
    cause = (failed if usable else credentials).get("message") or f"its webhook URLs are not known yet; {where}"
    return bad(_SYNCED, Reason.TENANT_NOT_READY, f"Tenant {tenant.key.name!r} is not ready: {repeated_part(cause)}")


def retell_key_missing(inputs: Inputs) -> Condition | None:
    """Return a condition while the Secret `<tenant>-teardown` lacks the Retell key, which the agent's deletion needs."""
    if not isinstance(inputs.client, CredentialProblem):
        return None
    tenant = inputs.references.tenant_name
    text = f"Tenant {tenant!r} is not ready: the operator has yet to keep its Retell key in Secret {tenant}-teardown"
    return bad(_SYNCED, Reason.TENANT_NOT_READY, text)


CHECKS: Final[tuple[Check[Inputs], ...]] = (
    reference_missing,
    tenant_deleting,
    business_model_mismatch,
    tenant_not_ready,
    retell_key_missing,
)

# At Retell


def adopted_agent_missing(inputs: PlanInputs) -> Condition | None:
    """Return a condition if the agent that spec.adopt names is not at Retell: the id is wrong, and no agent is created instead."""
    if inputs.observation.agent is not None or inputs.adopt is None or inputs.recorded.agent_id is not None:
        return None
    text = f"adopt.agentId {inputs.adopt} is not in this Retell workspace; correct it"
    return bad(_SYNCED, Reason.OWNERSHIP_CONFLICT, text)


def agent_of_another_owner(inputs: PlanInputs) -> Condition | None:
    """Return a condition if the agent or its LLM carries another owner's marker: such objects are never written.

    The marker of the installation that the Tenant was moved from counts as our own.
    """
    observation = inputs.observation
    if observation.agent is None:
        return None
    owner = agent_owner(observation.agent) or llm_owner(observation.llm or {})
    if owner in {None, inputs.desired.marker, inputs.former_marker}:
        return None
    text = f"agent {observation.agent_id} belongs to {owner}; adopt another one, or release it there"
    return bad(_SYNCED, Reason.OWNERSHIP_CONFLICT, text)


def agent_without_llm(inputs: PlanInputs) -> Condition | None:
    """Return a condition if the agent has no Retell LLM or a deleted one: Retell refuses to change the LLM of a used agent."""
    observation = inputs.observation
    if observation.agent is None or observation.llm is not None:
        return None
    llm_id = engine_of(observation.agent)[0]
    cause = f"its LLM {llm_id} is gone" if llm_id else "it answers by something else than a Retell LLM"
    text = f"agent {observation.agent_id} can not be managed: {cause}; delete it at Retell and a new one is made"
    return bad(_SYNCED, Reason.PROVIDER_REFUSED, text)


OWNERSHIP_CHECKS: Final[tuple[Check[PlanInputs], ...]] = (
    adopted_agent_missing,
    agent_of_another_owner,
    agent_without_llm,
)
