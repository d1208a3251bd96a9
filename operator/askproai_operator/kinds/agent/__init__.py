"""RetellAgent: the LLM, the agent, its published version and its numbers, at Retell."""

from askproai_operator.kinds.agent.reconcile import reconcile

__all__ = ["reconcile"]
