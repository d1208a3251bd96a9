"""Checks of `askproai doctor` on PostgreSQL and Redis, by the operator's report: this machine mostly reaches neither. Pure."""

from datetime import timedelta
from itertools import takewhile
from typing import Final

from askproai_cli.doctor.findings import Finding, failed, ok, skipped, spell_age, warning
from askproai_cli.doctor.observations import Observations, Withheld
from askproai_cli.output import format_count
from askproai_operator.installation_report import (
    MAX_FAILING_PROVIDERS,
    NAME,
    DatabaseReport,
    InstallationReport,
    RedisReport,
)

_SUPPORTED: Final = range(15, 19)  # major versions of PostgreSQL, as in docs/install.md
_MISSED: Final = 2  # how often the time between two reports may pass before the last one counts as old
_GRACE: Final = timedelta(minutes=2)
_INSTALL: Final = "docs/install.md"
_NO_REPORT: Final = "the operator's report is not known"


def check_report(seen: Observations) -> Finding:
    """Return the finding on whether the operator reports, and runs the same release as this command."""
    name, report, age = "operator's report", seen.report, seen.report_age
    if isinstance(report, Withheld):
        return skipped(name, report.reason)
    look = f"kubectl logs -n {seen.namespace} -l askproai.de/workload=operator"
    if report is None or age is None:
        message = f"ConfigMap {NAME} in {seen.namespace} has none: no operator works, or one of another release"
        return failed(name, message, f"{look}; or name its own namespace by --operator-namespace.", _INSTALL)
    if age > _MISSED * timedelta(seconds=report.every_seconds) + _GRACE:
        every = spell_age(report.every_seconds)
        message = f"the last one is {spell_age(age.total_seconds())} old; one is due every {every}"
        return failed(name, message, f"{look}.", "docs/runbooks/operator-not-leading.md")
    if report.release != seen.release:
        message = f"the operator is of release {report.release}, this command of {seen.release}"
        return warning(name, message, "Install the command of the operator's release.", "docs/how-to/command-line.md")
    return ok(name, f"{spell_age(age.total_seconds())} old, release {report.release}")


def check_database(seen: Observations) -> Finding:
    """Return the finding on whether PostgreSQL answers the operator, in a supported version and with a verified certificate."""
    name = "PostgreSQL"
    if not isinstance(seen.report, InstallationReport):
        return skipped(name, _NO_REPORT)
    database = seen.report.database
    if database.problem:
        todo = (
            f"See that the URL in the database's Secret is right, and that pods of {seen.namespace} reach the server."
        )
        return failed(name, f"does not answer the operator ({database.problem})", todo, _INSTALL)
    answers = f"{database.version} answers the operator"
    major = int("".join(takewhile(str.isdigit, database.version)) or 0)  # 19beta1 is a version, too
    if major < _SUPPORTED[0]:
        return failed(name, f"{answers} and is too old", f"Upgrade it to {_SUPPORTED[0]} or later.", _INSTALL)
    if not database.is_authenticated:
        todo = "End the URL in ?sslmode=verify-full&sslrootcert=…, with the authority as CA_FILE in the Secret."
        return warning(name, f"{answers}, which does not verify the server's certificate", todo, _INSTALL)
    if major not in _SUPPORTED:
        todo = "See that it is meant to be."
        return warning(name, f"{answers}; this release was made for up to {_SUPPORTED[-1]}", todo, _INSTALL)
    return ok(name, answers)


def _database(seen: Observations) -> DatabaseReport | str:
    """Return the operator's report about PostgreSQL, or a text that says why there is none."""
    if not isinstance(seen.report, InstallationReport):
        return _NO_REPORT
    return "PostgreSQL does not answer" if seen.report.database.problem else seen.report.database


def check_schema(seen: Observations) -> Finding:
    """Return the finding on whether all migrations of the operator's release are applied, with unchanged files."""
    name = "migrations"
    database = _database(seen)
    if isinstance(database, str):
        return skipped(name, database)
    if database.changed:
        message = f"applied, and another file now: {', '.join(database.changed)}"
        todo = "Run the release that applied them, or use an empty database; a correction is a new migration."
        return failed(name, message, todo, _INSTALL)
    if database.pending:
        message = f"not applied: {', '.join(database.pending)}"
        todo = "End the dump or the open transaction that holds a table (pg_stat_activity); it is tried each minute."
        return failed(name, message, todo, _INSTALL)
    if database.schema > database.shipped:
        message = f"the schema {database.schema:04} is of a later release than the operator ({database.shipped:04})"
        return warning(name, message, "Upgrade the chart again, or finish the rollback.", _INSTALL)
    return ok(name, f"the schema is {database.schema:04}, the newest")


def check_roles(seen: Observations) -> Finding:
    """Return the finding on whether the group roles exist, and the operator's login may create roles but is no superuser."""
    name = "database roles"
    database = _database(seen)
    if isinstance(database, str):
        return skipped(name, database)
    if not database.may_create_roles and not database.is_superuser:
        todo = "As a superuser: ALTER ROLE <the operator's login> CREATEROLE."
        return failed(name, "the operator's login may not create roles", todo, _INSTALL)
    if database.missing_roles:
        todo = f"kubectl logs -n {seen.namespace} -l askproai.de/workload=operator says why they are not made."
        return failed(name, f"missing: {', '.join(database.missing_roles)}", todo, _INSTALL)
    if database.is_superuser:
        todo = "Give the operator a login with CREATEROLE that owns the database and is no superuser."
        return warning(name, "the operator's login is a superuser", todo, _INSTALL)
    return ok(name, "the group roles are there, and the operator's login may create others")


def check_circuits(seen: Observations) -> Finding:
    """Return the finding on whether a circuit is open because the last requests of tenants' pods to a provider failed."""
    name = "circuits"
    database = _database(seen)
    if isinstance(database, str):
        return skipped(name, database)
    failing = database.failing_providers
    if not failing:
        return ok(name, "no provider fails for the tenants' pods")
    tenants = len({each.tenant for each in failing})
    providers = " and ".join(sorted({each.provider for each in failing}))
    lines = tuple(f"{each.tenant}: {each.provider}" for each in failing)
    todo = "Wait, it is tried again; askproai circuits list -t TENANT says by whom and when."
    at_least = "at least " if len(failing) == MAX_FAILING_PROVIDERS else ""
    message = f"{providers}: the last requests of the pods of {at_least}{format_count(tenants, 'Tenant')} failed"
    return warning(name, message, todo, "docs/runbooks/circuit-open.md", lines)


def check_redis(seen: Observations) -> Finding:
    """Return the finding on whether Redis answers the operator and does not lose data: append-only file, eviction, version."""
    name, page = "Redis", "docs/runbooks/redis-degraded.md"
    if not isinstance(seen.report, InstallationReport):
        return skipped(name, _NO_REPORT)
    match seen.report.redis:
        case None:
            return skipped(name, "there is none: each pod has its own rate limits and circuits (redis.existingSecret)")
        case RedisReport(problem=str() as problem):
            return failed(name, problem, "See that it runs and that its Secret has the right URL.", page)
        case RedisReport(not_durable=str() as problem):
            return warning(
                name, f"events cannot be kept there while PostgreSQL is away: {problem}", "Set it.", _INSTALL
            )
        case RedisReport(servers=servers):
            versions = ", ".join(f"{each.address} {each.version} ({each.policy})" for each in servers)
            return ok(name, f"keeps what it takes: {versions}")
