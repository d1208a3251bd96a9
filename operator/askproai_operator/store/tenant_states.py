"""The states of tenants in the database on which their conditions depend, for one tenant or many by the same few statements.

Each statement handles each tenant by itself, in a LATERAL subquery, as it would for one alone: so a tenant's rows cost no other
tenant time, and the plan for a thousand is the plan for one. Index searches use `now()` as the time: with the volatile
`clock_timestamp()` PostgreSQL would read all rows that a tenant ever had.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from askproai_core.data_keys import ENCRYPTED_BODY, ENCRYPTED_FIELD
from askproai_core.database import Connection
from askproai_core.provider_names import Provider
from askproai_core.signature_verdict import Verdict
from askproai_core.tenant_config import NotificationChannel
from askproai_core.tenant_config.config import Retention
from askproai_operator.store.login_roles import list_current_logins
from askproai_operator.store.stranded import Stranded, list_stranded
from askproai_operator.store.task_progress import (
    AuditProgress,
    PollProgress,
    read_audits,
    read_failing_channels,
    read_polls,
)

_HAS_ENCRYPTED = """
SELECT EXISTS (SELECT FROM webhook_events WHERE tenant = $1 AND substr(payload, 1, length($2::bytea)) = $2)
    OR EXISTS (SELECT FROM calls WHERE tenant = $1 AND jsonb_exists(analysis, $3))
"""


@dataclass(frozen=True, slots=True)
class CalendarBacklog:
    """How many future appointments are not at the remote calendar as in our book, the oldest change, and dead letters."""

    appointments: int = 0
    oldest: datetime | None = None  # since when the oldest change waits
    dead: int = 0  # number of appointments with a dead letter


@dataclass(frozen=True, slots=True)
class TenantFacts:
    """Facts about a tenant for the coordinator: how long received data is retained, and the addresses of its providers."""

    retention: Retention = field(default_factory=Retention)
    retell_base_url: str = ""
    calcom_base_url: str = ""  # empty: the tenant uses the local calendar

    @property
    def columns(self) -> tuple[str | int, ...]:
        """The values of these facts for the columns `FACTS` of `tenants`, in their order."""
        kept = self.retention
        days = kept.raw_event_days, kept.transcript_days, kept.call_days, kept.appointment_days, kept.customer_days
        return self.retell_base_url, self.calcom_base_url, *days


FACTS = "retell_base_url, calcom_base_url, raw_event_days, transcript_days, call_days, appointment_days, customer_days"
_WRITE_FACTS = f"UPDATE tenants SET ({FACTS}) = ROW ($2, $3, $4, $5, $6, $7, $8) WHERE tenant = $1"  # noqa: S608  our own names


async def write_facts(conn: Connection, tenant: str, facts: TenantFacts) -> None:
    """Write the facts that the coordinator reads about a tenant."""
    await conn.execute(_WRITE_FACTS, tenant, *facts.columns)


@dataclass(frozen=True, slots=True)
class ProvisionedTenant:
    """A tenant's row, role and resources as its last reconcile left them. `work` is its DeclaredWork, encoded."""

    tenant: str
    uid: str
    role: str
    connection_limit: int
    facts: TenantFacts
    resource_ids: AbstractSet[int]
    work: str


@dataclass(frozen=True, slots=True)
class RefusedRequests:
    """All requests of a tenant's own calls have been refused: since when, and why the last one was.

    `seconds_ahead`: by how much the last request's signed time was after the pod's, if that is the reason.
    """

    since: datetime
    reason: str = Verdict.MISMATCH
    seconds_ahead: int | None = None


@dataclass(frozen=True, slots=True)
class TenantState:
    """The facts in the database on which a tenant's conditions depend."""

    refusals: AbstractSet[int | None]
    backlog: CalendarBacklog
    poll: PollProgress | None  # None: it has not begun, as the audit
    audit: AuditProgress | None
    stranded: Sequence[Stranded]
    refused: RefusedRequests | None = None
    # Channels by which nothing can be sent, and why.
    failing: Mapping[NotificationChannel, str] = field(default_factory=dict)


