"""The agent at Retell knows the services and the staff of its manifests, and follows their edits."""

from typing import Any

from askproai_operator.engine import resources
from tests.worlds.agent_environment import NUMBER, AgentEnvironment, branch, open_agent_environment


def service(display_name: str, **annotations: str) -> dict[str, Any]:
    metadata = {"name": "schnitt", "namespace": "salon", "uid": "u-service", "generation": 1}
    return {
        "apiVersion": "askproai.de/v1alpha1",
        "kind": "ServiceOffering",
        "metadata": {**metadata, "annotations": annotations},
        "spec": {"tenantRef": {"name": "salon"}, "displayName": display_name, "durationMinutes": 45},
    }


def answering_prompt(env: AgentEnvironment) -> str:
    llm = env.workspace["llms"][env.status["llmId"]][env.status["publishedVersion"]]
    return str(llm["general_prompt"])


async def test_an_edited_service_or_staff_publishes_a_prompt_that_names_it() -> None:
    async with open_agent_environment() as env:
        env.put(resources.OFFERINGS, service("Haarschnitt"))
        await env.settle()
        assert "- Haarschnitt (45 Minuten)" in answering_prompt(env)
        env.put(resources.OFFERINGS, service("Nassrasur"))
        staffed = branch([NUMBER])
        staffed["spec"]["staff"] = [{"id": "anna", "displayName": "Anna"}]
        env.put(resources.BRANCHES, staffed)
        await env.settle()
        assert "- Nassrasur (45 Minuten)" in answering_prompt(env)
        assert "- Salon Mitte: Anna" in answering_prompt(env)
        assert "Haarschnitt" not in answering_prompt(env)
        env.assert_one_of_each()
        at = len(env.retell_requests)
        await env.settle()
        assert env.retell_writes(at) == []


async def test_a_service_in_plan_mode_reaches_no_caller_by_the_prompt() -> None:
    async with open_agent_environment() as env:
        env.put(resources.OFFERINGS, service("Haarschnitt"))
        await env.settle()
        env.put(resources.OFFERINGS, service("Nassrasur", **{"askproai.de/plan": "true"}))
        await env.settle()
        assert "Haarschnitt" in answering_prompt(env)
