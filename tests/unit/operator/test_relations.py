"""The keys that are due after a change: all that need it (config, numbers, credentials), and no more (no storms)."""

from typing import Any

import pytest

from askproai_operator.engine import Cache
from askproai_operator.relations import Relations
from tests.worlds.due_keys import AGENT, BRANCH, OFFERING, TENANT, changed, changed_by, with_conditions
from tests.worlds.rows import each_row
from tests.worlds.salon_objects import key, put, raw, salon


@pytest.mark.parametrize(
    ("kind", "due"),
    [
        ("Tenant", {TENANT, BRANCH, OFFERING, AGENT}),
        ("Branch", {TENANT, BRANCH, OFFERING, AGENT}),
        ("ServiceOffering", {TENANT, BRANCH, OFFERING, AGENT}),
        ("RetellAgent", {TENANT, BRANCH, AGENT}),
    ],
)
def test_changed_spec_makes_object_and_relatives_due(kind: str, due: set):
    assert changed(salon(), kind, generation=2) == due


def test_hotline_is_due_when_branch_agents_change():
    """A hotline answers for branches without an agent: it frees the number for a new agent, and takes it back."""
    cache = salon()
    hotline = raw("RetellAgent", "hotline")
    hotline["spec"] = {name: value for name, value in hotline["spec"].items() if name != "branchRef"}
    hotline["spec"]["tenantRef"] = {"name": "salon-mueller"}
    put(cache, hotline)
    waiting = key("RetellAgent", "hotline")
    assert waiting in changed(cache, "RetellAgent", "west")
    assert waiting in changed(cache, "RetellAgent", deletionTimestamp="2026-11-20T10:00:00Z")
    assert waiting not in changed(cache, "RetellAgent", "west", status={"agentId": "agent_9"})


@each_row("kind", ["Tenant", "Branch", "ServiceOffering", "RetellAgent"])
@each_row(
    "status",
    [
        {"observedGeneration": 1, "lastReconcileToken": "x"},
        {"bookingSuccessPercent": "95.0", "errorBudgetPercent": "75.0"},
        {"calls24h": 7, "replicas": 2, "configHash": "abc"},
        {"pending": {"what": "agent", "since": "x"}},
        {"llmId": "llm_1", "tenant": "salon-mueller", "publishedVersion": 3},
        {"staff": ["anna"], "eventTypes": 2, "services": 3, "branches": 1},
    ],
)
def test_our_own_status_write_makes_no_object_due(kind: str, status: dict[str, Any]):
    assert changed(salon(), kind, status=status) == set()


@pytest.mark.parametrize("kind", ["Tenant", "Branch", "ServiceOffering", "RetellAgent"])
def test_own_status_write_does_not_list_the_namespace(kind: str, monkeypatch: pytest.MonkeyPatch):
    """A namespace may have a thousand tenants, and each of their objects writes several statuses."""
    cache = salon()
    old, new = put(cache, raw(kind, status={"configHash": "abc"}))
    walked: list[object] = []
    monkeypatch.setattr(Cache, "list", lambda _, *asked: walked.append(asked) or [])
    assert (Relations(cache).of_resource(old, new), walked) == (set(), [])


@each_row(
    ("kind", "status", "due"),
    [
        ("RetellAgent", {"agentId": "agent_1"}, {TENANT}),
        ("RetellAgent", {"webhookUrl": "https://a"}, {TENANT}),
        ("RetellAgent", {"phoneNumbers": ["+49301234567"]}, {BRANCH}),
        ("RetellAgent", with_conditions(NumbersBound="False"), {BRANCH}),
        ("RetellAgent", with_conditions(Synced="False"), {BRANCH}),
        ("Tenant", with_conditions(RuntimeAvailable="True"), {AGENT}),
        ("Tenant", with_conditions(CredentialsValid="False"), {OFFERING, AGENT}),
        ("Tenant", with_conditions(Exposed="False"), {AGENT}),
        ("Tenant", {"webhookUrls": {"retell": "https://a"}}, {AGENT}),
        ("Branch", with_conditions(NumbersValid="False"), {AGENT}),
        ("Branch", {"phoneNumbers": ["+49301234567"]}, {AGENT}),
        ("Branch", {"phoneNumbers": []}, {TENANT, AGENT}),
        ("ServiceOffering", {"variableLengths": [{"eventTypeId": 1, "defaultMinutes": 30}]}, {TENANT}),
        ("ServiceOffering", {"needsConfirmation": [{"eventTypeId": 1}]}, {TENANT}),
        ("ServiceOffering", {"bookedByHost": [{"eventTypeId": 1}]}, {TENANT}),
        ("ServiceOffering", {"bookingFields": [{"eventTypeId": 1, "slug": "x", "type": "text"}]}, {TENANT}),
    ],
)
def test_status_change_enqueues_readers_but_not_owner(kind: str, status: dict[str, Any], due: set):
    assert changed(salon(), kind, status=status) == due


def test_tenant_is_due_when_a_dialled_number_changes():
    """Its config routes each dialled number by itself; the Branch's status repeats the public number for each."""
    cache, number = salon(), "+49301234567"
    obj = raw("Branch")
    obj["spec"]["phoneNumbers"] = [{"number": number, "did": did} for did in ("+4930111111", "+4930222222")]
    put(cache, obj)

    def due(*granted: str) -> set:
        return changed_by(cache, raw("Branch", status={"phoneNumbers": [*granted]}) | {"spec": obj["spec"]})

    assert due(number, number) == {AGENT}, "none is refused, as before the first reconcile"
    assert due(number) == {TENANT, AGENT}
    assert due(number) == set()
    assert due() == {TENANT, AGENT}
    assert due(number, number) == {TENANT, AGENT}


