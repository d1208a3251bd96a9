"""The table `billing`: one row for each subscription, the same whatever the order of its events."""

from dataclasses import dataclass
from datetime import datetime

import asyncpg
import msgspec

from askproai_core.database import Connection, Pool
from askproai_runtime.billing.stripe import read_change
from askproai_runtime.jobs import DeadNow

# `created` has whole seconds. Of two events of one second the later stage of a subscription's life wins; the next event mends it.
_STAGES = ["incomplete", "incomplete_expired", "trialing", "active", "past_due", "unpaid", "paused", "canceled"]
_STATUS = """
INSERT INTO billing AS b (tenant, subscription, livemode, status, status_at, ended) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (tenant, subscription) DO UPDATE SET livemode = EXCLUDED.livemode, status = EXCLUDED.status,
    status_at = EXCLUDED.status_at, ended = EXCLUDED.ended, updated_at = clock_timestamp()
WHERE (EXCLUDED.ended, EXCLUDED.status_at, coalesce(array_position($7::text[], EXCLUDED.status), 0))
    > (b.ended, coalesce(b.status_at, '-infinity'), coalesce(array_position($7::text[], b.status), 0))
"""
_INVOICE = """
INSERT INTO billing AS b (tenant, subscription, livemode, invoice_paid, invoice_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (tenant, subscription) DO UPDATE SET invoice_paid = EXCLUDED.invoice_paid, invoice_at = EXCLUDED.invoice_at,
    updated_at = clock_timestamp()
WHERE (EXCLUDED.invoice_at, EXCLUDED.invoice_paid) > (coalesce(b.invoice_at, '-infinity'), coalesce(b.invoice_paid, false))
"""
# Between an active subscription and one that is past due the newer word counts, be it an invoice's. A subscription in test mode
# says nothing while there is a real one; of several the one that is best paid for counts.
_STATE = """
SELECT word AS status, greatest(status_at, invoice_at) AS as_of FROM billing, LATERAL (SELECT CASE
        WHEN coalesce(status, 'active') IN ('active', 'past_due') AND invoice_at > coalesce(status_at, '-infinity')
        THEN CASE WHEN invoice_paid THEN 'active' ELSE 'past_due' END ELSE status END) AS said (word)
WHERE tenant = $1
ORDER BY livemode DESC, array_position(ARRAY['active', 'trialing', 'past_due', 'unpaid', 'paused', 'incomplete', 'canceled'], word),
    as_of DESC LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class BillingState:
    """Stripe's word for the subscription (`active`, `trialing`, `past_due`, `canceled`, …), and when it last spoke of it."""

    status: str
    as_of: datetime


async def carry_out(connection: Connection, tenant: str, payload: bytes) -> str | None:
    """Keep what an event says; give what must be noted at it. Raises `DeadNow` for a body that is no event."""
    try:
        change = read_change(payload, tenant)
    except msgspec.DecodeError as error:
        raise DeadNow(f"the body is no Stripe event: {error}") from error
    if isinstance(change, str):
        return change
    about = tenant, change.subscription, change.livemode
    if change.invoice_paid is None:
        await connection.execute(_STATUS, *about, change.status, change.at, change.ended, _STAGES)
    else:
        await connection.execute(_INVOICE, *about, change.invoice_paid, change.at)
    return None


async def billing_state(pool: Pool, tenant: str) -> BillingState | None:
    """Give what is known now; None when Stripe never said anything, and on the schema before this table."""
    try:
        row = await pool.fetchrow(_STATE, tenant)
    except asyncpg.UndefinedTableError:
        return None
    return None if row is None else BillingState(row["status"], row["as_of"])
