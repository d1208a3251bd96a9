"""The SQL statement that records reads of callers' data in the audit log."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from askproai_core.database import Pool

# The page of an ongoing call reads it again after each turn: the same reader gets one entry in 15 minutes.
_RECORD: Final = """
INSERT INTO audit_log (tenant, actor, action, detail, correlation_id)
SELECT $1, 'desk', $4, $2::jsonb, $3 WHERE NOT EXISTS (
    SELECT FROM audit_log l WHERE l.tenant = $1 AND l.at > now() - interval '15 minutes' AND l.action = $4
    AND l.detail = $2::jsonb)
"""


async def record_read(pool: Pool, tenant: str, action: str, detail: Mapping[str, Any], correlation_id: str) -> None:
    """Record a read of callers' data, once in 15 minutes for the same `detail`. If it raises, the data must not be shown."""
    await pool.execute(_RECORD, tenant, msgspec.json.encode(detail).decode(), correlation_id, action)
