"""RetellAgent: the LLM, the agent, its published version and its phone numbers, at Retell; planned by `controllers/agent_plan`."""

from askproai_operator.controllers.agent.deletion import keeping_policy, remote_objects, remove_remote_objects
from askproai_operator.controllers.agent.reconcile import reconcile

__all__ = ["keeping_policy", "reconcile", "remote_objects", "remove_remote_objects"]
