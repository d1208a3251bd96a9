"""The values that a reconcile of a Tenant reads or computes, and `Run`, which its steps fill in.

The values of Secrets are never part of a text.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from askproai_core.tenant_config import NotificationChannel, TenantConfig
from askproai_operator.api import Branch, RetellAgent, SecretKeyRef, ServiceOffering, Tenant
from askproai_operator.api.conditions import Condition, Status
from askproai_operator.context import Verdict
from askproai_operator.controllers.addresses import Address
from askproai_operator.controllers.tenant.children.metadata import Component
from askproai_operator.controllers.tenant.signing_keys import SigningKeys
from askproai_operator.credentials import AccountHashes, Credentials
from askproai_operator.engine import EventRecord, ObservedObject
from askproai_operator.grants import Subject, SubjectKind
from askproai_operator.memory import PodKeys
from askproai_operator.providers import ProviderError
from askproai_operator.store.tenant_states import TenantState

ResourceIds = Mapping[tuple[str, str, int], int]  # (branch, staff, number) to the row of `resources`


@dataclass(frozen=True, slots=True)
class Exposure:
    """The URLs of a tenant: `requested` by its spec, `in_use` by senders, and `kept`, which is served beside the requested URL."""

    requested: Address
    in_use: Address | None  # None: senders have none yet
    kept: str | None = None  # base URL at which senders, or calls that began there, still arrive
    verdict: Verdict | None = None  # about `requested`, unless it is in use
    kept_since: datetime | None = None  # when senders got `requested` instead of `kept`

    @property
    def is_settled(self) -> bool:
        """Return whether senders have the URL that the spec asks for."""
        return self.in_use == self.requested

    @property
    def former_path_prefix(self) -> str:
        """Return the path prefix of requests that arrive at `kept`."""
        return urlsplit(self.kept).path if self.kept else ""


@dataclass(frozen=True, slots=True)
class OwnKeys:
    """Staff members' own keys that were once found good and granted, by mounted file name. Values are never part of a text.

    `refs` are the keys that manifests name, which the pods mount. `values` are for `T-teardown`: the last good values of these
    keys, and former keys whose webhook could not be removed yet.
    """

    refs: Mapping[str, SecretKeyRef] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    subjects: frozenset[Subject] = frozenset()


@dataclass(frozen=True, slots=True)
class OwnAccounts:
    """The accounts that have our webhook, by the name of the key's file, and the condition if one lacks it."""

    registered: frozenset[str] = frozenset()
    failure: Condition | None = None

    @property
    def is_open(self) -> bool:
        """Return whether a registration may succeed by itself later."""
        return self.failure is not None and self.failure.status is Status.UNKNOWN


@dataclass(frozen=True, slots=True)
class NotificationAccess:
    """The channels that the pods may use, the Secrets that they mount (by the name of the file), and the servers' URLs."""

    channels: tuple[NotificationChannel, ...] = ()
    refs: Mapping[str, SecretKeyRef] = field(default_factory=dict)
    servers: tuple[str, ...] = ()
    condition: Condition | None = None


@dataclass(frozen=True, slots=True)
class PageAccess:
    """Whether people may log in at the issuer, the Secrets that the pods mount (by file name), and the page's address.

    `problem` is set if any of this does not work; `url` is the published address, or None.
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
    """Whether the pods encrypt. `condition` is None if encryption is not requested; `stored` is the content of `T-data-keys`."""

    is_on: bool = False
    condition: Condition | None = None
    stored: str | None = field(default=None, repr=False)


class Workloads(NamedTuple):
    """The present Deployments of a tenant's mode, and the release that their pods wait for, or None."""

    deployments: Mapping[Component, ObservedObject]
    awaited: str | None = None


@dataclass(frozen=True, slots=True)
class KeysInUse:
    """The present keys, whether all pods have them, and the condition and status fields about that."""

    wanted: PodKeys
    by_all: bool
    condition: Condition
    status: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Inputs:
    """The inputs of one reconcile of a Tenant. The values of Secrets are never part of its text."""

    tenant: Tenant
    exposure: Exposure
    credentials: Credentials
    key_error: ProviderError | None  # why the keys could not be used; None also where one is missing and none was tried
    was_provisioned: bool  # T-teardown exists: an earlier reconcile found the keys good, so pods may be running
    keys: Mapping[SubjectKind, Subject]  # that the tenant uses, as hashes
    shared_keys: frozenset[SubjectKind]  # that another tenant has
    branches: tuple[Branch, ...]
    offerings: tuple[ServiceOffering, ...]
    agents: tuple[RetellAgent, ...]
    foreign_numbers: Mapping[str, frozenset[str]]  # by branch: the DIDs that another branch in the cluster has
    key_test_due: datetime | None = None  # when the keys are tried again, after they could not be used
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
    """One reconcile of a Tenant. Each step sets its fields, so a step that reads a field too early fails."""

    declared: Tenant
    tenant: Tenant  # within the platform's ceilings
    lowered: tuple[str, ...]  # a sentence about each field that these have changed
    inputs: Inputs = field(init=False)
    keys: SigningKeys = field(init=False)
    # Before this run applies its own; a canary while it has pods.
    deployed: Sequence[ObservedObject] = field(init=False)
    # Early steps
    are_keys_recorded: bool = field(init=False)
    left: tuple[EventRecord, ...] = field(init=False)  # about what stays in a former account
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
    former: Tenant | None = field(init=False)  # with the exposure before, while that is served
    routed: Condition = field(init=False)
    page_routed: Condition | None = field(init=False)  # why the route of the page does not work
    monitored: Condition = field(init=False)
