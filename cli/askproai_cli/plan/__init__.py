"""Preview the changes that `kubectl apply` would make in the cluster, and those that the operator would then make at Retell."""

from askproai_cli.plan.dry_run import Change
from askproai_cli.plan.plan import Planned, plan_manifests, summarize

__all__ = ["Change", "Planned", "plan_manifests", "summarize"]
