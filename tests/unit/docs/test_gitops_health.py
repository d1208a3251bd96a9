"""The shipped health checks of Argo CD and Flux judge each of our conditions as the operator means it."""

from collections.abc import Callable
from typing import Any

import pytest

from askproai_operator.api import KINDS
from askproai_operator.api.conditions import TRANSIENT_REASONS, Reason
from tests.worlds.gitops_judges import Judge, argo_cd, flux


def manifest(status: str, reason: Reason, *, observed: int = 3, **metadata: str) -> dict[str, Any]:
    ready = {
        "type": "Ready",
        "status": status,
        "reason": str(reason),
        "message": "Why.",
        "observedGeneration": observed,
    }
    return {
        "metadata": {"name": "salon", "generation": 3, **metadata},
        "status": {"conditions": [{"type": "Paused", "status": "False", "observedGeneration": 3}, ready]},
    }


@pytest.fixture(params=[argo_cd, flux], ids=["argo-cd", "flux"])
def judge(request: pytest.FixtureRequest) -> Judge:
    return request.param("Tenant")


@pytest.mark.parametrize("check", [argo_cd, flux], ids=["argo-cd", "flux"])
@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_has_a_gitops_health_check(check: Callable[[str], Judge], kind: str) -> None:
    assert check(kind)(manifest("True", Reason.AS_DECLARED)) == "Healthy"


@pytest.mark.parametrize("reason", Reason)
def test_condition_reason_is_progress_or_failure(judge: Judge, reason: Reason) -> None:
    expected = "Progressing" if reason in TRANSIENT_REASONS else "Degraded"
    assert judge(manifest("False", reason)) == expected


def test_unobserved_generation_counts_as_progress(judge: Judge) -> None:
    assert judge(manifest("True", Reason.AS_DECLARED, observed=2)) == "Progressing"
    assert judge(manifest("False", Reason.CREDENTIALS_INVALID, observed=2)) == "Progressing"


def test_an_object_without_conditions_is_progress(judge: Judge) -> None:
    assert judge({"metadata": {"name": "salon", "generation": 1}, "status": {"mode": "Unified"}}) == "Progressing"


def test_a_paused_object_is_suspended_in_argo_cd() -> None:
    paused = manifest("False", Reason.CREDENTIALS_INVALID)
    paused["status"]["conditions"][0] |= {"status": "True", "message": "Paused by annotation."}
    assert argo_cd("Tenant")(paused) == "Suspended"


def test_deletion_of_an_object_is_progress_in_argocd() -> None:
    deleted = manifest("False", Reason.OWNERSHIP_CONFLICT, deletionTimestamp="2026-11-21T20:00:00Z")
    assert argo_cd("Tenant")(deleted) == "Progressing"
