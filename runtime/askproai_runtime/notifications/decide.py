"""The decision on a due notification, by its row and its appointment as it is now: send, wait, drop or give up. Pure."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo

from askproai_core.tenant_config.notifications import Notifications
from askproai_runtime.notifications.recipients import business_channels, customer_channels
from askproai_runtime.notifications.schedule import is_quiet, until_end
from askproai_runtime.notifications.types import Kind, Recipient, StoredNotification

# The waits after each failed attempt. They add up to a day, for an outage of the mail server; greylisting ends within minutes.
RETRIES: Final = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 30, 60, 120, 240, 480, 480))
_UNCONFIRMED_WAIT: Final = timedelta(minutes=1)
# Short, so that neither a reminder nor an offer loses much time once the channel is back.
_NO_CHANNEL_WAIT: Final = timedelta(minutes=5)
_NO_CHANNEL: Final = "the Tenant has no such channel for this recipient, or no address of the customer is known"
# A row that could not be sent for so long is about a day that has passed.
LONGEST_AGE: Final = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Send:
    """The decision to send the notification now."""


@dataclass(frozen=True, slots=True)
class Drop:
    """The decision not to send the notification, since nobody needs it any more."""

    reason: str


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The decision to make the notification a dead letter, for a person: it was needed, and could not be sent in time."""

    reason: str


@dataclass(frozen=True, slots=True)
class Wait:
    """The decision to wait, since it is too early to send. Waiting does not count as an attempt."""

    duration: timedelta
    reason: str


Decision: TypeAlias = Send | Drop | GiveUp | Wait


def decide(notification: StoredNotification, settings: Notifications | None, now: datetime, zone: ZoneInfo) -> Decision:
    """Return the decision on a notification: send it now, wait, drop it, or give it up."""
    if settings is None or notification.channel not in _channels(notification, settings):
        # The setting may be missing by mistake, or the operator does not allow its server for a while.
        old = now - notification.created_at > LONGEST_AGE
        return Drop(_NO_CHANNEL) if old else Wait(_NO_CHANNEL_WAIT, _NO_CHANNEL)
    if notification.attempts > len(RETRIES):
        return GiveUp(f"its worker ended in the middle of attempt {notification.attempts}")
    match notification.kind:
        case Kind.BOOKED | Kind.MOVED:
            return _decide_announcement(notification, now)
        case Kind.CANCELLED:
            return _decide_cancellation(notification, now)
        case Kind.REMINDER:
            return _decide_reminder(notification, settings, now.astimezone(zone))
        case Kind.OFFER:
            return _decide_offer(notification, settings, now.astimezone(zone))
        case Kind.DAILY_LIST | Kind.TEXT if not notification.content:
            return Drop("retention has deleted its text")
        case Kind.DAILY_LIST:
            over = date.fromisoformat(notification.content["day"]) < now.astimezone(zone).date()
            return _too_late(notification, "its day is over") if over else Send()
        case Kind.TEXT:
            old = now - notification.created_at > LONGEST_AGE
            return _too_late(notification, "it is two days old") if old and notification.attempts else Send()
    return Wait(timedelta(hours=1), f"this release knows no notification of the kind {notification.kind!r}")


def retry_after(attempts: int) -> timedelta | None:
    """Return the wait before the next attempt, after `attempts` attempts (at least one); None if that was the last one."""
    return RETRIES[attempts - 1] if attempts <= len(RETRIES) else None


def _channels(notification: StoredNotification, settings: Notifications) -> tuple[str, ...]:
    if notification.recipient is Recipient.BUSINESS:
        return business_channels(settings)
    if freed := notification.freed:
        return customer_channels(settings, None, freed.phone)
    appointment = notification.appointment
    return customer_channels(settings, appointment.email, appointment.phone) if appointment else ()


def _decide_reminder(notification: StoredNotification, settings: Notifications, now: datetime) -> Decision:
    """Return Send if the appointment is live, confirmed and to come, and Wait within the quiet hours; else Drop or Wait."""
    if notification.opted_out:
        return Drop("the customer wants no reminders")
    decision = _decide_live(notification, now)
    return _outside_quiet_hours(settings, now) if isinstance(decision, Send) else decision


def _decide_offer(notification: StoredNotification, settings: Notifications, now: datetime) -> Decision:
    """Return Send while the freed time is offered to this person, Wait in the quiet hours, and Drop or GiveUp afterwards."""
    freed = notification.freed
    if notification.opted_out:
        return Drop("this number wants no messages of its own accord; the business has the offer")
    if freed is None or not notification.offer_open:
        return Drop("the time is not offered to this person any more")
    if freed.expires_at <= now:
        return _too_late(notification, "the offer has ended")
    return _outside_quiet_hours(settings, now)


def _outside_quiet_hours(settings: Notifications, now: datetime) -> Decision:
    quiet = settings.customer.quiet_hours if settings.customer else None
    if quiet is not None and is_quiet(now, quiet):
        return Wait(until_end(now, quiet), "these are the tenant's quiet hours")
    return Send()


def _decide_announcement(notification: StoredNotification, now: datetime) -> Decision:
    decision = _decide_live(notification, now)
    if notification.overtaken and not isinstance(decision, Wait):  # while it waits, the later change may be refused
        return Drop("a later change announces the same")
    return decision


def _decide_live(notification: StoredNotification, now: datetime) -> Decision:
    """Return Send if the appointment is live, confirmed, and still at the announced start; else Wait, Drop or GiveUp."""
    appointment = notification.appointment
    if appointment is None or not appointment.live:
        return Drop("the appointment was cancelled since, or was never accepted")
    begins = appointment.starts_at, notification.starts_at or appointment.starts_at
    if appointment.status != "confirmed" and min(begins) > now:
        # A move in progress, too: if the calendar refuses it, the announcement of the earlier time is needed.
        return Wait(_UNCONFIRMED_WAIT, "the remote calendar has not confirmed the appointment yet")
    if appointment.starts_at != notification.starts_at:
        # A refused move, too: the appointment is at its earlier time again.
        return Drop("the appointment is at another time by now")
    if appointment.starts_at <= now:
        return _too_late(notification, "the appointment has begun")
    return Send()


def _decide_cancellation(notification: StoredNotification, now: datetime) -> Decision:
    appointment = notification.appointment
    if appointment is None or appointment.status != "cancelled":
        return Drop("the appointment is not cancelled any more")
    if notification.unannounced and (notification.told or notification.recipient is Recipient.BUSINESS):
        return Drop("the appointment was never announced")
    if appointment.starts_at <= now:
        return _too_late(notification, "the appointment's time has come")
    return Send()


def _too_late(notification: StoredNotification, reason: str) -> Decision:
    return GiveUp(f"{reason}, and it could not be sent before") if notification.attempts else Drop(reason)
