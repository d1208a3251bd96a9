"""The write guard: test that the chart's admission policy restricts this process's account, and report if it does not.

The policy (charts/askproai/templates/write-guard.yaml) keeps a compromised operator from acting as somebody else. All our
writes are admitted, so they would not show that the policy is missing. So a write that it must refuse is sent as a dry run.
"""

import contextlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from askproai_core.kube import ApiError
from askproai_operator import resources
from askproai_operator.api import Key
from askproai_operator.context import ReconcileContext
from askproai_operator.engine import Options, Result
from askproai_operator.resources import MANAGER

log = structlog.get_logger(__name__)

KIND: Final = "WriteGuard"
OPTIONS: Final = Options(workers=1)
_POLICY: Final = "ValidatingAdmissionPolicy 'askproai-operator'"  # as the API server names it in a refusal
_GRACE: Final = timedelta(seconds=60)  # the API server enforces a new policy some seconds after its creation
_PAUSE: Final = timedelta(seconds=2)
_UNGUARDED: Final = (
    "no admission policy restricts this operator's account, so whoever takes it over can take over other accounts: install the "
    "chart with secretGuard.enabled: true (docs/runbooks/writes-unguarded.md); for a trial or a demo this is fine"
)


class WriteGuardController:
    """Tests the policy at the start and at each resync. A changed result is logged, counted and recorded as an Event."""

    def __init__(self, set_unguarded: Callable[[bool], None]) -> None:
        """Take the setter of the gauge, which is set to True while the policy does not restrict the operator."""
        self._set_unguarded = set_unguarded
        self._unguarded: bool | None = None  # None: not known yet
        self._admitted_since: datetime | None = None

    async def reconcile(self, key: Key, context: ReconcileContext) -> Result:
        """Send the forbidden write as a dry run, and report if it is admitted for a minute: a new policy acts late."""
        try:
            refusal = await context.kube.try_create(forbidden_secret(key.namespace))
        except ApiError as error:  # such as no answer, or a foreign webhook that allows no dry run
            log.info("writes.guard_not_tested", error=str(error))
            return Result(requeue=True, requeue_reason="whether the operator's writes are restricted is not known")
        if refusal is not None and _POLICY in refusal:  # a refusal by a quota or a foreign policy proves nothing
            self._admitted_since = None
            await self._report(False, context)
            return Result()
        now = context.clock.now()
        self._admitted_since = self._admitted_since or now
        if self._unguarded is not True and now - self._admitted_since < _GRACE:
            return Result(requeue_after=_PAUSE, requeue_reason="the API server may not enforce the policy yet")
        await self._report(True, context)
        return Result()

    async def _report(self, unguarded: bool, context: ReconcileContext) -> None:
        before, self._unguarded = self._unguarded, unguarded
        self._set_unguarded(unguarded)
        if before is unguarded:
            return
        if not unguarded:
            log.info("writes.guarded")
            return
        log.warning("writes.unguarded", what_to_do=_UNGUARDED)
        with contextlib.suppress(ApiError):  # log and metric have it
            await context.kube.record_operator_event("WritesUnguarded", _UNGUARDED, "Warning")


def forbidden_secret(namespace: str) -> dict[str, Any]:
    """Return a Secret that the policy must refuse: a service account's token, even in the operator's namespace with its label."""
    return {
        **resources.SECRETS.type_meta,
        "metadata": {
            "generateName": "askproai-write-guard-",
            "namespace": namespace,
            "labels": {"app.kubernetes.io/managed-by": MANAGER},
            "annotations": {"kubernetes.io/service-account.name": MANAGER},
        },
        "type": "kubernetes.io/service-account-token",
    }
