"""The e-mail channel: it composes a message (RFC 5322) and sends it in one SMTP transaction.

The Message-ID is derived from the notification's id and never changes. A mail may be repeated, since nobody knows whether the
first one arrived: servers and mail programs recognize it as the same.
"""

import asyncio
import re
import ssl
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime
from typing import Any, Final

import aiosmtplib
from icalendar import Calendar, Event, vCalAddress, vText

from askproai_core.clock import Clock
from askproai_core.tenant_config import TenantConfig
from askproai_core.tenant_config.notifications import SMTP_CA, SMTP_PASSWORD, SMTP_USERNAME, EmailSettings
from askproai_core.tenant_config.vocabulary import EmailSecurity
from askproai_runtime.notifications.render import branch_address, one_line, service_name, staff_name
from askproai_runtime.notifications.types import (
    AppointmentFacts,
    Away,
    CalendarFile,
    Deferred,
    Kind,
    Recipient,
    Rejected,
    Rendered,
    SendOutcome,
    Sent,
    StoredNotification,
)
from askproai_runtime.notifications.words import WORDS

_STEP_SECONDS: Final = 15.0  # each answer of the server
_LONGEST_SECONDS: Final = 45.0  # the whole transaction
_PERMANENT: Final = 500
_LOGIN_NEEDED: Final = 530  # RFC 4954; refusals by policy, such as of a sender's address, have 5.7 of RFC 3463
# The limit of a whole account at Exchange Online, which refuses it only after the mail's text.
_SENDER_REFUSED: Final = re.compile(r"\b5\.7\.60\b|\b5\.2\.252\b|SendAs", re.IGNORECASE)
# Refusals of servers at a recipient that concern the sender: the sender's address, a missing login, or the host that connects.
_ABOUT_US: Final = re.compile(r"sender|relay|client host|helo|authenticat", re.IGNORECASE)
_AN_ADDRESS: Final = re.compile(r"<[^>]*>")
_NOT_IN_A_PERSON: Final = re.compile(r"""[<>@,;:"\\()\[\]]|=\?""")
_WITH_CALENDAR: Final = frozenset({Kind.BOOKED, Kind.MOVED, Kind.CANCELLED})


# OpenSSL's X509_V_ERR_HOSTNAME_MISMATCH and …IP_ADDRESS_MISMATCH; …CERT_NOT_YET_VALID and …CERT_HAS_EXPIRED.
_ANOTHER_HOST: Final = frozenset({62, 64})
_NOT_VALID_NOW: Final = frozenset({9, 10})


class _NoAuthority(Exception):
    """The mail server's private certificate authority is configured, but the file with it is not mounted."""


class _MailPolicy(EmailPolicy):
    """Python's policy for mails, except that a subject beyond ASCII is one run of encoded words.

    Python's own folding adds a visible blank before an encoded word that begins a line (CPython issue 92081).
    """

    def fold_binary(self, name: str, value: Any) -> bytes:
        """Return the bytes of a header as they are sent, folded to lines."""
        if name.lower() != "subject" or str(value).isascii():
            return super().fold_binary(name, value)
        encoded = Header(str(value), "utf-8", header_name=name).encode(linesep=self.linesep)
        return f"{name}: {encoded}{self.linesep}".encode("ascii")


_POLICY: Final = _MailPolicy(linesep="\r\n", cte_type="7bit")  # some relays still lack 8BITMIME


