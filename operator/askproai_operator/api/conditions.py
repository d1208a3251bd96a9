"""Conditions and their reasons: closed lists. conditions.yaml explains each word, for docs/reference/conditions.md."""

from dataclasses import dataclass
from enum import StrEnum


class ConditionType(StrEnum):
    """The types of conditions."""

    READY = "Ready"
    # Tenant
    CREDENTIALS_VALID = "CredentialsValid"
    KEYS_IN_USE = "KeysInUse"
    REQUESTS_VERIFIED = "RequestsVerified"
    DATABASE_READY = "DatabaseReady"
    CACHE_READY = "CacheReady"
    EVENTS_SPOOLED = "EventsSpooled"
    ROLLOUT_HEALTHY = "RolloutHealthy"
    CANARY_HEALTHY = "CanaryHealthy"
    SHADOW_AGREES = "ShadowAgrees"
    RUNTIME_AVAILABLE = "RuntimeAvailable"
    EXPOSED = "Exposed"
    WEBHOOKS_REGISTERED = "WebhooksRegistered"
    CALENDAR_SYNCED = "CalendarSynced"
    APPOINTMENTS_FIT = "AppointmentsFit"
    NOTIFICATIONS_READY = "NotificationsReady"
    PAGE_READY = "PageReady"
    BODIES_ENCRYPTED = "BodiesEncrypted"
    MONITORING_READY = "MonitoringReady"
    # Branch
    SERVICES_READY = "ServicesReady"
    NUMBERS_VALID = "NumbersValid"
    NUMBERS_ANSWERED = "NumbersAnswered"
    HOLIDAYS_VALID = "HolidaysValid"
    STAFF_IDENTIFIED = "StaffIdentified"
    # ServiceOffering
    STAFF_MATCHED = "StaffMatched"
    OPENING_FITS = "OpeningFits"
    NAME_UNIQUE = "NameUnique"
    CALENDAR_LINKED = "CalendarLinked"
    # RetellAgent
    SYNCED = "Synced"
    NUMBERS_BOUND = "NumbersBound"
    DRIFTED = "Drifted"
    PAUSED = "Paused"


# Conditions whose good state is False. They never make an object unready by themselves.
NEGATIVE_TYPES = frozenset({ConditionType.DRIFTED, ConditionType.PAUSED})
# About accelerators, and warnings: reported, but never a reason for Ready to be False.
ADVISORY_TYPES = frozenset(
    {
        ConditionType.KEYS_IN_USE,
        ConditionType.CACHE_READY,
        ConditionType.EVENTS_SPOOLED,
        ConditionType.CANARY_HEALTHY,
        ConditionType.SHADOW_AGREES,
        ConditionType.BODIES_ENCRYPTED,
        ConditionType.STAFF_IDENTIFIED,
        ConditionType.CALENDAR_SYNCED,
        ConditionType.APPOINTMENTS_FIT,
    }
)


