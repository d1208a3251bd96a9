"""The shared builders of conditions: failed calls to providers, and references that do not resolve."""

from datetime import timedelta
from typing import Any

import pytest

from askproai_core.providers import CredentialRefused, RateLimited
from askproai_operator.api.conditions import ConditionType, Reason, Status
from askproai_operator.controllers.conditions import References, condition_of, missing_reference
from tests.worlds.salon_models import branch, tenant

QUOTED = "{kind} {name!r} is not in this namespace; create it"


def test_failed_provider_call_makes_its_condition_unknown():
    kind = ConditionType.CALENDAR_LINKED
    limited = condition_of(RateLimited("calcom", "list", timedelta(seconds=9)), kind, retry_note="looked at again soon")
    assert (limited.type, limited.status, limited.reason) == (kind, Status.UNKNOWN, Reason.PROVIDER_UNAVAILABLE)
    assert limited.message == "calcom: list: too many requests for this key; looked at again soon"
    refused = condition_of(CredentialRefused("calcom", "list", 401), kind)
    assert (refused.status, refused.reason) == (Status.FALSE, Reason.CREDENTIALS_INVALID)
    assert "again" not in refused.message


@pytest.mark.parametrize(
    ("case", "found", "expected"),
    [
        ("both exist", ("mitte", branch(), "salon", tenant()), None),
        ("the tenant is named directly", (None, None, "salon", tenant()), None),
        ("the branch is missing", ("mitte", None, "salon", tenant()), (Reason.BRANCH_NOT_FOUND, "Branch 'mitte'")),
        ("both are missing", ("mitte", None, None, None), (Reason.BRANCH_NOT_FOUND, "Branch 'mitte'")),
        ("the tenant is missing", ("mitte", branch(), "salon", None), (Reason.TENANT_NOT_FOUND, "Tenant 'salon'")),
        ("nothing tells the tenant", (None, None, None, None), (Reason.TENANT_NOT_FOUND, "Tenant None")),
        ("its watch event is due", (None, None, "salon", None, Reason.PENDING), (Reason.PENDING, "Tenant 'salon'")),
    ],
)
def test_missing_branch_is_reported_before_a_missing_tenant(case: str, found: tuple[Any, ...], expected: Any):
    condition = missing_reference(References(*found), ConditionType.SYNCED, QUOTED)
    named = expected and (expected[0], f"{expected[1]} is not in this namespace; create it")
    assert (condition and (condition.reason, condition.message)) == named, case
