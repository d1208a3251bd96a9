"""The last offers of a call: kept with its hold and, since other calls may remove an expired hold, in a row of their own."""

from typing import Final

from askproai_core.database import Connection

# The row names staff members and times alone: it is kept longer than callers' words.
_KEY: Final = "offers"
KEEP_OFFERS: Final = f"""
INSERT INTO call_actions (tenant, call_id, key, state, lease_until, answer)
SELECT {{tenant}}, {{call_id}}, '{_KEY}', 'done', clock_timestamp(), {{offers}}::jsonb WHERE {{offers}}::jsonb IS NOT NULL
ON CONFLICT (tenant, call_id, key) DO UPDATE SET answer = excluded.answer
"""


async def replace_offers(conn: Connection, tenant: str, call_id: str, offers: str) -> None:
    """Replace the stored offers of a call, in their own row and in the call's hold."""
    await conn.execute(
        f"""WITH kept AS ({KEEP_OFFERS.format(tenant="$1", call_id="$2", offers="$3")})
            UPDATE appointments SET offers = $3 WHERE tenant = $1 AND call_id = $2 AND status = 'held'""",  # noqa: S608  constants
        tenant, call_id, offers,
    )  # fmt: skip


async def read_offers(conn: Connection, tenant: str, call_id: str) -> str | None:
    """Return the last offers of a call as JSON, whatever became of its hold; None if it had none."""
    query = "SELECT answer::text FROM call_actions WHERE tenant = $1 AND call_id = $2 AND key = $3"
    offers: str | None = await conn.fetchval(query, tenant, call_id, _KEY)
    return offers
