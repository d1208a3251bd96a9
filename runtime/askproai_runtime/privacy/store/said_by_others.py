"""The requests of another caller's functions about the person: emptied as far as the arguments name that person.

That caller's free text stays with that call, and goes by its age (decision 97).
"""

from typing import Final

from askproai_core.database import Connection
from askproai_runtime.calls.texts import read_said
from askproai_runtime.encryption import BodyCipher, DecryptionError
from askproai_runtime.privacy.store.parameters import number_parameters
from askproai_runtime.privacy.traces import Traces, names_person

# Records about an appointment of the person, those of a call in which somebody has booked, waits or has left a message for the
# person, and those whose digits or words may be the number. PostgreSQL cannot search what is encrypted: there the calls have to be
# known.
_RECORDS: Final = """
SELECT id, call_id, at, function, arguments::text, answer, coalesce(appointment_id = ANY({appointments}), false) AS is_about
FROM function_requests WHERE tenant = {tenant} AND at < {until} AND NOT call_id = ANY({calls})
AND (arguments IS NOT NULL OR answer IS NOT NULL) AND (
    appointment_id = ANY({appointments})
    OR call_id IN (SELECT call_id FROM appointments WHERE tenant = {tenant} AND id = ANY({appointments})
                   UNION SELECT call_id FROM waitlist WHERE tenant = {tenant} AND phone = {number}
                   UNION SELECT call_id FROM messages WHERE tenant = {tenant} AND phone = {number})
    OR arguments->>'phone' ~ '[[:alpha:]]'
    OR position(right({number}, 7) IN regexp_replace(arguments::text, '[^0-9]+', '', 'g')) > 0)
"""
_NAMES: Final = """
SELECT lower(customer_name) AS name FROM appointments WHERE tenant = {tenant} AND id = ANY({appointments}) AND customer_name <> ''
UNION SELECT lower(name) FROM customers WHERE tenant = {tenant} AND id = {customer} AND name <> ''
"""
_EMPTY: Final = """
UPDATE function_requests SET arguments = NULL, answer = NULL, cause = NULL WHERE tenant = $1 AND id = ANY($2)
"""


async def empty_said_by_others(conn: Connection, tenant: str, traces: Traces, cipher: BodyCipher) -> int:
    """Empty the records of others' calls that name the person; return how many. While the appointments say whose they are."""
    names = {row["name"] for row in await conn.fetch(*number_parameters(_NAMES, tenant, traces))}
    ids = list[int]()
    for row in await conn.fetch(*number_parameters(_RECORDS, tenant, traces)):
        columns = (row[each] for each in ("call_id", "at", "function", "arguments", "answer"))
        try:
            arguments, _ = read_said(cipher, *columns)
            is_named = row["is_about"] or names_person(arguments, traces.number, names, traces.emails, traces.regions)
        except DecryptionError:  # of a call that names the person: it may be here
            is_named = True
        if is_named:
            ids.append(row["id"])
    if ids:
        await conn.execute(_EMPTY, tenant, ids)
    return len(ids)
