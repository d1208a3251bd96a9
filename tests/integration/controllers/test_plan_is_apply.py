"""Whatever exists at Retell and whatever was edited: the plan that is shown is what is then written there, step by step."""

import random
import re
from collections.abc import Awaitable, Callable

import pytest
from agent_world import NUMBER, Scene, scene

from askproai_operator.controllers.agent.plan import Action

OPERATIONS = {
    Action.CREATE_LLM: "create-llm", Action.CREATE_AGENT: "create-agent", Action.FORK: "create-agent-version",
    Action.PATCH_LLM: "update-llm", Action.PATCH_AGENT: "update-agent", Action.PUBLISH: "publish-agent-version",
    Action.IMPORT: "import-number", Action.BIND: "update-number", Action.UNBIND: "update-number",
    Action.DELETE_AGENT: "delete-agent", Action.DELETE_LLM: "delete-llm",
}  # fmt: skip
PLAN = {"askproai.de/plan": "true"}


async def prompt(s: Scene) -> None:
    s.edit(llm={"model": "gpt-5.1", "temperature": "0", "prompt": "Sei freundlich."})


async def voice(s: Scene) -> None:
    s.edit(voiceId="11labs-Adrian")


async def functions(s: Scene) -> None:
    s.edit(functions=["CheckAvailability"])


async def number_given_up(s: Scene) -> None:
    s.set_branch_numbers()


async def unbound_by_hand(s: Scene) -> None:
    if s.status.get("agentId"):
        await s.retell("PATCH", f"/update-phone-number/{NUMBER.replace('+', '%2B')}", {"inbound_agents": None})


async def drift(s: Scene) -> None:
    """Somebody edits and publishes a version with the dashboard."""
    if agent_id := s.status.get("agentId"):
        draft = await s.retell(
            "POST", f"/create-agent-version/{agent_id}", {"base_version": s.status["publishedVersion"]}
        )
        await s.retell("PATCH", f"/update-agent/{agent_id}?version={draft['version']}", {"voice_id": "11labs-Adrian"})
        await s.retell("POST", f"/publish-agent-version/{agent_id}", {"version": draft["version"]})


async def new_process(s: Scene) -> None:
    await s.restart()


CHANGES: tuple[Callable[[Scene], Awaitable[None]], ...] = (
    prompt, voice, functions, number_given_up, unbound_by_hand, drift, new_process,
)  # fmt: skip


def operation(line: str) -> str:
    """Return the operation that a line of the plan announces."""
    for action, name in OPERATIONS.items():
        if re.fullmatch(re.escape(action.value).replace(r"\{\}", ".+"), line):
            return name
    raise AssertionError(f"not a step: {line}")


@pytest.mark.parametrize("seed", range(12))
async def test_what_the_plan_shows_is_what_is_then_written(seed: int) -> None:
    chance = random.Random(seed)
    async with scene() as s:
        if chance.random() < 0.7:
            await s.settle()
        for change in chance.sample(CHANGES, chance.randint(1, 3)):
            await change(s)
        s.annotate(**PLAN)
        at = len(s.entries)
        await s.settle()
        plan = s.status["plan"]
        assert s.written(at) == [], "showing it writes nothing"
        s.annotate()
        await s.settle()
        assert s.written(at) == [operation(line) for line in plan if line != "nothing to do"]
        assert "plan" not in s.status
