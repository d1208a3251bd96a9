"""From a Result to conditions, Ready, patches and events."""

from datetime import UTC, datetime
from typing import Any

import pytest

from askproai_operator.api import Branch, Tenant
from askproai_operator.api.conditions import ConditionType as C
from askproai_operator.api.conditions import Reason, bad, good, unknown
from askproai_operator.engine import EventRecord, EventType, Result
from askproai_operator.engine.ready_condition import (
    StatusUpdate,
    pause_condition,
    update_for_error,
    update_for_pause,
    update_for_result,
)
from tests.worlds.salon_objects import raw

EARLIER, NOW = "2026-11-20T08:00:00Z", datetime(2026, 11, 20, 9, tzinfo=UTC)
LATER = datetime(2026, 11, 20, 10, tzinfo=UTC)


def branch(**meta: Any) -> Branch:
    return Branch.from_raw(raw("Branch", **meta))


def after(current: dict[str, Any], update: StatusUpdate) -> dict[str, Any]:
    """Return the status as the API server has it after the patch."""
    return {k: v for k, v in {**current, **update.patch}.items() if v is not None}


def condition(status: dict[str, Any], type_: str) -> dict[str, Any]:
    return next(each for each in status["conditions"] if each["type"] == type_)


OK = good(C.SERVICES_READY)
BROKEN = bad(C.NUMBERS_VALID, Reason.NUMBER_INVALID, "number 12 is too short: write it with its area code")
UNSURE = unknown(C.SERVICES_READY, Reason.PROVIDER_UNAVAILABLE, "Cal.com does not answer; tried again by itself")


@pytest.mark.parametrize(
    ("conditions", "ready"),
    [
        ((), ("True", "AsDeclared")),
        ((OK, good(C.NUMBERS_VALID)), ("True", "AsDeclared")),
        ((OK, BROKEN), ("False", "NumberInvalid")),
        ((UNSURE,), ("Unknown", "ProviderUnavailable")),
        ((UNSURE, BROKEN), ("False", "NumberInvalid")),
        ((bad(C.DRIFTED, Reason.DRIFT_FOUND, "voice_id"),), ("True", "AsDeclared")),
        ((good(C.SERVICES_READY, "", Reason.NOT_REQUESTED),), ("True", "AsDeclared")),
        ((OK, good(C.RUNTIME_AVAILABLE, "no pods run", Reason.SUSPENDED)), ("True", "Suspended")),
        ((OK, good(C.RUNTIME_AVAILABLE, "20 instead of 50", Reason.CAPPED)), ("True", "Capped")),
        ((good(C.SYNCED, "plan mode: nothing to do", Reason.PLAN_MODE),), ("True", "PlanMode")),
        ((OK, bad(C.CALENDAR_SYNCED, Reason.CALENDAR_BEHIND, "5 wait")), ("True", "CalendarBehind")),
        ((OK, bad(C.CACHE_READY, Reason.CACHE_UNAVAILABLE, "Redis does not answer")), ("True", "AsDeclared")),
        ((OK, bad(C.APPOINTMENTS_FIT, Reason.APPOINTMENTS_STRANDED, "5")), ("True", "AppointmentsStranded")),
        ((BROKEN, good(C.RUNTIME_AVAILABLE, "no pods run", Reason.SUSPENDED)), ("False", "NumberInvalid")),
    ],
)
def test_ready_shows_the_first_bad_cause(conditions, ready):
    status = after({}, update_for_result(branch(), {}, Result(conditions), NOW))
    found = condition(status, "Ready")
    assert (found["status"], found["reason"]) == ready


def test_ready_has_the_message_of_its_cause():
    suspended = good(C.RUNTIME_AVAILABLE, "spec.suspend is true: no pods run", Reason.SUSPENDED)
    for cause in (BROKEN, suspended):
        status = after({}, update_for_result(branch(), {}, Result((OK, cause)), NOW))
        assert condition(status, "Ready")["message"] == cause.message


def test_every_condition_names_the_observed_generation():
    status = after({}, update_for_result(branch(generation=7), {}, Result((OK,)), NOW))
    assert status["observedGeneration"] == 7
    assert {each["observedGeneration"] for each in status["conditions"]} == {7}


