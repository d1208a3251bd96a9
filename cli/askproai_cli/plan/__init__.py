"""What `kubectl apply` would change in the cluster, and what the operator would then do at Retell."""

from askproai_cli.plan.command import plan_command

__all__ = ["plan_command"]
