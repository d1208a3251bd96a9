"""The conditions and status fields of a Tenant, but for those of its children. Pure."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from askproai_core.database import (
    AuditProgress,
    CalendarBacklog,
    DatabaseError,
    DataOwnedByOther,
    LoginSuspended,
    PollProgress,
)
from askproai_core.tenant_config import CalcomVersion
from askproai_operator.api import Tenant
from askproai_operator.api.conditions import Condition, ConditionType, Reason, bad, good, unknown
from askproai_operator.controllers.addresses import former_calcom_url
from askproai_operator.controllers.conditions import condition_of
from askproai_operator.controllers.tenant.children.release import RELEASE
from askproai_operator.controllers.tenant.exposure import former_url_fields
from askproai_operator.controllers.tenant.inputs import Inputs
from askproai_operator.controllers.tenant.withheld import find_not_found
from askproai_operator.credentials import RETELL_BASE_URL, RETELL_KEY, calcom_account
from askproai_operator.redis_users import RedisAdminError, UsersBypassed, UsersUnsupported

_CACHE, _SPOOL = ConditionType.CACHE_READY, ConditionType.EVENTS_SPOOLED
_BAD_REQUEST = 400
_EXACT = 10
_POLL_PATIENCE = timedelta(minutes=30)  # six times the time between two polls
_LONGEST_ERROR = 200
_KEY_REFUSALS = frozenset({None, 401, 498})  # 498: Cal.com, for a key that has expired
_VALID_KEY = "put a valid key into the Secret of calendar.calcom.apiKeySecretRef"
_END = "this ends with the next booking that Cal.com accepts, or after 15 minutes"


def untried_retell_key(inputs: Inputs) -> Condition | None:
    """Return CredentialsValid of a Retell key that could not be tried; None of the one that was accepted last.

    `T-teardown` has that one, and its server: an outage of Retell says nothing new about it. Pods have a new key all the same.
    """
    former, present = inputs.teardown_values, inputs.credentials
    accepted = former.get(RETELL_BASE_URL), former.get(RETELL_KEY)
    if inputs.key_error is None or accepted == (present.retell_base_url, present.retell_key):
        return None
    return condition_of(inputs.key_error, ConditionType.CREDENTIALS_VALID)


def untried_calcom_key(webhook: Condition, *, is_untried: bool) -> Condition | None:
    """Return CredentialsValid of a Cal.com key that could not be tried, by WebhooksRegistered; else None."""
    if not is_untried or webhook.reason is not Reason.PROVIDER_UNAVAILABLE:
        return None
    return replace(webhook, type=ConditionType.CREDENTIALS_VALID)


def credentials_condition(
    webhook: Condition, refusals: AbstractSet[int | None], untried: Condition | None
) -> Condition:
    """Return CredentialsValid of a tenant whose keys are there: does Cal.com accept ours, and what the pods book with it?

    `refusals` are the statuses with which it has refused bookings lately (None: the pods have no key). Callers hear that
    nothing is booked meanwhile, so a person must know. `untried` is the condition of a key that nobody could try yet.
    """
    kind, heard = ConditionType.CREDENTIALS_VALID, "callers hear that nothing is booked"
    redirects = sorted(status for status in refusals if status is not None and status < _BAD_REQUEST)
    lately = "in the last 15 minutes"
    if webhook.reason is Reason.CREDENTIALS_INVALID:
        text = f"Cal.com does not accept the key, and {heard}: {_VALID_KEY}"
    elif refusals & _KEY_REFUSALS:
        text = f"Cal.com refused bookings {lately}, since it did not accept the key, and {heard}: {_VALID_KEY}; {_END}"
    elif redirects:
        text = (
            f"the server at calendar.calcom.baseUrl redirected bookings {lately} ({redirects[0]}), and {heard}: write the"
            f" address of Cal.com's API itself, such as https://api.cal.com; {_END}"
        )
    elif refusals:
        codes = ", ".join(str(status) for status in sorted(filter(None, refusals)))
        text = (
            f"Cal.com refused bookings of an event type {lately} ({codes}), and {heard}: it is gone or belongs to another user;"
            " correct the eventTypes of the ServiceOfferings (see their CalendarLinked), or the key; this ends after 15 minutes"
        )
    else:
        return untried or good(kind)
    return bad(kind, Reason.BOOKINGS_REFUSED, text)


def verified_condition(tenant: Tenant, refused_since: datetime | None) -> Condition:
    """Return RequestsVerified: False while each request of the tenant's own calls is refused."""
    kind = ConditionType.REQUESTS_VERIFIED
    if refused_since is None:
        return good(kind)
    text = (
        f"since {_local_time(tenant, refused_since)} every request of Retell that names an agent and a number of this tenant was"
        " refused with 401, and callers hear an apology: none of the Secret's keys is the one with the webhook badge at Retell."
        " Put that key into the Secret, or mark the Secret's key there; it ends with the next request that is accepted"
    )
    return bad(kind, Reason.REQUESTS_REFUSED, text)


