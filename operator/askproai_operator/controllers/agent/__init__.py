"""RetellAgent: the LLM, the agent, its published version and its phone numbers, at Retell."""

from askproai_operator.controllers.agent.checks import CHECKS
from askproai_operator.controllers.agent.deletion import remove_remote_objects
from askproai_operator.controllers.agent.inputs import gather, gather_remote
from askproai_operator.controllers.agent.plan import make_plan
from askproai_operator.controllers.agent.reconcile import reconcile

__all__ = ["CHECKS", "gather", "gather_remote", "make_plan", "reconcile", "remove_remote_objects"]
