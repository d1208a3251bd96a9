"""RetellAgent: the LLM, the agent, its published version and its phone numbers, at Retell."""

from askproai_operator.controllers.agent.checks import CHECKS
from askproai_operator.controllers.agent.deletion import keeping_policy, remote_objects, remove_remote_objects
from askproai_operator.controllers.agent.inputs import gather, gather_remote
from askproai_operator.controllers.agent.observe import RecordedState
from askproai_operator.controllers.agent.plan import Action, Plan, make_plan
from askproai_operator.controllers.agent.reconcile import reconcile
from askproai_operator.controllers.agent.unseen import plan_unseen

__all__ = [
    "CHECKS", "Action", "Plan", "RecordedState", "gather", "gather_remote", "keeping_policy", "make_plan", "plan_unseen",
    "reconcile", "remote_objects", "remove_remote_objects",
]  # fmt: skip
