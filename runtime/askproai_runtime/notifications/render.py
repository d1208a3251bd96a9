"""Rendering of a notification and its appointment to a message. Pure, and always from the appointment as it is now.

Names, notes and the tenant's own words are data and never templates: control characters are removed, lines are joined where a
header or a line is needed, and HTML is escaped.
"""

import html
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from askproai_core.languages import Language
from askproai_core.tenant_config import Branch, Service, TenantConfig
from askproai_core.tenant_config.notifications import NotificationTexts
from askproai_runtime.notifications.types import (
    AppointmentFacts,
    FreedOffer,
    Kind,
    Recipient,
    Rendered,
    StoredNotification,
)
from askproai_runtime.notifications.words import WORDS, Words
from askproai_runtime.sentences import decline_name, format_written_day, format_written_span, speaking
from askproai_runtime.visits import find_by_name

_LONGEST_TITLE: Final = 200
_LONGEST_SHORT: Final = 300
_OWN_WORDS: Final = {
    Kind.BOOKED: "confirmation",
    Kind.MOVED: "change",
    Kind.CANCELLED: "cancellation",
    Kind.REMINDER: "reminder",
}


def one_line(text: str, longest: int = 2000) -> str:
    """Return a text as one line. Control characters, such as CR and LF, become blanks: a line break could begin another header."""
    plain = "".join(" " if unicodedata.category(char) in {"Cc", "Cf", "Zl", "Zp", "Cs"} else char for char in text)
    return " ".join(plain.split())[:longest]


def render(
    notification: StoredNotification,
    config: TenantConfig,
    day: Sequence[AppointmentFacts] = (),
    stop_url: str | None = None,
) -> Rendered:
    """Return the content of a notification for its channel. The settings exist, since `decide` has checked them.

    `day` are the appointments of a daily list, `stop_url` is the link by which this customer stops reminders.
    """
    if notification.kind == Kind.TEXT:
        return _render_text(notification, config)
    if freed := notification.freed:
        return _render_offer(freed, config)
    if notification.kind == Kind.DAILY_LIST:
        return _render_day(notification, config, day)
    assert notification.appointment is not None, "`decide` drops what has no appointment"
    return _render_appointment(notification, notification.appointment, config, stop_url)


def _render_appointment(
    notification: StoredNotification, appointment: AppointmentFacts, config: TenantConfig, stop_url: str | None
) -> Rendered:
    settings = config.notifications
    assert settings is not None
    words, kind = WORDS[settings.language], Kind(notification.kind)
    to_customer = notification.recipient is Recipient.CUSTOMER
    sentences = (words.customer if to_customer else words.business)[kind]
    local = appointment.starts_at.astimezone(ZoneInfo(config.time_zone))
    customer = one_line(appointment.customer_name, 100)
    values = {
        "when": format_written_span(local, None, settings.language),
        "business": one_line(config.display_name),
        "customer": customer,
    }
    title = one_line(sentences.title.format(**values), _LONGEST_TITLE).rstrip(" ,")
    opening = sentences.opening.format(**values)
    hello = words.hello.format(customer=customer) if customer else words.hello_nobody
    paragraphs = [hello, opening] if to_customer else [opening]
    paragraphs.append("\n".join(_details(appointment, config, words, to_customer=to_customer, kind=kind)))
    stop_line = False
    if to_customer:
        paragraphs += _own_words(settings.texts, kind, config)
        is_reminded = settings.customer is not None and settings.customer.remind_minutes_before is not None
        stop_line = is_reminded and kind is not Kind.CANCELLED  # nobody is reminded of a cancelled appointment
        stop = words.stop_by_link.format(url=stop_url) if stop_url else words.stop
        paragraphs += [stop] if stop_line else []
    fields = _appointment_fields(appointment, config)
    return Rendered(
        title, _join(paragraphs), _to_html(paragraphs, stop_url), opening[:_LONGEST_SHORT], fields, stop_line=stop_line,
        stop_url=stop_url if stop_line else None,
    )  # fmt: skip


