"""Why an agent cannot be reconciled, and which check is reported first: the table, without a cluster."""

from dataclasses import replace
from typing import Any

import pytest

from askproai_operator.api import RetellAgent, Tenant
from askproai_operator.api.conditions import Reason
from askproai_operator.controllers.agent_plan.checks import CHECKS
from askproai_operator.controllers.agent_plan.inputs import Inputs
from askproai_operator.controllers.conditions import References, first_failing
from askproai_operator.providers import CredentialProblem
from tests.worlds.salon_models import branch, raw

URLS = {"retell": "https://voice.example/webhooks/retell", "functions": "https://voice.example/retell/functions"}
BAD_KEY = {
    "type": "CredentialsValid",
    "status": "False",
    "reason": "CredentialsInvalid",
    "message": "the key is refused",
}


def agent(**spec: Any) -> RetellAgent:
    return RetellAgent.from_raw(raw("RetellAgent", **spec))


def hotline() -> RetellAgent:
    manifest = raw("RetellAgent", tenantRef={"name": "salon"})
    manifest["spec"].pop("branchRef", None)
    return RetellAgent.from_raw(manifest)


def tenant(*conditions: dict[str, Any], urls: dict[str, str] | None = None, model: str = "Simple") -> Tenant:
    status = {"webhookUrls": URLS if urls is None else urls, "conditions": list(conditions)}
    return Tenant.from_raw(raw("Tenant", businessModel=model) | {"status": status})


def deleted_tenant() -> Tenant:
    manifest = raw("Tenant") | {"status": {"webhookUrls": URLS}}
    manifest["metadata"]["deletionTimestamp"] = "2026-11-20T09:00:00Z"
    return Tenant.from_raw(manifest)


NO_KEY = CredentialProblem(Reason.SECRET_NOT_FOUND, "no Secret")
COMPLETE = References("mitte", branch(), "salon-mueller", tenant())


def of_branch(client: CredentialProblem | None = None, **references: Any) -> Inputs:
    """Return the inputs of an agent with resolved references; `references` replace some of them."""
    return Inputs(agent(), replace(COMPLETE, **references), client)


def of_hotline(found: Tenant) -> Inputs:
    return Inputs(hotline(), References(None, None, "salon-mueller", found))


def test_calcom_refusal_does_not_block_agent_changes() -> None:
    calendar = {**BAD_KEY, "reason": Reason.BOOKINGS_REFUSED.value}
    assert first_failing(CHECKS, of_branch(tenant=tenant(calendar))) is None


CASES = [
    (of_branch(branch=None, tenant=None), Reason.BRANCH_NOT_FOUND, "Branch 'mitte' is not in this namespace"),
    (of_branch(branch=None, absence=Reason.PENDING), Reason.PENDING, "Branch 'mitte' is not in this namespace"),
    (of_branch(tenant=None), Reason.TENANT_NOT_FOUND, "Tenant 'salon-mueller' is not in this namespace; create it"),
    (of_branch(tenant=None, absence=Reason.PENDING), Reason.PENDING, "Tenant 'salon-mueller' is not in this namespace"),
    (of_branch(NO_KEY, tenant=deleted_tenant()), Reason.TENANT_NOT_FOUND, "is being deleted"),
    (of_hotline(tenant(BAD_KEY)), Reason.BUSINESS_MODEL_MISMATCH, "use branchRef"),
    (of_branch(tenant=tenant(BAD_KEY)), Reason.TENANT_NOT_READY, "is not ready: the key is refused"),
    (of_branch(tenant=tenant(urls={})), Reason.TENANT_NOT_READY, "its webhook URLs are not known yet"),
    (of_branch(NO_KEY), Reason.TENANT_NOT_READY, "has yet to keep its Retell key in Secret salon-mueller-teardown"),
]


@pytest.mark.parametrize(("inputs", "reason", "message"), CASES)
def test_the_first_failing_check_gives_reason_and_message(inputs: Inputs, reason: Reason, message: str) -> None:
    finding = first_failing(CHECKS, inputs)
    assert finding.reason is reason
    assert message in finding.message


def test_agents_message_omits_the_tenants_retry_time() -> None:
    """The time changes with each try: every agent's status would be written."""
    refused = {**BAD_KEY, "message": "the key is refused; tried again by 14:05 UTC, at once when the Secret changes"}
    finding = first_failing(CHECKS, of_branch(tenant=tenant(refused)))
    assert finding.message == "Tenant 'salon-mueller' is not ready: the key is refused"


def test_agent_waiting_for_tenant_url_has_constant_message() -> None:
    """A message that changed with each step of the Tenant would cause writes of the agent's and the Branch's status."""
    pending = {
        "type": "Exposed",
        "status": "False",
        "reason": "Pending",
        "message": "is tried as soon as a pod is ready",
    }
    first, later = (first_failing(CHECKS, of_branch(tenant=tenant(*each, urls={}))) for each in ((), (pending,)))
    assert first == later
    refused = {**pending, "reason": "HostClaimed", "message": "another tenant has the host"}
    failed = first_failing(CHECKS, of_branch(tenant=tenant(refused, urls={})))
    assert "another tenant has the host" in failed.message


@pytest.mark.parametrize(
    "inputs", [of_branch(), of_hotline(tenant(model="MultiBranchHotline"))], ids=["branch", "hotline"]
)
def test_agent_of_a_ready_tenant_passes_all_checks(inputs: Inputs) -> None:
    assert first_failing(CHECKS, inputs) is None
