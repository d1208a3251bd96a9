"""The keys that are due when a person edits, pauses or deletes an object."""

from copy import deepcopy
from typing import Any

import pytest

from askproai_operator.applied_spec import PAUSED_ANNOTATION, PLAN_ANNOTATION, applied_by_reconcile
from askproai_operator.engine import Cache
from askproai_operator.engine.event_sink import EventSink
from askproai_operator.relations import Relations
from askproai_operator.resources import AGENTS, BRANCHES, OFFERINGS, TENANTS, resource_of_kind
from tests.worlds.due_keys import AGENT, BRANCH, OFFERING, TENANT, changed, changed_by
from tests.worlds.salon_objects import NAMESPACE, key, put, raw, salon


def test_only_losing_our_finalizer_makes_an_object_due():
    cache = salon()
    assert changed(cache, "RetellAgent", finalizers=["askproai.de/cleanup"]) == set()
    assert changed(cache, "RetellAgent") == {AGENT}


def test_pause_or_reconcile_token_makes_its_object_due():
    assert AGENT in changed(salon(), "RetellAgent", annotations={"askproai.de/reconcile-at": "1"})


@pytest.mark.parametrize("kind", ["Branch", "ServiceOffering"])
def test_removed_plan_annotation_enqueues_sibling_objects(kind: str):
    cache = salon()
    siblings = {key("Branch", "nord"), key("ServiceOffering", "waschen")}
    for sibling in siblings:
        put(cache, raw(sibling.kind, sibling.name))
    planned = {"annotations": {PLAN_ANNOTATION: "true"}}
    changed(cache, kind, **planned)
    assert siblings <= changed(cache, kind)
    changed(cache, kind, **planned)
    relations, held = Relations(cache), raw(kind)["metadata"]
    # The relations remember the Branch's Tenant.
    put(cache, raw("Branch", "mitte", **(planned if kind == "Branch" else {})))
    deleted = cache.drop(resource_of_kind(kind), held["namespace"], held["name"], uid=held["uid"])
    assert siblings <= relations.of_resource(deleted, None)


def test_changed_staff_ids_enqueue_the_other_branches():
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


def test_edit_of_paused_branch_enqueues_others_after_pause():
    """Branches compare the staff in effect; a paused branch has its staff from before the pause."""
    cache, nord = salon(), key("Branch", "nord")
    put(cache, raw("Branch", "nord"))
    branch = put(cache, raw("Branch"))[1]
    obj = raw("Branch", status=applied_by_reconcile(branch), annotations={PAUSED_ANNOTATION: "true"}, generation=2)
    obj["spec"]["staff"] = [{"id": "anna", "displayName": "Anna", "person": "anna"}]
    assert nord not in changed_by(cache, obj)
    assert nord in changed_by(cache, resumed(obj))


def test_renamed_paused_service_enqueues_similar_names_after_pause():
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


def test_changed_name_enqueues_similar_sounding_services():
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


def test_deletion_enqueues_only_objects_waiting_for_it():
    cache = salon()
    relations = Relations(cache)
    agent = cache.drop(AGENTS, *AGENT[1:], uid="uid-RetellAgent-mitte")
    assert relations.of_resource(agent, None) == {TENANT, BRANCH}


def test_agents_of_deleted_branches_still_find_their_tenant():
    """A namespace's deletion takes the branch first; the Tenant keeps its finalizer until no agent names it."""
    cache = salon()
    relations = Relations(cache)
    cache.drop(BRANCHES, *BRANCH[1:], uid="uid-Branch-mitte")
    assert [agent.key for agent in relations.agents(NAMESPACE, "salon-mueller")] == [AGENT]


def test_agent_without_branch_is_found_by_status_tenant():
    """Otherwise the Tenant would remove the key that their deletion needs."""
    cache = Cache()
    relations = Relations(cache)
    put(cache, raw("Tenant"))
    put(cache, raw("RetellAgent", status={"tenant": "salon-mueller"}))
    assert [agent.key for agent in relations.agents(NAMESPACE, "salon-mueller")] == [AGENT]
    deleted = cache.drop(AGENTS, *AGENT[1:], uid="uid-RetellAgent-mitte")
    assert relations.of_resource(deleted, None) == {TENANT, BRANCH}


def test_older_version_does_not_replace_a_newer_version():
    cache = salon()
    stale = raw("Branch", generation=2)
    changed(cache, "Branch", generation=3)
    assert changed_by(cache, stale) == set()
    assert cache.get(BRANCH).metadata.generation == 3


def test_recreated_object_survives_late_report_of_former_deletion():
    cache = salon()
    changed(cache, "Branch", uid="uid-new")
    assert cache.drop(BRANCHES, *BRANCH[1:], uid="uid-Branch-mitte") is None
    assert cache.get(BRANCH) is not None


def test_only_human_edits_are_enqueued_as_edits():
    """Edits go before the runs of new tenants; a new object, our own writes and other relatives are less urgent."""
    cache, others, edits = salon(), [], []
    sink = EventSink(cache, Relations(cache), others.append, edits.append)
    sink.observe(BRANCHES, raw("Branch", "new"))
    sink.observe(AGENTS, raw("RetellAgent", status={"agentId": "agent_1"}))
    assert (TENANT in others, edits) == (True, [])
    others.clear()
    sink.observe(BRANCHES, raw("Branch", generation=2))
    assert ({*edits}, {OFFERING, AGENT} <= {*others}) == ({TENANT, BRANCH}, True)


def test_edited_tenant_is_one_edit_despite_many_objects():
    cache, others, edits = salon(), [], []
    for number in range(500):
        put(cache, raw("ServiceOffering", f"service-{number}"))
    EventSink(cache, Relations(cache), others.append, edits.append).observe(TENANTS, raw("Tenant", generation=2))
    assert (edits, len(others) >= 500) == ([TENANT], True)
