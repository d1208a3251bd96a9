"""TenantConfig: the contract between the operator, which renders it, and the runtime, which reads it.

It holds no secret: credentials are mounted files of their own. For tenant T it is the JSON text `tenant.json` of ConfigMap
`T-config`. Times of day are local wall-clock times in `TenantConfig.time_zone`.
"""

from askproai_core.tenant_config.branches import (
    Absence,
    Address,
    Branch,
    Holidays,
    Hours,
    Knowledge,
    PhoneNumber,
    Staff,
)
from askproai_core.tenant_config.config import (
    BOOKING_TARGET_PERCENT,
    Agent,
    BookingLimits,
    CalendarConfig,
    RateLimits,
    RetellConfig,
    Retention,
    TenantConfig,
    config_hash,
    decode,
    encode,
)
from askproai_core.tenant_config.notifications import (
    NOTIFICATION_KEY,
    SMTP_CA,
    SMTP_PASSWORD,
    SMTP_USERNAME,
    BusinessNotifications,
    CustomerNotifications,
    EmailSettings,
    Notifications,
    NotificationTexts,
    QuietHours,
    WebhookSettings,
)
from askproai_core.tenant_config.page import (
    OIDC_CA,
    OIDC_CLIENT_SECRET,
    OidcSettings,
    PageRoles,
    PageSettings,
)
from askproai_core.tenant_config.services import (
    BookingField,
    EventType,
    OwnEventType,
    Segment,
    Service,
    StaffOverride,
    TeamEventType,
)
from askproai_core.tenant_config.vocabulary import (
    FURTHER_FUNCTIONS,
    BusinessModel,
    BusinessNews,
    CalcomVersion,
    CalendarProvider,
    CallerVerification,
    EmailSecurity,
    FieldSource,
    Function,
    Language,
    NotificationChannel,
    Provider,
    SegmentKind,
    Weekday,
    Withheld,
)

__all__ = [
    "BOOKING_TARGET_PERCENT", "FURTHER_FUNCTIONS", "NOTIFICATION_KEY", "OIDC_CA", "OIDC_CLIENT_SECRET", "SMTP_CA",
    "SMTP_PASSWORD", "SMTP_USERNAME", "Absence", "Address", "Agent", "BookingField", "BookingLimits", "Branch",
    "BusinessModel", "BusinessNews", "BusinessNotifications", "CalcomVersion", "CalendarConfig", "CalendarProvider",
    "CallerVerification", "CustomerNotifications", "EmailSecurity", "EmailSettings", "EventType", "FieldSource", "Function",
    "Holidays", "Hours", "Knowledge", "Language", "NotificationChannel", "NotificationTexts", "Notifications",
    "OidcSettings", "OwnEventType", "PageRoles", "PageSettings", "PhoneNumber", "Provider", "QuietHours", "RateLimits",
    "RetellConfig", "Retention", "Segment", "SegmentKind", "Service", "Staff", "StaffOverride", "TeamEventType",
    "TenantConfig", "WebhookSettings", "Weekday", "Withheld", "config_hash", "decode", "encode",
]  # fmt: skip
