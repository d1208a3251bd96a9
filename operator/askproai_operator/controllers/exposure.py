"""Tests each URL that a Tenant asks for until it has led to the Tenant's pods once. Only then do senders get the URL.

A URL that senders already use is never tested again. The verdicts are kept in memory: the Tenant's status records the URL that
senders use, and a new leader tests the other URLs again.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog

from askproai_operator.api import Key, Tenant
from askproai_operator.context import ReconcileContext, TenantUrl, Verdict
from askproai_operator.engine import GONE, Backoff, Options, Result
from askproai_operator.url_prober import Prober

log = structlog.get_logger(__name__)

KIND: Final = "Exposure"
# Workers of its own, since a host that does not answer takes 5 s: 16 workers test a thousand such hosts in about 5 minutes.
OPTIONS: Final = Options(workers=16)
_BACKOFF: Final = Backoff(first=timedelta(milliseconds=250), longest=timedelta(minutes=5))


@dataclass(frozen=True, slots=True)
class _Target:
    """The URL to test for a tenant. A new `reason` starts a test at once, without waiting for the pause between tests."""

    url: TenantUrl
    reason: str


class ExposureController:
    """Tests the URLs of tenants, and enqueues a Tenant when the verdict about its URL changes. Implements `context.UrlProofs`."""

    def __init__(self, prober: Prober, enqueue: Callable[[Key], None]) -> None:
        """Take the prober, and `WorkQueue.add` as `enqueue`."""
        self._prober, self._enqueue = prober, enqueue
        self._targets: dict[Key, _Target] = {}
        self._failures: dict[Key, int] = {}
        self._verdicts: dict[Key, tuple[TenantUrl, Verdict]] = {}  # what was tested, and the answer

    def find(self, url: TenantUrl) -> Verdict | None:
        """Return the verdict of the last test of this URL; None if it was not tested for this Tenant (UID) and token."""
        tested, verdict = self._verdicts.get(_key(url), (None, None))
        return verdict if tested == url else None

    def request(self, url: TenantUrl, reason: str = "") -> None:
        """Have a URL tested until it leads to the tenant's pods. A repeated request changes nothing: the pauses keep growing."""
        key, target = _key(url), _Target(url, reason)
        if self._targets.get(key) != target:
            self._targets[key] = target
            self._failures.pop(key, None)
            self._enqueue(key)

    def forget(self, namespace: str, tenant: str) -> None:
        """Drop the test and its verdict: the tenant is gone or suspended, or the URL that it asks for is in use already."""
        key = Key(KIND, namespace, tenant)
        for known in (self._targets, self._failures, self._verdicts):
            known.pop(key, None)

    async def reconcile(self, key: Key, context: ReconcileContext) -> Result:
        """Test a tenant's URL, and again after pauses that grow, until the URL leads to the tenant's pods."""
        target = self._targets.get(key)
        if target is None or context.relations.tenant(*key[1:]) is None:
            self.forget(*key[1:])
            return GONE
        problem = await self._prober.find_problem(target.url.base_url, target.url.token)
        if self._targets.get(key) is not target:
            return GONE  # meanwhile another URL was requested, which has enqueued this key
        verdict = Verdict(target.url.base_url, problem)
        if self._verdicts.get(key) != (target.url, verdict):
            self._verdicts[key] = (target.url, verdict)
            log.info(
                "exposure.answered" if problem is None else "exposure.failed", tenant=f"{key.namespace}.{key.name}"
            )
            context.enqueue(Key(Tenant.kind, *key[1:]))
        if problem is None:
            return GONE
        self._failures[key] = self._failures.get(key, 0) + 1
        pause = _BACKOFF.delay(self._failures[key])
        return Result(requeue_after=pause, requeue_reason="the URL does not lead to the tenant's pods yet")


def _key(url: TenantUrl) -> Key:
    return Key(KIND, url.namespace, url.tenant)
