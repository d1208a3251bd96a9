"""What is offered to a caller for whom nothing could be done, and to whom it is not."""

from typing import Any

import pytest

from askproai_core.tenant_config import Agent, Function, TenantConfig
from askproai_runtime.booking import Answer, FunctionOutcome
from askproai_runtime.calls.instead import offer_instead

BOOK, CHECK = Function.BOOK_APPOINTMENT, Function.CHECK_AVAILABILITY


def config(**functions: bool) -> TenantConfig:
    return TenantConfig(tenant="salon.salon", display_name="Salon", agents=(Agent(name="mitte", **functions),))


def said(outcome: str, function: Function = CHECK, message: str = "Das geht nicht.", **fields: Any) -> str:
    answer = Answer(success=False, message=message, fields=fields, outcome=FunctionOutcome(outcome))
    return offer_instead(answer, function, config(leaves_messages=True, joins_waitlist=True)).message


@pytest.mark.parametrize("outcome", ["not_bookable", "limited", "gone", "refused"])
def test_who_cannot_be_helped_can_leave_a_message(outcome: str) -> None:
    assert said(outcome, BOOK) == "Das geht nicht. Soll ich dem Team etwas ausrichten?"


@pytest.mark.parametrize("outcome", ["taken", "closed_day", "outside_hours"])
def test_who_finds_no_time_can_wait_for_one(outcome: str) -> None:
    assert said(outcome, message="Soll ich später suchen?") == (
        "Soll ich später suchen? Oder soll ich Sie auf die Warteliste setzen?"
    )
    assert said(outcome, slots=[{"start": "x"}]) == "Das geht nicht.", "there is something to choose"
    assert said(outcome, alternatives=[{"start": "x"}]) == "Das geht nicht."


def test_nothing_is_offered_for_what_no_agent_has_a_function() -> None:
    answer = Answer(success=False, message="Nein.", fields={}, outcome=FunctionOutcome.NOT_BOOKABLE)
    assert offer_instead(answer, BOOK, config()) is answer
    closed = Answer(success=False, message="Zu.", fields={}, outcome=FunctionOutcome.CLOSED_DAY)
    message = offer_instead(closed, CHECK, config(leaves_messages=True)).message
    assert message == "Zu. Soll ich dem Team etwas ausrichten?"


def test_a_message_that_is_refused_offers_no_message() -> None:
    assert said("limited", Function.LEAVE_MESSAGE) == "Das geht nicht."
    assert said("asked_back", BOOK) == "Das geht nicht."
