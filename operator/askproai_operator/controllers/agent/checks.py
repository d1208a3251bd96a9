"""What stands in a RetellAgent's way. Pure: each check returns what it found, or None when it passes.

The order of a table is the precedence: the first failing check is the one that the condition Synced reports.
"""

from typing import Final

from askproai_core.tenant_config import BusinessModel
from askproai_operator.api.conditions import ConditionType, Reason, Status
from askproai_operator.controllers.agent.inputs import Check, Finding, Inputs, PlanInputs, find_condition
from askproai_operator.controllers.agent.observe import engine_of
from askproai_operator.controllers.agent.render import agent_owner, llm_owner
from askproai_operator.providers import CredentialProblem

# In the cluster


def branch_missing(inputs: Inputs) -> Finding | None:
    """The Branch that spec.branchRef names is not in the namespace."""
    ref = inputs.agent.spec.branch_ref
    if ref is None or inputs.branch is not None:
        return None
    text = f"Branch {ref.name!r} is not in this namespace; create it"
    return Finding(inputs.absence or Reason.BRANCH_NOT_FOUND, text)


def tenant_missing(inputs: Inputs) -> Finding | None:
    """The Tenant, named by the agent or by its Branch, is not in the namespace."""
    if inputs.tenant is not None:
        return None
    text = f"Tenant {inputs.tenant_name!r} is not in this namespace; create it"
    return Finding(inputs.absence or Reason.TENANT_NOT_FOUND, text)


def tenant_deleting(inputs: Inputs) -> Finding | None:
    """The Tenant is being deleted, so nothing is created or changed on its behalf any more."""
    if inputs.tenant is None or inputs.tenant.metadata.deletion_timestamp is None:
        return None
    text = f"Tenant {inputs.tenant_name!r} is being deleted; this agent stays as it is until it is deleted, too"
    return Finding(Reason.TENANT_NOT_FOUND, text)


def business_model_mismatch(inputs: Inputs) -> Finding | None:
    """An agent for all branches (tenantRef) needs a business model in which the caller chooses the branch."""
    if inputs.tenant is None or inputs.agent.spec.tenant_ref is None:
        return None
    if inputs.tenant.spec.business_model is not BusinessModel.SIMPLE:
        return None
    text = "an agent for all branches (tenantRef) needs businessModel MultiBranchHotline or ComplexServiceMatrix; use branchRef"
    return Finding(Reason.BUSINESS_MODEL_MISMATCH, text)


def tenant_not_ready(inputs: Inputs) -> Finding | None:
    """The Tenant's keys are bad, or its URLs, which the agent's bodies contain, are not known yet."""
    if inputs.tenant is None:
        return None
    urls = inputs.tenant.status.get("webhookUrls") or {}
    credentials = find_condition(inputs.tenant, ConditionType.CREDENTIALS_VALID)
    if credentials.get("status") != Status.FALSE and urls.get("retell") and urls.get("functions"):
        return None
    cause = credentials.get("message") or "its webhook URLs are not known yet"
    return Finding(Reason.TENANT_NOT_READY, f"Tenant {inputs.tenant_name!r} is not ready: {cause}")


def retell_key_missing(inputs: Inputs) -> Finding | None:
    """The Tenant's controller has yet to copy the Retell key to the Secret `<tenant>-teardown`, which deletion needs."""
    if not isinstance(inputs.client, CredentialProblem):
        return None
    secret = f"Secret {inputs.tenant_name}-teardown"
    text = f"Tenant {inputs.tenant_name!r} is not ready: the operator has yet to keep its Retell key in {secret}"
    return Finding(Reason.TENANT_NOT_READY, text)


CHECKS: Final[tuple[Check[Inputs], ...]] = (
    branch_missing,
    tenant_missing,
    tenant_deleting,
    business_model_mismatch,
    tenant_not_ready,
    retell_key_missing,
)

# At Retell


def adopted_agent_missing(inputs: PlanInputs) -> Finding | None:
    """The agent that spec.adopt names does not exist. Nothing is created in its place: the id is a mistake."""
    if inputs.observation.agent is not None or inputs.adopt is None or inputs.recorded.agent_id is not None:
        return None
    text = f"adopt.agentId {inputs.adopt} is not in this Retell workspace; correct it"
    return Finding(Reason.OWNERSHIP_CONFLICT, text)


def agent_of_another_owner(inputs: PlanInputs) -> Finding | None:
    """The agent or its LLM carries the marker of another owner, to whose objects nothing is ever written."""
    observation = inputs.observation
    if observation.agent is None:
        return None
    owner = agent_owner(observation.agent) or llm_owner(observation.llm or {})
    if owner in {None, inputs.desired.marker}:
        return None
    text = f"agent {observation.agent_id} belongs to {owner}; adopt another one, or release it there"
    return Finding(Reason.OWNERSHIP_CONFLICT, text)


def agent_without_llm(inputs: PlanInputs) -> Finding | None:
    """The agent has no LLM that we could change, and once it has versions Retell refuses to give it another one."""
    observation = inputs.observation
    if observation.agent is None or observation.llm is not None:
        return None
    llm_id = engine_of(observation.agent)[0]
    cause = f"its LLM {llm_id} is gone" if llm_id else "it answers by something else than a Retell LLM"
    text = f"agent {observation.agent_id} can not be managed: {cause}; delete it at Retell and a new one is made"
    return Finding(Reason.PROVIDER_REFUSED, text)


OWNERSHIP_CHECKS: Final[tuple[Check[PlanInputs], ...]] = (
    adopted_agent_missing,
    agent_of_another_owner,
    agent_without_llm,
)
