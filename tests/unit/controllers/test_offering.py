"""ServiceOffering: who can do it, how often at the same time, and what its conditions say. Pure, without a cluster."""

import copy

import pytest

from askproai_operator.api import Branch, ServiceOffering
from askproai_operator.api.conditions import ConditionType, Reason, Status
from askproai_operator.controllers.conditions import References, missing_reference
from askproai_operator.controllers.offering.staffing import (
    active_offerings,
    outdated_offerings,
    plan_units,
    staff_by_branch,
    staff_without_event_type,
)
from askproai_operator.controllers.offering.status import calendar_condition, staff_condition
from askproai_operator.providers import CredentialProblem
from askproai_sandbox.example_tenant import load_manifests


def raw(kind: str, **spec) -> dict:
    manifest = copy.deepcopy(load_manifests()[kind][0])
    manifest["metadata"] |= {"uid": f"uid-{kind}", "creationTimestamp": "2026-11-01T08:00:00Z"}
    manifest["spec"] |= spec
    return manifest


def branch(**spec) -> Branch:
    return Branch.from_raw(raw("Branch", **spec))


def offering(name: str = "haarschnitt", status: dict | None = None, **spec) -> ServiceOffering:
    manifest = raw("ServiceOffering", **spec)
    manifest["metadata"]["name"] = name
    return ServiceOffering.from_raw(manifest | {"status": status or {}})


@pytest.mark.parametrize(
    ("skills", "expected"),
    [(["schnitt"], ("anna", "mehmet")), (["schnitt", "farbe"], ("anna",)), ([], ("anna", "mehmet")), (["yoga"], ())],
)
def test_staff_must_have_all_the_skills(skills, expected):
    assert staff_by_branch(offering(requiredSkills=skills), [branch()]) == {"mitte": expected}


def test_a_service_that_nobody_can_do_says_what_to_change():
    condition = staff_condition(offering(requiredSkills=["yoga"]), {"mitte": ()}, 1)
    assert (condition.status, condition.reason) == (Status.FALSE, Reason.NO_STAFF_WITH_SKILLS)
    assert "yoga" in condition.message


def test_a_staff_member_has_as_many_units_as_all_capacities_divide():
    """Anna does yoga for four, a course for six and cuts alone: 12 units; Mehmet only cuts."""
    yoga, course = (offering(name, capacity=c, requiredSkills=["farbe"]) for name, c in (("yoga", 4), ("kurs", 6)))
    units = plan_units([branch()], [offering(), yoga, course])
    assert units.per_person == {("mitte", "anna"): 12, ("mitte", "mehmet"): 1}
    assert units.effective_capacity == {"haarschnitt": 1, "yoga": 4, "kurs": 6}


def test_capacities_that_need_too_many_units_are_lowered_and_reported():
    five, four = offering("a-fuenf", capacity=5), offering("b-vier", capacity=4)
    units = plan_units([branch()], [four, five])
    assert units.effective_capacity == {"a-fuenf": 5, "b-vier": 2}
    assert units.per_person["mitte", "anna"] == 10
    condition = staff_condition(four, {"mitte": ("anna",)}, units.effective_capacity["b-vier"])
    assert (condition.status, condition.reason) == (Status.FALSE, Reason.CAPACITY_UNSUPPORTED)
    assert "2 at once instead of 4" in condition.message


def test_a_problem_of_a_staff_members_own_key_is_the_problem_of_that_event_type():
    own = {"staff": "anna", "eventTypeId": 1001, "apiKeySecretRef": {"name": "annas", "key": "k"}}
    linked = offering(calcom={"eventTypes": [own, {"staff": "mehmet", "eventTypeId": 1002}]})
    assert staff_without_event_type(linked, {"mitte": ("anna", "mehmet")}) == []
    problem = CredentialProblem(Reason.SECRET_NOT_FOUND, "Secret 'annas' is not in this namespace")
    condition = calendar_condition(
        linked, {"mitte": ("anna", "mehmet")}, [(linked.spec.calcom.event_types[0], problem)]
    )
    assert (condition.status, condition.reason) == (Status.FALSE, Reason.SECRET_NOT_FOUND)
    assert condition.message == "event type 1001 of anna: Secret 'annas' is not in this namespace"


def test_a_service_of_a_tenant_without_branches_cannot_be_booked():
    assert staff_condition(offering(), {}, 1).reason is Reason.BRANCH_NOT_FOUND


def test_staff_members_without_an_event_type_are_named():
    linked = offering(calcom={"eventTypes": [{"staff": "anna", "eventTypeId": 1001}]})
    assert staff_without_event_type(linked, {"mitte": ("anna", "mehmet")}) == ["mehmet"]


def test_an_offering_whose_capacity_changed_with_its_neighbours_is_reconciled_again():
    matched = {"conditions": [{"type": "StaffMatched", "status": "True", "reason": "AsDeclared"}]}
    five, four = offering("a-fuenf", capacity=5), offering("b-vier", matched, capacity=4)
    units = plan_units([branch()], [four, five])
    assert outdated_offerings([five, four], units) == [four]


def test_a_default_service_makes_way_for_a_hand_made_one():
    manifest = raw("ServiceOffering")
    manifest["metadata"] |= {"name": "default", "labels": {"askproai.de/auto-created": "true"}}
    default = ServiceOffering.from_raw(manifest)
    assert active_offerings([default], [branch()]) == [default]
    assert active_offerings([default, offering()], [branch()]) == [offering()]


def test_a_missing_branch_is_reported_before_a_missing_tenant():
    failure = missing_reference(References("mitte", None, None, None), ConditionType.STAFF_MATCHED)
    assert failure is not None
    assert (failure.type, failure.reason) == ("StaffMatched", Reason.BRANCH_NOT_FOUND)


def test_a_tenant_that_is_on_its_way_is_pending():
    found = References("mitte", branch(), "salon", None, Reason.PENDING)
    failure = missing_reference(found, ConditionType.STAFF_MATCHED)
    assert failure is not None
    assert (failure.reason, failure.message) == (
        Reason.PENDING,
        "there is no Tenant salon in this namespace: create it",
    )


def test_every_problem_of_the_calendar_is_named_and_the_first_gives_the_reason():
    linked = offering(calcom={"eventTypes": [{"staff": "anna", "eventTypeId": 1001}]})
    (entry,) = linked.spec.calcom.event_types
    condition = calendar_condition(linked, {"mitte": ("anna", "mehmet")}, [(entry, None)])
    assert condition.reason is Reason.EVENT_TYPE_MISSING
    assert "mehmet has no event type" in condition.message
    assert "event type 1001 of anna is not in this Cal.com account" in condition.message
