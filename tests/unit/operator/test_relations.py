"""Which keys are due when what changed: all that need it (config, numbers, credentials), and no more (no storms)."""

from copy import deepcopy
from typing import Any, ClassVar

import pytest

from askproai_operator.applied_spec import PAUSED_ANNOTATION, applied_by_reconcile
from askproai_operator.engine import Cache
from askproai_operator.engine.cache import observed_object
from askproai_operator.engine.event_sink import EventSink
from askproai_operator.grants import Subject, SubjectKind
from askproai_operator.relations import Relations, secrets_named
from askproai_operator.resources import (
    AGENTS,
    BRANCHES,
    CONFIG_MAPS,
    DEPLOYMENTS,
    INGRESSES,
    OFFERINGS,
    SECRETS,
    TENANT_LABEL,
    TENANTS,
    resource_of_kind,
)
from tests.worlds.salon_objects import NAMESPACE, key, put, raw, salon

TENANT = key("Tenant", "salon-mueller")
BRANCH = key("Branch", "mitte")
OFFERING = key("ServiceOffering", "haarschnitt")
AGENT = key("RetellAgent", "mitte")


def with_conditions(**statuses: str) -> dict[str, Any]:
    usual = {"reason": "AsDeclared", "message": "", "lastTransitionTime": "x"}
    return {"conditions": [{"type": type_, "status": status, **usual} for type_, status in statuses.items()]}


def changed(cache: Cache, kind: str, name: str = "", **changes: Any) -> set:
    old, new = put(cache, raw(kind, name, **changes))
    return Relations(cache).of_resource(old, new)


@pytest.mark.parametrize(
    ("kind", "due"),
    [
        ("Tenant", {TENANT, BRANCH, OFFERING, AGENT}),
        ("Branch", {TENANT, BRANCH, OFFERING, AGENT}),
        ("ServiceOffering", {TENANT, BRANCH, OFFERING, AGENT}),
        ("RetellAgent", {TENANT, BRANCH, AGENT}),
    ],
)
def test_a_changed_spec_makes_the_object_and_its_relatives_due(kind: str, due: set):
    assert changed(salon(), kind, generation=2) == due


@pytest.mark.parametrize("kind", ["Tenant", "Branch", "ServiceOffering", "RetellAgent"])
@pytest.mark.parametrize(
    "status",
    [
        {"observedGeneration": 1, "lastReconcileToken": "x"},
        {"calls24h": 7, "replicas": 2, "configHash": "abc"},
        {"pending": {"what": "agent", "since": "x"}},
        {"llmId": "llm_1", "tenant": "salon-mueller", "publishedVersion": 3},
        {"staff": ["anna"], "eventTypes": 2, "services": 3, "branches": 1},
    ],
)
def test_our_own_status_writes_make_nothing_due(kind: str, status: dict[str, Any]):
    assert changed(salon(), kind, status=status) == set()


@pytest.mark.parametrize("kind", ["Tenant", "Branch", "ServiceOffering", "RetellAgent"])
def test_our_own_status_writes_do_not_walk_the_namespace(kind: str, monkeypatch: pytest.MonkeyPatch):
    """It may have a thousand tenants, and each of their objects writes several statuses."""
    cache = salon()
    old, new = put(cache, raw(kind, status={"configHash": "abc"}))
    walked: list[object] = []
    monkeypatch.setattr(Cache, "list", lambda _, *asked: walked.append(asked) or [])
    assert (Relations(cache).of_resource(old, new), walked) == (set(), [])