def test_repeated_result_writes_no_patch_nor_event():
    result = Result((OK, BROKEN), status={"phoneNumbers": ("+49301234567",), "staff": 2})
    status = after({}, update_for_result(branch(), {}, result, NOW))
    status["phoneNumbers"] = ["+49301234567"]  # as it comes back from the server
    assert update_for_result(branch(), status, result, LATER) == StatusUpdate({}, [])


def test_transition_time_changes_only_with_the_status():
    current = {
        "conditions": [
            {"type": "ServicesReady", "status": "True", "reason": "Old", "message": "", "lastTransitionTime": EARLIER}
        ]
    }
    kept = after(current, update_for_result(branch(), current, Result((good(C.SERVICES_READY, "2 services"),)), NOW))
    assert condition(kept, "ServicesReady")["lastTransitionTime"] == EARLIER
    moved = after(current, update_for_result(branch(), current, Result((UNSURE,)), NOW))
    assert condition(moved, "ServicesReady")["lastTransitionTime"] == "2026-11-20T09:00:00Z"


def test_unreported_bad_condition_still_decides_ready():
    current = after({}, update_for_result(branch(), {}, Result((BROKEN,)), NOW))
    status = after(current, update_for_result(branch(), current, Result((OK,)), LATER))
    assert condition(status, "NumbersValid")["status"] == "False"
    assert condition(status, "Ready")["status"] == "False"


def test_later_releases_condition_does_not_outlive_a_rollback():
    later = {"type": "FromTheFuture", "status": "False", "reason": "x", "message": "", "lastTransitionTime": EARLIER}
    status = after({}, update_for_result(branch(), {"conditions": [later]}, Result((OK,)), NOW))
    assert condition(status, "Ready")["status"] == "True"
    assert "FromTheFuture" not in {each["type"] for each in status["conditions"]}


def test_result_preserves_unnamed_status_fields():
    current = {"agentId": "agent_1", "llmId": "llm_1"}
    update = update_for_result(branch(), current, Result((OK,), status={"llmId": None}), NOW)
    assert after(current, update)["agentId"] == "agent_1"
    assert update.patch["llmId"] is None


def test_merge_patch_removes_obsolete_inner_keys():
    current = {"webhookUrls": {"retell": "https://a", "inbound": "https://b"}}
    update = update_for_result(branch(), current, Result((OK,), status={"webhookUrls": {"retell": "https://c"}}), NOW)
    assert update.patch["webhookUrls"] == {"retell": "https://c", "inbound": None}


def test_too_long_message_is_cut_and_not_refused():
    status = after(
        {}, update_for_result(branch(), {}, Result((bad(C.NUMBERS_VALID, Reason.NUMBER_INVALID, "x" * 9000),)), NOW)
    )
    assert {len(each["message"]) for each in status["conditions"]} == {4000}


def test_status_repeats_the_reconcile_token():
    model = branch(annotations={"askproai.de/reconcile-at": "now-please"})
    assert update_for_result(model, {}, Result((OK,)), NOW).patch["lastReconcileToken"] == "now-please"


def test_object_in_deletion_is_not_ready():
    status = after({}, update_for_result(branch(deletionTimestamp="2026-11-20T09:00:00Z"), {}, Result((OK,)), NOW))
    assert (condition(status, "Ready")["status"], condition(status, "Ready")["reason"]) == ("False", "Deleting")


class TestEvents:
    def test_new_problem_creates_one_warning_event(self):
        update = update_for_result(branch(), {}, Result((BROKEN,)), NOW)
        assert [(e.type, e.reason, e.message) for e in update.events] == [("Warning", "NumberInvalid", BROKEN.message)]
        assert not update_for_result(branch(), after({}, update), Result((BROKEN,)), LATER).events

    def test_recorded_events_have_their_own_type(self):
        happened = (
            EventRecord("DriftRepaired", "x"),
            EventRecord("DefaultServiceCreated", "created", EventType.NORMAL),
        )
        update = update_for_result(branch(), {}, Result((OK,), events=happened), NOW)
        found = {(e.type, e.reason) for e in update.events}
        assert {("Warning", "DriftRepaired"), ("Normal", "DefaultServiceCreated")} <= found


