"""From a Result to conditions, Ready, patches and events (design §2.7)."""

from datetime import UTC, datetime
from typing import Any

import pytest
from engine_objects import raw

from askproai_operator.api import Branch, Tenant
from askproai_operator.api.conditions import ConditionType as C
from askproai_operator.api.conditions import Reason, bad, good, unknown
from askproai_operator.engine import EventType, Result, Warn
from askproai_operator.engine.outcome import Outcome, failed, outcome, paused

EARLIER, NOW = "2026-11-20T08:00:00Z", datetime(2026, 11, 20, 9, tzinfo=UTC)
LATER = datetime(2026, 11, 20, 10, tzinfo=UTC)


def branch(**meta: Any) -> Branch:
    return Branch.from_raw(raw("Branch", **meta))


def after(have: dict[str, Any], told: Outcome) -> dict[str, Any]:
    """Give the status as the API server has it after the patch."""
    return {k: v for k, v in {**have, **told.patch}.items() if v is not None}


def condition(status: dict[str, Any], type_: str) -> dict[str, Any]:
    return next(one for one in status["conditions"] if one["type"] == type_)


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
    ],
)
def test_ready_is_the_first_cause_that_stands_in_the_way(conditions, ready):
    status = after({}, outcome(branch(), {}, Result(conditions), NOW))
    found = condition(status, "Ready")
    assert (found["status"], found["reason"]) == ready


def test_ready_takes_the_message_of_its_cause():
    status = after({}, outcome(branch(), {}, Result((OK, BROKEN)), NOW))
    assert condition(status, "Ready")["message"] == BROKEN.message


def test_every_condition_and_the_status_say_which_generation_they_judge():
    """Checklist 2: observedGeneration."""
    status = after({}, outcome(branch(generation=7), {}, Result((OK,)), NOW))
    assert status["observedGeneration"] == 7
    assert {one["observedGeneration"] for one in status["conditions"]} == {7}


def test_the_same_result_again_writes_nothing_and_says_nothing():
    """Quiet: no write when nothing changed."""
    result = Result((OK, BROKEN), status={"phoneNumbers": ("+49301234567",), "staff": 2})
    status = after({}, outcome(branch(), {}, result, NOW))
    status["phoneNumbers"] = ["+49301234567"]  # as it comes back from the server
    assert outcome(branch(), status, result, LATER) == Outcome({}, [])


def test_the_time_of_transition_moves_only_with_the_status():
    have = {
        "conditions": [
            {"type": "ServicesReady", "status": "True", "reason": "Old", "message": "", "lastTransitionTime": EARLIER}
        ]
    }
    kept = after(have, outcome(branch(), have, Result((good(C.SERVICES_READY, "2 services"),)), NOW))
    assert condition(kept, "ServicesReady")["lastTransitionTime"] == EARLIER
    moved = after(have, outcome(branch(), have, Result((UNSURE,)), NOW))
    assert condition(moved, "ServicesReady")["lastTransitionTime"] == "2026-11-20T09:00:00Z"


def test_a_cause_that_this_run_did_not_reach_stays_and_still_counts():
    have = after({}, outcome(branch(), {}, Result((BROKEN,)), NOW))
    status = after(have, outcome(branch(), have, Result((OK,)), LATER))
    assert condition(status, "NumbersValid")["status"] == "False"
    assert condition(status, "Ready")["status"] == "False"


def test_fields_that_a_result_does_not_name_stay_and_none_removes_one():
    have = {"agentId": "agent_1", "llmId": "llm_1"}
    told = outcome(branch(), have, Result((OK,), status={"llmId": None}), NOW)
    assert after(have, told)["agentId"] == "agent_1"
    assert told.patch["llmId"] is None


def test_inner_keys_that_are_not_wanted_any_more_are_removed_by_the_merge_patch():
    have = {"webhookUrls": {"retell": "https://a", "inbound": "https://b"}}
    told = outcome(branch(), have, Result((OK,), status={"webhookUrls": {"retell": "https://c"}}), NOW)
    assert told.patch["webhookUrls"] == {"retell": "https://c", "inbound": None}


def test_a_message_longer_than_the_crd_allows_is_cut_and_not_refused():
    status = after({}, outcome(branch(), {}, Result((bad(C.NUMBERS_VALID, Reason.NUMBER_INVALID, "x" * 9000),)), NOW))
    assert {len(one["message"]) for one in status["conditions"]} == {4000}


