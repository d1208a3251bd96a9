"""Services of an agent, and its prompt at Retell."""

from typing import Any

from tests.worlds.agent_environment import AgentEnvironment


def service(display_name: str, **annotations: str) -> dict[str, Any]:
    metadata = {"name": "schnitt", "namespace": "salon", "uid": "u-service", "generation": 1}
    return {
        "apiVersion": "askproai.de/v1alpha1",
        "kind": "ServiceOffering",
        "metadata": {**metadata, "annotations": annotations},
        "spec": {"tenantRef": {"name": "salon"}, "displayName": display_name, "durationMinutes": 45},
    }


def answering_prompt(env: AgentEnvironment) -> str:
    return str(env.answering_llm["general_prompt"])
