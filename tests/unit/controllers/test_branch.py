"""Branch: its phone numbers and its default service, without a cluster."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from askproai_operator.api import Branch, RetellAgent, ServiceOffering, Tenant
from askproai_operator.api.conditions import ConditionType, Reason, Status
from askproai_operator.controllers.branch.inputs import (
    Inputs,
    holidays_condition,
    staff_condition,
    tenant_missing,
)
from askproai_operator.controllers.branch.phone_numbers import numbers_condition, read_phone_numbers
from askproai_operator.controllers.branch.plan import (
    Action,
    default_service,
    is_settling,
    plan_default_service,
    written_services,
)
from askproai_operator.controllers.branch.reconcile import (
    QUIET_RESYNCS,
    _created,
    answering_agents,
    answering_condition,
)
from askproai_operator.controllers.conditions import References
from askproai_operator.services import staff_by_branch
from askproai_operator.settings import Settings
from tests.worlds.rows import each_row
from tests.worlds.salon_models import branch, offering, raw, tenant

LATER = datetime(2026, 11, 20, 9, tzinfo=UTC)
TENANT = tenant()


def inputs(
    of: Branch | None = None,
    tenant: Tenant | None = TENANT,
    absence: Reason | None = None,
    look_again: timedelta | None = None,
    **read: Any,
) -> Inputs:
    of = of or branch()
    references = References(None, None, "salon-mueller", tenant, absence, look_again)
    return Inputs(**{"branch": of, "numbers": read_phone_numbers(of), "claimed": {}, "references": references} | read)


@pytest.mark.parametrize(("drift", "resync", "interval"), [(900, 60, 300), (120, 60, 120), (0, 60, 0), (900, 300, 900)])
def test_quiet_interval_is_five_resyncs_at_most(drift: int, resync: int, interval: int):
    """No event reports a foreign change of a Branch's status, so a run must correct it soon."""
    settings = Settings(drift_seconds=drift, resync_seconds=resync)
    assert settings.quiet_interval(QUIET_RESYNCS) == timedelta(seconds=interval)


# Phone numbers


def test_branch_phone_numbers_are_normalized_with_did():
    found = read_phone_numbers(
        branch(phoneNumbers=[{"number": "030 1234567"}, {"number": "030/7654321", "did": "+4932221234567"}])
    )
    assert [(n.number, n.did) for n in found.usable] == [
        ("+49301234567", "+49301234567"),
        ("+49307654321", "+4932221234567"),
    ]


@pytest.mark.parametrize(
    ("numbers", "holder", "reason"),
    [
        (["112", "030 1234567"], None, Reason.NUMBER_INVALID),
        (["030 1234567"], "other-tenant/geheim", Reason.NUMBER_CLAIMED_TWICE),
        ([], None, Reason.NOT_REQUESTED),
    ],
)
def test_number_must_be_valid_and_nobody_elses(numbers: list[str], holder: str | None, reason: Reason):
    claimed = {"+49301234567": holder} if holder else {}
    found = inputs(branch(phoneNumbers=[{"number": each} for each in numbers]), claimed=claimed)
    condition = numbers_condition(found.numbers, found.claimed, found.branches)
    assert (condition.reason, condition.good) == (reason, reason is Reason.NOT_REQUESTED)
    assert ("112" in condition.message) is ("112" in numbers)
    assert len(found.numbers.usable) == ("030 1234567" in numbers)
    assert "geheim" not in condition.message, "another owner is never named"


def test_message_about_siblings_number_names_that_branch():
    other = branch()
    holder = f"{other.key.namespace}/{other.key.name}"
    condition = numbers_condition(read_phone_numbers(branch()), {"+49301234567": holder}, [other])
    assert f"Branch {other.key.name!r} of this Tenant has it already" in condition.message
    assert "whoever runs the platform" not in condition.message


def test_invalid_number_is_reported_before_a_foreign_number():
    numbers = read_phone_numbers(branch(phoneNumbers=[{"number": "112"}]))
    failed = numbers_condition(numbers, {"+49301234567": "other/branch"}, ())
    assert failed.reason is Reason.NUMBER_INVALID


# Agents that answer the numbers

MINE = "+49301234567"


def voice(name: str = "mitte", bound: tuple[str, ...] = (), numbers_bound: str = "", **changes: Any) -> RetellAgent:
    manifest = raw("RetellAgent", **changes.pop("spec", {}))
    manifest["metadata"] |= {"name": name} | changes
    conditions = [{"type": "NumbersBound", "status": numbers_bound}] if numbers_bound else []
    return RetellAgent.from_raw(manifest | {"status": {"phoneNumbers": list(bound), "conditions": conditions}})


