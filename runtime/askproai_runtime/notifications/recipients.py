"""The recipients of notifications and their channels. Pure."""

import re

from askproai_core.tenant_config import NotificationChannel
from askproai_core.tenant_config.notifications import Notifications
from askproai_runtime.input_values import is_email
from askproai_runtime.notifications.types import AppointmentFacts, Recipient

# Addresses that `calendars.attendee_email` makes up for callers without an address, under whatever domain the tenant had then.
_MADE_UP = re.compile(r"anruf-(?:\d{5,16}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})@.*", re.IGNORECASE)


def real_email(address: str | None) -> str | None:
    """Return the address if a mail can be sent to it; None if it is missing, invalid, made up by us, or ends in `.invalid`."""
    if not address or not is_email(address):
        return None
    return None if is_made_up(address) or address.lower().endswith(".invalid") else address


def is_made_up(address: str) -> bool:
    """Return True if our code made up an address for a caller who stated none."""
    return _MADE_UP.fullmatch(address) is not None


def customer_channels(settings: Notifications, email: str | None, phone: str | None) -> tuple[NotificationChannel, ...]:
    """Return the channels by which this customer is notified: configured ones for which the customer has an address."""
    if settings.customer is None:
        return ()
    reachable = {
        NotificationChannel.EMAIL: settings.email is not None and real_email(email) is not None,
        NotificationChannel.WEBHOOK: settings.webhook is not None and bool(phone or real_email(email)),
    }
    return tuple(each for each in settings.customer.channels if reachable[each])


def announces_to_customers(settings: Notifications | None, *, in_remote_calendar: bool) -> bool:
    """Return True if customers are notified of changes; for remote bookings only by a setting, since Cal.com sends mails."""
    customer = settings.customer if settings else None
    return customer is not None and (customer.for_calcom_bookings or not in_remote_calendar)


def business_channels(settings: Notifications | None) -> tuple[NotificationChannel, ...]:
    """Return the channels by which the business is notified: configured ones; for mails the business needs an address."""
    if settings is None or settings.business is None:
        return ()
    reachable = {
        NotificationChannel.EMAIL: settings.email is not None and bool(settings.business.email_to),
        NotificationChannel.WEBHOOK: settings.webhook is not None,
    }
    return tuple(each for each in settings.business.channels if reachable[each])


def email_addresses(
    settings: Notifications, recipient: Recipient, appointment: AppointmentFacts | None
) -> tuple[str, ...]:
    """Return the addresses for a mail to this recipient; empty if none is known or usable."""
    if recipient is Recipient.BUSINESS:
        return settings.business.email_to if settings.business else ()
    found = real_email(appointment.email) if appointment else None
    return (found,) if found else ()
