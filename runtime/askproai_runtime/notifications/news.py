"""Notify the business of what callers leave when they do not book: messages, and freed times for those who wait."""

import hashlib
import json
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from askproai_core.database import Connection
from askproai_core.tenant_config import BusinessNews, TenantConfig
from askproai_runtime.notifications.outbox import enqueue_text
from askproai_runtime.notifications.words import WORDS, format_moment


async def enqueue_message(
    conn: Connection,
    config: TenantConfig,
    message_id: UUID,
    *,
    text: str,
    name: str,
    phone: str | None,
    recipient: str | None,
    call_back: str | None,
    correlation_id: str,
) -> None:
    """Notify of a caller's message: once, and again when its name, phone or `call_back` is corrected.

    `call_back` is when to call back, as it was said.
    """
    if config.notifications is None:
        return
    words = WORDS[config.notifications.language]
    details = {"phone": phone, "recipient": recipient, "call_back": call_back}
    lines = [f"{words.labels[label]}: {value}" for label, value in details.items() if value]
    version = hashlib.sha256(json.dumps([name, phone, call_back]).encode()).hexdigest()[:12]
    await enqueue_text(
        conn, config, BusinessNews.MESSAGE, f"message/{message_id}/{version}", title=words.message.format(customer=name),
        text="\n\n".join(filter(None, (text, "\n".join(lines)))), correlation_id=correlation_id, message_id=str(message_id),
        name=name, **details,
    )  # fmt: skip


async def enqueue_waitlist_offer(
    conn: Connection,
    config: TenantConfig,
    offer_id: int,
    *,
    name: str,
    phone: str,
    service: str,
    staff: str,
    starts_at: datetime,
    expires_at: datetime,
    correlation_id: str,
) -> None:
    """Notify of a freed time, and of who waits for it and is to be called until `expires_at`; of each offer once."""
    if config.notifications is None:
        return
    language, zone = config.notifications.language, ZoneInfo(config.time_zone)
    words = WORDS[language]
    when = format_moment(starts_at.astimezone(zone), language)
    until = format_moment(expires_at.astimezone(zone), language)
    labels = {"service": service, "staff": staff, "customer": name, "phone": phone}
    lines = [f"{words.labels[label]}: {value}" for label, value in labels.items()]
    await enqueue_text(
        conn, config, BusinessNews.WAITLIST, f"waitlist/{offer_id}", title=words.freed.title.format(when=when, customer=name),
        text="\n\n".join((words.freed.opening.format(when=when, customer=name, until=until), "\n".join(lines))),
        correlation_id=correlation_id, starts_at=starts_at.isoformat(), expires_at=expires_at.isoformat(), **labels,
    )  # fmt: skip
