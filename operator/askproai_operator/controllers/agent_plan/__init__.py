"""The plan of a RetellAgent: its inputs, and the actions at Retell as a value. Nothing here writes."""

from askproai_operator.controllers.agent_plan.checks import CHECKS
from askproai_operator.controllers.agent_plan.diff import differing_paths
from askproai_operator.controllers.agent_plan.inputs import (
    PlanInputs,
    Target,
    gather,
    gather_remote,
    marker,
    retell_client,
)
from askproai_operator.controllers.agent_plan.plan import (
    GRACE,
    PUBLISH,
    Action,
    Plan,
    Step,
    entries_without,
    make_plan,
    plan_unseen,
)
from askproai_operator.controllers.agent_plan.render import Desired, PromptFrame, agent_owner, llm_owner

__all__ = [
    "CHECKS", "GRACE", "PUBLISH", "Action", "Desired", "Plan", "PlanInputs", "PromptFrame", "Step", "Target", "agent_owner",
    "differing_paths", "entries_without", "gather", "gather_remote", "llm_owner", "make_plan", "marker", "observe",
    "plan_unseen", "retell_client",
]  # fmt: skip
