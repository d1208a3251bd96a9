"""Branch, ServiceOffering and Tenant: what is decided and rendered, without a cluster."""

import copy
import json
from datetime import UTC, datetime

import pytest

from askproai_core.database import DataOwnedByOther, RolesUnavailable
from askproai_operator.api import Branch, RetellAgent, ServiceOffering, Tenant
from askproai_operator.api.conditions import Reason, Status
from askproai_operator.controllers.branch import render as branch_render
from askproai_operator.controllers.branch.decide import claimed_by_older, hand_made, numbers_condition, read_numbers
from askproai_operator.controllers.credentials import Credentials, named_secrets
from askproai_operator.controllers.offering.capacity import plan_units
from askproai_operator.controllers.offering.decide import missing_event_types, staff_by_branch, staff_condition
from askproai_operator.controllers.tenant import pods, render
from askproai_operator.controllers.tenant.compile import compile_config
from askproai_operator.controllers.tenant.decide import (
    address,
    connection_limit,
    database_condition,
    runtime_condition,
)
from askproai_operator.controllers.tenant.render import Component, ScaledBy
from askproai_operator.providers import CredentialProblem
from askproai_sandbox.example_tenant import load_manifests, salon_config


def raw(kind: str, **spec) -> dict:
    made = copy.deepcopy(load_manifests()[kind][0])
    made["metadata"] |= {"uid": f"uid-{kind}", "creationTimestamp": "2026-11-01T08:00:00Z"}
    made["spec"] |= spec
    return made


def tenant(**spec) -> Tenant:
    return Tenant.from_raw(raw("Tenant", **spec))


def branch(name: str = "mitte", uid: str = "uid-1", created: str = "2026-11-01T08:00:00Z", **spec) -> Branch:
    made = raw("Branch", **spec)
    made["metadata"] |= {"name": name, "uid": uid, "creationTimestamp": created}
    return Branch.from_raw(made)


def offering(**spec) -> ServiceOffering:
    return ServiceOffering.from_raw(raw("ServiceOffering", **spec))


# Branch


def test_a_branchs_numbers_are_shown_in_e164_with_the_did_beside_them():
    """N1"""
    found = read_numbers(
        branch(phoneNumbers=[{"number": "030 1234567"}, {"number": "030/7654321", "did": "+4932221234567"}])
    )
    assert [(n.number, n.did) for n in found.numbers] == [
        ("+49301234567", "+49301234567"),
        ("+49307654321", "+4932221234567"),
    ]


def test_a_number_that_makes_no_sense_is_told_and_the_others_work():
    found = read_numbers(branch(phoneNumbers=[{"number": "112"}, {"number": "030 1234567"}]))
    condition = numbers_condition(found, {})
    assert len(found.numbers) == 1
    assert (condition.status, condition.reason) == (Status.FALSE, Reason.NUMBER_INVALID)
    assert "112" in condition.message


def test_a_number_belongs_to_the_older_branch():
    """N2: a call must never ring at a stranger's."""
    old = branch("alt", "uid-old", "2026-01-01T00:00:00Z")
    young = branch("neu", "uid-new", "2026-02-01T00:00:00Z")
    assert set(claimed_by_older(young, [old, young])) == {"+49301234567"}
    assert claimed_by_older(old, [old, young]) == {}


def test_a_status_never_names_the_stranger_who_has_the_number():
    condition = numbers_condition(read_numbers(branch()), {"+49301234567": "other-tenant/geheim"})
    assert "geheim" not in condition.message
    assert condition.reason is Reason.NUMBER_CLAIMED_TWICE


def test_the_default_service_is_what_was_asked_for():
    """P2: Standardberatung, 30 minutes, 0.00 EUR, all staff, owned by the branch, marked and with its reason."""
    made = branch_render.default_service(branch())
    assert made["metadata"]["name"] == "mitte-standardberatung"
    assert made["metadata"]["labels"]["askproai.de/auto-created"] == "true"
    assert made["metadata"]["annotations"]["askproai.de/reason"] == "branch_provisioning"
    assert made["metadata"]["ownerReferences"][0]["uid"] == "uid-1"
    default = ServiceOffering.from_raw(made)
    assert (default.spec.duration_minutes, f"{default.spec.price.amount}") == (30, "0.00")
    assert staff_by_branch(default, [branch()]) == {"mitte": ("anna", "mehmet")}
    assert hand_made(branch(), [default, offering()]) == [offering()]


