"""A workspace as the caller sees it: which agent a number rings, at which version."""

import random
from dataclasses import dataclass

from askproai_sandbox.caller import Bound, Switchboard
from askproai_sandbox.retell.workspace import Workspace
from askproai_sandbox.simulator import Refusal


@dataclass(frozen=True, slots=True)
class _WorkspaceLine:
    workspace: Workspace

    def inbound_webhook_url(self, number: str) -> str | None:
        url: str | None = self.workspace.numbers[number].fields.get("inbound_webhook_url")
        return url

    def bound_to(self, number: str) -> Bound | None:
        agents = self.workspace.numbers[number].fields.get("inbound_agents")
        if not agents:
            return None
        picked = random.choices(agents, [agent["weight"] for agent in agents])[0]
        return self.agent(picked["agent_id"], picked.get("agent_version"))

    def agent(self, agent_id: str, version: str | int | None) -> Bound | None:
        """Resolve a version; without one it is the latest, an unpublished draft included (§2.1.7)."""
        try:
            agent = self.workspace.agent(agent_id)
            chosen = agent.version(version)
        except Refusal:
            return None  # a dangling binding: the call is declined
        paired = self.workspace.llm_version_of(chosen)
        if paired is None:
            return None
        llm = self.workspace.llm(chosen.fields["response_engine"]["llm_id"])
        return Bound(agent.id, chosen.number, agent.agent_answer(chosen), llm.llm_answer(paired))


def line_for(workspace: Workspace) -> Switchboard:
    """Give the workspace as the caller sees it."""
    return _WorkspaceLine(workspace)
