"""The alternatives that are offered to a caller for whom nothing could be done."""

from datetime import UTC, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from askproai_core.languages import Language
from askproai_core.tenant_config import Agent, Function, TenantConfig, Weekday
from askproai_core.tenant_config.branches import Hours
from askproai_runtime.call_routes import Route
from askproai_runtime.conversation.instead import AgentFunctions, offer_instead
from askproai_runtime.conversation.types import Answer, FunctionOutcome
from askproai_runtime.sentences import say, speaking
from tests.worlds.compiled_salon import salon_config
from tests.worlds.rows import each_row

EVENINGS = Hours(days=(Weekday.FRI,), opens=time(18), closes=time(0))
BOOK, CHECK = Function.BOOK_APPOINTMENT, Function.CHECK_AVAILABILITY


TRANSFERS = Agent(name="mitte", branch="mitte", functions=(Function.TRANSFER_TO_HUMAN,), leaves_messages=True)
NOTES = Agent(name="nord", branch="nord", functions=(BOOK, CHECK), leaves_messages=True)
BOOKS = Agent(name="west", branch="west", functions=(BOOK, CHECK))
NOTED = "Das geht nicht. Soll ich dem Team etwas ausrichten?"


SALON = salon_config()  # open from Tuesday to Saturday
FRIDAY_NOON = datetime(2026, 11, 27, 11, tzinfo=UTC)


def can(agent: Agent | None, *agents: Agent, at: datetime = FRIDAY_NOON) -> AgentFunctions:
    """Return what the agent of a call can do in a tenant of these agents."""
    config = replace(SALON, agents=agents or (TRANSFERS, NOTES, BOOKS))
    return AgentFunctions.of(config, Route("mitte", agent), at)


def said(outcome: str, function: Function = CHECK, message: str = "Das geht nicht.", **fields: Any) -> str:
    answer = Answer(success=False, message=message, fields=fields, outcome=FunctionOutcome(outcome))
    return offer_instead(answer, function, AgentFunctions(leaves_messages=True, joins_waitlist=True)).message


@pytest.mark.parametrize("outcome", ["not_bookable", "limited", "gone", "refused"])
def test_unhelped_caller_can_leave_a_message(outcome: str) -> None:
    assert said(outcome, BOOK) == NOTED


@pytest.mark.parametrize("outcome", ["taken", "closed_day", "day_off", "outside_hours"])
def test_caller_without_a_time_can_wait(outcome: str) -> None:
    assert said(outcome, message="Soll ich später suchen?") == (
        "Soll ich später suchen? Oder soll ich Sie auf die Warteliste setzen?"
    )
    assert said(outcome, slots=[{"start": "x"}]) == "Das geht nicht.", "there is something to choose"
    assert said(outcome, alternatives=[{"start": "x"}]) == "Das geht nicht."


def test_nothing_is_offered_without_an_agents_function() -> None:
    answer = Answer(success=False, message="Nein.", fields={}, outcome=FunctionOutcome.GONE)
    assert offer_instead(answer, BOOK, AgentFunctions(transfers=True)) is answer
    closed = Answer(success=False, message="Zu.", fields={}, outcome=FunctionOutcome.CLOSED_DAY)
    message = offer_instead(closed, CHECK, AgentFunctions(leaves_messages=True)).message
    assert message == "Zu. Soll ich dem Team etwas ausrichten?"


def test_unknown_services_offer_to_ask_the_team() -> None:
    unknown = "Unter Dauerwelle finde ich nichts. Möchten Sie das?"
    assert (
        said("unknown_service", message=unknown, not_offered=True)
        == f"{unknown} Oder soll ich dem Team etwas ausrichten?"
    )
    assert said("unknown_service", message="Meinen Sie Haarschnitt?") == "Meinen Sie Haarschnitt?"
    answer = Answer(
        success=False, message=unknown, fields={"not_offered": True}, outcome=FunctionOutcome.UNKNOWN_SERVICE
    )
    assert offer_instead(answer, CHECK, AgentFunctions()) is answer