HOTLINE = {"branchRef": None, "tenantRef": {"name": "salon-mueller"}}


def synced(reason: str, message: str) -> RetellAgent:
    agent = voice()
    agent.status["conditions"] = [{"type": "Synced", "status": "False", "reason": reason, "message": message}]
    return agent


PAUSED = voice(annotations={"askproai.de/paused": "true"})
FOREIGN = "adopt.agentId x is not in this workspace"
AWAITED = "Tenant 'salon-mueller' is not ready"


@each_row(
    ("agents", "status", "reason", "text"),
    [
        (
            [],
            Status.FALSE,
            Reason.NO_AGENT,
            "create a RetellAgent with branchRef mitte, or one with tenantRef for a hotline",
        ),
        ([voice(deletionTimestamp="2026-11-20T09:00:00Z", bound=(MINE,))], Status.FALSE, Reason.NO_AGENT, MINE),
        ([voice(spec={"branchRef": {"name": "nord"}}, bound=(MINE,))], Status.FALSE, Reason.NO_AGENT, MINE),
        ([voice()], Status.UNKNOWN, Reason.PENDING, ""),
        ([voice(numbers_bound="Unknown")], Status.UNKNOWN, Reason.PENDING, ""),
        ([voice(numbers_bound="False", bound=("+49301",))], Status.FALSE, Reason.NUMBER_NOT_BOUND, MINE),
        ([voice(numbers_bound="True", bound=(MINE,))], Status.TRUE, Reason.AS_DECLARED, ""),
        ([voice("hotline", spec=HOTLINE, bound=(MINE,))], Status.TRUE, Reason.AS_DECLARED, ""),
        # the branch's own agent takes its numbers from the hotline
        ([voice(), voice("hotline", spec=HOTLINE, bound=(MINE,))], Status.UNKNOWN, Reason.PENDING, ""),
        ([voice(spec={"managementPolicy": "ObserveOnly"})], Status.TRUE, Reason.OBSERVE_ONLY, ""),
        ([PAUSED], Status.FALSE, Reason.NUMBER_NOT_BOUND, "until the annotation askproai.de/paused is removed"),
        ([synced("OwnershipConflict", FOREIGN)], Status.FALSE, Reason.NUMBER_NOT_BOUND, FOREIGN),
        ([synced("ProviderRefused", FOREIGN)], Status.FALSE, Reason.NUMBER_NOT_BOUND, FOREIGN),
        ([synced("TenantNotReady", AWAITED)], Status.UNKNOWN, Reason.PENDING, AWAITED),
    ],
)
def test_number_is_answered_through_its_branchs_agent(agents, status, reason, text):
    condition = answering_condition(branch(), [MINE], answering_agents(branch(), agents), settling=False)
    assert (condition.status, condition.reason) == (status, reason)
    assert text in condition.message
    assert status is not Status.FALSE or MINE in condition.message


def test_branch_without_its_own_numbers_needs_no_agent():
    claimed = inputs(branch(phoneNumbers=[{"number": MINE}]), claimed={MINE: "other/branch"})
    assert claimed.own_dids == frozenset()
    condition = answering_condition(branch(), claimed.own_dids, [], settling=False)
    assert (condition.status, condition.reason) == (Status.TRUE, Reason.NOT_REQUESTED)


def test_new_branch_waits_briefly_for_its_agent():
    new = inputs(branch(created="2026-11-20T08:59:58Z"))
    assert is_settling(new, datetime(2026, 11, 20, 9, tzinfo=UTC))
    assert not is_settling(new, datetime(2026, 11, 20, 9, 0, 1, tzinfo=UTC))
    assert answering_condition(new.branch, [MINE], [], settling=True).status is Status.UNKNOWN


# Holidays


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (
            {"country": "DE", "subdivision": "NRW"},
            "holidays.subdivision: NRW is no subdivision of DE; write NW (one of BB,",
        ),
        ({"country": "DE", "subdivision": "BAY"}, "write BY ("),
        (
            {"country": "DE", "subdivision": "XX"},
            "; write one of BB, BE, BW, BY, HB, HE, HH, MV, NI, NW, RP, SH, SL, SN,",
        ),
        ({"country": "EN"}, "holidays.country: EN is no country whose holidays are known; write GB"),
        ({"country": "XX"}, "write the code of ISO 3166-1"),
        ({"country": "EN", "subdivision": "NRW"}, "holidays.country: "),
    ],
)
def test_unknown_country_or_state_gets_correct_spelling(written, expected):
    condition = holidays_condition(branch(holidays=written))
    assert (condition.type, condition.status) == (ConditionType.HOLIDAYS_VALID, Status.FALSE)
    assert condition.reason is Reason.HOLIDAYS_UNKNOWN
    assert expected in condition.message