# ServiceOffering


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


def named(name: str, **spec) -> ServiceOffering:
    made = raw("ServiceOffering", **spec)
    made["metadata"]["name"] = name
    return ServiceOffering.from_raw(made)


def test_a_person_has_as_many_parts_as_all_capacities_divide():
    """Anna does yoga for four, a course for six and cuts alone: 12 parts; Mehmet only cuts."""
    yoga, course = (named(name, capacity=c, requiredSkills=["farbe"]) for name, c in (("yoga", 4), ("kurs", 6)))
    units = plan_units([branch()], [offering(), yoga, course])
    assert units.of_person == {("mitte", "anna"): 12, ("mitte", "mehmet"): 1}
    assert units.at_once == {"haarschnitt": 1, "yoga": 4, "kurs": 6}


def test_capacities_that_need_too_many_parts_are_lowered_and_told():
    five, four = named("a-fuenf", capacity=5), named("b-vier", capacity=4)
    units = plan_units([branch()], [four, five])
    assert units.at_once == {"a-fuenf": 5, "b-vier": 2}
    assert units.of_person["mitte", "anna"] == 10
    condition = staff_condition(four, {"mitte": ("anna",)}, units.at_once["b-vier"])
    assert (condition.status, condition.reason) == (Status.FALSE, Reason.CAPACITY_UNSUPPORTED)
    assert "2 at once instead of 4" in condition.message


def test_the_config_lists_the_rows_in_use_first_and_then_the_former_ones():
    ids = {("mitte", "anna", 1): 7, ("mitte", "anna", 2): 3, ("mitte", "mehmet", 1): 8, ("mitte", "mehmet", 2): 9}
    kept = {"foreign_numbers": {}, "path_prefix": "", "installation_id": "i", "calcom_base_url": ""}
    yoga = offering(capacity=2, requiredSkills=["farbe"])
    config = compile_config(tenant(), [branch()], [yoga], [], resource_ids=ids, **kept)
    assert [(one.resource_ids, one.units) for one in config.branches[0].staff] == [((7, 3), 2), ((8, 9), 1)]
    assert config.services[0].capacity == 2


def test_an_event_type_of_a_persons_own_account_is_not_linked_yet():
    own = {"staff": "anna", "eventTypeId": 1001, "apiKeySecretRef": {"name": "annas", "key": "k"}}
    linked = offering(calcom={"eventTypes": [own, {"staff": "mehmet", "eventTypeId": 1002}]})
    assert missing_event_types(linked, {"mitte": ("anna", "mehmet")}) == ["anna"]


def test_a_service_of_a_tenant_without_branches_cannot_be_booked():
    assert staff_condition(offering(), {}, 1).reason is Reason.BRANCH_NOT_FOUND


def test_people_without_an_event_type_are_named():
    linked = offering(calcom={"eventTypes": [{"staff": "anna", "eventTypeId": 1001}]})
    assert missing_event_types(linked, {"mitte": ("anna", "mehmet")}) == ["mehmet"]


# Tenant

CREDENTIALS = Credentials(
    values={"retell-api-key": "key_canary", "calcom-api-key": "cal_canary", "calcom-webhook-secret": "whs_canary"},
    refs=named_secrets(tenant()),
    problems=(),
    retell_base_url="https://api.retellai.com",
    calcom_base_url="https://api.cal.com",
)


def test_the_same_tenant_renders_the_same_deployment_to_the_letter():
    first, second = (json.dumps(render.deployment(tenant(), CREDENTIALS, "askproai:1")) for _ in range(2))
    assert first == second


def test_opening_hours_are_not_in_the_pods_template():
    """A changed opening hour must not restart a pod that is on a call (design §2.11)."""
    template = json.dumps(render.deployment(tenant(), CREDENTIALS, "askproai:1")["spec"]["template"])
    assert "09:00" not in template
    assert "hash" not in template


def test_no_key_stands_outside_a_secret():
    """S3"""
    text = json.dumps([render.deployment(tenant(), CREDENTIALS, "askproai:1"), *render.services(tenant())])
    assert "canary" not in text + repr(CREDENTIALS)


