"""Conditions and their reasons: closed lists, so that no status carries a word that the reference does not explain."""

from dataclasses import dataclass
from enum import StrEnum


class ConditionType(StrEnum):
    READY = "Ready"
    # Tenant
    CREDENTIALS_VALID = "CredentialsValid"
    DATABASE_READY = "DatabaseReady"
    CACHE_READY = "CacheReady"
    RUNTIME_AVAILABLE = "RuntimeAvailable"
    EXPOSED = "Exposed"
    WEBHOOKS_REGISTERED = "WebhooksRegistered"
    MONITORING_READY = "MonitoringReady"
    # Branch
    SERVICES_READY = "ServicesReady"
    NUMBERS_VALID = "NumbersValid"
    # ServiceOffering
    STAFF_MATCHED = "StaffMatched"
    CALENDAR_LINKED = "CalendarLinked"
    # RetellAgent
    SYNCED = "Synced"
    NUMBERS_BOUND = "NumbersBound"
    DRIFTED = "Drifted"
    PAUSED = "Paused"


# Where False is the good state. They never make an object unready by themselves.
NEGATIVE_TYPES = frozenset({ConditionType.DRIFTED, ConditionType.PAUSED})


class Status(StrEnum):
    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Reason(StrEnum):
    """Why a condition is as it is. The message says the rest, and what to do."""

    AS_DECLARED = "AsDeclared"  # everything is as the spec says
    NOT_REQUESTED = "NotRequested"
    NOT_INSTALLED = "NotInstalled"
    NOT_PAUSED = "NotPaused"
    PAUSED = "Paused"
    PENDING = "Pending"  # we wait for something that comes by itself
    PROGRESSING = "Progressing"
    DELETING = "Deleting"
    INTERNAL_ERROR = "InternalError"
    # references and credentials
    TENANT_NOT_FOUND = "TenantNotFound"
    TENANT_NOT_READY = "TenantNotReady"
    BRANCH_NOT_FOUND = "BranchNotFound"
    SECRET_NOT_FOUND = "SecretNotFound"  # noqa: S105 (a reason, not a secret)
    SECRET_KEY_MISSING = "SecretKeyMissing"  # noqa: S105
    CREDENTIALS_INVALID = "CredentialsInvalid"
    CREDENTIALS_SHARED = "CredentialsShared"  # a Retell key that an older tenant uses
    PROVIDER_HOST_NOT_ALLOWED = "ProviderHostNotAllowed"
    OWNERSHIP_CONFLICT = "OwnershipConflict"
    # providers
    PROVIDER_UNAVAILABLE = "ProviderUnavailable"
    PROVIDER_REFUSED = "ProviderRefused"
    RATE_LIMITED = "RateLimited"
    DUPLICATE_FOUND = "DuplicateFound"
    # database
    DATABASE_UNAVAILABLE = "DatabaseUnavailable"
    MIGRATION_FAILED = "MigrationFailed"
    DATA_OWNED_BY_OTHER = "DataOwnedByOther"  # rows of an earlier namesake
    # branch and offering
    NUMBER_INVALID = "NumberInvalid"
    NUMBER_CLAIMED_TWICE = "NumberClaimedTwice"
    NO_SERVICES = "NoServices"
    NO_STAFF_WITH_SKILLS = "NoStaffWithSkills"
    CAPACITY_UNSUPPORTED = "CapacityUnsupported"
    EVENT_TYPE_MISSING = "EventTypeMissing"
    EVENT_TYPE_NOT_FOUND = "EventTypeNotFound"
    EVENT_TYPE_MISMATCH = "EventTypeMismatch"
    # agent
    FUNCTIONS_NOT_BUILT = "FunctionsNotBuilt"  # Synced stays True; the message names them
    NUMBER_NOT_AT_RETELL = "NumberNotAtRetell"
    NUMBER_BOUND_ELSEWHERE = "NumberBoundElsewhere"
    BUSINESS_MODEL_MISMATCH = "BusinessModelMismatch"
    OBSERVE_ONLY = "ObserveOnly"
    DRIFT_FOUND = "DriftFound"
    NO_DRIFT = "NoDrift"


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition as a reconcile sees it; the engine adds `observedGeneration` and the time of the last change."""

    type: ConditionType
    status: Status
    reason: Reason
    message: str

    @property
    def good(self) -> bool:
        """True when this condition does not stand in the way of Ready."""
        return self.type in NEGATIVE_TYPES or self.status is Status.TRUE


def good(type_: ConditionType, message: str = "", reason: Reason = Reason.AS_DECLARED) -> Condition:
    """Give a condition that is as it should be (`True`; `False` for Drifted and Paused)."""
    return Condition(type_, Status.FALSE if type_ in NEGATIVE_TYPES else Status.TRUE, reason, message)


def bad(type_: ConditionType, reason: Reason, message: str) -> Condition:
    """Give a condition that needs somebody; `message` says what to do."""
    return Condition(type_, Status.TRUE if type_ in NEGATIVE_TYPES else Status.FALSE, reason, message)


def unknown(type_: ConditionType, reason: Reason, message: str) -> Condition:
    """Give a condition that we could not find out about."""
    return Condition(type_, Status.UNKNOWN, reason, message)
