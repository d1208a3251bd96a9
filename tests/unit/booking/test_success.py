"""`success` means that the request is done, found or offered. Any other outcome is no success, even with an alternative."""

from datetime import UTC, datetime, timedelta

import pytest

from askproai_runtime.availability.obstacles import Obstacle
from askproai_runtime.availability.slots import Slot
from askproai_runtime.book.context import Basis
from askproai_runtime.book.requests import ServiceRequest
from askproai_runtime.conversation.answers import busy_answer, failure, refused_answer
from askproai_runtime.conversation.offer import describe_offer
from askproai_runtime.conversation.offer_choice import Missed, Offer
from askproai_runtime.conversation.requested_services import parse_service_request
from askproai_runtime.conversation.types import Answer, CallContext, ClarificationNeeded, FunctionOutcome
from askproai_runtime.spoken_times import Candidate, Grain
from tests.worlds.compiled_salon import salon_config
from tests.worlds.rows import each_row

NOW = datetime(2026, 11, 26, 9, tzinfo=UTC)
TEN = datetime(2026, 12, 11, 9, tzinfo=UTC)
CALL = CallContext("call_1", "mitte", None, NOW, "corr")
SUCCESS = {
    "offered": True, "found": True, "none_found": True, "answered": True, "booked": True, "already_booked": True, "moved": True,
    "already_moved": True, "cancelled": True, "noted": True, "waiting": True, "not_kept": True, "repeated": True,
    "not_known": False, "past": False, "too_soon": False, "too_far": False, "closed_day": False,
    "day_off": False, "outside_hours": False, "kept": False,
    "off_grid": False, "taken": False, "impossible": False, "not_understood": False, "asked_back": False,
    "unknown_service": False, "unknown_staff": False, "not_bookable": False, "gone": False, "limited": False,
    "refused": False, "in_flight": False, "call_over": False, "busy": False, "too_slow": False, "failed": False,
}  # fmt: skip


def _request() -> ServiceRequest:
    return parse_service_request(salon_config(), CALL, {"service": "Haarschnitt"})


@each_row("outcome", FunctionOutcome)
def test_only_a_completed_request_is_a_success(outcome: FunctionOutcome) -> None:
    answer = Answer(success=True, message="", fields={}, outcome=outcome)
    assert answer.as_json()["success"] is SUCCESS[outcome.value]
    assert Answer(success=False, message="", fields={}, outcome=outcome).as_json()["success"] is False


@pytest.mark.parametrize("obstacle", [*Obstacle, None])
def test_alternative_offer_is_no_success(obstacle: Obstacle | None) -> None:
    request, wanted = _request(), Candidate(TEN, None, Grain.MINUTE, "")
    missed = (Missed(wanted, obstacle),) if obstacle else ()
    slot = Slot(TEN + timedelta(hours=1), TEN + timedelta(hours=2), "anna")
    answer = describe_offer(
        salon_config(), request, Offer(slots=[slot], missed=missed, obstacle=obstacle), NOW, Basis.CALENDAR
    )
    assert (answer.success, answer.fields.get("obstacle")) == (obstacle is None, obstacle and obstacle.value)
    assert len(answer.fields["slots"]) == 1


def test_refusals_are_no_success() -> None:
    refused = failure("", FunctionOutcome.TAKEN), busy_answer(), refused_answer(), ClarificationNeeded("?").answer
    assert not any(answer.success for answer in refused)
