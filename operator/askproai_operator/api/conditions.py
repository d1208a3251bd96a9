"""Conditions and their reasons: closed lists, so that every word of a status is explained in the reference."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self


class Explained(StrEnum):
    """An enum whose members carry an explanation (`about`), from which docs/reference/conditions.md is generated."""

    about: str

    def __new__(cls, value: str, about: str) -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.about = about
        return member


class ConditionType(Explained):
    """The types of conditions."""

    READY = (
        "Ready",
        "Nothing that it watches is wrong; it ignores warnings and Drifted. If True, its reason may be one to know of (see above).",
    )
    # Tenant
    CREDENTIALS_VALID = (
        "CredentialsValid",
        (
            "The provider keys that the Tenant names exist, permit their use, belong to this tenant only, and are accepted."
            " Unknown: a changed key could not be tested yet, since its provider does not answer."
        ),
    )
    KEYS_IN_USE = (
        "KeysInUse",
        (
            "All pods verify requests with the keys that the Tenant's Secrets hold, so a provider may sign with a new one."
            " A warning: Ready ignores it."
        ),
    )
    REQUESTS_VERIFIED = (
        "RequestsVerified",
        "Requests of the tenant's own calls are signed with one of its keys. False: for a minute or more each one was refused.",
    )
    DATABASE_READY = "DatabaseReady", "The schema, the tenant's login role and its rows exist."
    CACHE_READY = "CacheReady", "The tenant's Redis user exists; without Redis everything works, but slower."
    EVENTS_SPOOLED = (
        "EventsSpooled",
        "While PostgreSQL is away, signed events are acknowledged from Redis, which keeps them. Ready ignores it.",
    )
    ROLLOUT_HEALTHY = (
        "RolloutHealthy",
        "No Deployment of the tenant is stuck in a roll-out. True also while the tenant waits for a release.",
    )
    CANARY_HEALTHY = (
        "CanaryHealthy",
        "Callers of the image on trial (`runtime.canary`) meet no more failures than others. Only with a canary; Ready ignores it.",
    )
    SHADOW_AGREES = (
        "ShadowAgrees",
        "The image of `runtime.shadow` books what the callers' version books. Only with a shadow; Ready ignores it.",
    )
    RUNTIME_AVAILABLE = "RuntimeAvailable", "Enough of the tenant's pods are ready."
    EXPOSED = (
        "Exposed",
        "The URL that the spec asks for leads to the tenant's own pods, and senders have it. It is not tested again after that.",
    )
    WEBHOOKS_REGISTERED = "WebhooksRegistered", "Cal.com has our webhook, with the right address and secret."
    CALENDAR_SYNCED = (
        "CalendarSynced",
        "No appointment waits over 2 minutes for the remote calendar, nor a change there for us; both agree. Ready stays True.",
    )
    APPOINTMENTS_FIT = (
        "AppointmentsFit",
        "Each future appointment has a declared service and a declared staff member at work that day. A warning: Ready stays True.",
    )
    NOTIFICATIONS_READY = (
        "NotificationsReady",
        "The servers of spec.notifications are allowed and take mails; their Secrets can be used. Only with spec.notifications.",
    )
    PAGE_READY = (
        "PageReady",
        "People can log in to the tenant's page at its issuer, and it is published as asked. Only with spec.page.",
    )
    BODIES_ENCRYPTED = (
        "BodiesEncrypted",
        "Callers' words are stored encrypted and can be read; only where `settings.encryptBodies` is or was on. Ready ignores it.",
    )
    MONITORING_READY = "MonitoringReady", "Prometheus finds the metrics of the pods and the alert rules."
    # Branch
    SERVICES_READY = "ServicesReady", "At least one service can be booked at the branch."
    NUMBERS_VALID = "NumbersValid", "The phone numbers can be read, and no other branch has them."
    NUMBERS_ANSWERED = "NumbersAnswered", "A RetellAgent answers each of the branch's own numbers."
    HOLIDAYS_VALID = "HolidaysValid", "The public holidays of the branch's country and state are known."
    STAFF_IDENTIFIED = (
        "StaffIdentified",
        "Entries with the same staff id in several branches say whether they are one person. A warning: Ready ignores it.",
    )
    # ServiceOffering
    STAFF_MATCHED = "StaffMatched", "Somebody has the skills that the service needs."
    OPENING_FITS = (
        "OpeningFits",
        "The service with its buffers fits into an opening, within the working hours of somebody who can do it.",
    )
    NAME_UNIQUE = "NameUnique", "No other service of its branches sounds the same to a caller."
    CALENDAR_LINKED = (
        "CalendarLinked",
        (
            "The Cal.com event types fit: length (one of several is enough), buffers, e-mail, confirmation, seats. The message"
            " names what is narrower there, such as a slot interval that is coarser than `slotStepMinutes`."
        ),
    )
    # RetellAgent
    SYNCED = "Synced", "Agent and LLM at Retell are as declared, and published."
    NUMBERS_BOUND = "NumbersBound", "The phone numbers at Retell ring at the published version of this agent."
    DRIFTED = "Drifted", "Somebody made a change at Retell that differs from the spec. False is good."
    PAUSED = (
        "Paused",
        "`askproai.de/paused`, or `askproai.de/plan` where there is no plan, keeps the operator from any change. False is good.",
    )


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


class Reason(Explained):
    """The reason of a condition. The condition's message adds the details and what to do."""

    AS_DECLARED = (
        "AsDeclared",
        "Nothing that the condition watches is wrong. The row above lists the reasons that Ready ignores.",
    )
    CAPPED = "Capped", "The spec asks for more than the platform allows a tenant; the message has the values in effect."
    NOT_REQUESTED = "NotRequested", "The spec does not ask for it; nothing to do."
    NOT_INSTALLED = "NotInstalled", "It waits for a CRD this cluster or release lacks; the message says what to do."
    NOT_PAUSED = "NotPaused", "The operator works on the object."
    PAUSED = (
        "Paused",
        "The annotation `askproai.de/paused` is set, on the object or its Tenant: edits have no effect; remove it to go on.",
    )
    PLAN_UNSUPPORTED = (
        "PlanUnsupported",
        "The annotation `askproai.de/plan` shows a plan for a RetellAgent only; on other kinds it holds all changes.",
    )
    PLAN_MODE = (
        "PlanMode",
        "`askproai.de/plan` is set, or the Tenant paused, and Retell has what the spec says; a change would wait in `status.plan`.",
    )
    SUSPENDED = (
        "Suspended",
        "spec.suspend of the Tenant is true: no pods run, and callers hear that it takes no appointments.",
    )
    PENDING = "Pending", "It waits; the message names the reason."
    PROGRESSING = "Progressing", "It is in progress; look again in a moment."
    DELETING = "Deleting", "The object is being deleted; the message says what is still there."
    INTERNAL_ERROR = "InternalError", "A fault of the operator; it tries again, its log has details. Please report it."
    # references and credentials
    TENANT_NOT_FOUND = "TenantNotFound", "No such Tenant in this namespace; create it, or correct the reference."
    TENANT_NOT_READY = "TenantNotReady", "The Tenant has to become ready first; see its conditions."
    BRANCH_NOT_FOUND = (
        "BranchNotFound",
        "No such Branch in this namespace: create it, or correct the reference. Callers of a deleted one hear that it is closed.",
    )
    SECRET_NOT_FOUND = "SecretNotFound", "No such Secret in this namespace; create it, or correct the reference."
    SECRET_KEY_MISSING = "SecretKeyMissing", "The Secret lacks the key that is named; add it, or correct the reference."
    SECRET_NOT_PERMITTED = (
        "SecretNotPermitted",
        'The Secret lacks the label `askproai.de/use: "true"`, by which its owner permits the use; the message has the command.',
    )
    CREDENTIALS_INVALID = "CredentialsInvalid", "The provider refuses the key; put a valid one into the Secret."
    REQUESTS_REFUSED = (
        "RequestsRefused",
        (
            "Retell signs with a key that the Secret does not hold, the clock of a node is wrong, or the signature is lost on the"
            " way; the message says which, and what to do."
        ),
    )
    BOOKINGS_REFUSED = (
        "BookingsRefused",
        "The remote calendar refused bookings in the last 15 minutes; the message says what to correct, and when it ends.",
    )
    CREDENTIALS_SHARED = (
        "CredentialsShared",
        "Another Tenant has this key of Retell or the remote calendar; each needs its own account.",
    )
    PROVIDER_HOST_NOT_ALLOWED = (
        "ProviderHostNotAllowed",
        "The host of a baseUrl is not in ASKPROAI_PROVIDER_HOSTS; correct it, or ask who runs the operator.",
    )
    NOTIFICATION_HOST_NOT_ALLOWED = (
        "NotificationHostNotAllowed",
        "The mail server or the webhook is not in ASKPROAI_NOTIFICATION_HOSTS; correct it, or ask who runs the operator.",
    )
    NOTIFICATIONS_NOT_SENT = (
        "NotificationsNotSent",
        "The mail server or the webhook accepts nothing from the pods; the message says why, and what to correct.",
    )
    ISSUER_NOT_ALLOWED = (
        "IssuerNotAllowed",
        "The issuer of page.oidc is not in ASKPROAI_ISSUER_HOSTS; correct it, or ask who runs the operator.",
    )
    OWNERSHIP_CONFLICT = (
        "OwnershipConflict",
        "The existing object is not ours; the message says whose. Nothing was changed.",
    )
    # providers
    PROVIDER_UNAVAILABLE = "ProviderUnavailable", "The provider does not answer; it is tried again."
    PROVIDER_REFUSED = "ProviderRefused", "The provider refuses what the spec asks for; the message has its answer."
    RATE_LIMITED = "RateLimited", "The provider asks for patience; it is tried again when it says."
    DUPLICATE_FOUND = "DuplicateFound", "Several agents carry our marker; extra ones without a number are deleted."
    # database
    DATABASE_UNAVAILABLE = "DatabaseUnavailable", "PostgreSQL does not answer or refuses the operator; tried again."
    DATA_OWNED_BY_OTHER = (
        "DataOwnedByOther",
        "Rows of a former Tenant were kept: use its key, adopt them (`askproai.de/adopt-data: <its UID>`), rename; or they moved.",
    )
    LOGIN_SUSPENDED = (
        "LoginSuspended",
        "The tenant's database login did what no pod does; it may not connect for 15 minutes. Renew its password.",
    )
    # Redis
    CACHE_UNAVAILABLE = "CacheUnavailable", "Redis does not answer, or refuses us. All goes on, slower; tried again."
    USERS_UNSUPPORTED = "UsersUnsupported", "This Redis has no ACLs: all tenants share one user. Use one that has them."
    USERS_BYPASSED = (
        "UsersBypassed",
        "This Redis lets in anybody without a password; give its user `default` one, or switch that user off.",
    )
    REDIS_NOT_DURABLE = (
        "RedisNotDurable",
        "Redis may lose accepted events, so events are answered 503 while PostgreSQL is away; the message says what to set.",
    )
    # tenant
    DATA_KEY_LOST = (
        "DataKeyLost",
        "Data encrypted before is unreadable, its key is gone; all else goes on. Restore `<tenant>-data-keys` if you can.",
    )
    DATA_KEYS_UNREADABLE = (
        "DataKeysUnreadable",
        "The Secret `<tenant>-data-keys` does not hold keys, and is left alone: restore it. New data is stored plainly.",
    )
    CALENDAR_BEHIND = (
        "CalendarBehind",
        "Appointments should be in the remote calendar, and are not yet: tried again, or waiting for `askproai events redrive`.",
    )
    CALENDAR_DIFFERS = (
        "CalendarDiffers",
        "Both calendars differ, and no rule decides which is right; `askproai calendar differences` names the appointments.",
    )
    APPOINTMENTS_STRANDED = (
        "AppointmentsStranded",
        "Future appointments have a former or absent staff member, or a service that is not offered; move or cancel each.",
    )
    ROLLOUT_STUCK = (
        "RolloutStuck",
        "New pods do not become ready; the former ones go on. The message has the command that shows why.",
    )
    RELEASE_WAITS = (
        "ReleaseWaits",
        "The pods stay with the former release of the operator until it is the tenant's turn; the message names both.",
    )
    CANARY_PASSED = (
        "CanaryPassed",
        "Enough callers met the image on trial, and it is no worse; promote it, or end the trial.",
    )
    CANARY_TAKEN_BACK = (
        "CanaryTakenBack",
        "The image on trial failed and runs no more; the other pods go on. The message has the numbers and what to do.",
    )
    SHADOW_DIFFERS = (
        "ShadowDiffers",
        "Bookings of the shadow differ from those of the callers' version; `status.shadow.differences` lists them by call.",
    )
    TIME_ZONE_UNKNOWN = (
        "TimeZoneUnknown",
        "The pods do not know this time zone; write its usual name, such as Europe/Berlin.",
    )
    # exposure
    HOST_CLAIMED_TWICE = "HostClaimedTwice", "Another Tenant has this host and path; choose others."
    URL_NOT_ANSWERING = (
        "UrlNotAnswering",
        "The URL does not lead to the tenant's own pods yet; the message says what to do, and senders keep the former one.",
    )
    HOST_RESERVED = (
        "HostReserved",
        "exposure.host or page.host is the platform's shared host or that of the fleet's page; leave it out, or choose another.",
    )
    # branch and offering
    NO_AGENT = "NoAgent", "No RetellAgent answers the numbers of the branch; create one."
    NUMBER_NOT_BOUND = "NumberNotBound", "The branch has a RetellAgent, but Retell does not connect the number to it."
    NO_OPENING_LONG_ENOUGH = (
        "NoOpeningLongEnough",
        "No opening fits the service with its buffers; shorten it, or lengthen opening or working hours.",
    )
    NAME_TAKEN = "NameTaken", "Another service of the branch sounds the same; rename one of them."
    NUMBER_INVALID = "NumberInvalid", "A phone number cannot be read; correct it."
    NUMBER_CLAIMED_TWICE = "NumberClaimedTwice", "Another branch has this phone number; take it out of one of them."
    HOLIDAYS_UNKNOWN = "HolidaysUnknown", "The country or state has no such code; the message has the right ones."
    PERSON_AMBIGUOUS = (
        "PersonAmbiguous",
        "A staff id is in two branches: write the same `person` at both for one person, different ones for two.",
    )
    NO_STAFF_WITH_SKILLS = "NoStaffWithSkills", "Nobody has all the required skills; teach a person, or ask for fewer."
    CAPACITY_UNSUPPORTED = (
        "CapacityUnsupported",
        "With the people's other services, the capacity needs too many units; lower it.",
    )
    EVENT_TYPE_MISSING = "EventTypeMissing", "A person who can do the service has no Cal.com event type here; add one."
    EVENT_TYPE_NOT_FOUND = (
        "EventTypeNotFound",
        "The Cal.com account lacks this event type: nothing is sent to it, callers cannot book it; correct the id, or create it.",
    )
    EVENT_TYPE_MISMATCH = "EventTypeMismatch", "The event type does not fit the service; the message says what to do."
    # agent
    TRANSFER_COMES_BACK = (
        "TransferComesBack",
        "transferTo is a number of the Tenant's own branches, which an agent answers; write one that a person answers.",
    )
    NUMBER_NOT_AT_RETELL = "NumberNotAtRetell", "Import the number at Retell, or give its SIP trunk in the Branch."
    NUMBER_BOUND_ELSEWHERE = (
        "NumberBoundElsewhere",
        "Another agent has the number; unbind it at Retell, or remove it here. An agent of this Tenant frees it in seconds.",
    )
    BUSINESS_MODEL_MISMATCH = (
        "BusinessModelMismatch",
        "An agent for the whole tenant needs businessModel MultiBranchHotline or ComplexServiceMatrix.",
    )
    OBSERVE_ONLY = "ObserveOnly", "managementPolicy is ObserveOnly; nothing is written at Retell."
    DRIFT_FOUND = "DriftFound", "Something at Retell differs from the spec; the message names the fields."
    NO_DRIFT = "NoDrift", "Nothing at Retell differs from the spec."


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