async def read_states(conn: Connection, works: Mapping[str, str], waited: timedelta) -> dict[str, TenantState]:
    """Return the states of tenants by tenant key. `works` are as for `list_stranded`, `waited` is as for `measure_backlogs`."""
    keys = list(works)
    refusals = await list_refusals(conn, keys)
    backlogs = await measure_backlogs(conn, keys, waited)
    polls = await read_polls(conn, keys)
    audits = await read_audits(conn, keys)
    stranded = await list_stranded(conn, works)
    failing = await read_failing_channels(conn, keys)
    refused = await find_refused(conn, keys)
    return {
        key: TenantState(
            refusals.get(key, frozenset()),
            backlogs.get(key, CalendarBacklog()),
            polls.get(key),
            audits.get(key),
            stranded.get(key, ()),
            refused.get(key),
            failing.get(key, {}),
        )
        for key in keys
    }


async def find_provisioned(conn: Connection, tenants: Collection[ProvisionedTenant]) -> set[str]:
    """Return the keys of the tenants whose row, login role and resources are as their last reconcile left them.

    Two facts are not compared: the password, which cannot be read, and the admin's membership in the role, a check that takes
    longer the more roles the admin has.
    """
    keys = [each.tenant for each in tenants]
    rows = await conn.fetch(f"SELECT tenant, uid, {FACTS} FROM tenants WHERE tenant = ANY($1)", keys)  # noqa: S608  our own names
    written = {tenant: tuple(values) for tenant, *values in rows}
    found = await conn.fetch(
        "SELECT tenant, array_agg(id) AS ids FROM resources WHERE tenant = ANY($1) GROUP BY tenant", keys
    )
    resources = {row["tenant"]: row["ids"] for row in found}
    logins = await list_current_logins(conn, {each.role: each.connection_limit for each in tenants})
    return {
        each.tenant
        for each in tenants
        if written.get(each.tenant) == (each.uid, *each.facts.columns)
        and each.resource_ids <= set(resources.get(each.tenant, ()))
        and each.role in logins
    }


async def list_refusals(conn: Connection, tenants: Sequence[str]) -> Mapping[str, set[int | None]]:
    """Return by tenant the HTTP statuses with which the remote calendar refused the pods' bookings in the last 15 minutes.

    Only statuses that mean a wrong key, address or event type count; a status None means that no key is mounted. A confirmed
    booking ends a problem of key or address. It does not end a problem of an event type, since it may be at another event type.
    """
    rows = await conn.fetch(
        """SELECT t.tenant, refused.status FROM unnest($1::text[]) t (tenant) CROSS JOIN LATERAL (
               SELECT DISTINCT r.status FROM provider_calls r
               WHERE r.tenant = t.tenant AND r.at > now() - interval '15 minutes'
                 AND (r.operation, r.outcome) = ('create-booking', 'refused')
                 AND (r.status IN (403, 404) OR coalesce(r.status, 401) IN (301, 302, 307, 308, 401, 498) AND r.at >= coalesce(
                     (SELECT max(c.at) FROM provider_calls c WHERE c.tenant = t.tenant AND c.at > now() - interval '15 minutes'
                      AND (c.operation, c.outcome) = ('create-booking', 'confirmed')),
                     '-infinity'))) refused""",
        tenants,
    )
    found: dict[str, set[int | None]] = defaultdict(set)
    for tenant, status in rows:
        found[tenant].add(status)
    return found


async def find_refused(conn: Connection, tenants: Sequence[str]) -> Mapping[str, RefusedRequests]:
    """Return the tenants whose own calls have had every request refused for a minute or more, the last hour included.

    The content of a refused request is unsigned. A signed request since then proves that the keys fit; an event that the poll
    has found proves nothing.
    """
    rows = await conn.fetch(_REFUSED, tenants)
    return {row["tenant"]: RefusedRequests(*list(row)[1:]) for row in rows}


# The last signed request, and the first refusal after it, are looked for only if the tenant had refusals in the last hour.
_REFUSED = """
SELECT t.tenant, refused.since, coalesce(recent.last ->> 'reason', 'mismatch'), (recent.last ->> 'seconds')::bigint
FROM unnest($1::text[]) t (tenant) CROSS JOIN LATERAL (
    SELECT array_agg(a.at ORDER BY a.at DESC) AS times, (array_agg(a.detail ORDER BY a.at DESC))[1] AS last FROM audit_log a
    WHERE a.tenant = t.tenant AND a.at > now() - interval '1 hour' AND a.action = 'signature.refused') recent
CROSS JOIN LATERAL (
    SELECT coalesce(greatest(
        (SELECT e.received_at FROM webhook_events e
         WHERE recent.last IS NOT NULL AND e.tenant = t.tenant AND e.source = 'retell' AND e.event_id NOT LIKE '%:poll'
         ORDER BY e.received_at DESC LIMIT 1),
        (SELECT f.at FROM function_requests f
         WHERE recent.last IS NOT NULL AND f.tenant = t.tenant ORDER BY f.at DESC LIMIT 1)), '-infinity') AS at) signed
CROSS JOIN LATERAL (
    SELECT a.at AS since FROM audit_log a
    WHERE recent.times[2] > signed.at AND a.tenant = t.tenant AND a.at > signed.at AND a.action = 'signature.refused'
    ORDER BY a.at LIMIT 1) refused
WHERE refused.since < now() - interval '1 minute'
"""


