"""The outbox: it writes notifications in the transaction of their cause.

Without `notifications` in the Tenant no statement runs. An existing row is left as it is, so that a repeated transaction adds
nothing. The worker finds new rows within a minute.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from askproai_core.database import Connection
from askproai_core.tenant_config import TenantConfig
from askproai_core.tenant_config.vocabulary import BusinessNews
from askproai_runtime.notifications.recipients import announces_to_customers, business_channels, customer_channels
from askproai_runtime.notifications.store.notifications import insert_notifications
from askproai_runtime.notifications.types import Kind, NewNotification, Recipient

_NEWS = {Kind.BOOKED: BusinessNews.NEW, Kind.MOVED: BusinessNews.MOVED, Kind.CANCELLED: BusinessNews.CANCELLED}


async def enqueue_change(
    conn: Connection,
    config: TenantConfig,
    kind: Kind,
    *,
    appointment_id: UUID,
    version: int,
    starts_at: datetime,
    email: str | None,
    phone: str | None,
    in_remote_calendar: bool,
    told: bool,
    correlation_id: str,
) -> None:
    """Notify the customer and the business of one change of an appointment, each by their channels. One statement at most.

    `version` is the appointment's version after the change: each version is announced once. A made-up `email` counts as none.
    The customer of a remote booking is notified only if the tenant asks for it, since the remote calendar sends its own mails.
    `told`: the customer knows of the change from a conversation, or never knew of the appointment.
    """
    settings = config.notifications
    if settings is None:
        return
    rows = [(Recipient.BUSINESS, channel) for channel in business_channels(settings) if _is_wanted(config, _NEWS[kind])]
    if announces_to_customers(settings, in_remote_calendar=in_remote_calendar):
        rows += [(Recipient.CUSTOMER, channel) for channel in customer_channels(settings, email, phone)]
    subject = f"{appointment_id}/{version}"
    await enqueue(
        conn,
        config.tenant,
        [
            NewNotification(
                kind,
                subject,
                recipient,
                channel,
                correlation_id,
                appointment_id,
                starts_at,
                {"told": True} if told else {},
            )
            for recipient, channel in rows
        ],
    )


async def enqueue_text(
    conn: Connection,
    config: TenantConfig,
    news: BusinessNews,
    subject: str,
    *,
    title: str,
    text: str,
    correlation_id: str,
    **fields: Any,
) -> None:
    """Notify the business of an event that is not about an appointment, if it wants such `news`. One statement at most.

    `subject` identifies the event: a subject is sent once. `title` becomes the mail's subject, `text` its paragraphs, separated
    by empty lines; `fields` are for programs behind the webhook. They are kept with the row until retention deletes it.
    """
    content = {"title": title, "text": text, "fields": fields}
    channels = business_channels(config.notifications) if _is_wanted(config, news) else ()
    rows = [
        NewNotification(Kind.TEXT, subject, Recipient.BUSINESS, channel, correlation_id, content=content)
        for channel in channels
    ]
    await enqueue(conn, config.tenant, rows)


async def enqueue(conn: Connection, tenant: str, rows: Iterable[NewNotification]) -> None:
    """Add notifications in the transaction of `conn`, by one statement. Without rows no statement runs."""
    if added := list(rows):
        await insert_notifications(conn, tenant, added)


def _is_wanted(config: TenantConfig, news: BusinessNews) -> bool:
    business = config.notifications.business if config.notifications else None
    return business is not None and news in business.news