def synced_condition(
    tenant: Tenant, backlog: CalendarBacklog, poll: PollProgress | None = None, audit: AuditProgress | None = None
) -> Condition:
    """Return CalendarSynced: are appointments here at Cal.com, and what happens there here, and do both books agree?

    It changes at round numbers only, so that neither an outage nor an import writes the status for each booking.
    """
    kind = ConditionType.CALENDAR_SYNCED
    if calcom_account(tenant) is None:
        return good(kind, "the calendar is local", Reason.NOT_REQUESTED)
    if backlog.oldest is None:
        return _polled_condition(tenant, poll, audit)
    text = (
        f"{_round(backlog.appointments)} booked, moved or cancelled here, but not yet so at Cal.com, the first since"
        f" {_local_time(tenant, backlog.oldest)}: tried again by itself"
    )
    if backlog.dead:
        text += (
            f", but {_round(backlog.dead)} given up: askproai events list --status dead -t {tenant.metadata.dotted} says why, and"
            f" askproai events redrive --all-dead -t {tenant.metadata.dotted} tries them again"
        )
    return bad(kind, Reason.CALENDAR_BEHIND, text)


def _polled_condition(tenant: Tenant, poll: PollProgress | None, audit: AuditProgress | None) -> Condition:
    """Return CalendarSynced where all appointments are at Cal.com: what do the pods know of those that were made there?"""
    kind, account = ConditionType.CALENDAR_SYNCED, calcom_account(tenant)
    if account is not None and CalcomVersion.V2 not in account.api_versions:
        text = "version 1 of Cal.com's API has no list of changes: what Cal.com's webhooks do not deliver stays unknown here"
        return good(kind, text)
    if poll is None or tenant.spec.suspend:
        return good(kind)
    if poll.age > _POLL_PATIENCE:
        why = " ".join((poll.error or "no pod has done it").split())[:_LONGEST_ERROR]
        hours = int(poll.age.total_seconds() // 3600)
        text = (
            f"for {f'{hours} h' if hours else 'more than 30 minutes'} Cal.com could not be asked what has changed, so what its"
            f" webhooks did not deliver is unknown here: {why}; tried again by itself"
        )
        return bad(kind, Reason.CALENDAR_BEHIND, text)
    if audit is not None and audit.oldest is not None:
        return bad(kind, Reason.CALENDAR_DIFFERS, _differences(tenant, audit.differences, audit.oldest))
    if poll.is_importing:
        return good(kind, f"importing the bookings to come from Cal.com: {_round_down(poll.taken_in):,} so far")
    bookings = "1 booking" if poll.taken_in == 1 else f"{poll.taken_in:,} bookings"
    imported = f"imported {bookings} to come from Cal.com" if poll.taken_in else ""
    return good(kind, "; ".join(filter(None, (imported, _last_round(tenant, audit)))))


def _differences(tenant: Tenant, count: int, oldest: datetime) -> str:
    number = str(count) if count <= _EXACT else f"{_round_down(count)} or more"
    differ = "1 appointment differs" if count == 1 else f"{number} appointments differ"
    return (
        f"{differ} from Cal.com, the first known since {_local_time(tenant, oldest)}, and no rule decides which is right:"
        f" askproai calendar differences -t {tenant.metadata.dotted} names them"
    )


def _last_round(tenant: Tenant, audit: AuditProgress | None) -> str:
    """Return what the last full comparison said. By the day, so that a round does not write the status."""
    if audit is None or audit.compared_at is None:
        return ""
    day = f"{audit.compared_at.astimezone(ZoneInfo(tenant.spec.time_zone)):%Y-%m-%d}"
    return f"all appointments to come were compared with Cal.com on {day}, and agree"


def _local_time(tenant: Tenant, instant: datetime) -> str:
    zone = tenant.spec.time_zone
    return f"{instant.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M} ({zone})"


def _round(appointments: int) -> str:
    """Return a number of appointments as text, above ten rounded down."""
    if appointments <= _EXACT:
        return "1 appointment is" if appointments == 1 else f"{appointments} appointments are"
    return f"{_round_down(appointments)} or more appointments are"


def _round_down(number: int) -> int:
    """Return a number that is, above ten, rounded down to 10, 20, 50, 100 and so on."""
    magnitude = 10 ** (len(str(number)) - 1)
    return number if number <= _EXACT else max(s * magnitude for s in (1, 2, 5) if s * magnitude <= number)


def database_condition(error: Exception) -> Condition:
    """Return DatabaseReady for an error. Only the store's own errors are quoted: those of others name hosts and rows."""
    kind = ConditionType.DATABASE_READY
    if isinstance(error, DataOwnedByOther):
        return bad(kind, Reason.DATA_OWNED_BY_OTHER, str(error))
    if isinstance(error, LoginSuspended):
        return bad(kind, Reason.LOGIN_SUSPENDED, str(error))
    detail = (
        f": {error}" if isinstance(error, DatabaseError) else ", PostgreSQL does not answer or refuses the operator"
    )
    return bad(kind, Reason.DATABASE_UNAVAILABLE, f"{type(error).__name__}{detail}; tried again by itself")


def cache_condition(unreachable: Sequence[str]) -> Condition:
    """Return CacheReady once the tenant's user exists; `unreachable` are the replicas that still lack it."""
    later = f"; on {', '.join(unreachable)} as soon as it answers" if unreachable else ""
    return good(_CACHE, f"the tenant has a user of its own on every node{later}")


def cache_error_condition(error: RedisAdminError) -> Condition:
    """Return CacheReady for an error. It is advisory: whatever is wrong with Redis, the tenant can be Ready."""
    match error:
        case UsersUnsupported():
            text = (
                "this Redis knows no users: all tenants share the operator's, and only the names of their keys differ"
            )
            return good(_CACHE, text, Reason.USERS_UNSUPPORTED)
        case UsersBypassed():
            text = f"{error}, so nobody is fenced off: give its user `default` a password, or switch it off"
            return bad(_CACHE, Reason.USERS_BYPASSED, text)
    text = f"{error}; everything goes on without it, more slowly; tried again by itself"
    return bad(_CACHE, Reason.CACHE_UNAVAILABLE, text)


def no_cache_condition() -> Condition:
    text = "the operator knows no Redis (ASKPROAI_REDIS_ADMIN_URL): locks, limits and circuits are each pod's own"
    return good(_CACHE, text, Reason.NOT_REQUESTED)


def spool_condition(problem: str | None) -> Condition:
    """Return EventsSpooled of an installation with a Redis; `problem` is why that cannot promise to keep events."""
    if problem is None:
        return good(_SPOOL)
    text = f"{problem}; until then events are answered 503 while PostgreSQL is away, and senders repeat them"
    return bad(_SPOOL, Reason.REDIS_NOT_DURABLE, text)


def spool_error_condition(error: RedisAdminError) -> Condition:
    """Return EventsSpooled while the operator cannot ask Redis."""
    return unknown(_SPOOL, Reason.CACHE_UNAVAILABLE, f"{error}; tried again by itself")


def no_spool_condition() -> Condition:
    text = "the operator knows no Redis (ASKPROAI_REDIS_ADMIN_URL): while PostgreSQL is away events are answered 503"
    return good(_SPOOL, text, Reason.NOT_REQUESTED)


def status_fields(
    inputs: Inputs, installation_id: str, *, config_hash: str, replicas: int | None, webhook_registered: bool
) -> dict[str, Any]:
    """Return the status fields of a tenant that was provisioned.

    While Cal.com's webhook could not be registered, the status keeps the URL that was registered before: it is the only
    record of a webhook that still has to be removed.
    """
    in_use = inputs.exposure.in_use
    not_found = find_not_found(inputs.tenant, inputs.offerings, inputs.accounts)
    urls = in_use.urls(installation_id) if in_use is not None else None
    if urls is not None and not webhook_registered:
        urls["calcom"] = former_calcom_url(inputs.tenant, installation_id) or urls["calcom"]
    return {
        "key": inputs.tenant.metadata.dotted,
        "webhookUrls": urls,
        **former_url_fields(inputs.exposure),
        "configHash": config_hash,
        "release": RELEASE,
        "eventTypesNotFound": [{"eventTypeId": number} for number in not_found] or None,
        "branches": len(inputs.branches),
        "replicas": replicas,
    }
