"""What `kubectl apply` would change in the cluster, and what the operator would then do at Retell."""

from askproai_cli.plan.command import plan_command
from askproai_cli.plan.plan import Change, Planned, plan_manifests

__all__ = [
    "Change",
    "Planned",
    "plan_command",
    "plan_manifests",
]