class TestPaused:
    def tenant(self, status: dict[str, Any], *, pause: bool) -> Tenant:
        return Tenant.from_raw(raw("Tenant", status=status, annotations={"askproai.de/paused": str(pause).lower()}))

    def pause(self, status: dict[str, Any], now: datetime) -> StatusUpdate:
        tenant = self.tenant(status, pause=True)
        paused = pause_condition(tenant)
        assert paused is not None
        return update_for_pause(tenant, paused, now)

    def test_pause_changes_only_readys_reason_and_message(self):
        current = after({}, update_for_result(self.tenant({}, pause=False), {}, Result((OK,)), NOW))
        assert condition(current, "Paused")["status"] == "False"
        update = self.pause(current, LATER)
        status = after(current, update)
        assert condition(status, "Paused")["status"] == "True"
        paused = {"reason": "Paused", "message": condition(status, "Paused")["message"]}
        assert condition(status, "Ready") == condition(current, "Ready") | paused
        assert [e.reason for e in update.events] == ["Paused"]
        assert self.pause(status, LATER) == StatusUpdate({}, [])

    def test_edit_of_a_paused_object_is_not_observed(self):
        """`kubectl wait --for=condition=Ready` compares the condition's generation with the object's."""
        current = after({}, update_for_result(self.tenant({}, pause=False), {}, Result((OK,)), NOW))
        edited = Tenant.from_raw(
            raw("Tenant", status=current, generation=2, annotations={"askproai.de/paused": "true"})
        )
        paused = pause_condition(edited)
        assert paused is not None
        status = after(current, update_for_pause(edited, paused, LATER))
        assert condition(status, "Ready")["observedGeneration"] == 1

    def test_paused_unready_object_still_names_its_problem(self):
        current = after({}, update_for_result(self.tenant({}, pause=False), {}, Result((OK, BROKEN)), NOW))
        status = after(current, self.pause(current, LATER))
        ready = condition(status, "Ready")
        assert (ready["status"], ready["reason"]) == ("False", "Paused")
        assert ready["message"].endswith(f"removed; NumberInvalid: {BROKEN.message}")
        assert self.pause(status, LATER) == StatusUpdate({}, [])

    @pytest.mark.parametrize(
        ("status", "text"),
        [
            ({"observedGeneration": 1}, "nothing is changed or cleaned up, and no edit has an effect, until"),
            ({}, "it was paused before it was applied, so nothing of it has an effect, until"),
        ],
    )
    def test_paused_branch_says_which_edits_have_no_effect(self, status, text):
        paused = pause_condition(branch(status=status, annotations={"askproai.de/paused": "true"}))
        assert paused.message == f"{text} the annotation askproai.de/paused is removed"

    def test_ready_is_unknown_when_paused_before_first_reconcile(self):
        status = after({}, self.pause({}, NOW))
        assert condition(status, "Ready")["status"] == "Unknown"

    def test_pause_ending_while_ready_creates_no_event(self):
        current = after({}, update_for_result(self.tenant({}, pause=False), {}, Result((OK,)), NOW))
        current = after(current, self.pause(current, LATER))
        update = update_for_result(self.tenant(current, pause=False), current, Result((OK,)), LATER)
        status = after(current, update)
        assert (condition(status, "Paused")["status"], condition(status, "Ready")["reason"]) == ("False", "AsDeclared")
        assert update.events == []


def test_operator_error_sets_ready_unknown_without_its_text():
    current = after({}, update_for_result(branch(), {}, Result((OK,)), NOW))
    update = update_for_error(branch(), current, RuntimeError("postgresql://admin:geheim@db"), LATER)
    status = after(current, update)
    assert (condition(status, "Ready")["status"], condition(status, "Ready")["reason"]) == ("Unknown", "InternalError")
    assert condition(status, "ServicesReady") == condition(current, "ServicesReady")
    assert "geheim" not in str(status)
    assert [e.type for e in update.events] == ["Warning"]


def test_transition_event_ends_with_its_object():
    """A namespace's deletion takes the user's Secret first: nobody needs to read that it is missing."""
    (event,) = update_for_result(branch(), {}, Result((BROKEN,)), NOW).events
    assert not event.outlives_object
