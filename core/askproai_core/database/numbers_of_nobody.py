"""The stored numbers that identify nobody, by the rule for callers: migration 0030 cuts their rows loose."""

from askproai_core.database.pool import Connection
from askproai_core.phone_numbers import is_dialable, is_personal

_STORED = r"""
SELECT DISTINCT number FROM (
    SELECT phone FROM customers UNION SELECT caller FROM appointments UNION SELECT from_number FROM calls
    UNION SELECT to_number FROM calls UNION SELECT caller FROM messages UNION SELECT phone FROM messages
    UNION SELECT caller FROM waitlist UNION SELECT phone FROM waitlist UNION SELECT caller FROM verifications
    UNION SELECT address FROM reminder_opt_outs) AS stored (number) WHERE number ~ '^\+\d+$'
"""


async def write_numbers_of_nobody(conn: Connection) -> None:
    """Write them to the table `numbers_of_nobody`, which the migration drops: its role may have no temporary ones."""
    numbers = [row["number"] for row in await conn.fetch(_STORED)]
    rows = [(number, is_dialable(number)) for number in numbers if not is_personal(number)]
    await conn.execute("CREATE TABLE numbers_of_nobody (number text, is_dialable boolean)")
    await conn.executemany("INSERT INTO numbers_of_nobody VALUES ($1, $2)", rows)
