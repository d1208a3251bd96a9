"""The controller of the roll-out: makes Tenants due whose turn it is to get the present release, and reports where it stopped.

It is due when a Deployment of a tenant in roll-out changes, and when that Deployment has been ready for long enough. Only
these tenants are examined. The Deployments hold the state of the roll-out (`rollouts.py`).
"""

import contextlib
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Final

import structlog

from askproai_core.clock import Clock
from askproai_core.kube import ApiError
from askproai_operator.api import Key
from askproai_operator.context import ReconcileContext
from askproai_operator.controllers.tenant.children.deployment import pod_template
from askproai_operator.controllers.tenant.children.release import present_release
from askproai_operator.engine import Backoff, Cache, Options, Result
from askproai_operator.rollouts import Rollouts, RolloutState
from askproai_operator.settings import Settings

log = structlog.get_logger(__name__)

KIND: Final = "Rollout"
# While tenants wait: some that were made due may not take their turn, and pods become unhealthy with time alone.
_LOOK: Final = timedelta(seconds=5)
OPTIONS: Final = Options(Backoff(timedelta(seconds=1), timedelta(seconds=30)), workers=1)


def follow_rollouts(cache: Cache, settings: Settings, clock: Clock, enqueue: Callable[[Key], None]) -> Rollouts:
    """Return the progress of all tenants toward the present release, kept current by the cache. `enqueue` makes a key due."""
    return Rollouts(
        cache,
        clock,
        present_release(settings, pod_template()),
        limit=settings.rollout_max_tenants,
        soak=timedelta(seconds=settings.rollout_soak_seconds),
        changed=partial(enqueue, settings.background_key(KIND)),
    )


class RolloutController:
    """Enqueues the Tenants whose turn it is. When the roll-out stops at another Tenant, logs that and creates an Event."""

    def __init__(self) -> None:
        self._stopped_by: frozenset[Key] = frozenset()

    async def reconcile(self, _key: Key, context: ReconcileContext) -> Result:
        """Report where the roll-out has stopped, and enqueue the Tenants whose turn it is."""
        rollouts = context.rollouts
        state = rollouts.state()
        await self._report(state, context)
        for tenant in rollouts.take_next():
            context.enqueue(tenant)
        times = [rollouts.next_change(), _LOOK if state.waiting else None]
        return Result(resync_after=min((each for each in times if each is not None), default=None))

    async def _report(self, state: RolloutState, context: ReconcileContext) -> None:
        rollouts = context.rollouts
        stopped_by = frozenset(state.unhealthy) if state.waiting and rollouts.limit else frozenset()
        new, self._stopped_by, before = stopped_by - self._stopped_by, stopped_by, self._stopped_by
        if before and not stopped_by:
            log.info("rollout.goes_on", release=rollouts.release, waiting=state.waiting)
        for tenant in sorted(new):
            text = describe_stop(tenant, rollouts.release)
            fields = {
                "tenant": f"{tenant.namespace}.{tenant.name}",
                "release": rollouts.release,
                "waiting": state.waiting,
            }
            log.warning("rollout.stopped", **fields, what_to_do=text)
            with contextlib.suppress(ApiError):  # log, condition and metric report it, too
                await context.kube.record_operator_event("RolloutStopped", text, "Warning")


def describe_stop(tenant: Key, release: str) -> str:
    """Return a text that the roll-out of a release has stopped at a Tenant, and what to do. Pure."""
    return (
        f"the pods of Tenant {tenant.name} in namespace {tenant.namespace} were healthy, and are not since they got release"
        f" {release}. Those that have not begun keep the former one. Why: kubectl describe tenant,pods -n {tenant.namespace}. If it"
        " is the release, take it back by helm rollback or upgrade to a mended one; tenants with broken pods get it first. If it is"
        " not, it goes on by itself when these pods are ready (after the third loss of all pods half an hour later), or when"
        " the Tenant is paused (askproai.de/paused)"
    )
