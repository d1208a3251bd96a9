"""The changes of `kubectl apply` in the cluster, and of the operator at Retell after it."""

from askproai_cli.plan.dry_run import Change
from askproai_cli.plan.plan import Planned, plan_manifests, summarize

__all__ = ["Change", "Planned", "plan_manifests", "summarize"]
