"""The condition CalendarSynced: our book and the remote calendar agree, and each gets the other's changes. Pure."""

from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from askproai_core.provider_names import CalendarApi
from askproai_operator.api import Tenant
from askproai_operator.api.conditions import Condition, ConditionType, Reason, bad, good
from askproai_operator.controllers.conditions import local_time, round_down
from askproai_operator.credentials import calcom_account, calendar_account
from askproai_operator.store.task_progress import AuditProgress, PollProgress
from askproai_operator.store.tenant_states import CalendarBacklog

_KIND: Final = ConditionType.CALENDAR_SYNCED
_EXACT = 10
_POLL_PATIENCE = timedelta(minutes=30)  # six times the time between two polls
_LONGEST_ERROR = 200


def synced_condition(
    tenant: Tenant, backlog: CalendarBacklog, poll: PollProgress | None = None, audit: AuditProgress | None = None
) -> Condition:
    """Return CalendarSynced: True if our appointments are in the remote calendar, its changes are known here, and both
    books agree.

    Its numbers are rounded, so that neither an outage nor an import writes the status for each booking.
    """
    if calendar_account(tenant) is None:
        return good(_KIND, "the calendar is local", Reason.NOT_REQUESTED)
    if backlog.oldest is None:
        return _polled_condition(tenant, poll, audit)
    text = (
        f"{_round(backlog.appointments)} booked, moved or cancelled here, but not yet so at {_label(tenant)}, the first"
        f" since {local_time(tenant, backlog.oldest)}: tried again by itself"
    )
    if backlog.dead:
        text += (
            f", but {_round(backlog.dead)} given up: askproai events list --status dead -t {tenant.metadata.dotted} says why, and"
            f" askproai events redrive --all-dead -t {tenant.metadata.dotted} tries them again"
        )
    return bad(_KIND, Reason.CALENDAR_BEHIND, text)


def _polled_condition(tenant: Tenant, poll: PollProgress | None, audit: AuditProgress | None) -> Condition:
    """Return CalendarSynced if all appointments are in the remote calendar: False if its changes are unknown, or the books
    differ."""
    account = calcom_account(tenant)
    if account is not None and CalendarApi.V2 not in account.api_versions:
        text = "version 1 of Cal.com's API has no list of changes: what Cal.com's webhooks do not deliver stays unknown here"
        return good(_KIND, text)
    if poll is None or tenant.spec.suspend:
        return good(_KIND)
    if poll.age > _POLL_PATIENCE:
        why = " ".join((poll.error or "no pod has done it").split())[:_LONGEST_ERROR]
        hours = int(poll.age.total_seconds() // 3600)
        text = (
            f"for {f'{hours} h' if hours else 'more than 30 minutes'} {_label(tenant)} could not be asked what has changed, so"
            f" what its webhooks did not deliver is unknown here: {why}; tried again by itself"
        )
        return bad(_KIND, Reason.CALENDAR_BEHIND, text)
    if audit is not None and audit.oldest is not None:
        return bad(_KIND, Reason.CALENDAR_DIFFERS, _differences(tenant, audit.differences, audit.oldest))
    if poll.is_importing:
        return good(
            _KIND, f"importing the bookings to come from {_label(tenant)}: {_round_down(poll.taken_in):,} so far"
        )
    bookings = "1 booking" if poll.taken_in == 1 else f"{poll.taken_in:,} bookings"
    imported = f"imported {bookings} to come from {_label(tenant)}" if poll.taken_in else ""
    return good(_KIND, "; ".join(filter(None, (imported, _last_round(tenant, audit)))))


def _label(tenant: Tenant) -> str:
    return tenant.spec.calendar.provider.label


def _differences(tenant: Tenant, count: int, oldest: datetime) -> str:
    number = str(count) if count <= _EXACT else f"{_round_down(count)} or more"
    differ = "1 appointment differs" if count == 1 else f"{number} appointments differ"
    return (
        f"{differ} from {_label(tenant)}, the first known since {local_time(tenant, oldest)}, and no rule decides which is right:"
        f" askproai calendar differences -t {tenant.metadata.dotted} names them"
    )


def _last_round(tenant: Tenant, audit: AuditProgress | None) -> str:
    """Return a text that both books agreed on the day of the last full comparison; "" before the first one."""
    if audit is None or audit.compared_at is None:
        return ""
    day = f"{audit.compared_at.astimezone(ZoneInfo(tenant.spec.time_zone)):%Y-%m-%d}"
    return f"all appointments to come were compared with {_label(tenant)} on {day}, and agree"


def _round(appointments: int) -> str:
    """Return "N appointments are" as the beginning of a sentence; a number above ten is rounded down."""
    if appointments <= _EXACT:
        return "1 appointment is" if appointments == 1 else f"{appointments} appointments are"
    return f"{_round_down(appointments)} or more appointments are"


def _round_down(number: int) -> int:
    """Return a number; above ten, rounded down to 10, 20, 50, 100 and so on."""
    return number if number <= _EXACT else round_down(number)