async def list_failing_providers(conn: Connection, limit: int) -> Sequence[tuple[str, str]]:
    """Return at most `limit` pairs of tenant and provider whose last requests from the pods all failed in a way that opens a
    circuit.

    At least two and at most five requests of the last ten minutes count: a circuit is forgotten after ten minutes without a
    request. Reads of free times also open circuits, but have no rows.
    """
    rows = await conn.fetch(_FAILING_PROVIDERS, limit, list(Provider))
    return [(row["tenant"], row["provider"]) for row in rows]


# The newest hundred rows of each tenant at most, so that the rows of one cost no other time.
_FAILING_PROVIDERS = """
SELECT t.tenant, last.provider FROM tenants t CROSS JOIN LATERAL (
    SELECT provider FROM (
        SELECT provider, row_number() OVER (PARTITION BY provider ORDER BY at DESC, id DESC) AS place,
               coalesce(status >= 500 OR status = 408, coalesce(error, '') <> 'CredentialMissing') AS failed
        FROM (SELECT provider, at, id, status, error FROM provider_calls c
              WHERE c.tenant = t.tenant AND c.at > now() - interval '10 minutes' ORDER BY c.at DESC LIMIT 100) newest) numbered
    WHERE place <= 5 AND provider = ANY($2) GROUP BY provider HAVING count(*) >= 2 AND bool_and(failed)) last
ORDER BY t.tenant, last.provider LIMIT $1
"""


async def measure_backlogs(
    conn: Connection, tenants: Sequence[str], waited: timedelta
) -> Mapping[str, CalendarBacklog]:
    """Return the appointments whose changes have waited for the remote calendar for longer than `waited`, counted by tenant.

    Every booking has a sync job for some seconds, in case its process dies. Reads the partial indexes of unfinished jobs, at
    most 1000 of each state, so that a tenant's rows cost no other tenant time.
    """
    rows = await conn.fetch(
        """SELECT t.tenant, b.* FROM unnest($1::text[]) t (tenant) CROSS JOIN LATERAL (
               WITH open AS (
                   (SELECT id, appointment_id, created_at, false AS dead FROM jobs
                    WHERE tenant = t.tenant AND state = 'ready' AND kind = 'calendar-sync' LIMIT 1000)
                   UNION ALL (SELECT id, appointment_id, created_at, false FROM jobs
                              WHERE tenant = t.tenant AND state = 'running' AND kind = 'calendar-sync' LIMIT 1000)
                   UNION ALL (SELECT id, appointment_id, created_at, true FROM jobs
                              WHERE tenant = t.tenant AND state = 'dead' AND kind = 'calendar-sync' LIMIT 1000))
               SELECT count(*), min(o.created_at), count(*) FILTER (WHERE o.dead)
               FROM open o JOIN appointments a ON a.tenant = t.tenant AND a.id = o.appointment_id
               WHERE o.created_at BETWEEN clock_timestamp() - interval '1 year' AND clock_timestamp() - $2::interval
                 AND a.ends_at > clock_timestamp() AND NOT EXISTS (
                     SELECT 1 FROM jobs newer
                     WHERE newer.tenant = t.tenant AND newer.appointment_id = o.appointment_id AND newer.id > o.id)) b""",
        tenants, waited,
    )  # fmt: skip
    return {tenant: CalendarBacklog(*values) for tenant, *values in rows}


async def has_encrypted_rows(conn: Connection, tenant: str) -> bool:
    """Return True if a tenant has stored data that its pods encrypted. The query may read all events of the tenant."""
    return bool(await conn.fetchval(_HAS_ENCRYPTED, tenant, ENCRYPTED_BODY, ENCRYPTED_FIELD))
