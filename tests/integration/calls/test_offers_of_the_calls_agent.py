"""A caller who could not be helped is offered only functions of this call's agent, not of other agents."""

from datetime import time
from typing import Any

import pytest
from msgspec.structs import replace

from askproai_core.tenant_config import Function, Weekday
from askproai_core.tenant_config.branches import Hours
from tests.worlds.tenant_pod import TenantPod
from tests.worlds.waiting import eventually

AT_ANY_TIME = (Hours(days=tuple(Weekday), opens=time(), closes=time()),)
NOTING, BOOKING = "agent_notes", "agent_books"
UNKNOWN = {"topic": "other", "question": "Verkaufen Sie Hundefutter?"}
QUESTIONS = {
    "de": (
        " Soll ich Sie mit dem Team verbinden oder ihm etwas ausrichten?",
        " Soll ich dem Team etwas ausrichten?",
        " Kann ich sonst etwas für Sie tun?",
    ),
    "en": (
        " Shall I put you through to the team, or take a message for them?",
        " Shall I take a message for the team?",
        " Is there anything else I can do for you?",
    ),
}


async def say_to(pod: TenantPod, agent_id: str | None, name: str, args: dict[str, Any], **call: Any) -> str:
    agent = {"agent_id": agent_id} if agent_id else {}
    reply = await pod.function(name, f"call_{agent_id}_{name}", args, **agent, **call)
    assert reply.status == 200
    return str(reply.body["message"])


@pytest.mark.parametrize("language", ["de-DE", "en-GB"])
async def test_caller_is_offered_only_the_agents_functions(pod: TenantPod, language: str) -> None:
    before = pod.config()
    (agent,) = before.agents
    assert Function.TRANSFER_TO_HUMAN in agent.functions
    agent = replace(agent, language=language, transfer_hours=AT_ANY_TIME)
    functions = tuple(each for each in agent.functions if each is not Function.TRANSFER_TO_HUMAN)
    notes = replace(agent, name="notes", agent_id=NOTING, functions=functions)
    books = replace(agent, name="books", agent_id=BOOKING, functions=functions, leaves_messages=False)
    both, message, nothing = QUESTIONS[language[:2]]
    pod.write_config(replace(before, agents=(agent, notes, books)))

    async def hears_them() -> bool:
        reply = await pod.function("business_information", "call_ready", UNKNOWN, agent_id=BOOKING)
        return reply.status == 200 and str(reply.body["message"]).endswith(nothing)

    try:
        await eventually(hears_them)
        for agent_id, question in ((None, both), (NOTING, message), (BOOKING, nothing)):
            assert (await say_to(pod, agent_id, "business_information", UNKNOWN)).endswith(question)
            for function in ("find_appointments", "cancel_appointment", "reschedule_appointment"):
                assert (await say_to(pod, agent_id, function, {}, from_number="anonymous")).endswith(question)
        unknown = await pod.function("business_information", "call_unknown", UNKNOWN, agent_id="agent_new")
        assert unknown.body["message"].endswith(nothing), (
            "by the number alone: no offer that one of the agents cannot keep"
        )
    finally:
        pod.write_config(before)
