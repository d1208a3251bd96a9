"""The offers that the hold of a call keeps, beside the one time that it holds."""

from askproai_core.database import Connection


async def replace_offers(conn: Connection, tenant: str, call_id: str, offers: str) -> None:
    """Replace the offers that the hold of a call keeps; without a hold nothing is kept."""
    await conn.execute(
        "UPDATE appointments SET offers = $3 WHERE tenant = $1 AND call_id = $2 AND status = 'held'",
        tenant, call_id, offers,
    )  # fmt: skip