def _details(
    appointment: AppointmentFacts, config: TenantConfig, words: Words, *, to_customer: bool, kind: Kind
) -> Iterable[str]:
    """Yield the lines about an appointment: for the customer place and preparation, for the business the customer's data.

    If a service or a person is not declared any more, the business's text says that; the customer's text leaves it out.
    """
    branch = config.find_branch(appointment.branch)
    found = {
        "service": service_name(config, appointment),
        "staff": staff_name(config, appointment),
        "branch": branch.display_name if branch and len(config.branches) > 1 else "",
    }
    if to_customer:
        service = _find_service(config, appointment)
        found |= {
            "preparation": service.preparation if service and kind is not Kind.CANCELLED else "",
            "address": branch_address(branch),
        }
        if kind is not Kind.CANCELLED and branch and branch.phone_numbers:
            found["call"] = branch.phone_numbers[0].number
    else:
        found |= {
            "service": found["service"] or words.former_service, "staff": found["staff"] or words.former_staff,
            "customer": appointment.customer_name, "phone": appointment.phone or "", "notes": appointment.notes or "",
        }  # fmt: skip
    return (f"{words.labels[label]}: {one_line(text)}" for label, text in found.items() if text.strip())


def _own_words(texts: NotificationTexts, kind: Kind, config: TenantConfig) -> list[str]:
    own = getattr(texts, _OWN_WORDS[kind])
    return [*([_plain(own)] if own.strip() else []), _plain(texts.signature) or one_line(config.display_name)]


def _render_day(notification: StoredNotification, config: TenantConfig, day: Sequence[AppointmentFacts]) -> Rendered:
    settings = config.notifications
    assert settings is not None
    words, zone = WORDS[settings.language], ZoneInfo(config.time_zone)
    of_day = datetime.fromisoformat(notification.content["day"])
    sentences = words.business[Kind.DAILY_LIST]
    when = format_written_day(of_day, settings.language)
    lines = [_day_line(each, config, words, zone) for each in day]
    title, opening = sentences.title.format(when=when), sentences.opening.format(when=when)
    paragraphs = [opening, "\n".join(lines) or words.daily_none]
    fields = {"day": notification.content["day"], "appointments": [_appointment_fields(each, config) for each in day]}
    return Rendered(title, _join(paragraphs), _to_html(paragraphs), f"{title}: {len(lines)}", fields)


def _day_line(appointment: AppointmentFacts, config: TenantConfig, words: Words, zone: ZoneInfo) -> str:
    parts = (
        _working_times(appointment, zone), service_name(config, appointment) or words.former_service,
        staff_name(config, appointment) or words.former_staff, appointment.customer_name, appointment.phone or "",
        "" if appointment.status == "confirmed" else words.unconfirmed,
    )  # fmt: skip
    return ", ".join(one_line(part) for part in parts if part.strip())


def _working_times(appointment: AppointmentFacts, zone: ZoneInfo) -> str:
    """Return the staff member's working times: `10:00–11:45`, or `10:00–10:30 + 11:00–11:45` with a wait of the customer."""
    spans = appointment.work or ((appointment.starts_at, appointment.ends_at),)
    return " + ".join("–".join(f"{at.astimezone(zone):%H:%M}" for at in span) for span in spans)


def _render_text(notification: StoredNotification, config: TenantConfig) -> Rendered:
    content = notification.content
    title = one_line(str(content["title"]), _LONGEST_TITLE)
    paragraphs = [_plain(part) for part in str(content["text"]).split("\n\n")]
    fields = {"tenant": config.tenant, **content.get("fields", {})}
    return Rendered(title, _join(paragraphs), _to_html(paragraphs), title, fields)