@pytest.mark.parametrize(
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
def test_status_that_others_read_makes_them_due_but_not_its_owner(kind: str, status: dict[str, Any], due: set):
    assert changed(salon(), kind, status=status) == due


def test_a_tenant_is_due_when_one_of_two_dialled_numbers_of_a_public_number_is_granted_or_refused():
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


def test_a_condition_whose_message_alone_changed_makes_nothing_due():
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
def test_another_reason_makes_those_due_that_decide_by_it(
    kind: str, type_: str, status: str, reasons: tuple[str, str], due: set
):
    """In both directions. A reason by which nobody decides changes as often as it likes."""
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
def test_a_linked_service_is_not_due_because_its_new_tenant_has_tried_the_keys(
    linked: str, before: dict[str, str], after: str, is_due: bool
):
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
def test_a_condition_that_no_relative_reads_makes_nothing_due_when_it_appears_or_changes(kind: str, type_: str):
    """An upgrade adds some to every object, and an outage of Cal.com changes one of every tenant."""
    cache = salon()
    for status in ("True", "False", "Unknown"):
        assert changed(cache, kind, status=with_conditions(**{type_: status})) == set()


def test_adding_our_finalizer_makes_nothing_due_and_losing_it_makes_its_object_due():
    cache = salon()
    assert changed(cache, "RetellAgent", finalizers=["askproai.de/cleanup"]) == set()
    assert changed(cache, "RetellAgent") == {AGENT}


def test_a_pause_or_a_reconcile_token_makes_its_object_due():
    assert AGENT in changed(salon(), "RetellAgent", annotations={"askproai.de/reconcile-at": "1"})


def test_a_changed_staff_makes_the_other_branches_due():
    """Their condition StaffIdentified compares the ids of all branches."""
    cache = salon()
    put(cache, raw("Branch", "nord"))
    assert key("Branch", "nord") not in changed(cache, "Branch", generation=2)
    obj = raw("Branch", generation=3)
    obj["spec"]["staff"] = [{"id": "anna", "displayName": "Anna", "person": "anna"}]
    assert key("Branch", "nord") in changed_by(cache, obj)


def resumed(paused: dict[str, Any]) -> dict[str, Any]:
    """Return the object after the end of its pause."""
    obj = deepcopy(paused)
    del obj["metadata"]["annotations"]
    obj["metadata"]["resourceVersion"] = raw("Branch")["metadata"]["resourceVersion"]
    return obj


def test_an_edit_of_a_paused_branch_makes_the_others_due_when_its_pause_ends():
    """They compare the staff in effect, which of a paused branch is the one before the pause."""
    cache, nord = salon(), key("Branch", "nord")
    put(cache, raw("Branch", "nord"))
    branch = put(cache, raw("Branch"))[1]
    obj = raw("Branch", status=applied_by_reconcile(branch), annotations={PAUSED_ANNOTATION: "true"}, generation=2)
    obj["spec"]["staff"] = [{"id": "anna", "displayName": "Anna", "person": "anna"}]
    assert nord not in changed_by(cache, obj)
    assert nord in changed_by(cache, resumed(obj))


def test_a_new_name_of_a_paused_service_makes_its_namesakes_due_when_its_pause_ends():
    cache, other = salon(), key("ServiceOffering", "waschen")
    washing = raw("ServiceOffering", "waschen")
    washing["spec"]["displayName"] = "Waschen"
    put(cache, washing)
    cut = put(cache, raw("ServiceOffering"))[1]
    paused = {"status": applied_by_reconcile(cut), "annotations": {PAUSED_ANNOTATION: "true"}, "generation": 2}
    obj = raw("ServiceOffering", **paused)
    obj["spec"]["displayName"] = "Waschen"
    assert other not in changed_by(cache, obj)
    assert other in changed_by(cache, resumed(obj))


def test_a_changed_name_enqueues_services_that_sound_like_the_former_or_the_new_name():
    """Their condition NameUnique compares the names; others are left alone, since a service may ask Cal.com."""
    cache = salon()
    for name, displayed in (("schnitt", "HAARSCHNITT"), ("farbe", "Haarfarbe"), ("bart", "Bart")):
        obj = raw("ServiceOffering", name)
        obj["spec"]["displayName"] = displayed
        put(cache, obj)
    renamed = raw("ServiceOffering", generation=2)
    renamed["spec"]["displayName"] = " Haarfarbe"
    due = changed_by(cache, renamed)
    assert {each.name for each in due if each.kind == "ServiceOffering"} == {"haarschnitt", "schnitt", "farbe"}
    deleted = cache.drop(OFFERINGS, *key("ServiceOffering", "farbe")[1:], uid="uid-ServiceOffering-farbe")
    assert key("ServiceOffering", "haarschnitt") in Relations(cache).of_resource(deleted, None)


def test_a_deleted_object_makes_those_due_that_wait_for_its_end_and_not_itself():
    cache = salon()
    relations = Relations(cache)
    agent = cache.drop(AGENTS, *AGENT[1:], uid="uid-RetellAgent-mitte")
    assert relations.of_resource(agent, None) == {TENANT, BRANCH}


def test_agents_of_a_deleted_branch_still_find_their_tenant():
    """A namespace's deletion takes the branch first; the Tenant keeps its finalizer until no agent names it."""
    cache = salon()
    relations = Relations(cache)
    cache.drop(BRANCHES, *BRANCH[1:], uid="uid-Branch-mitte")
    assert [agent.key for agent in relations.agents(NAMESPACE, "salon-mueller")] == [AGENT]


def test_after_a_restart_agents_of_a_deleted_branch_find_their_tenant_by_their_status():
    """Otherwise the Tenant would remove the key that their deletion needs."""
    cache = Cache()
    relations = Relations(cache)
    put(cache, raw("Tenant"))
    put(cache, raw("RetellAgent", status={"tenant": "salon-mueller"}))
    assert [agent.key for agent in relations.agents(NAMESPACE, "salon-mueller")] == [AGENT]
    deleted = cache.drop(AGENTS, *AGENT[1:], uid="uid-RetellAgent-mitte")
    assert relations.of_resource(deleted, None) == {TENANT, BRANCH}


def test_an_older_state_never_replaces_a_newer_one():
    cache = salon()
    stale = raw("Branch", generation=2)
    changed(cache, "Branch", generation=3)
    assert changed_by(cache, stale) == set()
    assert cache.get(BRANCH).metadata.generation == 3


def test_a_namesake_is_not_dropped_by_the_deletion_of_its_predecessor():
    cache = salon()
    changed(cache, "Branch", uid="uid-new")
    assert cache.drop(BRANCHES, *BRANCH[1:], uid="uid-Branch-mitte") is None
    assert cache.get(BRANCH) is not None


def changed_by(cache: Cache, obj: dict[str, Any]) -> set:
    due: set = set()
    EventSink(cache, Relations(cache), due.add).observe(resource_of_kind(obj["kind"]), obj)
    return due


def test_only_what_a_person_edits_is_enqueued_as_an_edit_with_the_tenant_whose_config_has_it():
    """Edits go before the runs of new tenants; a new object, our own writes and other relatives have no such haste."""
    cache, others, edits = salon(), [], []
    sink = EventSink(cache, Relations(cache), others.append, edits.append)
    sink.observe(BRANCHES, raw("Branch", "new"))
    sink.observe(AGENTS, raw("RetellAgent", status={"agentId": "agent_1"}))
    assert (TENANT in others, edits) == (True, [])
    others.clear()
    sink.observe(BRANCHES, raw("Branch", generation=2))
    assert ({*edits}, {OFFERING, AGENT} <= {*others}) == ({TENANT, BRANCH}, True)


def test_an_edited_tenant_is_one_edit_however_many_objects_it_has():
    cache, others, edits = salon(), [], []
    for number in range(500):
        put(cache, raw("ServiceOffering", f"service-{number}"))
    EventSink(cache, Relations(cache), others.append, edits.append).observe(TENANTS, raw("Tenant", generation=2))
    assert (edits, len(others) >= 500) == ([TENANT], True)


def child(kind: str, name: str, version: int, labels: dict[str, str] | None = None, **content: Any) -> dict[str, Any]:
    meta = {
        "namespace": NAMESPACE,
        "name": name,
        "uid": f"uid-{name}",
        "resourceVersion": str(version),
        "labels": labels or {},
    }
    return {"kind": kind, "metadata": meta, **content}


OURS = {"askproai.de/tenant": "salon-mueller", "app.kubernetes.io/managed-by": "askproai-operator"}


def test_no_state_from_before_a_deletion_comes_back_and_a_later_one_of_a_labelled_object_does():
    def secret(version: int) -> dict[str, object]:
        meta = {"namespace": "salon", "name": "providers", "uid": "u", "resourceVersion": str(version)}
        return {"kind": "Secret", "metadata": meta}

    cache = Cache()
    cache.put(SECRETS, secret(5))
    cache.drop(SECRETS, "salon", "providers", "u", version=7)
    cache.put(SECRETS, secret(6))
    assert cache.secret("salon", "providers") is None, "a list that was read before the deletion"
    cache.put(SECRETS, secret(8))
    assert cache.secret("salon", "providers") is not None, "its label is back"


def test_a_child_edited_by_hand_or_deleted_makes_its_tenant_due():
    cache = salon()
    assert changed_by(cache, child("ConfigMap", "c", 1, OURS, data={"a": "1"})) == {TENANT}
    assert changed_by(cache, child("ConfigMap", "c", 2, OURS, data={"a": "1"})) == set()
    assert changed_by(cache, child("ConfigMap", "c", 3, OURS, data={"a": "by hand"})) == {TENANT}
    due: set = set()
    EventSink(cache, Relations(cache), due.add).forget(CONFIG_MAPS, NAMESPACE, "c", "uid-c")
    assert due == {TENANT}


def test_a_deployments_status_makes_its_tenant_due():
    cache = salon()
    changed_by(cache, child("Deployment", "d", 1, OURS, spec={}, status={"readyReplicas": 1}))
    assert changed_by(cache, child("Deployment", "d", 2, OURS, spec={}, status={"readyReplicas": 2})) == {TENANT}
    assert cache.child(DEPLOYMENTS, NAMESPACE, "d").status == {"readyReplicas": 2}


PROGRESSING = {"type": "Progressing", "status": "True", "reason": "ReplicaSetUpdated", "message": "1 of 2"}
REFUSED = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "exceeded quota"}
ROLLED_OUT = {
    "observedGeneration": 3,
    "replicas": 2,
    "updatedReplicas": 2,
    "readyReplicas": 2,
    "availableReplicas": 2,
    "conditions": [PROGRESSING, REFUSED],
}


