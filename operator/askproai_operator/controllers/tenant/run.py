"""`Run`, one reconcile of a Tenant, and the values that its steps read or compute. Their `repr` shows no secret."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from askproai_core.providers import ProviderError
from askproai_core.tenant_config import NotificationChannel, TenantConfig
from askproai_operator.api import Branch, RetellAgent, SecretKeyRef, ServiceOffering, Tenant
from askproai_operator.api.conditions import Condition, Status
from askproai_operator.context import Verdict
from askproai_operator.controllers.tenant.children.metadata import Component
from askproai_operator.controllers.tenant.signing_keys import SigningKeys
from askproai_operator.controllers.webhook_urls import Address
from askproai_operator.credentials import AccountHashes, Credentials
from askproai_operator.engine import EventRecord, ObservedObject
from askproai_operator.grants import Subject, SubjectKind
from askproai_operator.memory import PodKeys
from askproai_operator.store.tenant_states import TenantState

ResourceIds = Mapping[tuple[str, str, int], int]  # (branch, staff, number) to the row of `resources`


@dataclass(frozen=True, slots=True)
class Exposure:
    """The URLs of a tenant: `requested` by its spec, `in_use` by senders, and `kept`, another URL still served, or None."""

    requested: Address
    in_use: Address | None  # None: senders have none yet
    kept: str | None = None  # base URL at which requests of senders or running calls still arrive
    verdict: Verdict | None = None  # about `requested`, unless it is in use
    kept_since: datetime | None = None  # when senders got `requested` instead of `kept`

    @property
    def is_settled(self) -> bool:
        """Return True if senders have the URL that the spec asks for."""
        return self.in_use == self.requested

    @property
    def former_path_prefix(self) -> str:
        """Return the path prefix in requests that arrive at `kept`; "" without one."""
        return urlsplit(self.kept).path if self.kept else ""


@dataclass(frozen=True, slots=True)
class OwnKeys:
    """Staff members' own Cal.com keys that were once found good and granted, by mounted file name. `repr` hides the values.

    `refs` are the keys that manifests name, which the pods mount. `values` are for `T-teardown`: the last good values of these
    keys, and former keys whose webhook could not be removed yet.
    """

    refs: Mapping[str, SecretKeyRef] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    subjects: frozenset[Subject] = frozenset()


@dataclass(frozen=True, slots=True)
class OwnAccounts:
    """The own accounts that have our webhook, by the file of their key; `failure` is the condition about an account without it."""

    registered: frozenset[str] = frozenset()
    failure: Condition | None = None

    @property
    def is_open(self) -> bool:
        """Return True if a registration has failed that may succeed by itself later."""
        return self.failure is not None and self.failure.status is Status.UNKNOWN


@dataclass(frozen=True, slots=True)
class NotificationAccess:
    """The channels that pods may use, the Secret keys they mount for them (by file), the servers' URLs, and NotificationsReady."""

    channels: tuple[NotificationChannel, ...] = ()
    refs: Mapping[str, SecretKeyRef] = field(default_factory=dict)
    servers: tuple[str, ...] = ()
    condition: Condition | None = None


@dataclass(frozen=True, slots=True)
class PageAccess:
    """The login to the page: whether people may log in, the Secret keys that pods mount (by file), and the issuer's URL.

    `problem` is the condition if the login does not work; `url` is the address where the page is published, or None.
    """

    may_log_in: bool = False
    refs: Mapping[str, SecretKeyRef] = field(default_factory=dict)
    servers: tuple[str, ...] = ()
    problem: Condition | None = None
    url: str | None = None


class StoreUrls(NamedTuple):
    """The URLs that the pods connect to, passwords included. `redis` is None for an installation without Redis."""

    database: str
    redis: str | None


@dataclass(frozen=True, slots=True)
class Encryption:
    """With `is_on`, the pods encrypt. `condition` is None without keys; `stored` is the content of `T-data-keys`."""

    is_on: bool = False
    condition: Condition | None = None
    stored: str | None = field(default=None, repr=False)


class Workloads(NamedTuple):
    """The present Deployments of a tenant, by component; `awaited` is the release that their pods wait for, or None."""

    deployments: Mapping[Component, ObservedObject]
    awaited: str | None = None


@dataclass(frozen=True, slots=True)
class KeysInUse:
    """The keys that pods should have (`wanted`), whether all pods have them, and the condition and status fields to report."""

    wanted: PodKeys
    by_all: bool
    condition: Condition
    status: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Inputs:
    """The inputs of one reconcile of a Tenant. `repr` never shows the values of Secrets."""

    tenant: Tenant
    exposure: Exposure
    credentials: Credentials
    key_error: ProviderError | None  # why the keys are unusable; None also if one is missing, so none was tested
    was_provisioned: bool  # T-teardown exists: an earlier reconcile found the keys good, so pods may be running
    keys: Mapping[SubjectKind, Subject]  # keys that the tenant uses, as hashes
    shared_keys: frozenset[SubjectKind]  # keys that another tenant holds
    branches: tuple[Branch, ...]
    offerings: tuple[ServiceOffering, ...]
    agents: tuple[RetellAgent, ...]
    foreign_numbers: Mapping[str, frozenset[str]]  # by branch: the DIDs that another branch in the cluster has
    key_test_due: datetime | None = None  # time of the next test of keys that could not be used
    # Read once the checks passed. Empty if the objects do not exist yet.
    applied: TenantConfig | None = None  # T-config; read for agents held back, own keys, new event types
    own_keys: OwnKeys = field(default_factory=OwnKeys)
    accounts: AccountHashes = field(default_factory=AccountHashes)
    notifications: NotificationAccess = field(default_factory=NotificationAccess)
    page: PageAccess = field(default_factory=PageAccess)
    runtime_values: Mapping[str, str] = field(default_factory=dict, repr=False)  # of T-runtime
    teardown_values: Mapping[str, str] = field(default_factory=dict, repr=False)  # of T-teardown: the former keys
    data_keys: str | None = field(default=None, repr=False)  # of T-data-keys


@dataclass(slots=True, repr=False, eq=False)
class Run:
    """One reconcile of a Tenant. Each step sets the fields that it computes; reading a field before it is set raises an error."""

    declared: Tenant
    tenant: Tenant  # within the platform's ceilings
    lowered: tuple[str, ...]  # a sentence about each field that the ceilings changed
    inputs: Inputs = field(init=False)
    keys: SigningKeys = field(init=False)
    # As they are before this run's apply; with the canary's while it has pods.
    deployed: Sequence[ObservedObject] = field(init=False)
    # Early steps
    are_keys_recorded: bool = field(init=False)
    left: tuple[EventRecord, ...] = field(init=False)  # about objects that stay in a former account
    urls: StoreUrls = field(init=False)
    resource_ids: ResourceIds = field(init=False)
    adopted: tuple[EventRecord, ...] = field(init=False)
    state: TenantState = field(init=False)
    encryption: Encryption = field(init=False)
    cache: Condition = field(init=False)
    spool: Condition = field(init=False)
    own_accounts: OwnAccounts = field(init=False)
    # Steps that apply
    config: str = field(init=False)  # T-config, encoded
    admin_token: str = field(init=False)
    workloads: Workloads = field(init=False)
    in_use: KeysInUse = field(init=False)
    webhook: Condition = field(init=False)
    former: Tenant | None = field(init=False)  # the tenant with its former exposure, while that is served
    routed: Condition = field(init=False)
    page_routed: Condition | None = field(init=False)  # why the route of the page does not work
    monitored: Condition = field(init=False)
