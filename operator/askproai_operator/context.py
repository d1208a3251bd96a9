"""Everything that a controller may use to read and to write, passed in as one value."""

from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol, TypeVar

from askproai_core.fault_injection import FaultPoints
from askproai_core.providers import ProviderError, RateLimited
from askproai_operator.api import Key
from askproai_operator.engine import M
from askproai_operator.memory import Look, Memory, PodKeys
from askproai_operator.plan_context import PlanContext
from askproai_operator.redis_users import RedisAdmin
from askproai_operator.resources import resource_of_kind
from askproai_operator.rollouts import Rollouts
from askproai_operator.store.admin import AdminStore

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of a test of a public URL. `problem` is None if the URL leads to the tenant's own pods, else text about it.

    When `proven` is False, the URL was not tested and counts as good.
    """

    base_url: str
    problem: str | None = None
    proven: bool = True


@dataclass(frozen=True, slots=True)
class TenantUrl:
    """A public URL of one Tenant, and the token that only its pods have. Another UID or token makes a different TenantUrl."""

    namespace: str
    tenant: str
    uid: str
    base_url: str
    token: str = field(repr=False)


class UrlProofs(Protocol):
    """Tests the URLs of tenants (`controllers/exposure`)."""

    def find(self, url: TenantUrl, /) -> Verdict | None:
        """Return the verdict of the last test of the URL; None if it was not tested yet."""

    def request(self, url: TenantUrl, reason: str, /) -> None:
        """Have a URL tested repeatedly until it leads to the tenant's pods. A new URL or a new `reason` starts a test at once."""

    def forget(self, namespace: str, tenant: str, /) -> None:
        """Drop the test and the verdict of this tenant's URL."""


class Unverified:
    """A `UrlProofs` that counts every URL as good. Used when ASKPROAI_VERIFY_EXPOSURE is false or changes are not carried out."""

    def find(self, url: TenantUrl) -> Verdict | None:
        return Verdict(url.base_url, proven=False)

    def request(self, url: TenantUrl, reason: str) -> None:
        """Do nothing: no URL is tested."""

    def forget(self, namespace: str, tenant: str) -> None:
        """Do nothing: no verdicts are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcileContext(PlanContext):
    """All that a controller of this process may use: clients, stores, settings, and functions to enqueue keys."""

    faults: FaultPoints
    database: AdminStore
    fence: Callable[[], None]  # raises NotLeader unless our Lease is surely ours: call it right before a remote write
    enqueue: Callable[[Key], None]  # makes a key due
    rollouts: Rollouts
    redis: RedisAdmin | None = None  # None: the installation has none
    # (namespace, tenant, config hash, keys): makes the tenant's pods read a changed config and changed keys at once
    trigger_config_sync: Callable[[str, str, str, PodKeys], None] = lambda *_: None
    url_proofs: UrlProofs = field(default_factory=Unverified)
    memory: Memory = field(default_factory=Memory)

    async def look(
        self,
        owner: Key,
        name: Hashable,
        source: Hashable,
        read: Callable[[], Awaitable[T]],
        *,
        is_good: Callable[[T], bool] = lambda _: True,
        once: bool = False,
    ) -> T:
        """Return the answer of `read`, or the remembered answer that an earlier run of `owner` got from the same `source`.

        A good answer is remembered for the interval of the settings; with `once`, until the source changes. A bad answer or an
        error is remembered for waits that grow. While a new request waits for its key's request budget, the old answer is
        returned. Raises the ProviderError of `read`, also when it is remembered.
        """
        looks, now = self.memory.looks, self.clock.monotonic()
        known = looks.find(owner, name, source)
        if known is None or known.is_due(now):
            # If the run ends here, as after the loss of the Lease, no former answer may stay.
            looks.forget(owner, name)
            known = await self._renew(known, source, read, is_good, once=once)
            looks.keep(owner, name, known)
        if isinstance(known.answer, ProviderError):
            raise known.answer.with_traceback(None)
        answer: T = known.answer
        return answer

    async def _renew(
        self,
        known: Look | None,
        source: Hashable,
        read: Callable[[], Awaitable[T]],
        is_good: Callable[[T], bool],
        *,
        once: bool,
    ) -> Look:
        looks, misses = self.memory.looks, known.misses if known is not None else 0
        every, first = self.settings.drift, self.settings.resync
        try:
            answer = await read()
        except ProviderError as error:
            if isinstance(error, RateLimited) and known is not None and not isinstance(known.answer, ProviderError):
                return Look(source, known.answer, self.due_after(looks.wait(1, every, first, error)), misses)
            return Look(source, error, self.due_after(looks.wait(misses + 1, every, first, error)), misses + 1)
        misses = 0 if is_good(answer) else misses + 1
        if once and not misses:
            return Look(source, answer, float("inf"))
        return Look(source, answer, self.due_after(looks.wait(misses, every, first)), misses)

    def due_after(self, wait: timedelta) -> float:
        """Return the moment `wait` from now on the monotonic clock, in seconds, as `Look.due` has it."""
        return self.clock.monotonic() + wait.total_seconds()

    def next_look(self, owner: Key, *, otherwise: timedelta) -> timedelta | None:
        """Return the time until the object's next look; None if it is due or overdue; `otherwise` if the object has no look."""
        due = self.memory.looks.next_due(owner)
        left = otherwise if due == float("inf") else timedelta(seconds=due - self.clock.monotonic())
        return left if left > timedelta() else None

    async def refetch(self, seen: M) -> M | None:
        """Read the object again from the API server, for use right before a remote create or delete.

        Returns None if the object is gone, or if a namesake with another UID replaced it. The cache may lag, and Kopf loses
        deletions that happen during a relist.
        """
        key = seen.key
        raw = await self.kube.get(resource_of_kind(key.kind), key.namespace, key.name)
        if raw is None or raw["metadata"]["uid"] != seen.metadata.uid:
            return None
        return type(seen).from_raw(raw)
