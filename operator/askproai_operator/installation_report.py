"""The report of the leading operator on the installation: PostgreSQL, Redis and its own settings, as it sees them. Pure.

`askproai doctor` runs where neither server is reachable, so the operator writes what it sees into a ConfigMap of its namespace. It
holds nothing secret: no login, no URL with a password, no text of a driver.
"""

from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from askproai_operator.resources import CONFIG_MAPS, MANAGED_LABEL, MANAGER

NAME: Final = "askproai-report"
_KEY: Final = "report.json"
MAX_FAILING_PROVIDERS: Final = 100  # that a report names
_SAME_SKEW_SECONDS: Final = 1.0  # two clocks never differ by exactly as much as at the last look


class FailingProvider(msgspec.Struct, frozen=True, rename="camel"):
    """A provider whose last answers to a tenant's pods were failures; `tenant` is `NAMESPACE.NAME`."""

    tenant: str
    provider: str


class DatabaseReport(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """PostgreSQL as the operator sees it. With a `problem` it could not be asked, and the rest is empty.

    `skew_seconds`: its clock minus the operator's. The names are those of `askproai_core.database.DatabaseFacts`.
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
    """One server. `appends`: it writes an append-only file. `evicts`: it may drop keys without expiry when its memory is full."""

    address: str
    version: str
    appends: bool
    evicts: bool
    policy: str


class RedisReport(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """Redis as the operator sees it, the primary first. `not_durable` is why events cannot be kept there, and what to set."""

    problem: str | None = None
    servers: tuple[RedisServer, ...] = ()
    not_durable: str | None = None


class InstallationReport(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """The report. `at` is the operator's clock; the next one follows after about `every_seconds`, or when something else is to be
    said. `redis` None: there is none.
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
    """Return whether a report is to be written after the last one that was: it says something else, or that one is old."""
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
    return {
        "apiVersion": CONFIG_MAPS.api_version,
        "kind": CONFIG_MAPS.kind,
        "metadata": metadata,
        "data": report_data(report),
    }


def report_data(report: InstallationReport) -> dict[str, str]:
    """Return the content of the ConfigMap."""
    return {_KEY: msgspec.json.encode(report).decode()}


def read_report(config_map: dict[str, Any]) -> InstallationReport | None:
    """Return the report of a ConfigMap; None for one that this release cannot read."""
    try:
        return msgspec.json.decode((config_map.get("data") or {}).get(_KEY, ""), type=InstallationReport)
    except msgspec.DecodeError:  # ValidationError among them
        return None
