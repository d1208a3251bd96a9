"""The table `billing`: one row for each subscription. The order in which a subscription's events are stored does not matter."""

from dataclasses import dataclass
from datetime import datetime

from askproai_core.database import Connection, Pool

# `created` has whole seconds. The later stage of a subscription wins between two events of one second; the next event corrects it.
_STAGES = ["incomplete", "incomplete_expired", "trialing", "active", "past_due", "unpaid", "paused", "canceled"]
_SAVE_STATUS = """
INSERT INTO billing AS b (tenant, subscription, livemode, status, status_at, ended) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (tenant, subscription) DO UPDATE SET livemode = EXCLUDED.livemode, status = EXCLUDED.status,
    status_at = EXCLUDED.status_at, ended = EXCLUDED.ended, updated_at = clock_timestamp()
WHERE (EXCLUDED.ended, EXCLUDED.status_at, coalesce(array_position($7::text[], EXCLUDED.status), 0))
    > (b.ended, coalesce(b.status_at, '-infinity'), coalesce(array_position($7::text[], b.status), 0))
"""
_SAVE_INVOICE = """
INSERT INTO billing AS b (tenant, subscription, livemode, invoice_paid, invoice_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (tenant, subscription) DO UPDATE SET invoice_paid = EXCLUDED.invoice_paid, invoice_at = EXCLUDED.invoice_at,
    updated_at = clock_timestamp()
WHERE (EXCLUDED.invoice_at, EXCLUDED.invoice_paid) > (coalesce(b.invoice_at, '-infinity'), coalesce(b.invoice_paid, false))
"""
# Between `active` and `past_due` the newest report counts, even if it is an invoice's. A subscription in test mode counts only
# while there is no live one. The best standing among several counts.
_STATE = """
SELECT state AS status, greatest(status_at, invoice_at) AS as_of FROM billing, LATERAL (SELECT CASE
        WHEN coalesce(status, 'active') IN ('active', 'past_due') AND invoice_at > coalesce(status_at, '-infinity')
        THEN CASE WHEN invoice_paid THEN 'active' ELSE 'past_due' END ELSE status END) AS reported (state)
WHERE tenant = $1
ORDER BY livemode DESC,
    array_position(ARRAY['active', 'trialing', 'past_due', 'unpaid', 'paused', 'incomplete', 'canceled'], state), as_of DESC LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class BillingChange:
    """The content of one Stripe event about a subscription: its new status, or whether its newest invoice was paid."""

    subscription: str
    created_at: datetime
    livemode: bool
    status: str | None = None
    ended: bool = False
    invoice_paid: bool | None = None


@dataclass(frozen=True, slots=True)
class BillingState:
    """The subscription's status, by Stripe's names (`active`, `trialing`, `past_due`, `canceled`, …), and when it was reported."""

    status: str
    as_of: datetime


async def save_billing_change(conn: Connection, tenant: str, change: BillingChange) -> None:
    """Store a change of a subscription, unless a newer change of the same kind (status or invoice) is stored."""
    key = tenant, change.subscription, change.livemode
    if change.invoice_paid is None:
        await conn.execute(_SAVE_STATUS, *key, change.status, change.created_at, change.ended, _STAGES)
    else:
        await conn.execute(_SAVE_INVOICE, *key, change.invoice_paid, change.created_at)


async def get_billing_state(pool: Pool, tenant: str) -> BillingState | None:
    """Return the current state of the subscription, or None if Stripe has never reported one."""
    row = await pool.fetchrow(_STATE, tenant)
    return None if row is None else BillingState(row["status"], row["as_of"])