def test_tenants_pods_are_restricted_and_hold_no_token():
    pod = render.deployment(tenant(), CREDENTIALS, "askproai:1")["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert [c["name"] for c in pod["containers"]] == ["web", "worker"]
    for container in pod["containers"]:
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert container["command"][0] == "askproai-runtime"
    assert not any("subPath" in mount for c in pod["containers"] for mount in c["volumeMounts"])


def test_the_teardown_secret_keeps_what_deletion_needs_and_stays_by_its_finalizer():
    made = render.teardown_secret(tenant(), CREDENTIALS, "hash")
    assert set(made["data"]) == {"retell-api-key", "calcom-api-key", "retell-base-url", "calcom-base-url"}
    assert made["metadata"]["finalizers"] == ["askproai.de/cleanup"]


def test_a_suspended_tenant_keeps_no_pods_and_says_so():
    suspended = tenant(suspend=True)
    assert pods.begin_with(suspended, Component.WEB, None) == 0
    assert pods.scaled_by(suspended, Component.WEB) is ScaledBy.OPERATOR
    assert runtime_condition(suspended, {}).status is Status.TRUE


@pytest.mark.parametrize(
    ("error", "reason", "told", "hidden"),
    [
        (DataOwnedByOther("a.b", "uid-1"), Reason.DATA_OWNED_BY_OTHER, "askproai.de/adopt-data: uid-1", "--"),
        (RolesUnavailable("as a superuser, GRANT x"), Reason.DATABASE_UNAVAILABLE, "as a superuser, GRANT x", "--"),
        (OSError("db-7.internal:5432"), Reason.DATABASE_UNAVAILABLE, "OSError, PostgreSQL does not answer", "internal"),
    ],
)
def test_a_broken_database_is_told_with_what_to_do_and_without_hosts_or_rows(error, reason, told, hidden):
    condition = database_condition(error)
    assert (condition.status, condition.reason) == (Status.FALSE, reason)
    assert told in condition.message
    assert hidden not in condition.message


def test_the_calcom_block_of_a_local_calendar_is_ignored():
    """Its Secret need not exist, and its host is asked nothing."""
    local = raw("Tenant")["spec"]["calendar"] | {"provider": "Local"}
    assert set(named_secrets(tenant(calendar=local))) == {"retell-api-key"}


def test_missing_keys_become_one_condition_with_the_first_reason():
    problems = (CredentialProblem(Reason.SECRET_NOT_FOUND, "a"), CredentialProblem(Reason.SECRET_KEY_MISSING, "b"))
    condition = Credentials({}, {}, problems, "", "").condition()
    assert (condition.reason, condition.message) == (Reason.SECRET_NOT_FOUND, "a; b")


@pytest.mark.parametrize(
    ("exposure", "base", "prefix"),
    [
        (None, "https://voice.example/salon-mueller/salon-mueller", "/salon-mueller/salon-mueller"),
        ({"host": "salon.example"}, "https://salon.example", ""),
        ({"host": "salon.example", "pathPrefix": "/voice"}, "https://salon.example/voice", "/voice"),
        (
            {"host": "s.example", "pathPrefix": "/voice", "baseUrl": "https://t.example/x"},
            "https://t.example/x",
            "/voice",
        ),
    ],
)
def test_senders_are_told_where_the_tenant_is(exposure, base, prefix):
    where = address(tenant(**({"exposure": exposure} if exposure else {})), "https://voice.example")
    assert (where.base_url, where.path_prefix) == (base, prefix)
    assert where.urls("inst")["calcom"] == f"{base}/webhooks/calcom/inst"


def test_the_roles_connection_limit_fits_every_pod_that_can_run():
    assert connection_limit(tenant()) == 44


def test_the_config_names_who_can_be_booked_and_holds_no_secret():
    config = salon_config()
    assert config.services[0].staff == {"mitte": ("anna", "mehmet")}
    assert config.branches[0].phone_numbers[0].did == "+49301234567"
    assert [person.resource_ids for person in config.branches[0].staff] == [(1,), (2,)]


def test_what_a_deleted_branch_left_behind_is_not_named_to_the_pods():
    kept = {"resource_ids": {}, "foreign_numbers": {}, "path_prefix": "", "installation_id": "i", "calcom_base_url": ""}
    agent = RetellAgent.from_raw(raw("RetellAgent") | {"status": {"agentId": "agent_1"}})
    config = compile_config(tenant(), [], [offering()], [agent], **kept)
    assert (config.branches, config.services, config.agents) == ((), (), ())


def test_ages_are_compared_as_times():
    assert branch(created="2026-11-01T08:00:00Z").metadata.creation_timestamp == datetime(2026, 11, 1, 8, tzinfo=UTC)
