"""The writes to Retell are those of the shown plan, step by step, for any agents there and any edits."""

import random
import re
from collections.abc import Awaitable, Callable

import pytest

from askproai_operator.controllers.agent_plan.plan import Action
from tests.worlds.agent_environment import NUMBER, AgentEnvironment

OPERATIONS = {
    Action.CREATE_LLM: "create-llm", Action.CREATE_AGENT: "create-agent", Action.FORK: "create-agent-version",
    Action.PATCH_LLM: "update-llm", Action.PATCH_AGENT: "update-agent", Action.PUBLISH: "publish-agent-version",
    Action.IMPORT: "import-number", Action.BIND: "update-number", Action.UNBIND: "update-number",
    Action.DELETE_AGENT: "delete-agent", Action.DELETE_LLM: "delete-llm",
}  # fmt: skip
PLAN = {"askproai.de/plan": "true"}


async def prompt(env: AgentEnvironment) -> None:
    env.edit(llm={"model": "gpt-5.1", "temperature": "0", "prompt": "Sei freundlich."})


async def voice(env: AgentEnvironment) -> None:
    env.edit(voiceId="11labs-Adrian")


async def functions(env: AgentEnvironment) -> None:
    env.edit(functions=["CheckAvailability"])


async def number_given_up(env: AgentEnvironment) -> None:
    env.set_branch_numbers()


async def unbound_by_hand(env: AgentEnvironment) -> None:
    if env.status.get("agentId"):
        await env.bind_by_hand(NUMBER, None)


async def drift(env: AgentEnvironment) -> None:
    """Edit and publish a version, as a person does with the dashboard."""
    if env.status.get("agentId"):
        await env.publish_by_hand(voice_id="11labs-Adrian")


async def new_process(env: AgentEnvironment) -> None:
    await env.restart()


CHANGES: tuple[Callable[[AgentEnvironment], Awaitable[None]], ...] = (
    prompt, voice, functions, number_given_up, unbound_by_hand, drift, new_process,
)  # fmt: skip


def operation(line: str) -> str:
    """Return the operation that a line of the plan announces."""
    for action, name in OPERATIONS.items():
        if re.fullmatch(re.escape(action.value).replace(r"\{\}", ".+"), line):
            return name
    raise AssertionError(f"not a step: {line}")


@pytest.mark.parametrize("seed", [*range(4), *(pytest.param(seed, marks=pytest.mark.nightly) for seed in range(4, 12))])
async def test_plan_equals_the_later_writes(new_env, seed):
    chance = random.Random(seed)
    if chance.random() < 0.7:
        await new_env.settle()
    for change in chance.sample(CHANGES, chance.randint(1, 3)):
        await change(new_env)
    new_env.annotate(**PLAN)
    at = len(new_env.retell_requests)
    await new_env.settle()
    plan = new_env.status["plan"]
    assert new_env.retell_writes(at) == [], "showing it writes nothing"
    new_env.annotate()
    await new_env.settle()
    assert new_env.retell_writes(at) == [operation(line) for line in plan if line != "nothing to do"]
    assert "plan" not in new_env.status
