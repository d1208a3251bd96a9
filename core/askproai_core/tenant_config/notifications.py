"""The messages to customers and the business, and their channels."""

from datetime import time

from askproai_core.tenant_config.vocabulary import (
    BusinessNews,
    ConfigStruct,
    EmailSecurity,
    Language,
    NotificationChannel,
)

# The files with the secrets of the channels, beside those of the providers' keys.
SMTP_USERNAME, SMTP_PASSWORD = "notifications-smtp-username", "notifications-smtp-password"
SMTP_CA = "notifications-smtp-ca"  # PEM certificates
NOTIFICATION_KEY = "notifications-webhook-key"


class EmailSettings(ConfigStruct, frozen=True):
    """A mail server. `needs_login`: its user and password are mounted files; without them nothing is sent.

    `private_ca`: the authority of its certificate is a mounted file, too, and is trusted instead of the system's.
    """

    host: str
    sender: str
    port: int = 587
    security: EmailSecurity = EmailSecurity.START_TLS
    reply_to: str | None = None
    needs_login: bool = False
    private_ca: bool = False


class WebhookSettings(ConfigStruct, frozen=True):
    url: str


class QuietHours(ConfigStruct, frozen=True):
    """Local wall-clock time within which no reminder is sent: from `begins` to `ends`, past midnight if that is earlier."""

    begins: time
    ends: time


class CustomerNotifications(ConfigStruct, frozen=True):
    """`for_calcom_bookings`: also what Cal.com holds is confirmed by us. Without `remind_minutes_before` nobody is reminded."""

    channels: tuple[NotificationChannel, ...] = (NotificationChannel.EMAIL,)
    for_calcom_bookings: bool = False
    remind_minutes_before: int | None = None
    quiet_hours: QuietHours | None = None


class BusinessNotifications(ConfigStruct, frozen=True):
    channels: tuple[NotificationChannel, ...] = (NotificationChannel.EMAIL,)
    email_to: tuple[str, ...] = ()
    news: tuple[BusinessNews, ...] = tuple(BusinessNews)
    daily_list_at: time | None = None


class NotificationTexts(ConfigStruct, frozen=True):
    """The tenant's own words for customers, in one paragraph each; empty: none."""

    confirmation: str = ""
    change: str = ""
    cancellation: str = ""
    reminder: str = ""
    signature: str = ""


class Notifications(ConfigStruct, frozen=True):
    """The messages, their recipients and their channels: a channel without settings sends nothing.

    `public_url` is where the tenant's pods are reached, for links in mails; empty: there are none.
    """

    language: Language = Language.DE
    email: EmailSettings | None = None
    webhook: WebhookSettings | None = None
    customer: CustomerNotifications | None = None
    business: BusinessNotifications | None = None
    texts: NotificationTexts = NotificationTexts()
    public_url: str = ""
