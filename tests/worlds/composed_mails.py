"""Mails as customers get them."""

from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from uuid import UUID

from askproai_core.tenant_config.notifications import (
    BusinessNotifications,
    CustomerNotifications,
    EmailSettings,
    Notifications,
    NotificationTexts,
)
from askproai_runtime.notifications.email_channel import EmailChannel
from askproai_runtime.notifications.render import render
from askproai_runtime.notifications.types import AppointmentFacts, Kind, Recipient, State, StoredNotification
from tests.worlds.clock import FixedClock
from tests.worlds.compiled_salon import salon_config

NOW = datetime(2026, 11, 26, 8, 0, tzinfo=UTC)

EMAIL = EmailSettings(host="smtp.mail.example", sender="termine@salon-mueller.example")

SALON = salon_config(
    notifications=Notifications(
        email=EMAIL,
        customer=CustomerNotifications(remind_minutes_before=1440),
        business=BusinessNotifications(email_to=("chefin@salon-mueller.example",)),
        texts=NotificationTexts(
            confirmation="Bitte kommen Sie fünf Minuten früher.", signature="Ihr Team vom Salon Müller"
        ),
    )
)


def appointment(customer: str = "Emma Post", staff: str = "anna", hour: int = 13) -> AppointmentFacts:
    start = datetime(2026, 11, 27, hour, 30, tzinfo=UTC)
    return AppointmentFacts(
        UUID(int=hour), "mitte", "haarschnitt", staff, start, start + timedelta(minutes=45), "confirmed", 1, customer,
        "emma.post@example.org", "+4915112345678",
    )  # fmt: skip


EMMA = appointment()

DAY = (appointment("Ida Immertreu", "mehmet", 8), EMMA)


def compose(kind: Kind, recipient: Recipient, about: AppointmentFacts = EMMA) -> EmailMessage:
    is_list = kind is Kind.DAILY_LIST
    row = StoredNotification(
        UUID(int=1), kind, recipient, "Email", about.starts_at, {"day": "2026-11-27"} if is_list else {}, State.SENDING, 1, NOW,
        "corr", None if is_list else about,
    )  # fmt: skip
    rendered = render(row, SALON, DAY)
    to = (str(about.email),) if recipient is Recipient.CUSTOMER else ("chefin@salon-mueller.example",)
    return EmailChannel(SALON, EMAIL, {}.get, FixedClock(NOW)).compose(row, rendered, to)


def calendar_file_of(mail: EmailMessage) -> bytes:
    (part,) = [each for each in mail.walk() if each.get_content_type() == "text/calendar"]
    raw = part.get_payload(decode=True)
    assert isinstance(raw, bytes)
    return raw