class Status(StrEnum):
    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Reason(StrEnum):
    """The reason of a condition. The condition's message adds the details and what to do."""

    AS_DECLARED = "AsDeclared"
    CAPPED = "Capped"
    NOT_REQUESTED = "NotRequested"
    NOT_INSTALLED = "NotInstalled"
    NOT_PAUSED = "NotPaused"
    PAUSED = "Paused"
    PLAN_UNSUPPORTED = "PlanUnsupported"
    PLAN_MODE = "PlanMode"
    SUSPENDED = "Suspended"
    PENDING = "Pending"
    PROGRESSING = "Progressing"
    DELETING = "Deleting"
    INTERNAL_ERROR = "InternalError"
    # references and credentials
    TENANT_NOT_FOUND = "TenantNotFound"
    TENANT_NOT_READY = "TenantNotReady"
    BRANCH_NOT_FOUND = "BranchNotFound"
    SECRET_NOT_FOUND = "SecretNotFound"  # noqa: S105 (a reason, no secret)
    SECRET_KEY_MISSING = "SecretKeyMissing"  # noqa: S105 (a reason, no secret)
    SECRET_NOT_PERMITTED = "SecretNotPermitted"  # noqa: S105 (a reason, no secret)
    CREDENTIALS_INVALID = "CredentialsInvalid"
    REQUESTS_REFUSED = "RequestsRefused"
    BOOKINGS_REFUSED = "BookingsRefused"
    CREDENTIALS_SHARED = "CredentialsShared"
    PROVIDER_HOST_NOT_ALLOWED = "ProviderHostNotAllowed"
    NOTIFICATION_HOST_NOT_ALLOWED = "NotificationHostNotAllowed"
    NOTIFICATIONS_NOT_SENT = "NotificationsNotSent"
    ISSUER_NOT_ALLOWED = "IssuerNotAllowed"
    OWNERSHIP_CONFLICT = "OwnershipConflict"
    # providers
    PROVIDER_UNAVAILABLE = "ProviderUnavailable"
    PROVIDER_REFUSED = "ProviderRefused"
    RATE_LIMITED = "RateLimited"
    DUPLICATE_FOUND = "DuplicateFound"
    # database
    DATABASE_UNAVAILABLE = "DatabaseUnavailable"
    DATA_OWNED_BY_OTHER = "DataOwnedByOther"
    LOGIN_SUSPENDED = "LoginSuspended"
    # Redis
    CACHE_UNAVAILABLE = "CacheUnavailable"
    USERS_UNSUPPORTED = "UsersUnsupported"
    USERS_BYPASSED = "UsersBypassed"
    REDIS_NOT_DURABLE = "RedisNotDurable"
    # tenant
    DATA_KEY_LOST = "DataKeyLost"
    DATA_KEYS_UNREADABLE = "DataKeysUnreadable"
    CALENDAR_BEHIND = "CalendarBehind"
    CALENDAR_DIFFERS = "CalendarDiffers"
    APPOINTMENTS_STRANDED = "AppointmentsStranded"
    ROLLOUT_STUCK = "RolloutStuck"
    RELEASE_WAITS = "ReleaseWaits"
    CANARY_PASSED = "CanaryPassed"
    CANARY_TAKEN_BACK = "CanaryTakenBack"
    SHADOW_DIFFERS = "ShadowDiffers"
    TIME_ZONE_UNKNOWN = "TimeZoneUnknown"
    # exposure
    HOST_CLAIMED_TWICE = "HostClaimedTwice"
    URL_NOT_ANSWERING = "UrlNotAnswering"
    HOST_RESERVED = "HostReserved"
    # branch and offering
    NO_AGENT = "NoAgent"
    NUMBER_NOT_BOUND = "NumberNotBound"
    NO_OPENING_LONG_ENOUGH = "NoOpeningLongEnough"
    NAME_TAKEN = "NameTaken"
    NUMBER_INVALID = "NumberInvalid"
    NUMBER_CLAIMED_TWICE = "NumberClaimedTwice"
    HOLIDAYS_UNKNOWN = "HolidaysUnknown"
    PERSON_AMBIGUOUS = "PersonAmbiguous"
    NO_STAFF_WITH_SKILLS = "NoStaffWithSkills"
    CAPACITY_UNSUPPORTED = "CapacityUnsupported"
    EVENT_TYPE_MISSING = "EventTypeMissing"
    EVENT_TYPE_NOT_FOUND = "EventTypeNotFound"
    EVENT_TYPE_MISMATCH = "EventTypeMismatch"
    # agent
    TRANSFER_COMES_BACK = "TransferComesBack"
    NUMBER_NOT_AT_RETELL = "NumberNotAtRetell"
    NUMBER_BOUND_ELSEWHERE = "NumberBoundElsewhere"
    BUSINESS_MODEL_MISMATCH = "BusinessModelMismatch"
    OBSERVE_ONLY = "ObserveOnly"
    DRIFT_FOUND = "DriftFound"
    NO_DRIFT = "NoDrift"


# Reasons that Ready shows although nothing is wrong: somebody asked for it and may have forgotten it, or should know of it.
NOTABLE_REASONS = frozenset(
    {
        Reason.SUSPENDED,
        Reason.PLAN_MODE,
        Reason.CAPPED,
        Reason.CALENDAR_BEHIND,
        Reason.CALENDAR_DIFFERS,
        Reason.APPOINTMENTS_STRANDED,
        Reason.CANARY_TAKEN_BACK,
        Reason.TRANSFER_COMES_BACK,
    }
)
# Reasons of states that end by themselves, so that they need no warning.
TRANSIENT_REASONS = frozenset({Reason.PENDING, Reason.PROGRESSING, Reason.TENANT_NOT_READY, Reason.DELETING})


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition as a controller reports it; the engine adds `observedGeneration` and the time of the last transition."""

    type: ConditionType
    status: Status
    reason: Reason
    message: str

    @property
    def good(self) -> bool:
        """Whether Ready may be True beside this condition: its status is True, or its type never affects Ready."""
        return self.type in NEGATIVE_TYPES | ADVISORY_TYPES or self.status is Status.TRUE


def good(type_: ConditionType, message: str = "", reason: Reason = Reason.AS_DECLARED) -> Condition:
    """Return a condition in its good state (`True`; `False` for Drifted and Paused)."""
    return Condition(type_, Status.FALSE if type_ in NEGATIVE_TYPES else Status.TRUE, reason, message)


def bad(type_: ConditionType, reason: Reason, message: str) -> Condition:
    """Return a condition in its bad state; `message` says what to do."""
    return Condition(type_, Status.TRUE if type_ in NEGATIVE_TYPES else Status.FALSE, reason, message)


def unknown(type_: ConditionType, reason: Reason, message: str) -> Condition:
    """Return a condition whose state could not be determined."""
    return Condition(type_, Status.UNKNOWN, reason, message)
