"""An agent waits for an object of the planned files: nobody is asked to create it."""

from types import SimpleNamespace
from typing import Any

import pytest

from askproai_cli.plan.agents import _find_awaited
from askproai_operator.api.conditions import Reason
from tests.worlds.salon_models import tenant

AGENT: Any = SimpleNamespace(
    metadata=SimpleNamespace(namespace="salon"),
    spec=SimpleNamespace(branch_ref=SimpleNamespace(name="mitte"), tenant_ref=None),
)


def waiting(reason: str) -> Any:
    condition = {"type": "CredentialsValid", "status": "False", "reason": reason, "message": "create it"}
    return tenant().model_copy(update={"status": {"conditions": [condition]}})


SECRET = ("Secret", "salon", next(iter({ref.name for ref in [tenant().spec.retell.api_key_secret_ref]})))


@pytest.mark.parametrize(
    ("reason", "of_tenant", "in_files", "starts"),
    [
        (Reason.BRANCH_NOT_FOUND, "AsDeclared", {("Branch", "salon", "mitte")}, "Branch mitte of these files"),
        (Reason.BRANCH_NOT_FOUND, "AsDeclared", {("Branch", "other", "mitte")}, None),
        (Reason.BRANCH_NOT_FOUND, "AsDeclared", set(), None),
        (Reason.TENANT_NOT_READY, "SecretNotFound", {SECRET}, f"Tenant {tenant().key.name} has not read Secret"),
        (Reason.TENANT_NOT_READY, "SecretKeyMissing", {SECRET}, f"Tenant {tenant().key.name} has not read Secret"),
        (Reason.TENANT_NOT_READY, "SecretNotFound", set(), None),
        (Reason.TENANT_NOT_READY, "CredentialsShared", {SECRET}, None),
    ],
)
def test_plan_finds_an_awaited_object_among_its_files(
    reason: Reason, of_tenant: str, in_files: set[tuple[str, str, str]], starts: str | None
) -> None:
    found = _find_awaited(AGENT, waiting(of_tenant), reason, in_files)
    assert (found is None) is (starts is None)
    assert found is None or found.startswith(starts or "")