def test_refused_message_offers_no_message() -> None:
    assert said("limited", Function.LEAVE_MESSAGE) == "Das geht nicht."
    assert said("asked_back", BOOK) == "Das geht nicht."


@each_row("outcome", ["limited", "refused", "not_known", "none_found", "not_bookable"])
@each_row(
    ("agent", "german", "english"),
    [
        (
            TRANSFERS,
            "Soll ich Sie mit dem Team verbinden oder ihm etwas ausrichten?",
            "Shall I put you through to the team, or take a message for them?",
        ),
        (NOTES, "Soll ich dem Team etwas ausrichten?", "Shall I take a message for the team?"),
        (BOOKS, "Kann ich sonst etwas für Sie tun?", "Is there anything else I can do for you?"),
    ],
)
def test_callers_needing_the_team_get_the_agents_alternatives(
    outcome: str, agent: Agent, german: str, english: str
) -> None:
    """Another agent of the tenant can transfer calls. This agent cannot, so it must not offer a transfer."""
    answer = Answer(success=False, message="Nein.", fields={}, outcome=FunctionOutcome(outcome))
    assert offer_instead(answer, CHECK, can(agent)).message == f"Nein. {german}"
    with speaking(Language.EN):
        assert offer_instead(answer, CHECK, can(agent)).message == f"Nein. {english}"


@pytest.mark.parametrize("language", Language)
def test_a_failed_verification_offers_a_message(language: Language) -> None:
    """A question for another name and birth date would invite guesses."""
    with speaking(language):
        sentence = say().no_match
        assert said("none_found", message=sentence).casefold().endswith(say().offer_message.casefold())


def test_answer_that_asks_offers_no_alternative() -> None:
    assert said("none_found", message="Möchten Sie einen neuen?") == "Möchten Sie einen neuen?"


def test_unknown_agent_has_the_functions_of_every_agent() -> None:
    assert can(None) == AgentFunctions()
    assert can(None, TRANSFERS, NOTES) == AgentFunctions(leaves_messages=True)
    assert can(None, TRANSFERS) == AgentFunctions(transfers=True, leaves_messages=True)
    nobody = TenantConfig(tenant="salon.salon", display_name="Salon")
    assert AgentFunctions.of(nobody, Route("mitte", None), FRIDAY_NOON) == AgentFunctions()


@pytest.mark.parametrize(
    ("hours", "at", "answers"),
    [
        (None, "2026-11-27T12:00", True),
        (None, "2026-11-27T03:00", False),
        (None, "2026-11-27T18:00", False),
        (None, "2026-11-30T12:00", False),  # a Monday, closed
        (None, "2026-12-24T12:00", False),  # a Thursday, closed by the branch
        (None, "2026-12-25T12:00", False),  # a Friday, a public holiday
        ((EVENINGS,), "2026-11-27T12:00", False),
        ((EVENINGS,), "2026-11-27T23:59", True),
        ((EVENINGS,), "2026-12-25T20:00", True),
        ((), "2026-11-27T12:00", False),
    ],
)
def test_a_transfer_is_offered_while_somebody_answers(
    hours: tuple[Hours, ...] | None, at: str, *, answers: bool
) -> None:
    now = datetime.fromisoformat(at).replace(tzinfo=ZoneInfo(SALON.time_zone))
    agent = replace(TRANSFERS, transfer_hours=hours)
    assert can(agent, at=now).transfers is answers
    hotline = replace(agent, branch=None)
    assert can(hotline, at=now).transfers is (answers or hours is None)


def test_messages_and_waiting_list_follow_the_calls_agent() -> None:
    waits = Agent(name="ost", joins_waitlist=True)
    closed = Answer(success=False, message="Zu.", fields={}, outcome=FunctionOutcome.CLOSED_DAY)
    assert offer_instead(closed, CHECK, can(BOOKS, BOOKS, waits, NOTES)) is closed
    assert offer_instead(closed, CHECK, can(NOTES, waits, NOTES)).message == "Zu. Soll ich dem Team etwas ausrichten?"
    assert (
        offer_instead(closed, CHECK, can(waits, waits, NOTES)).message == "Zu. Soll ich Sie auf die Warteliste setzen?"
    )