@dataclass(frozen=True, slots=True)
class EmailChannel:
    """Sends mails through the tenant's mail server. `credential` returns the text of a mounted file."""

    config: TenantConfig
    settings: EmailSettings
    credential: Callable[[str], str | None]
    clock: Clock

    async def send(self, notification: StoredNotification, rendered: Rendered, to: tuple[str, ...]) -> SendOutcome:
        """Send one mail to all addresses. It counts as sent if the server accepts one of them."""
        message = self.compose(notification, rendered, to)
        login = self.credential(SMTP_USERNAME), self.credential(SMTP_PASSWORD)
        if self.settings.needs_login and not all(login):
            return Away("the mail server's user or password is not mounted: see NotificationsReady of the Tenant")
        try:
            tls = self._tls()
        except (_NoAuthority, ssl.SSLError):
            return Away(
                "email.caSecretRef is not mounted, or holds no PEM certificate: see NotificationsReady of the Tenant"
            )
        client = self._client(login if self.settings.needs_login else (None, None), tls)
        try:
            async with asyncio.timeout(_LONGEST_SECONDS):
                return await self._transmit(client, message, to)
        except aiosmtplib.SMTPException as error:  # before TimeoutError: aiosmtplib's time-outs are both
            return self._untrusted(error) or _outcome_of(error)
        except TimeoutError:
            return Away(f"the mail server did not finish within {_LONGEST_SECONDS:g} s")
        except (OSError, ssl.SSLError) as error:
            return self._untrusted(error) or Away(f"no connection to the mail server: {_name_of(error)}")
        finally:
            # Whatever the goodbye brings, and however long it takes, the answer to the mail itself counts.
            with suppress(aiosmtplib.SMTPException, OSError, TimeoutError):
                async with asyncio.timeout(1):
                    await client.quit()
            client.close()

    def _tls(self) -> ssl.SSLContext | None:
        """Return the TLS context; None if no TLS is configured. Raises `_NoAuthority`, or `SSLError` for a file without
        certificate.

        If the file of a private authority is missing, the system's authorities never replace it.
        """
        if self.settings.security is EmailSecurity.NONE:
            return None
        if not self.settings.private_ca:
            return ssl.create_default_context()
        if not (authority := self.credential(SMTP_CA)):
            raise _NoAuthority
        return ssl.create_default_context(cadata=authority)

    def _untrusted(self, error: Exception) -> Away | None:
        """Return the outcome for an unverified certificate, with its remedy; None if the error has another cause."""
        cause = error.__cause__ or error
        if not isinstance(cause, ssl.SSLCertVerificationError):
            return None
        if cause.verify_code in _ANOTHER_HOST:
            todo = "it is for another host: correct email.host, or the certificate"
        elif cause.verify_code in _NOT_VALID_NOW:
            todo = "it has expired or is not valid yet: renew it"
        elif self.settings.private_ca:
            todo = "email.caSecretRef holds another authority: put the PEM of the one that signed it there"
        else:
            todo = "name a private authority in email.caSecretRef"
        return Away(f"the mail server's certificate is not trusted ({_name_of(error)}): {todo}")

    def _client(self, login: tuple[str | None, str | None], tls: ssl.SSLContext | None) -> aiosmtplib.SMTP:
        security = self.settings.security
        return aiosmtplib.SMTP(
            hostname=self.settings.host,
            port=self.settings.port,
            use_tls=security is EmailSecurity.TLS,
            start_tls=security is EmailSecurity.START_TLS,
            tls_context=tls,
            username=login[0],
            password=login[1],
            timeout=_STEP_SECONDS,
        )

    async def _transmit(self, client: aiosmtplib.SMTP, message: EmailMessage, to: tuple[str, ...]) -> SendOutcome:
        await client.connect()
        refused, _ = await client.sendmail(self.settings.sender, list(to), message.as_bytes(policy=_POLICY))
        return Sent(f"{len(refused)} of {len(to)} addresses were refused" if refused else None)

    def compose(self, notification: StoredNotification, rendered: Rendered, to: tuple[str, ...]) -> EmailMessage:
        """Return the mail with a text and an HTML part. A mail about a change to a customer also has a calendar file."""
        business, now = _person(self.config.display_name), self.clock.now()
        appointment = notification.appointment
        to_customer = notification.recipient is Recipient.CUSTOMER
        name = _person(appointment.customer_name) if appointment and to_customer else ""
        message = EmailMessage(policy=_POLICY)
        message["From"] = Address(business, addr_spec=self.settings.sender)
        message["To"] = [Address(name, addr_spec=address) for address in to]
        answers_to = self.settings.reply_to or self.settings.sender
        if self.settings.reply_to:
            message["Reply-To"] = Address(business, addr_spec=self.settings.reply_to)
        # each `=?` is broken up: the policy would decode it (RFC 2047), with line breaks
        message["Subject"] = one_line(rendered.title).replace("=?", "= ?")
        message["Date"] = format_datetime(now.astimezone(UTC))
        message["Message-ID"] = f"<{notification.id}@{self.settings.sender.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"  # asks for no automatic answers, such as absence notices
        if rendered.stop_line:
            by_mail, link = f"<mailto:{answers_to}?subject=STOPP>", rendered.stop_url or ""
            if link.startswith("https://"):  # the only value that RFC 8058 allows
                message["List-Unsubscribe"] = f"<{link}>, {by_mail}"
                message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
            else:
                message["List-Unsubscribe"] = by_mail
        message.set_content(rendered.text, cte="quoted-printable")
        message.add_alternative(rendered.html, subtype="html", cte="quoted-printable")
        if appointment is not None and to_customer and notification.kind in _WITH_CALENDAR:
            self._attach_calendar(message, notification, to[0], now)
        return message

    def _attach_calendar(
        self, message: EmailMessage, notification: StoredNotification, attendee: str, now: datetime
    ) -> None:
        assert notification.appointment is not None
        file = calendar_file(notification.appointment, self.config, self.settings, attendee, now)
        message.add_attachment(
            file.data, "text", "calendar", filename="termin.ics", params={"method": file.method, "charset": "utf-8"}
        )


def _person(name: str) -> str:
    """Return a display name without special characters of mail headers: folding can remove the quotes around a long name."""
    return one_line(_NOT_IN_A_PERSON.sub(" ", name), 100)