@pytest.mark.parametrize(
    ("changes", "due"),
    [
        ({"updatedReplicas": 1}, {TENANT}),
        ({"availableReplicas": 1}, {TENANT}),
        ({"replicas": 3}, {TENANT}),
        ({"observedGeneration": 2}, {TENANT}),
        ({"observedGeneration": 4}, set()),
        ({"conditions": [PROGRESSING | {"reason": "ProgressDeadlineExceeded"}, REFUSED]}, {TENANT}),
        ({"conditions": [PROGRESSING, REFUSED | {"message": "forbidden"}]}, {TENANT}),
        ({"conditions": [PROGRESSING | {"message": "2 of 2", "lastUpdateTime": "later"}, REFUSED]}, set()),
        ({"unavailableReplicas": 1, "collisionCount": 1}, set()),
    ],
)
def test_of_a_deployments_status_only_what_its_tenant_reads_makes_it_due(changes: dict[str, Any], due: set):
    """Its controller writes it with each step of each pod, and each run of a Tenant asks PostgreSQL and Redis."""

    def web(version: int, status: dict[str, Any]) -> dict[str, Any]:
        obj = child("Deployment", "d", version, OURS, spec={}, status=status)
        obj["metadata"]["generation"] = 3
        return obj

    cache = salon()
    changed_by(cache, web(1, ROLLED_OUT))
    assert changed_by(cache, web(2, ROLLED_OUT | changes)) == due


