"""A salon that notifies by mail: its bookings, a real mail server, and the worker's task, run as often as a test asks."""

import dataclasses
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Any

import aiohttp
from icalendar import Calendar, Event
from msgspec.structs import replace

from askproai_core.fault_injection import FaultPoints
from askproai_core.notification_state import NOTIFICATIONS
from askproai_core.tenant_config import TenantConfig
from askproai_core.tenant_config.notifications import (
    BusinessNotifications,
    CustomerNotifications,
    EmailSettings,
    Notifications,
)
from askproai_core.tenant_config.vocabulary import EmailSecurity
from askproai_runtime.conversation.types import CallContext
from askproai_runtime.language.answer_words import Reply
from askproai_runtime.metrics import Metrics
from askproai_runtime.notifications.task import NotificationTask
from askproai_runtime.tasks import TaskRun
from tests.worlds.booking_environment import Salon, booking_args, call
from tests.worlds.mail_server import MailServer

CUSTOMER, SENDER, OWNER = "petra@example.de", "termine@salon.example", "chefin@salon.example"


def mail_settings(port: int, **changes: Any) -> Notifications:
    """Return settings with a mail server on this machine, without encryption, for customers only; `changes` replace fields."""
    email = EmailSettings(host="127.0.0.1", port=port, security=EmailSecurity.NONE, sender=SENDER)
    return Notifications(**{"email": email, "customer": CustomerNotifications()} | changes)


def notify_business(**changes: Any) -> BusinessNotifications:
    return BusinessNotifications(email_to=(OWNER,), **changes)


@dataclass
class NotificationEnvironment:
    """`credentials` are the mounted files with secrets, `admin_token` is that of the private API."""

    salon: Salon
    server: MailServer
    session: aiohttp.ClientSession
    credentials: dict[str, str] = field(default_factory=dict)
    admin_token: str | None = None
    watermark: dict[str, Any] = field(default_factory=dict)
    metrics: Metrics = field(default_factory=lambda: Metrics("salon"))

    def configure(self, settings: Notifications | None, **changes: Any) -> TenantConfig:
        config = replace(self.salon.configs[-1], notifications=settings, **changes)
        self.salon.apply_config(config)
        return config

    def task(self, faults: FaultPoints | None = None) -> NotificationTask:
        return NotificationTask(
            self.salon.pool, lambda: self.salon.configs[-1], self.credentials.get, self.session, self.salon.clock,
            faults or FaultPoints(), self.metrics, lambda: self.admin_token,
        )  # fmt: skip

    async def run(self) -> timedelta:
        """Run the task once, as a worker does; return the wait until its next run."""

        async def save(_watermark: dict[str, Any]) -> None:
            raise AssertionError("it saves nothing in between")

        done = await self.task().run(TaskRun(NOTIFICATIONS, self.watermark, "corr-run", save))
        self.watermark = done.watermark
        return done.after

    async def book(self, call_id: str = "call_1", email: str | None = CUSTOMER, **args: Any) -> str:
        """Book as a caller who has confirmed the address, and return the appointment's id."""
        with_email = {"email": email} if email else {}
        answer = await self.salon.booking.book_appointment(answered(call_id, email), booking_args(**args) | with_email)
        assert answer.success, answer
        return str(answer.fields["appointment_id"])

    async def move(self, appointment_id: str, start: str, call_id: str = "call_1") -> None:
        answer = await self.salon.booking.reschedule_appointment(
            call(call_id), {"appointment_id": appointment_id, "start": start}
        )
        assert answer.success, answer

    async def rows(self) -> list[dict[str, Any]]:
        return await self.salon.rows("SELECT * FROM notifications ORDER BY created_at, recipient, channel")

    async def states(self) -> list[tuple[str, str, str]]:
        return [(row["kind"], row["recipient"], row["state"]) for row in await self.rows()]

    async def make_due(self) -> None:
        """End the waits of all notifications."""
        await self.salon.pool.execute("UPDATE notifications SET due_at = clock_timestamp() WHERE state = 'waiting'")

    async def set_last_change(self, at: datetime) -> None:
        """Set the last change of all appointments to a time of the test's clock."""
        await self.salon.pool.execute("UPDATE appointments SET updated_at = $1", at)


def answered(call_id: str = "call_1", email: str | None = CUSTOMER) -> CallContext:
    """Return a call in which the caller has confirmed the address that was read back."""
    return dataclasses.replace(call(call_id), replies={email: Reply.YES} if email else {})


def event_of(mail: EmailMessage) -> tuple[str, Event]:
    """Return the METHOD and the event of a mail's calendar file."""
    (part,) = [part for part in mail.walk() if part.get_content_type() == "text/calendar"]
    calendar = Calendar.from_ical(part.get_payload(decode=True))
    assert part.get_param("method") == calendar["METHOD"]
    (event,) = calendar.walk("VEVENT")
    assert isinstance(event, Event)
    return str(calendar["METHOD"]), event


def text_of(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")
