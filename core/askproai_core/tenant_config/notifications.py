"""The settings of notifications to customers and to the business, and of the channels that send them."""

from datetime import time

from askproai_core.languages import Language
from askproai_core.tenant_config.vocabulary import BusinessNews, ConfigStruct, EmailSecurity, NotificationChannel

# The files with the secrets of the channels, beside those of the providers' keys.
SMTP_USERNAME, SMTP_PASSWORD = "notifications-smtp-username", "notifications-smtp-password"
SMTP_CA = "notifications-smtp-ca"  # PEM certificates
NOTIFICATION_KEY = "notifications-webhook-key"


class EmailSettings(ConfigStruct, frozen=True):
    """A mail server. If `needs_login`, its user and password are mounted files; without these files nothing is sent. If
    `private_ca`, the server's CA is a mounted file, too, and is trusted instead of the system's.
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
    """The local wall-clock time in which no reminder is sent: from `begins` to `ends`, past midnight if `ends` is earlier."""

    begins: time
    ends: time


class CustomerNotifications(ConfigStruct, frozen=True):
    """Notifications to customers; `for_calcom_bookings`: of remote bookings, too. `remind_minutes_before` None: no reminders."""

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
    """The tenant's own sentences for customers, one paragraph each; an empty text adds nothing."""

    confirmation: str = ""
    change: str = ""
    cancellation: str = ""
    reminder: str = ""
    signature: str = ""


class Notifications(ConfigStruct, frozen=True):
    """The kinds of notifications, their recipients and channels. A channel without settings sends nothing. `public_url` is the
    public address of the tenant's pods, for links in mails; if it is empty, mails have no links.
    """

    language: Language = Language.DE
    email: EmailSettings | None = None
    webhook: WebhookSettings | None = None
    customer: CustomerNotifications | None = None
    business: BusinessNotifications | None = None
    texts: NotificationTexts = NotificationTexts()
    public_url: str = ""
