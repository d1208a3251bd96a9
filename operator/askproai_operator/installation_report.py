"""The leading operator's report on the installation: its view of PostgreSQL, Redis and its own settings. Pure.

`askproai doctor` runs where neither server is reachable, so the operator writes its view into a ConfigMap of its namespace. The
ConfigMap holds nothing secret: no login, no URL with a password, no text of a driver.
"""

from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from askproai_operator.resources import CONFIG_MAPS, MANAGED_LABEL, MANAGER

NAME: Final = "askproai-report"
_KEY: Final = "report.json"
MAX_FAILING_PROVIDERS: Final = 100  # that a report names
_SAME_SKEW_SECONDS: Final = 1.0  # smaller changes of the difference of two clocks are no news


class FailingProvider(msgspec.Struct, frozen=True, rename="camel"):
    """A provider that answered the last requests of a tenant's pods with failures; `tenant` is `NAMESPACE.NAME`."""

    tenant: str
    provider: str


class DatabaseReport(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """PostgreSQL as the operator sees it. With a `problem`, PostgreSQL did not answer, and the other fields are empty.

    `skew_seconds` is PostgreSQL's clock minus the operator's. `schema` is the schema's version in the database, and `shipped` the
    version of this release. `pending` names this release's migrations that are not applied, and `changed` those whose file
    differs from the applied one. `missing_roles` are group roles.
    """

    problem: str | None = None
    version: str = ""
    skew_seconds: float = 0.0
    schema: int = 0
    shipped: int = 0
    pending: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    missing_roles: tuple[str, ...] = ()
    is_superuser: bool = False
    may_create_roles: bool = True
    is_authenticated: bool = True
    failing_providers: tuple[FailingProvider, ...] = ()  # at most MAX_FAILING_PROVIDERS


class RedisServer(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One Redis server. `appends`: it writes an append-only file. `evicts`: full memory may make it drop keys without expiry."""

    address: str
    version: str
    appends: bool
    evicts: bool
    policy: str


class RedisReport(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """Redis as the operator sees it. `servers` begins with the primary; `not_durable` is why events may be lost, and a remedy."""

    problem: str | None = None
    servers: tuple[RedisServer, ...] = ()
    not_durable: str | None = None


class InstallationReport(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """The operator's report on its installation. `at` is the time of the operator's clock; the next report follows after about
    `every_seconds`, or when the content changes. `redis` is None if the installation has no Redis.
    """

    at: datetime
    every_seconds: int
    release: str
    shards: int
    shared_base_url: str
    verify_exposure: bool
    exposure_hosts: tuple[str, ...] = ()
    fleet_page_host: str = ""
    database: DatabaseReport
    redis: RedisReport | None = None


def is_due(report: InstallationReport, written: InstallationReport | None) -> bool:
    """Return True if a report must be written: the last `written` one is missing or too old, or its content is another one."""
    if written is None or not timedelta(0) <= report.at - written.at < timedelta(seconds=written.every_seconds):
        return True  # also when the clock was set back
    before, now = written.database, report.database
    if abs(now.skew_seconds - before.skew_seconds) >= _SAME_SKEW_SECONDS:
        return True
    unchanged = msgspec.structs.replace(now, skew_seconds=before.skew_seconds)
    return msgspec.structs.replace(report, at=written.at, database=unchanged) != written


def report_manifest(namespace: str, report: InstallationReport) -> dict[str, Any]:
    """Return the ConfigMap with the report."""
    labels = {"app.kubernetes.io/name": "askproai", MANAGED_LABEL: MANAGER}
    metadata = {"name": NAME, "namespace": namespace, "labels": labels}
    return {**CONFIG_MAPS.type_meta, "metadata": metadata, "data": report_data(report)}


def report_data(report: InstallationReport) -> dict[str, str]:
    """Return the content of the ConfigMap."""
    return {_KEY: msgspec.json.encode(report).decode()}


def read_report(config_map: dict[str, Any]) -> InstallationReport | None:
    """Return the report in a ConfigMap; None if this release cannot read it."""
    try:
        return msgspec.json.decode((config_map.get("data") or {}).get(_KEY, ""), type=InstallationReport)
    except msgspec.DecodeError:  # ValidationError among them
        return None
