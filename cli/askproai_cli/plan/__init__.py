"""What `kubectl apply` would change in the cluster, and what the operator would then do at Retell."""

from askproai_cli.plan.dry_run import Change
from askproai_cli.plan.plan import Planned, plan_manifests, summarize

__all__ = ["Change", "Planned", "plan_manifests", "summarize"]
