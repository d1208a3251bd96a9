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
    """Data that the account may not read, as a placeholder. `right` is the missing right, such as `get secrets in salon`."""

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
    """A Deployment of the chart. `problem` is from its own condition; `variables` are environment variables with plain values."""

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
    """The end of validity of a certificate; if `ends` is None, `problem` says why it is not known."""

    subject: str
    ends: datetime | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Url:
    """A tested public URL of a Tenant. `problem` is None if its own pods answered, Withheld if the URL could not be tested."""

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
    """All data that the checks judge. `now` is the API server's time, or this machine's if that is unknown; `skew_seconds` is
    the API server's time minus this machine's.

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
        """Return the time since the operator last reported or changed a condition, the later of both; None if both are unknown."""
        objects = [] if isinstance(self.objects, Withheld) else self.objects
        conditions = [each for obj in objects for each in (obj.get("status") or {}).get("conditions") or ()]
        changed = [datetime.fromisoformat(at) for each in conditions if (at := each.get("lastTransitionTime"))]
        ages = [self.now - max(changed)] if changed else []
        return min([*ages, self.report_age] if self.report_age is not None else ages, default=None)

    @property
    def shards(self) -> int:
        """Return the number of shards: how many operators divide the namespaces."""
        return count_shards(self.leases)


def count_shards(leases: Mapping[str, LeaseSeen] | Withheld) -> int:
    """Return the number of shards, which the holder of the first Lease names; 1 if there is no such Lease."""
    lease = None if isinstance(leases, Withheld) else leases.get(MANAGER)
    return layout_of_holder(lease.holder) if lease else 1
