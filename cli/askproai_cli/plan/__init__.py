"""What `kubectl apply` would change in the cluster, and what the operator would then do at Retell."""

from askproai_cli.plan.plan import Change, Planned, plan_manifests, summarize

__all__ = ["Change", "Planned", "plan_manifests", "summarize"]
