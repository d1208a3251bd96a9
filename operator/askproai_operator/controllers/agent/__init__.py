"""RetellAgent: the LLM, the agent, its published version and its numbers, at Retell."""

from askproai_operator.controllers.agent.decide import Finding
from askproai_operator.controllers.agent.ground import find_ground
from askproai_operator.controllers.agent.look import look
from askproai_operator.controllers.agent.reconcile import reconcile

__all__ = ["Finding", "find_ground", "look", "reconcile"]