class TestOwnApply:
    """A watch may report what our apply wrote before its answer comes."""

    OWNED: ClassVar = {"a": "1"}

    def written(self, version: int, data: dict[str, str], **content: Any) -> dict[str, Any]:
        obj = child("Deployment", "d", version, OURS, data=data, **content)
        fields = {"f:data": {f"f:{name}": {} for name in self.OWNED}}
        entry = {"manager": "askproai-operator", "operation": "Apply", "fieldsV1": fields}
        obj["metadata"]["managedFields"] = [entry]
        return obj

    def test_it_makes_nobody_due_and_everything_else_that_happens_meanwhile_does(self):
        cache, due = salon(), []
        sink = EventSink(cache, Relations(cache), due.append)
        owned = observed_object(self.written(1, self.OWNED)).owned
        assert owned is not None
        with sink.applying(DEPLOYMENTS, NAMESPACE, "d", owned):
            sink.observe(DEPLOYMENTS, self.written(1, self.OWNED))
            assert due == []
            sink.observe(DEPLOYMENTS, self.written(2, self.OWNED, status={"readyReplicas": 1}))
            assert due == [TENANT], "its pods"
            sink.observe(DEPLOYMENTS, self.written(3, {"a": "by hand"}, status={"readyReplicas": 1}))
            assert due == [TENANT] * 2, "an edit"
            sink.observe(DEPLOYMENTS, self.written(4, self.OWNED, status={"readyReplicas": 2}))
            assert due == [TENANT] * 3, "a state that is more than ours"
        sink.observe(DEPLOYMENTS, self.written(5, {"a": "by hand"}, status={"readyReplicas": 2}))
        sink.observe(DEPLOYMENTS, self.written(6, self.OWNED, status={"readyReplicas": 2}))
        assert due == [TENANT] * 5, "after the answer"


