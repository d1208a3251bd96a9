"""The spec of a paused object that is in effect: from the annotation, the status and the object's present spec."""

from datetime import UTC, datetime
from typing import Any

import pytest

from askproai_operator.api import KINDS, Branch, CustomResource
from askproai_operator.api.conditions import ConditionType, Reason, bad
from askproai_operator.applied_spec import in_effect, is_in_effect
from askproai_operator.engine import Cache, Result
from askproai_operator.engine.ready_condition import (
    pause_condition,
    update_for_error,
    update_for_pause,
    update_for_result,
)
from askproai_operator.grants import Subject, SubjectKind, requested_subjects
from askproai_operator.relations import Relations
from tests.worlds.salon_objects import NAMESPACE, put, raw

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
PAUSED, PLANNED = {"askproai.de/paused": "true"}, {"askproai.de/plan": "true"}
KEPT = ["Tenant", "Branch", "ServiceOffering"]
HELD = bad(ConditionType.PAUSED, Reason.PLAN_UNSUPPORTED, "nothing is applied")


def model(kind: str, status: dict[str, Any], annotations: dict[str, str] | None = None, **spec: Any) -> CustomResource:
    manifest = raw(kind, status=status, annotations=annotations or {})
    manifest["spec"] |= spec
    return KINDS[kind].from_raw(manifest)


def reconciled(kind: str) -> dict[str, Any]:
    return dict(update_for_result(model(kind, {}), {}, Result(), NOW).patch)


def looked_at(resource: CustomResource) -> dict[str, Any]:
    """Return the status after the engine's run for a paused object."""
    condition = pause_condition(resource)
    assert condition is not None
    return {**resource.status, **update_for_pause(resource, condition, NOW).patch}


@pytest.mark.parametrize("kind", KEPT)
def test_edit_has_effect_unless_the_object_is_paused(kind: str) -> None:
    before, status = model(kind, {}), reconciled(kind)
    assert in_effect(model(kind, status, displayName="Neu")).spec.display_name == "Neu"
    paused = model(kind, status, PAUSED, displayName="Neu")
    assert in_effect(paused).spec == before.spec
    assert in_effect(paused).metadata == paused.metadata
    assert looked_at(paused)["appliedSpec"] == status["appliedSpec"], "an edit is not applied while it is paused"


@pytest.mark.parametrize("kind", KEPT)
def test_object_paused_before_applying_has_no_effect(kind: str) -> None:
    new = model(kind, {}, PAUSED)
    status = looked_at(new)
    assert status["appliedSpec"] == ""
    assert not is_in_effect(new)
    assert not is_in_effect(model(kind, status, PAUSED))
    assert is_in_effect(model(kind, status))


@pytest.mark.parametrize("kind", KEPT)
def test_a_paused_object_never_applied_stays_held(kind: str) -> None:
    """The declared spec is in effect, and later edits are not."""
    upgraded = model(kind, {"conditions": []}, PAUSED, displayName="Neu")
    assert is_in_effect(upgraded)
    assert in_effect(upgraded).spec.display_name == "Neu"
    later = model(kind, looked_at(upgraded), PAUSED, displayName="Neuer")
    assert in_effect(later).spec.display_name == "Neu"


@pytest.mark.parametrize("kind", KEPT)
def test_plan_annotation_does_not_mark_the_spec_applied(kind: str) -> None:
    status = {**reconciled(kind)}
    planned = model(kind, status, PLANNED, displayName="Neu")
    assert "appliedSpec" not in update_for_pause(planned, HELD, NOW).patch
    assert in_effect(model(kind, status, PAUSED, displayName="Neu")).spec.display_name != "Neu"
    assert update_for_pause(model(kind, {}, PLANNED), HELD, NOW).patch["appliedSpec"] == ""
    assert "appliedSpec" not in update_for_pause(model(kind, {"conditions": []}, PLANNED), HELD, NOW).patch


def test_spec_counts_as_applied_after_failed_reconcile() -> None:
    """Not if the pause came during the reconcile, which then has not seen the newest spec."""
    status = reconciled("Branch")
    assert "Neu" in update_for_error(model("Branch", status, displayName="Neu"), status, OSError(), NOW).patch[
        "appliedSpec"
    ]  # fmt: skip
    paused = model("Branch", status, PAUSED, displayName="Neu")
    assert "appliedSpec" not in update_for_error(paused, status, OSError(), NOW).patch


def test_agents_applied_spec_is_not_recorded() -> None:
    assert "appliedSpec" not in reconciled("RetellAgent")
    assert "appliedSpec" not in looked_at(model("RetellAgent", {}, PAUSED))
    assert is_in_effect(model("RetellAgent", {}, PAUSED))


def test_related_objects_use_the_spec_in_effect() -> None:
    cache = Cache()
    relations = Relations(cache)
    edit = {"displayName": "Neu", "phoneNumbers": [{"number": "+49309999999"}]}
    for kind in KEPT:
        manifest = raw(kind, status=reconciled(kind), annotations=PAUSED)
        manifest["spec"] |= edit if kind == "Branch" else {"displayName": "Neu"}
        put(cache, manifest)
    put(cache, raw("Branch", "neu", annotations=PAUSED))
    put(cache, raw("ServiceOffering", "neu", annotations=PAUSED))
    (branch,), (offering,) = (
        relations.branches(NAMESPACE, "salon-mueller"),
        relations.offerings(NAMESPACE, "salon-mueller"),
    )
    found = (branch, offering, relations.branch(NAMESPACE, "mitte"), relations.tenant(NAMESPACE, "salon-mueller"))
    assert "Neu" not in {each.spec.display_name for each in found if each is not None}
    assert None not in found


def test_paused_branch_requests_former_and_declared_numbers() -> None:
    """A declared number counts, too, so that a route restored for it is found."""
    declared = {"phoneNumbers": [{"number": "+49309999999"}]}
    own = {number.did or number.number for number in Branch.from_raw(raw("Branch")).spec.phone_numbers}
    paused = requested_subjects(model("Branch", reconciled("Branch"), PAUSED, **declared))
    assert set(paused) > {Subject(SubjectKind.NUMBER, "+49309999999")}
    assert len(paused) == 1 + len(own)
