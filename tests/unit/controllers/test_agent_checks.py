"""Why an agent cannot be reconciled, and which check is reported first: the table, without a cluster."""

import copy
from dataclasses import replace
from typing import Any

import pytest

from askproai_operator.api import Branch, RetellAgent, Tenant
from askproai_operator.api.conditions import Reason
from askproai_operator.controllers.agent.checks import CHECKS
from askproai_operator.controllers.agent.inputs import Inputs, first_failing
from askproai_operator.providers import CredentialProblem
from askproai_sandbox.example_tenant import load_manifests

URLS = {"retell": "https://voice.example/webhooks/retell", "functions": "https://voice.example/retell/functions"}
BAD_KEY = {
    "type": "CredentialsValid",
    "status": "False",
    "reason": "CredentialsInvalid",
    "message": "the key is refused",
}


def raw(kind: str, status: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    manifest = copy.deepcopy(load_manifests()[kind][0])
    return manifest | {"spec": manifest["spec"] | spec, "status": status or {}}


def agent(**spec: Any) -> RetellAgent:
    return RetellAgent.from_raw(raw("RetellAgent", **spec))


def hotline() -> RetellAgent:
    manifest = raw("RetellAgent", tenantRef={"name": "salon"})
    manifest["spec"].pop("branchRef", None)
    return RetellAgent.from_raw(manifest)


def tenant(*conditions: dict[str, Any], urls: dict[str, str] | None = None, model: str = "Simple") -> Tenant:
    status = {"webhookUrls": URLS if urls is None else urls, "conditions": list(conditions)}
    return Tenant.from_raw(raw("Tenant", status, businessModel=model))


def deleted_tenant() -> Tenant:
    manifest = raw("Tenant", {"webhookUrls": URLS})
    manifest["metadata"]["deletionTimestamp"] = "2026-11-20T09:00:00Z"
    return Tenant.from_raw(manifest)


BRANCH = Branch.from_raw(raw("Branch"))
NO_KEY = CredentialProblem(Reason.SECRET_NOT_FOUND, "no Secret")
COMPLETE = Inputs(agent(), BRANCH, "salon", tenant())

CASES = [
    (replace(COMPLETE, branch=None, tenant=None), Reason.BRANCH_NOT_FOUND, "Branch 'mitte' is not in this namespace"),
    (replace(COMPLETE, branch=None, absence=Reason.PENDING), Reason.PENDING, "Branch 'mitte' is not in this namespace"),
    (replace(COMPLETE, tenant=None), Reason.TENANT_NOT_FOUND, "Tenant 'salon' is not in this namespace; create it"),
    (replace(COMPLETE, tenant=None, absence=Reason.PENDING), Reason.PENDING, "Tenant 'salon' is not in this namespace"),
    (replace(COMPLETE, tenant=deleted_tenant(), client=NO_KEY), Reason.TENANT_NOT_FOUND, "is being deleted"),
    (Inputs(hotline(), None, "salon", tenant(BAD_KEY)), Reason.BUSINESS_MODEL_MISMATCH, "use branchRef"),
    (replace(COMPLETE, tenant=tenant(BAD_KEY)), Reason.TENANT_NOT_READY, "is not ready: the key is refused"),
    (replace(COMPLETE, tenant=tenant(urls={})), Reason.TENANT_NOT_READY, "its webhook URLs are not known yet"),
    (
        replace(COMPLETE, client=NO_KEY),
        Reason.TENANT_NOT_READY,
        "has yet to keep its Retell key in Secret salon-teardown",
    ),
]


@pytest.mark.parametrize(("inputs", "reason", "message"), CASES)
def test_the_first_failing_check_gives_reason_and_message(inputs: Inputs, reason: Reason, message: str) -> None:
    finding = first_failing(CHECKS, inputs)
    assert finding is not None
    assert finding.reason is reason
    assert message in finding.message


@pytest.mark.parametrize(
    "inputs",
    [COMPLETE, Inputs(hotline(), None, "salon", tenant(model="MultiBranchHotline"))],
    ids=["branch", "hotline"],
)
def test_nothing_fails_for_an_agent_of_a_ready_tenant(inputs: Inputs) -> None:
    assert first_failing(CHECKS, inputs) is None