def test_a_labelled_user_secret_makes_all_due_that_name_it_and_its_data_is_not_kept():
    """A rotated key takes effect at once."""
    cache = salon()
    watch = {"askproai.de/watch": "true"}
    assert changed_by(cache, child("Secret", "providers", 1, watch, data={"k": "Z2VoZWlt"})) == {TENANT}
    assert changed_by(cache, child("Secret", "providers", 2, watch, data={"k": "bmV1"})) == {TENANT}
    assert changed_by(cache, child("Secret", "other", 1, watch, data={})) == set()
    assert "bmV1" not in repr(cache.secret(NAMESPACE, "providers"))


def test_a_former_host_is_reviewed_when_its_route_is_deleted_and_when_it_is_no_longer_recorded():
    cache, host = salon(), Subject(SubjectKind.HOST, "former.example").queue_key
    served = {"formerUrl": "https://former.example"}
    changed(cache, "Tenant", status=served)
    cache.put(INGRESSES, route := child("Ingress", "salon-mueller.alternate", 1, {TENANT_LABEL: "salon-mueller"}))
    gone = Relations(cache).of_child(INGRESSES, (NAMESPACE, "salon-mueller.alternate"), observed_object(route), None)
    assert host in gone
    assert host in changed(cache, "Tenant", status={})


def test_every_secret_that_a_spec_names_is_found():
    """Also those inside lists: Cal.com accounts of single staff members, further webhook keys, SIP."""
    cache = Cache()
    obj = raw("Tenant")
    obj["spec"]["retell"]["webhookKeySecretRefs"] = [{"name": "rotated", "key": "k"}]
    _, tenant = put(cache, obj)
    assert secrets_named(tenant) == {"providers", "rotated"}
    obj = raw("ServiceOffering")
    obj["spec"]["calcom"]["eventTypes"][0]["apiKeySecretRef"] = {"name": "annas", "key": "k"}
    _, offering = put(cache, obj)
    assert secrets_named(offering) == {"annas"}


def test_an_object_that_the_models_cannot_parse_is_ignored():
    cache = salon()
    broken = raw("Branch", "other")
    del broken["spec"]["displayName"]
    assert changed_by(cache, broken) == set()
    assert cache.get(key("Branch", "other")) is None


def test_the_four_kinds_have_the_plurals_of_their_crds():
    assert [ref.plural for ref in (TENANTS, BRANCHES, OFFERINGS, AGENTS)] == [
        "tenants",
        "branches",
        "serviceofferings",
        "retellagents",
    ]
    assert SECRETS.path("n", "s") == "/api/v1/namespaces/n/secrets/s"
    assert TENANTS.path() == "/apis/askproai.de/v1alpha1/tenants"