def test_the_reconcile_token_is_echoed():
    model = branch(annotations={"askproai.de/reconcile-at": "now-please"})
    assert outcome(model, {}, Result((OK,)), NOW).patch["lastReconcileToken"] == "now-please"


def test_an_object_that_goes_is_not_ready():
    status = after({}, outcome(branch(deletionTimestamp="2026-11-20T09:00:00Z"), {}, Result((OK,)), NOW))
    assert (condition(status, "Ready")["status"], condition(status, "Ready")["reason"]) == ("False", "Deleting")


class TestEvents:
    def test_becoming_bad_warns_once(self):
        told = outcome(branch(), {}, Result((BROKEN,)), NOW)
        assert [(e.type, e.reason, e.message) for e in told.events] == [("Warning", "NumberInvalid", BROKEN.message)]
        assert not outcome(branch(), after({}, told), Result((BROKEN,)), LATER).events

    def test_becoming_ready_is_told_once(self):
        have = after({}, outcome(branch(), {}, Result((BROKEN,)), NOW))
        result = Result((good(C.NUMBERS_VALID),))
        told = outcome(branch(), have, result, NOW)
        assert [(e.type, e.reason) for e in told.events] == [("Normal", "Ready")]
        assert not outcome(branch(), after(have, told), result, LATER).events

    def test_waiting_for_what_comes_by_itself_warns_nobody(self):
        waiting = bad(C.SERVICES_READY, Reason.PROGRESSING, "1 of 2 pods are ready")
        assert not outcome(branch(), {}, Result((waiting,)), NOW).events

    def test_what_no_condition_keeps_is_told_as_what_it_is(self):
        happened = (Warn("DriftRepaired", "x"), Warn("DefaultServiceCreated", "made one", EventType.NORMAL))
        told = outcome(branch(), {}, Result((OK,), warnings=happened), NOW)
        found = {(e.type, e.reason) for e in told.events}
        assert {("Warning", "DriftRepaired"), ("Normal", "DefaultServiceCreated")} <= found


class TestPaused:
    def tenant(self, status: dict[str, Any], *, pause: bool) -> Tenant:
        return Tenant.from_raw(raw("Tenant", status=status, annotations={"askproai.de/paused": str(pause).lower()}))

    def test_pausing_is_told_and_leaves_ready_as_it_was(self):
        have = after({}, outcome(self.tenant({}, pause=False), {}, Result((OK,)), NOW))
        assert condition(have, "Paused")["status"] == "False"
        told = paused(self.tenant(have, pause=True), LATER)
        status = after(have, told)
        assert condition(status, "Paused")["status"] == "True"
        assert condition(status, "Ready") == condition(have, "Ready")
        assert [e.reason for e in told.events] == ["Paused"]
        assert paused(self.tenant(status, pause=True), LATER) == Outcome({}, [])

    def test_what_was_never_looked_at_is_unknown(self):
        status = after({}, paused(self.tenant({}, pause=True), NOW))
        assert condition(status, "Ready")["status"] == "Unknown"

    def test_going_on_takes_the_condition_back(self):
        have = after({}, paused(self.tenant({}, pause=True), NOW))
        status = after(have, outcome(self.tenant(have, pause=False), have, Result((OK,)), LATER))
        assert condition(status, "Paused")["status"] == "False"
        assert condition(status, "Ready")["status"] == "True"


def test_our_own_failure_is_unknown_and_never_quotes_the_error():
    have = after({}, outcome(branch(), {}, Result((OK,)), NOW))
    told = failed(branch(), have, RuntimeError("postgresql://admin:geheim@db"), LATER)
    status = after(have, told)
    assert (condition(status, "Ready")["status"], condition(status, "Ready")["reason"]) == ("Unknown", "InternalError")
    assert condition(status, "ServicesReady") == condition(have, "ServicesReady")
    assert "geheim" not in str(status)
    assert [e.type for e in told.events] == ["Warning"]


def test_without_redis_an_object_is_ready_and_tells_of_it():
    """Redis makes things faster, not possible (docs/decisions/0014)."""
    away = bad(C.CACHE_READY, Reason.CACHE_UNAVAILABLE, "Redis does not answer")
    status = after({}, outcome(branch(), {}, Result((OK, away)), NOW))
    assert condition(status, "CacheReady")["status"] == "False"
    assert condition(status, "Ready")["status"] == "True"
    assert away.good


def test_a_transition_is_not_told_for_longer_than_its_object_lives():
    """In a namespace that goes the user's Secret goes first: nobody needs to read that it is missing."""
    (told,) = outcome(branch(), {}, Result((BROKEN,)), NOW).events
    assert not told.lasting
