"""The figures in each Tenant's status: calls, booked share and error budget, counted for all Tenants together.

The leader counts them in PostgreSQL once a minute, and writes changed figures. So they write a Tenant's status at most once a
minute, and a Tenant without calls costs neither a statement nor a request of its own. No condition and no other object depends
on the figures, so they cause no reconcile.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from zlib import crc32

import structlog

from askproai_core.database import StatementTimeout
from askproai_core.database.tenant_figures import BookingCounts, TenantFigures
from askproai_core.kube import ApiError, Unreachable
from askproai_operator.api import Key, Tenant
from askproai_operator.context import ReconcileContext
from askproai_operator.controllers.tenant.database import DATABASE_ERRORS
from askproai_operator.engine import Backoff, Options, Result

log = structlog.get_logger(__name__)

KIND: Final = "TenantFigures"
_EVERY: Final = timedelta(minutes=1)
_CHUNK: Final = 250  # tenants of one statement
# Tenants of one statement that reads thirty times as much: it has the time limit of a statement, too.
_MONTHS: Final = 25
# Between two counts of a tenant's month, which has thirty times the rows of a day. After a failure, the month is counted at once.
_BUDGET_EVERY: Final = timedelta(minutes=15)

OPTIONS: Final = Options(Backoff(_EVERY, _EVERY, jitter=0.1), workers=1)


@dataclass(frozen=True, slots=True)
class _Month:
    """A tenant's bookings of the last 30 days, when they were read, and how many bookings had failed in the 24 hours before."""

    bookings: BookingCounts
    read_at: float  # monotonic seconds
    failed_in_a_day: int


class TenantFiguresController:
    """Writes each Tenant's figures: counts the last day every minute, and remembers the counts of 30 days for longer."""

    def __init__(self) -> None:
        self._months: dict[str, _Month] = {}  # by the Tenant's UID

    async def reconcile(self, _key: Key, context: ReconcileContext) -> Result:
        """Count the calls and bookings of all Tenants, and write changed figures into their statuses."""
        tenants = [each for each in context.cache.list(Tenant) if _is_counted(each)]
        uids = {each.metadata.uid for each in tenants}
        self._months = {uid: month for uid, month in self._months.items() if uid in uids}
        is_complete = True
        try:
            for start in range(0, len(tenants), _CHUNK):
                chunk = {each.metadata.dotted: each for each in tenants[start : start + _CHUNK]}
                is_complete &= await self._count(chunk, context)
        except DATABASE_ERRORS as error:
            log.warning("tenant_figures.not_read", tenants=len(tenants), error=type(error).__name__)
            is_complete = False
        if not is_complete:
            return Result(requeue=True, requeue_reason="PostgreSQL did not tell what Tenants' callers did")
        return Result(resync_after=_EVERY)

    async def _count(self, tenants: Mapping[str, Tenant], context: ReconcileContext) -> bool:
        """Count calls and bookings of some Tenants, and write the figures. Return False if a statement took too long."""
        try:
            figures = await context.database.read_figures(list(tenants))
        except StatementTimeout as error:
            _log_slow(tenants, error)
            return False
        now = context.clock.monotonic()
        due = [name for name, tenant in tenants.items() if self._is_month_due(tenant, figures[name], now)]
        not_read: set[str] = set()
        for start in range(0, len(due), _MONTHS):  # each chunk is stored, so that a failing later one repeats no count
            names = due[start : start + _MONTHS]
            try:
                months = await context.database.read_month_of_bookings(names)
            except StatementTimeout as error:
                _log_slow(names, error)
                not_read.update(names)
                continue
            for name, month in months.items():
                self._months[tenants[name].metadata.uid] = _Month(month, now, figures[name].bookings.failed)
        for name, tenant in tenants.items():
            if name in not_read:
                continue
            day = figures[name]
            fields = figure_fields(tenant, day, self._months[tenant.metadata.uid].bookings)
            changed = {field: value for field, value in fields.items() if tenant.status.get(field) != value}
            if not changed:
                continue
            try:
                await context.kube.patch_status(tenant, changed)
            except Unreachable:
                raise
            except ApiError as error:  # an error of this Tenant alone: the following Tenants get their figures
                log.warning("tenant_figures.not_written", tenant=name, error=str(error))
        return not not_read

    def _is_month_due(self, tenant: Tenant, day: TenantFigures, now: float) -> bool:
        month = self._months.get(tenant.metadata.uid)
        if month is None or month.failed_in_a_day != day.bookings.failed:
            return True
        every = _BUDGET_EVERY.total_seconds()
        offset = crc32(tenant.metadata.uid.encode()) % every  # spreads the tenants, which begin together
        return (now + offset) // every != (month.read_at + offset) // every


def _log_slow(names: Collection[str], error: Exception) -> None:
    log.warning("tenant_figures.took_too_long", tenants=len(names), first=next(iter(names)), error=type(error).__name__)


def figure_fields(tenant: Tenant, day: TenantFigures, month: BookingCounts) -> dict[str, Any]:
    """Return the status fields for a Tenant's figures. A percentage is None, which removes its field, without bookings. Pure."""
    return {
        "calls24h": day.calls,
        "bookingSuccessPercent": day.bookings.booked_percent,
        "errorBudgetPercent": month.budget_percent(tenant.spec.slo.booking_success_percent),
    }


def _is_counted(tenant: Tenant) -> bool:
    """Return True if the Tenant was provisioned and is not being deleted. Paused Tenants count: they get calls, too."""
    return "key" in tenant.status and tenant.metadata.deletion_timestamp is None