def _render_offer(freed: FreedOffer, config: TenantConfig) -> Rendered:
    """Return the message to a waiting caller: the freed time, the latest time to call, and the number to call."""
    settings, zone = config.notifications, ZoneInfo(config.time_zone)
    assert settings is not None
    words = WORDS[settings.language]
    branch = config.find_branch(freed.branch)
    number = branch.phone_numbers[0].number if branch and branch.phone_numbers else ""
    values = {
        "when": format_written_span(freed.starts_at.astimezone(zone), None, settings.language),
        "until": format_written_span(freed.expires_at.astimezone(zone), None, settings.language),
        "business": one_line(config.display_name, 60),  # the end, with the number to ring, must not be cut off
        "service": one_line(freed.service, 60),
        "staff": decline_name(one_line(freed.staff, 40), settings.language),
        "call": words.offer_call.format(number=number) if number else "",
    }
    title, text = words.offer.title.format(**values), words.offer.opening.format(**values)
    fields = {
        "start": freed.starts_at.astimezone(zone).isoformat(),
        "end": freed.ends_at.astimezone(zone).isoformat(),
        "expires_at": freed.expires_at.astimezone(zone).isoformat(),
        "branch": freed.branch,
        "service_name": freed.service,
        "staff_name": freed.staff,
        "call": number,
    }
    return Rendered(title, _join([text]), _to_html([text]), text, fields)


def _appointment_fields(appointment: AppointmentFacts, config: TenantConfig) -> dict[str, Any]:
    """Return an appointment as JSON fields for programs. Times have the tenant's UTC offset."""
    zone = ZoneInfo(config.time_zone)
    return {
        "appointment_id": str(appointment.id),
        "start": appointment.starts_at.astimezone(zone).isoformat(),
        "end": appointment.ends_at.astimezone(zone).isoformat(),
        "branch": appointment.branch,
        "service": appointment.service,
        "service_name": service_name(config, appointment),
        "staff": appointment.staff,
        "staff_name": staff_name(config, appointment),
        "customer_name": one_line(appointment.customer_name),
        "version": appointment.version,
    }


def branch_address(branch: Branch | None) -> str:
    """Return a branch's address in one line, or "" if the branch has no address."""
    if branch is None:
        return ""
    town = f"{branch.address.postal_code} {branch.address.city}".strip()
    return ", ".join(filter(None, (branch.address.street, town)))


def service_name(config: TenantConfig, appointment: AppointmentFacts) -> str:
    """Return the display name of a service or visit; "" if it is no longer declared, since its id is no name for people."""
    found = _find_service(config, appointment)
    return found.display_name if found else ""


def _find_service(config: TenantConfig, appointment: AppointmentFacts) -> Service | None:
    with speaking(config.notifications.language if config.notifications else Language.DE):
        return find_by_name(config, appointment.service)


def staff_name(config: TenantConfig, appointment: AppointmentFacts) -> str:
    """Return the staff member's display name, or "" if the staff member is not declared any more."""
    branch = config.find_branch(appointment.branch)
    found = (each.display_name for each in (branch.staff if branch else ()) if each.id == appointment.staff)
    return next(found, "")


def _plain(text: str) -> str:
    return "\n".join(one_line(line) for line in text.strip().splitlines())


def _join(paragraphs: Iterable[str]) -> str:
    return "\n\n".join(filter(None, paragraphs)) + "\n"


def _to_html(paragraphs: Iterable[str], link: str | None = None) -> str:
    """Return paragraphs as HTML. Only our own `link`, in the last paragraph, becomes a link; URLs in other texts do not."""
    escaped = [html.escape(part).replace("\n", "<br>\n") for part in paragraphs if part]
    if link:
        target = html.escape(link)
        escaped[-1] = escaped[-1].replace(target, f'<a href="{target}">{target}</a>')
    return (
        '<html><body style="font-family:sans-serif">\n'
        + "\n".join(f"<p>{part}</p>" for part in escaped)
        + "\n</body></html>\n"
    )
