"""The SQL statements about sessions of the page. Logins are entries of the audit log, and so are the ends of sessions."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import asyncpg
import msgspec

from askproai_core.database import Pool

_MOST: Final = 500

_LIST: Final = f"""
SELECT l.correlation_id AS id, l.at, l.detail::text AS detail FROM audit_log l
WHERE l.tenant = $1 AND l.at > $2 AND l.action = 'page.login' AND NOT EXISTS (
    SELECT FROM audit_log e WHERE e.tenant = $1 AND e.correlation_id = l.correlation_id AND e.action = 'page.logout')
ORDER BY l.at DESC LIMIT {_MOST}
"""  # noqa: S608  our own text
_FIND: Final = """
SELECT l.correlation_id AS id, l.at, l.detail::text AS detail FROM audit_log l
WHERE l.tenant = $1 AND l.correlation_id = $2 AND l.action = 'page.login'
"""
# The end is stored as a logout, which every pod looks for.
_END: Final = """
INSERT INTO audit_log (tenant, actor, action, detail, correlation_id)
SELECT $1, 'desk', 'page.logout', $3::jsonb, $2 WHERE NOT EXISTS (
    SELECT FROM audit_log WHERE tenant = $1 AND correlation_id = $2 AND action = 'page.logout')
RETURNING 1
"""


async def list_open_logins(pool: Pool, tenant: str, since: datetime) -> list[asyncpg.Record]:
    """Return up to 500 logins after `since` whose session nobody has ended, newest first."""
    return await pool.fetch(_LIST, tenant, since)


async def find_login(pool: Pool, tenant: str, session: str) -> asyncpg.Record | None:
    """Return the audit entry of a session's login; None if there is none, or if it was deleted by age."""
    return await pool.fetchrow(_FIND, tenant, session)


async def record_end(pool: Pool, tenant: str, session: str, detail: Mapping[str, Any]) -> bool:
    """End a session at every pod. Return False if it was ended before."""
    text = msgspec.json.encode(detail).decode()
    return await pool.fetchval(_END, tenant, session, text) is not None
