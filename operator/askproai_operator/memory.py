"""The values that one process remembers between reconciles. After a restart they are read or measured again."""

import hashlib
import random
from collections.abc import Callable, Collection, Hashable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from askproai_core.providers import ProviderError
from askproai_operator.api import Key
from askproai_operator.api.conditions import Condition
from askproai_operator.store.tenant_states import ProvisionedTenant

# Keys that became due together (a start, an outage) must not become due together for ever.
_JITTER: Final = 0.2
# A person corrects a mismatch, perhaps at the provider, which does not notify us.
_LONGEST_WAIT: Final = timedelta(minutes=5)
_PRECISION: Final = 0.5  # seconds
_VERIFIED: Final = timedelta(minutes=10)
# Half the usual time between two resyncs. With quicker resyncs, not every one tests the password.
_VERIFIED_WITHOUT_PODS: Final = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Look:
    """The remembered answer of a provider, or its error. `source` is a value that changes when the requests would change."""

    source: Hashable
    answer: Any  # a ProviderError where the requests failed
    due: float  # monotonic seconds; infinite: not again before the source changes
    misses: int = 0  # looks in a row that failed, or found a problem

    def is_due(self, now: float) -> bool:
        """Return True if the look is due at `now`, or half a second later: a run that is slightly early must not be in vain."""
        return self.due - now < _PRECISION


@dataclass(slots=True)
class Looks:
    """The newest looks at providers, keyed by the custom resource that needs them (`owner`) and by a name.

    A look is used again until it is due, or its source changes. `chance` returns a random number from 0 to 1.
    """

    chance: Callable[[], float] = random.random
    _by_owner: dict[Key, dict[Hashable, Look]] = field(default_factory=dict)

    def find(self, owner: Key, name: Hashable, source: Hashable) -> Look | None:
        """Return the owner's look with this name and source, even if it is due again; None if there is no such look."""
        look = self._by_owner.get(owner, {}).get(name)
        return look if look is not None and look.source == source else None

    def keep(self, owner: Key, name: Hashable, look: Look) -> None:
        """Remember a look under this owner and name, in place of an earlier look."""
        self._by_owner.setdefault(owner, {})[name] = look

    def forget(self, owner: Key, name: Hashable | None = None) -> None:
        """Forget the owner's look with this name; without `name`, all looks of the owner."""
        if name is None:
            self._by_owner.pop(owner, None)
        else:
            self._by_owner.get(owner, {}).pop(name, None)

    def retain(self, owner: Key, names: Collection[Hashable]) -> None:
        """Forget all looks of the owner except those with these names."""
        for name in self._by_owner.get(owner, {}).keys() - set(names):
            self.forget(owner, name)

    def next_due(self, owner: Key) -> float:
        """Return the time when the first of the owner's looks is due again (monotonic seconds); infinite without a look."""
        return min((look.due for look in self._by_owner.get(owner, {}).values()), default=float("inf"))

    def due(self, owner: Key, name: Hashable) -> float:
        """Return the time when this look is due again (monotonic seconds); infinite if there is no such look."""
        look = self._by_owner.get(owner, {}).get(name)
        return look.due if look is not None else float("inf")

    def failed_until(self, owner: Key, name: Hashable) -> float:
        """Return until when (monotonic seconds) the error of a failed look is remembered; 0 if the look did not fail."""
        look = self._by_owner.get(owner, {}).get(name)
        return look.due if look is not None and isinstance(look.answer, ProviderError) else 0.0

    def wait(self, misses: int, every: timedelta, first: timedelta, error: ProviderError | None = None) -> timedelta:
        """Return how long a look is used: `every` ± 20 % without `misses`, else `first` ± 20 %, doubled with each further miss.

        If a provider's `error` names a waiting time, that time is used, plus up to a half: otherwise all waiting requests would
        come together.
        """
        if error is not None and error.retry_after is not None:
            return error.retry_after * (1 + 0.5 * self.chance())
        spread = 1 - _JITTER + 2 * _JITTER * self.chance()
        if misses == 0:
            return every * spread
        return min(first * float(2 ** min(misses - 1, 10)), _LONGEST_WAIT, every) * spread


@dataclass(frozen=True, slots=True)
class CatalogueChange:
    """A prompt not yet published, which differs from the published one only by its catalogue. The times are monotonic seconds."""

    prompt: str
    since: float  # time of the first difference
    last: float  # time of the last change


@dataclass(slots=True)
class VerifiedLogins:
    """The database URLs that PostgreSQL accepted last, as hashes, and when, by Tenant."""

    _by_tenant: dict[Key, tuple[bytes, float]] = field(default_factory=dict)  # hash of the URL, monotonic seconds

    def has(self, tenant: Key, url: str, now: float, *, serves: bool) -> bool:
        """Return True if PostgreSQL accepted the tenant's URL in the last ten minutes, or in the last 30 s if no pods serve."""
        known, recent = self._by_tenant.get(tenant), _VERIFIED if serves else _VERIFIED_WITHOUT_PODS
        return known is not None and known[0] == _digest(url) and now - known[1] < recent.total_seconds()

    def keep(self, tenant: Key, url: str, now: float) -> None:
        """Remember that PostgreSQL accepted this URL of the tenant just now."""
        self._by_tenant[tenant] = (_digest(url), now)

    def forget(self, tenant: Key) -> None:
        self._by_tenant.pop(tenant, None)


def _digest(url: str) -> bytes:
    return hashlib.sha256(url.encode()).digest()


@dataclass(frozen=True, slots=True)
class QuietTenant:
    """A healthy Tenant as its last reconcile left it, for the comparison in `controllers/quiet_tenants.py`.

    `conditions` are only the conditions that depend on PostgreSQL or Redis.
    """

    provisioned: ProvisionedTenant
    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class PodKeys:
    """The keys that a Tenant's pods have, as a hash (`keys_hash`), the versions of their Secrets, and the pods `without` them.

    The versions count, too, since a pod may have had other keys in between.
    """

    hash: str
    versions: tuple[tuple[str, str], ...]  # name and resourceVersion
    without: tuple[str, ...] = ()


@dataclass(slots=True)
class Memory:
    """Everything that one process remembers, by the controller that uses it."""

    looks: Looks = field(default_factory=Looks)
    logins: VerifiedLogins = field(default_factory=VerifiedLogins)
    pod_keys: dict[Key, PodKeys] = field(default_factory=dict)  # by Tenant; none before its keys have changed
    quiet: dict[Key, QuietTenant] = field(default_factory=dict)  # without Tenants that each resync reconciles
    catalogues: dict[Key, CatalogueChange] = field(default_factory=dict)  # by agent; only changes that wait
