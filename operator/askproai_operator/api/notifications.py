"""`spec.notifications` of a Tenant: what is sent to customers and to the business, and by which channels."""

from typing import Annotated

from pydantic import Field

from askproai_core.languages import Language
from askproai_core.tenant_config import NotificationChannel
from askproai_core.tenant_config.vocabulary import BusinessNews, EmailSecurity
from askproai_operator.api import base

EmailAddress = Annotated[
    str, base.matching(r"^[A-Za-z0-9._%+-]{1,64}@([A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,63}$", 254, "not an e-mail address")
]
OwnWords = Annotated[str, Field(max_length=1000)]
_ONCE = base.rule("self.all(each, self.exists_one(other, other == each))", "name each one once")
Channels = Annotated[tuple[NotificationChannel, ...], base.bounded_list(2, _ONCE, min_items=1)]
_HTTPS = base.rule(
    "isURL(self) && url(self).getScheme() == 'https' && url(self).getHostname() != ''"
    " && !self.contains('#') && !self.contains('@')",
    "a webhook's URL begins with https:// and a host, and has no user or fragment",
)


class EmailServer(base.Part):
    model_config = base.with_rules(
        base.rule(
            "has(self.usernameSecretRef) == has(self.passwordSecretRef)",
            "name usernameSecretRef and passwordSecretRef, or neither for a server without a login",
        ),
        base.rule(
            "!has(self.passwordSecretRef) || !has(self.security) || self.security != 'None'",
            "with security None the password would be sent in plain text: use StartTls or Tls",
        ),
        base.rule(
            "!has(self.caSecretRef) || !has(self.security) || self.security != 'None'",
            "with security None no certificate is verified: use StartTls or Tls, or leave caSecretRef out",
        ),
    )

    host: base.Host
    """Host name of the mail server for sending (SMTP), such as smtp.mail.example. The operator's ASKPROAI_NOTIFICATION_HOSTS
    must allow it."""
    port: Annotated[int, Field(ge=1, le=65_535)] = 587
    """Its port: usually 587 with StartTls, 465 with Tls. Others must be in ASKPROAI_NOTIFICATION_HOSTS."""
    security: EmailSecurity = EmailSecurity.START_TLS
    """StartTls, Tls (from the first byte on), or None for a relay of your own network that needs no login."""
    sender: EmailAddress
    """Address from which mails come; the server must let this account use it, and its domain should have SPF and DKIM."""
    reply_to: EmailAddress | None = None
    """Address to which answers go. Absent: `sender`."""
    username_secret_ref: base.SecretKeyRef | None = None
    """User at the mail server. Absent: no login."""
    password_secret_ref: base.SecretKeyRef | None = None
    """Password at the mail server."""
    ca_secret_ref: base.SecretKeyRef | None = None
    """Authority that signed the certificate of your own mail server, in PEM; trusted instead of the usual ones. Absent: those."""


class NotificationWebhook(base.Part):
    url: Annotated[str, base.bounded_text(500, _HTTPS)]
    """Where notifications are posted as JSON, such as a gateway for text messages; ASKPROAI_NOTIFICATION_HOSTS must allow it."""
    key_secret_ref: base.SecretKeyRef
    """Key with which each request is signed (`X-Askproai-Signature`), so that you can check that it comes from us."""


class Quiet(base.Part):
    model_config = base.with_rules(base.rule("self.begins != self.ends", "begins and ends must differ"))

    begins: base.TimeOfDay
    """Start, "HH:MM", local time of the tenant."""
    ends: base.TimeOfDay
    """End, "HH:MM", not included; earlier than the start: on the next day."""


class ForCustomers(base.Part):
    channels: Channels = (NotificationChannel.EMAIL,)
    """Channels: Email to customers who gave an address, Webhook for all whose number or address is known. Webhook
    also notifies the waiting list of a freed time."""
    for_calcom_bookings: bool = False
    """Also notify of appointments at Cal.com, their changes and cancellations. Cal.com sends attendees its own mails: use
    true only if those are switched off. Reminders do not depend on this field."""
    remind_minutes_before: Annotated[int, Field(ge=15, le=20_160)] | None = None
    """How long before its start a customer is reminded of an appointment (minutes); 1440 is the day before at the same hour, also
    when the clocks change. Absent: no reminders."""
    quiet_hours: Quiet | None = None
    """Hours without reminders; a reminder due in them is sent half an hour before they begin. Offers of freed times wait
    until they end. Confirmations are sent at once. Absent: none."""


class ForBusiness(base.Part):
    channels: Channels = (NotificationChannel.EMAIL,)
    """By which channels: Email to `emailTo`, Webhook."""
    email_to: Annotated[tuple[EmailAddress, ...], base.bounded_list(5, _ONCE)] = ()
    """Addresses of the business; one mail goes to all."""
    news: Annotated[tuple[BusinessNews, ...], base.bounded_list(len(BusinessNews), _ONCE)] = tuple(BusinessNews)
    """Subjects of the notifications that it gets: New, Moved and Cancelled appointments, also those changed at Cal.com; each
    Message of a caller; Waitlist, a freed time and its waiting callers. Absent: all; []: none."""
    daily_list_at: base.TimeOfDay | None = None
    """When the list of the day's appointments is sent, "HH:MM", local time; days without any have none. Absent: no list."""


class CustomerTexts(base.Part):
    confirmation: OwnWords = ""
    """Your own words in the confirmation, such as what to bring. Plain text."""
    change: OwnWords = ""
    """Your own words when an appointment is moved."""
    cancellation: OwnWords = ""
    """Your own words when an appointment is cancelled."""
    reminder: OwnWords = ""
    """Your own words in the reminder."""
    signature: OwnWords = ""
    """Last paragraph of each mail to a customer. Absent: the Tenant's displayName."""


class Notifications(base.Part):
    model_config = base.with_rules(
        base.rule("has(self.email) || has(self.webhook)", "name a channel: email, webhook or both"),
        base.rule("has(self.customer) || has(self.business)", "name who is notified: customer, business or both"),
    )

    language: Language = Language.DE
    """Language of mails and messages."""
    email: EmailServer | None = None
    """The mail server by which mails are sent. Absent: no mails."""
    webhook: NotificationWebhook | None = None
    """Where notifications are posted, for text messages and your own programs. Absent: nowhere."""
    customer: ForCustomers | None = None
    """Messages to customers: confirmation with a calendar file, change, cancellation, reminder. Absent: nothing."""
    business: ForBusiness | None = None
    """The mails to the business: new, moved and cancelled appointments, and the list of the day. Absent: nothing."""
    texts: CustomerTexts = CustomerTexts()
    """Your own words in what customers get."""
