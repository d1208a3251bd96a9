"""All data that the checks of `askproai doctor` judge, read before the checks run. It is frozen, so tests need no cluster."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from askproai_cli.doctor.rights import Right
from askproai_operator.installation_report import InstallationReport
from askproai_operator.resources import MANAGER
from askproai_operator.shards import layout_of_holder

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Withheld:
    """Data that the account may not read; `right` is the missing right, such as `get secrets in salon`."""

    right: str

    @property
    def reason(self) -> str:
        return f"needs {self.right}"


@dataclass(frozen=True, slots=True)
class SecretUse:
    """A Secret that a pod uses; `keys` are the keys that the Secret must have."""

    namespace: str
    name: str
    keys: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Workload:
    """A Deployment of the chart. `problem` is from its own condition; `variables` are plain values of its environment."""

    name: str
    wanted: int
    ready: int
    account: str
    problem: str
    secrets: tuple[SecretUse, ...]
    variables: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class LeaseSeen:
    """A Lease, watched until its renewal or its expiry. `skew_seconds` is the holder's clock minus the API server's.

    The skew is exact to two seconds, and None if the holder has not renewed the Lease meanwhile.
    """

    holder: str
    is_renewed: bool
    skew_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate and the end of its validity; if `ends` is None, its problem."""

    subject: str
    ends: datetime | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Url:
    """The public URL of a Tenant as tested from here: `problem` None means that its own pods answered; Withheld: not tested."""

    tenant: str
    base_url: str
    problem: str | Withheld | None


@dataclass(frozen=True, slots=True)
class PodSeen:
    """A web pod of a tenant, asked through the API server. `problems` are from its metrics; Withheld: it could not be asked."""

    name: str
    problems: tuple[str, ...] | Withheld


@dataclass(frozen=True, slots=True)
class Observations:
    """All observations. `now` is the API server's time, else this machine's; `skew_seconds` is the former minus the latter.

    `definitions` has the CRD of each of our kinds (None: absent), `leases` only Leases that exist. `missing_rights` is None if
    the operator does not run as the chart's account, `report` if there is no report. `secrets` maps each named Secret to its
    missing keys (None: the Secret is missing). `objects` are the custom resources as the API server has them.
    """

    namespace: str
    release: str
    server: str
    server_version: str
    now: datetime
    skew_seconds: float | None
    definitions: Mapping[str, Mapping[str, Any] | None] | Withheld
    served_kinds: frozenset[str]
    workloads: Mapping[str, Workload] | Withheld
    leases: Mapping[str, LeaseSeen] | Withheld
    missing_rights: Sequence[Right] | Withheld | None
    report: InstallationReport | Withheld | None
    secrets: Mapping[SecretUse, frozenset[str] | Withheld | None]
    objects: Sequence[Mapping[str, Any]] | Withheld
    urls: Sequence[Url]
    certificates: Sequence[Certificate]
    pods: Sequence[PodSeen] | Withheld = ()
    untested: int = 0  # Tenants whose URL was not tested, because there are too many

    @property
    def report_age(self) -> timedelta | None:
        return self.now - self.report.at if isinstance(self.report, InstallationReport) else None

    @property
    def conditions_age(self) -> timedelta | None:
        """Return the time since the operator reported or last changed a condition, whichever is less; None if neither is known."""
        objects = [] if isinstance(self.objects, Withheld) else self.objects
        conditions = [each for obj in objects for each in (obj.get("status") or {}).get("conditions") or ()]
        changed = [datetime.fromisoformat(at) for each in conditions if (at := each.get("lastTransitionTime"))]
        ages = [self.now - max(changed)] if changed else []
        return min([*ages, self.report_age] if self.report_age is not None else ages, default=None)

    @property
    def shards(self) -> int:
        """Return how many operators divide the namespaces."""
        return count_shards(self.leases)


def count_shards(leases: Mapping[str, LeaseSeen] | Withheld) -> int:
    """Return how many operators divide the namespaces, by the holder of the first Lease; 1 where there is none."""
    lease = None if isinstance(leases, Withheld) else leases.get(MANAGER)
    return layout_of_holder(lease.holder) if lease else 1
