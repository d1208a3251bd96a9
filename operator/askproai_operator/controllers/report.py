"""The report: the operator's view of PostgreSQL and Redis, in a ConfigMap that `askproai doctor` reads.

It has a key of its own in the queue, so that it is written even if there is no Tenant, and while PostgreSQL is down.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from importlib.metadata import version
from typing import Final

import msgspec
import structlog

from askproai_core.database import DATABASE_UNAVAILABLE, DatabaseError
from askproai_operator import resources
from askproai_operator.api import Key
from askproai_operator.context import ReconcileContext
from askproai_operator.engine import Options, Result
from askproai_operator.installation_report import (
    MAX_FAILING_PROVIDERS,
    NAME,
    DatabaseReport,
    FailingProvider,
    InstallationReport,
    RedisReport,
    RedisServer,
    is_due,
    report_data,
    report_manifest,
)
from askproai_operator.redis_users import RedisAdminError

log = structlog.get_logger(__name__)

KIND: Final = "Report"
# A worker of its own, so that no reconcile waits while a database does not answer.
OPTIONS: Final = Options(workers=1)
_SOON: Final = timedelta(seconds=10)
_LOOK_SECONDS: Final = 30.0  # less than a reconcile may take, so that a database without free connections is reported
# Between two reports that say the same: a quiet installation writes next to nothing.
_EVERY: Final = timedelta(minutes=10)


class ReportController:
    """Writes the report when it differs from the last one, checked at the start and at each resync. An unchanged report is
    written every ten minutes, so that its age shows that the operator works.
    """

    def __init__(self) -> None:
        # By this process: another leader may have written the ConfigMap.
        self._written: InstallationReport | None = None

    async def reconcile(self, _key: Key, context: ReconcileContext) -> Result:
        """Check PostgreSQL and Redis, and write the report if it is due."""
        settings, kube = context.settings, context.kube
        report = InstallationReport(
            at=context.clock.now(),
            every_seconds=int(_EVERY.total_seconds()),
            release=version("askproai"),
            shards=settings.shard_count,
            shared_base_url=settings.shared_base_url,
            verify_exposure=settings.verify_exposure,
            exposure_hosts=settings.exposure_hosts,
            fleet_page_host=settings.fleet_page_host,
            database=await _look_at_database(context),
            redis=await _look_at_redis(context),
        )
        if is_due(report, self._written):
            body = {"data": report_data(report)}
            if await kube.patch(resources.CONFIG_MAPS, settings.namespace, NAME, body) is None:
                await kube.apply(report_manifest(settings.namespace, report))
            self._written = report
        seen = report.database
        if seen.problem or seen.pending or seen.missing_roles:  # report their end soon
            return Result(requeue_after=_SOON, requeue_reason="the database is not as it should be")
        return Result()


async def _look_at_database(context: ReconcileContext) -> DatabaseReport:
    database = context.database
    before = context.clock.now()
    try:
        async with asyncio.timeout(_LOOK_SECONDS):
            facts, there = await database.read_facts()
    except (DatabaseError, *DATABASE_UNAVAILABLE) as error:
        log.info("report.database_not_read", error=type(error).__name__)  # a driver's text quotes hosts
        return DatabaseReport(problem=type(error).__name__, is_authenticated=database.is_server_authenticated)
    skew = skew_seconds(before, there, context.clock.now())
    failing: Sequence[tuple[str, str]] = ()
    try:
        async with asyncio.timeout(_LOOK_SECONDS):
            failing = await database.list_failing_providers(MAX_FAILING_PROVIDERS)
    except (DatabaseError, *DATABASE_UNAVAILABLE) as error:
        log.info("report.providers_not_read", error=type(error).__name__)
    return msgspec.structs.replace(
        facts,
        skew_seconds=skew,
        is_authenticated=database.is_server_authenticated,
        failing_providers=tuple(FailingProvider(tenant, provider) for tenant, provider in failing),
    )


def skew_seconds(before: datetime, there: datetime, after: datetime) -> float:
    """Return how far a server's clock (`there`) is surely ahead of ours, in seconds (negative: behind); 0 if it may be equal."""
    if before <= there <= after:
        return 0.0
    return round((there - (after if there > after else before)).total_seconds(), 3)


async def _look_at_redis(context: ReconcileContext) -> RedisReport | None:
    if context.redis is None:
        return None
    try:
        facts, problem = await context.redis.describe()
    except RedisAdminError as error:  # its text holds no password
        return RedisReport(problem=str(error))
    servers = tuple(
        RedisServer(
            address=address,
            version=".".join(map(str, each.version)),
            appends=each.appends,
            evicts=each.evicts,
            policy=each.policy,
        )
        for address, each in facts.items()
    )
    return RedisReport(servers=servers, not_durable=problem)