def _outcome_of(error: aiosmtplib.SMTPException) -> SendOutcome:
    """Return the outcome of a failed SMTP transaction, without the server's text, which may quote an address."""
    match error:
        case aiosmtplib.SMTPRecipientsRefused():
            return _outcome_of_refusals(error.recipients)
        case aiosmtplib.SMTPDataError() if error.code >= _PERMANENT and _SENDER_REFUSED.search(error.message):
            return Away(f"the mail server refuses email.sender ({error.code}): use an address of this account")
        case aiosmtplib.SMTPDataError():
            answer = f"the mail server refuses the mail ({error.code})"
            return Rejected(answer) if error.code >= _PERMANENT else Deferred(answer)
        case aiosmtplib.SMTPSenderRefused():
            return Away(f"the mail server refuses email.sender ({error.code}): use an address of this account")
        case aiosmtplib.SMTPAuthenticationError():
            return Away(f"the mail server refuses user and password ({error.code}): correct the Secret")
        case aiosmtplib.SMTPResponseException():
            return Away(f"the mail server refuses us ({error.code})")
        case aiosmtplib.SMTPTimeoutError():
            return Away(f"the mail server did not answer within {_STEP_SECONDS:g} s")
        case aiosmtplib.SMTPNotSupported():
            return Away("the mail server does not offer what email.security or the login needs")
    return Away(f"no connection to the mail server: {_name_of(error)}")


def _outcome_of_refusals(refused: Sequence[aiosmtplib.SMTPRecipientRefused]) -> SendOutcome:
    codes = sorted({each.code for each in refused})
    numbers = ", ".join(map(str, codes))
    if all(_is_about_us(each) for each in refused):
        return Away(
            f"the mail server refuses us or email.sender ({numbers}): use an address and the login of an account there"
        )
    if all(each.message.startswith("5.7.") for each in refused):  # of the recipient's server, or of ours
        return Deferred(f"a policy of a mail server refuses this mail ({numbers}): ask the recipient, or its operator")
    answer = f"the mail server refuses the address ({', '.join(map(str, codes))})"
    return Rejected(answer) if min(codes) >= _PERMANENT else Deferred(answer)


def _is_about_us(refused: aiosmtplib.SMTPRecipientRefused) -> bool:
    """Return True if the server refused a recipient because of our sender or login: it would refuse any other recipient, too."""
    by_policy = refused.message.startswith("5.7.") and _ABOUT_US.search(_AN_ADDRESS.sub("", refused.message))
    return refused.code == _LOGIN_NEEDED or bool(by_policy)


def _name_of(error: Exception) -> str:
    """Return the type name of an error's cause, such as `SSLCertVerificationError`. Its text could contain an address."""
    return type(error.__cause__ or error).__name__


def calendar_file(
    appointment: AppointmentFacts, config: TenantConfig, email: EmailSettings, attendee: str, now: datetime
) -> CalendarFile:
    """Return the iCalendar file (RFC 5545, RFC 5546) that adds or moves a live appointment, or removes a cancelled one.

    The UID never changes, and SEQUENCE rises with each change of the appointment: a calendar replaces its entry, and a file
    that comes twice or late changes nothing. Times are in UTC, so that no time zone rules have to be sent.
    """
    settings = config.notifications
    assert settings is not None
    method = "REQUEST" if appointment.live else "CANCEL"
    business = one_line(config.display_name)
    calendar, event = Calendar(), Event()
    calendar.add("prodid", "-//AskProAI//Appointments//DE")
    calendar.add("version", "2.0")
    calendar.add("method", method)
    event.add("uid", f"{appointment.id}@askproai.de")
    event.add("sequence", appointment.version - 1)
    event.add("dtstamp", now.astimezone(UTC))
    event.add("dtstart", appointment.starts_at.astimezone(UTC))
    event.add("dtend", appointment.ends_at.astimezone(UTC))
    event.add("status", "CONFIRMED" if appointment.live else "CANCELLED")
    words = WORDS[settings.language]
    service = one_line(service_name(config, appointment)) or words.appointment
    event.add("summary", words.calendar_event.format(service=service, business=business))
    if staff := one_line(staff_name(config, appointment)):
        event.add("description", staff)
    if place := branch_address(config.find_branch(appointment.branch)):
        event.add("location", one_line(place))
    event.add("organizer", _calendar_person(email.sender, business))
    invited = _calendar_person(attendee, one_line(appointment.customer_name))
    # Nobody has to answer: it was agreed already.
    invited.params |= {"PARTSTAT": vText("ACCEPTED"), "RSVP": vText("FALSE"), "ROLE": vText("REQ-PARTICIPANT")}
    event.add("attendee", invited)
    calendar.add_component(event)
    return CalendarFile(method, calendar.to_ical())


def _calendar_person(address: str, name: str) -> vCalAddress:
    person = vCalAddress(f"mailto:{address}")
    if name:
        person.params["CN"] = vText(name.replace('"', "'"))
    return person
