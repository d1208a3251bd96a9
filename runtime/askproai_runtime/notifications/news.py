"""Writes notifications about messages (to the business), and about freed times (to the business and to the waiting caller)."""

from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from askproai_core.database import Connection
from askproai_core.tenant_config import NotificationChannel, TenantConfig
from askproai_core.tenant_config.vocabulary import BusinessNews
from askproai_runtime.notifications.outbox import enqueue, enqueue_text
from askproai_runtime.notifications.recipients import customer_channels
from askproai_runtime.notifications.render import one_line
from askproai_runtime.notifications.store.notifications import read_message_times, read_texts
from askproai_runtime.notifications.store.opt_outs import is_opted_out
from askproai_runtime.notifications.types import FreedOffer, Kind, NewNotification, Recipient
from askproai_runtime.notifications.words import WORDS
from askproai_runtime.sentences import format_call_back, format_written_span

MAILS_PER_MESSAGE = 5  # the first one, and corrections


class TooManyCorrections(Exception):
    """A caller corrected a message more often than the business is notified of corrections."""


async def enqueue_message(
    conn: Connection,
    config: TenantConfig,
    message_id: UUID,
    *,
    text: str,
    name: str,
    branch: str | None,
    phone: str | None,
    recipient: str | None,
    call_back: str | None,
    correlation_id: str,
) -> None:
    """Notify the business of a caller's message, and again of each correction: the last notification has the stored text.

    `branch` is the name of the called branch, `call_back` the time to call back in the caller's words. The message must be
    locked in the transaction of `conn`. Raises `TooManyCorrections`.
    """
    if config.notifications is None:
        return
    words = WORDS[config.notifications.language]
    details = {"phone": phone, "recipient": recipient, "call_back": call_back}
    shown = {**details, "branch": _shown_branch(config, branch)}
    shown |= await _say_times(conn, config, message_id, call_back)
    lines = [f"{words.labels[label]}: {value}" for label, value in shown.items() if value]
    now = {"message_id": str(message_id), "name": name, "branch": branch, **details}
    subjects = [f"message/{message_id}/{number}" for number in range(1, MAILS_PER_MESSAGE + 1)]
    before = await read_texts(conn, config.tenant, subjects)
    written = "\n\n".join(filter(None, (text, "\n".join(lines))))
    last = before[max(before)] if before else {}
    if last.get("fields") == now and last.get("text") == written:
        return
    if len(before) == MAILS_PER_MESSAGE:
        raise TooManyCorrections
    await enqueue_text(
        conn, config, BusinessNews.MESSAGE, subjects[len(before)], text=written,
        title=(words.corrected_message if before else words.message).format(customer=name),
        correlation_id=correlation_id, **now,
    )  # fmt: skip


async def _say_times(conn: Connection, config: TenantConfig, message_id: UUID, call_back: str | None) -> dict[str, str]:
    """Return, as texts with their dates, when to call back and when the caller called: a mail may be read a day after "morgen"."""
    assert config.notifications is not None
    language, zone = config.notifications.language, ZoneInfo(config.time_zone)
    times = await read_message_times(conn, config.tenant, message_id)
    first, until = (at and at.astimezone(zone) for at in (times.call_back_from, times.call_back_until))
    return {
        "call_back": format_call_back(call_back, first, until, language),
        "called_at": format_written_span(times.created_at.astimezone(zone), None, language),
    }


async def enqueue_waitlist_offer(
    conn: Connection,
    config: TenantConfig,
    offer_id: int,
    *,
    name: str,
    branch: str,
    phone: str,
    service: str,
    staff: str,
    starts_at: datetime,
    expires_at: datetime,
    correlation_id: str,
) -> None:
    """Notify the business once of an open offer: the freed time, and the waiting caller, who can be called until `expires_at`."""
    if config.notifications is None:
        return
    language, zone = config.notifications.language, ZoneInfo(config.time_zone)
    words = WORDS[language]
    when = format_written_span(starts_at.astimezone(zone), None, language)
    until = format_written_span(expires_at.astimezone(zone), None, language)
    labels = {"service": service, "staff": staff, "customer": name, "phone": phone}
    shown = {**labels, "branch": _shown_branch(config, branch)}
    lines = [f"{words.labels[label]}: {value}" for label, value in shown.items() if value]
    await enqueue_text(
        conn, config, BusinessNews.WAITLIST, f"waitlist/{offer_id}", title=words.freed.title.format(when=when, customer=name),
        text="\n\n".join((words.freed.opening.format(when=when, customer=name, until=until), "\n".join(lines))),
        correlation_id=correlation_id, starts_at=starts_at.isoformat(), expires_at=expires_at.isoformat(), branch=branch, **labels,
    )  # fmt: skip


def _shown_branch(config: TenantConfig, name: str | None) -> str:
    """Return a branch's display name for a mail, or "" if the tenant has only one branch or the name is unknown."""
    branch = config.find_branch(name) if name and len(config.branches) > 1 else None
    return one_line(branch.display_name) if branch else ""


async def hears_of_offers(conn: Connection, config: TenantConfig, phone: str) -> bool:
    """Return True if a waiting caller is sent a message about a freed time. If False, the business has to call."""
    return _has_channel(config, phone) and not await is_opted_out(conn, config.tenant, phone)


def _has_channel(config: TenantConfig, phone: str) -> bool:
    settings = config.notifications
    return settings is not None and NotificationChannel.WEBHOOK in customer_channels(settings, None, phone)


async def enqueue_freed_offer(conn: Connection, config: TenantConfig, freed: FreedOffer, correlation_id: str) -> None:
    """Notify a waiting caller of a freed time by the webhook, as a text message to the number that the caller left."""
    if not _has_channel(config, freed.phone):
        return
    row = NewNotification(
        Kind.OFFER, f"waitlist/{freed.offer}", Recipient.CUSTOMER, NotificationChannel.WEBHOOK, correlation_id,
        starts_at=freed.starts_at, content=msgspec.to_builtins(freed),
    )  # fmt: skip
    await enqueue(conn, config.tenant, [row])
