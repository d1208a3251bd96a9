"""The third answer to one question offers a next step that the agent of the call can do."""

from typing import Any

import pytest

from askproai_core.languages import Language
from askproai_core.tenant_config import Function
from askproai_runtime.conversation.instead import AgentFunctions
from askproai_runtime.conversation.repeated_questions import end_question
from askproai_runtime.conversation.types import Answer, FunctionOutcome
from askproai_runtime.sentences import speaking

QUESTION = "Soll ich den Termin absagen?"
ASKED = {"success": False, "message": QUESTION}
CHANGED = {"success": True, "message": "Der Termin ist eingetragen.", "appointment_id": "1"}
ALL = AgentFunctions(transfers=True, leaves_messages=True)
STAYS = "Das kann ich hier leider nicht klären, es bleibt alles, wie es ist. "


def end(
    *earlier: dict[str, Any],
    function: Function = Function.CANCEL_APPOINTMENT,
    agent: AgentFunctions = ALL,
    outcome: FunctionOutcome = FunctionOutcome.ASKED_BACK,
    **fields: Any,
) -> Answer:
    return end_question(
        Answer(success=False, message=QUESTION, fields=fields, outcome=outcome), function, earlier, agent
    )


@pytest.mark.parametrize(
    "earlier", [(), (ASKED,), (ASKED, {"success": False, "message": "?"}), (ASKED, ASKED, CHANGED)]
)
def test_question_may_be_asked_twice(earlier: tuple[dict[str, Any], ...]) -> None:
    assert end(*earlier, needs_confirmation=True).message == QUESTION


def test_third_answer_offers_a_next_step() -> None:
    led = end(ASKED, CHANGED | {"success": False}, ASKED, needs_confirmation=True, appointment_id="1")
    assert (led.success, led.fields) == (False, {}), "a yes to the transfer must not cancel"
    assert led.message == f"{STAYS}Soll ich Sie mit dem Team verbinden oder ihm etwas ausrichten?"
    with speaking(Language.EN):
        assert end(ASKED, ASKED).message == (
            "I am sorry, I cannot settle that here, so everything stays as it is."
            " Shall I put you through to the team, or take a message for them?"
        )


@pytest.mark.parametrize(
    ("agent", "function", "question"),
    [
        (AgentFunctions(), Function.BOOK_APPOINTMENT, "Kann ich sonst etwas für Sie tun?"),
        (AgentFunctions(leaves_messages=True), Function.BOOK_APPOINTMENT, "Soll ich dem Team etwas ausrichten?"),
        (AgentFunctions(leaves_messages=True), Function.LEAVE_MESSAGE, "Kann ich sonst etwas für Sie tun?"),
        (ALL, Function.LEAVE_MESSAGE, "Soll ich Sie mit dem Team verbinden?"),
    ],
)
def test_only_the_agents_own_functions_are_offered(agent: AgentFunctions, function: Function, question: str) -> None:
    assert end(ASKED, ASKED, agent=agent, function=function).message == f"{STAYS}{question}"


@pytest.mark.parametrize("outcome", [FunctionOutcome.IN_FLIGHT, FunctionOutcome.TAKEN, FunctionOutcome.LIMITED])
def test_repeated_fact_is_still_said(outcome: FunctionOutcome) -> None:
    assert end(ASKED, ASKED, ASKED, outcome=outcome).message == QUESTION


@pytest.mark.parametrize("named", ["slots", "alternatives"])
def test_repeated_offer_is_still_said(named: str) -> None:
    assert end(ASKED, ASKED, **{named: [{"start": "2026-12-10T10:00:00+01:00"}]}).message == QUESTION