@pytest.mark.parametrize(
    "written", [None, {"country": "AT"}, {"country": "DE", "subdivision": "NW"}, {"country": "DE"}]
)
def test_absent_and_known_holiday_settings_are_valid(written):
    assert holidays_condition(branch(holidays=written)).status is Status.TRUE


# References


@pytest.mark.parametrize("absence", [Reason.TENANT_NOT_FOUND, Reason.PENDING])
def test_missing_tenant_is_named_with_advice(absence):
    condition = tenant_missing(inputs(tenant=None, absence=absence))
    assert (condition.type, condition.status, condition.reason) == (ConditionType.SERVICES_READY, Status.FALSE, absence)
    assert condition.message == (
        "there is no Tenant salon-mueller in this namespace: create it, or correct tenantRef by making the Branch anew"
    )
    assert tenant_missing(inputs()) is None


# The default service


def test_default_service_takes_30_minutes_with_any_staff():
    manifest = default_service(branch())
    assert manifest["metadata"]["name"] == "mitte-standardberatung"
    assert manifest["metadata"]["labels"]["askproai.de/auto-created"] == "true"
    assert manifest["metadata"]["labels"]["app.kubernetes.io/name"] == "askproai"
    assert manifest["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "askproai-operator"
    assert manifest["metadata"]["annotations"]["askproai.de/reason"] == "branch_provisioning"
    assert manifest["metadata"]["annotations"]["kubernetes.io/description"] == "Automatisch erstellter Standardservice"
    assert manifest["metadata"]["ownerReferences"][0]["uid"] == "uid-1"
    assert manifest["metadata"]["ownerReferences"][0]["name"] == "mitte"
    assert (manifest["apiVersion"], manifest["kind"]) == ("askproai.de/v1alpha1", "ServiceOffering")
    default = ServiceOffering.from_raw(manifest)
    assert (default.spec.branch_ref.name, default.spec.display_name) == ("mitte", "Standardberatung")
    assert default.spec.price.currency == "EUR"
    assert (default.spec.duration_minutes, f"{default.spec.price.amount}") == (30, "0.00")
    assert staff_by_branch(default, [branch()]) == {"mitte": ("anna", "mehmet")}
    assert written_services(branch(), [default, offering()]) == [offering()]


def test_default_services_event_mentions_the_unknown_price():
    text = _created(inputs()).message
    assert "price is not known" in text
    assert "0.00" not in text


DEFAULT = ServiceOffering.from_raw(default_service(branch()))
DELETED_DEFAULT = DEFAULT.model_copy(
    update={"metadata": DEFAULT.metadata.model_copy(update={"deletion_timestamp": LATER})}
)

PAUSED_DEFAULT = DEFAULT.model_copy(
    update={"metadata": DEFAULT.metadata.model_copy(update={"annotations": {"askproai.de/paused": "true"}})}
)


@pytest.mark.parametrize(
    ("case", "offerings", "default", "action", "reason", "services"),
    [
        ("no service", (), None, Action.CREATE, Reason.AS_DECLARED, 1),
        ("the default one", (DEFAULT,), DEFAULT, Action.REPAIR, Reason.AS_DECLARED, 1),
        ("a written one", (offering(),), None, Action.NONE, Reason.AS_DECLARED, 1),
        ("both", (DEFAULT, offering()), DEFAULT, Action.DELETE, Reason.AS_DECLARED, 1),
        ("the default one is going", (offering(),), DELETED_DEFAULT, Action.NONE, Reason.AS_DECLARED, 1),
        ("the default one is paused", (PAUSED_DEFAULT,), PAUSED_DEFAULT, Action.NONE, Reason.AS_DECLARED, 1),
        ("both, and the default one is paused", (offering(),), PAUSED_DEFAULT, Action.NONE, Reason.AS_DECLARED, 1),
        ("its name is taken", (), offering(branchRef={"name": "x"}), Action.NONE, Reason.OWNERSHIP_CONFLICT, 0),
    ],
)
def test_default_service_exists_only_without_other_services(case, offerings, default, action, reason, services):
    plan = plan_default_service(inputs(offerings=offerings, default=default), LATER)
    assert (plan.action, plan.condition.reason, plan.services) == (action, reason, services), case
    assert plan.requeue_after is None


@pytest.mark.parametrize(
    ("offerings", "default", "status", "text"),
    [
        ((), None, Status.TRUE, "the default service; it goes when the first hand-made one comes"),
        ((offering(), DEFAULT, offering()), DEFAULT, Status.TRUE, "2 services"),
        (
            (),
            offering(branchRef={"name": "x"}),
            Status.FALSE,
            "no service names this branch, and the ServiceOffering mitte-standardberatung is another one's: create a service",
        ),
    ],
)
def test_branch_status_names_its_services_or_remedy(offerings, default, status, text):
    condition = plan_default_service(inputs(offerings=offerings, default=default), LATER).condition
    assert (condition.type, condition.status, condition.message) == (ConditionType.SERVICES_READY, status, text)


def test_branch_without_any_doable_service_is_unready():
    """Each service reports that, too, but the branch must not look healthy."""
    painting = offering(requiredSkills=["malerei"])
    for of, offerings, text in (
        (branch(staff=[]), (offering(),), "nobody works here"),
        (branch(staff=[]), (), "nobody works here"),
        (branch(), (painting,), "nobody has the skills of any of its 1 service"),
    ):
        condition = plan_default_service(inputs(of, offerings=offerings), LATER).condition
        assert (condition.status, condition.reason) == (Status.FALSE, Reason.NO_STAFF_WITH_SKILLS)
        assert text in condition.message
    assert plan_default_service(inputs(offerings=(painting, offering())), LATER).condition.good


def test_new_branch_waits_briefly_for_its_services():
    """One `kubectl apply` brings the services right after their branch."""
    created = branch().metadata.creation_timestamp
    plan = plan_default_service(inputs(), created + timedelta(seconds=2))
    assert (plan.action, plan.services, plan.requeue_after) == (Action.NONE, 0, timedelta(seconds=3))
    condition = plan.condition
    assert (condition.type, condition.reason) == (ConditionType.SERVICES_READY, Reason.PROGRESSING)
    assert condition.message == "waits for a service"
    assert plan_default_service(inputs(), created).action is Action.NONE, "a clock that has not moved"
    assert plan_default_service(inputs(), created + timedelta(seconds=3)).action is Action.CREATE
    assert plan_default_service(inputs(), created - timedelta(seconds=1)).action is Action.CREATE, (
        "a clock that is behind"
    )


def test_branch_without_tenant_yet_plans_no_default_service():
    """Flux creates all Branches of a commit first and its Tenants last."""
    waits = inputs(tenant=None, absence=Reason.PENDING, look_again=timedelta(seconds=9))
    plan = plan_default_service(waits, LATER)
    assert (plan.action, plan.condition.reason) == (Action.NONE, Reason.PROGRESSING)
    assert is_settling(waits, LATER)
    assert not is_settling(inputs(tenant=None, absence=Reason.TENANT_NOT_FOUND), LATER)


def test_no_service_is_created_for_a_deleting_tenant():
    """The services may be deleted before their branch."""
    manifest = raw("Tenant")
    manifest["metadata"]["deletionTimestamp"] = "2026-11-20T09:00:00Z"
    deleted = Tenant.from_raw(manifest)
    plan = plan_default_service(inputs(tenant=deleted), LATER)
    assert (plan.action, plan.condition.reason) == (Action.NONE, Reason.PENDING)


# Staff


@pytest.mark.parametrize(
    ("here", "there", "known"),
    [(None, None, False), ("anna", None, False), ("anna", "anna", True), ("anna-m", "anna-s", True)],
)
def test_staff_id_of_two_branches_needs_persons(here: str | None, there: str | None, known: bool):
    def with_anna(name: str, person: str | None) -> Branch:
        return branch(name, f"uid-{name}", staff=[{"id": "anna", "displayName": "Anna", "person": person}])

    own = with_anna("mitte", here)
    condition = staff_condition(inputs(own, branches=(own, with_anna("nord", there))))
    assert condition.good  # Ready does not depend on it
    assert (condition.status is Status.TRUE) == known
    if not known:
        assert condition.reason is Reason.PERSON_AMBIGUOUS
        assert "anna is on the staff of nord, too" in condition.message