def test_condition_with_a_new_message_makes_nothing_due():
    cache, bound = salon(), with_conditions(NumbersBound="True")
    changed(cache, "RetellAgent", status=bound)
    other = {"conditions": [{**bound["conditions"][0], "message": "still fine", "lastTransitionTime": "y"}]}
    assert changed(cache, "RetellAgent", status=other) == set()


@pytest.mark.parametrize(
    ("kind", "type_", "status", "reasons", "due"),
    [
        ("RetellAgent", "Synced", "False", ("ProviderUnavailable", "CredentialsInvalid"), {TENANT}),
        ("RetellAgent", "Synced", "False", ("TenantNotReady", "ProviderRefused"), {BRANCH}),
        ("RetellAgent", "Synced", "False", ("Pending", "CredentialsInvalid"), {TENANT, BRANCH}),
        ("RetellAgent", "Synced", "False", ("Pending", "TenantNotReady"), set()),
        ("RetellAgent", "Synced", "True", ("AsDeclared", "DuplicateFound"), set()),
        ("Tenant", "CredentialsValid", "False", ("CredentialsInvalid", "BookingsRefused"), {AGENT}),
        ("Tenant", "CredentialsValid", "False", ("CredentialsInvalid", "CredentialsShared"), set()),
        ("Tenant", "RuntimeAvailable", "True", ("Suspended", "AsDeclared"), {AGENT}),
        ("Tenant", "RuntimeAvailable", "True", ("AsDeclared", "Capped"), set()),
        ("Tenant", "Exposed", "False", ("Pending", "HostClaimedTwice"), {AGENT}),
        ("Branch", "NumbersValid", "False", ("NumberInvalid", "NumberClaimedTwice"), {AGENT}),
    ],
)
def test_changed_condition_reason_enqueues_objects_reading_it(kind, type_, status, reasons, due):
    """In both directions. A change of a reason that no reader uses enqueues nothing."""
    cache, usual = salon(), with_conditions(**{type_: status})["conditions"][0]
    before, after = ({"conditions": [usual | {"reason": reason}]} for reason in reasons)
    changed(cache, kind, status=before)
    assert changed(cache, kind, status=after) == due
    assert changed(cache, kind, status=before) == due


@pytest.mark.parametrize(
    ("linked", "before", "after", "is_due"),
    [
        ("True", {}, "True", False),
        ("False", {}, "True", True),
        ("True", {}, "False", True),
        ("True", {"CredentialsValid": "False"}, "True", True),
    ],
    ids=["it uses the keys already", "it may lack one", "they are refused", "it may have to use another one"],
)
def test_credentials_change_enqueues_only_services_without_linked_calendar(linked, before, after, is_due):
    cache = salon()
    put(cache, raw("ServiceOffering", status=with_conditions(CalendarLinked=linked)))
    put(cache, raw("Tenant", status=with_conditions(**before)))
    assert (OFFERING in changed(cache, "Tenant", status=with_conditions(CredentialsValid=after))) is is_due


@pytest.mark.parametrize(
    ("kind", "type_"),
    [
        ("Tenant", "CalendarSynced"),
        ("Tenant", "AppointmentsFit"),
        ("Tenant", "RolloutHealthy"),
        ("Tenant", "CacheReady"),
        ("Tenant", "Ready"),
        ("Branch", "NumbersAnswered"),
        ("ServiceOffering", "CalendarLinked"),
        ("RetellAgent", "Drifted"),
    ],
)
def test_condition_that_no_relative_reads_makes_nothing_due(kind: str, type_: str):
    """An upgrade adds such conditions to every object; an outage of Cal.com changes one of every tenant."""
    cache = salon()
    for status in ("True", "False", "Unknown"):
        assert changed(cache, kind, status=with_conditions(**{type_: status})) == set()


def test_agents_are_due_when_the_tenants_cause_changes():
    """Else they report a missing key for a minute, while the Tenant reports a key of another tenant."""

    def refused(reason: str, message: str, kind: str = "CredentialsValid") -> dict[str, Any]:
        said = {"type": kind, "status": "False", "reason": reason, "message": message, "lastTransitionTime": "x"}
        return {"conditions": [said]}

    cache = salon()
    changed(cache, "Tenant", status=refused("SecretKeyMissing", "no key"))
    assert AGENT in changed(cache, "Tenant", status=refused("CredentialsShared", "another tenant has it"))
    assert AGENT not in changed(cache, "Tenant", status=refused("CredentialsShared", "another tenant has it"))
    key = "the key is not accepted (401); tried again by {} UTC, at once when the Secret changes"
    changed(cache, "Tenant", status=refused("CredentialsInvalid", key.format("14:05")))
    assert AGENT not in changed(cache, "Tenant", status=refused("CredentialsInvalid", key.format("14:06")))
    changed(cache, "Tenant", status=refused("Pending", "tried soon", "Exposed"))
    assert AGENT not in changed(cache, "Tenant", status=refused("Pending", "tried now", "Exposed"))
