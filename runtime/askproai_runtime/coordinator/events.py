"""Stored events and jobs that nobody is at, and nobody will be: armed again, as a second delivery would (contract §3).

Workers take over what their tenant's lost workers had within a minute. What is found here had no worker for long: all of a
tenant's pods were away, or a row was changed by hand.
"""

from datetime import timedelta

from askproai_runtime.coordinator.duty import Desk, in_batches

# One conditional UPDATE that raises `claim_no` and leaves `attempts`. Job before event, as everybody locks them, and none that
# somebody holds. From the tenants on, because every index begins with them. Jobs without an event (`calendar-sync`) only when
# their worker is lost: a done one is done.
_REARM = """
UPDATE jobs j SET state = 'ready', run_at = clock_timestamp(), claim_no = j.claim_no + 1, lease_until = NULL, worker = NULL,
                  finished_at = NULL
FROM (
    SELECT l.tenant, l.id FROM tenants t
    JOIN webhook_events e ON e.tenant = t.tenant
    JOIN jobs l ON l.tenant = e.tenant AND l.event_id = e.id
    WHERE e.status IN ('received', 'processing', 'failed') AND e.received_at <= now() - $2::interval
      AND (l.state = 'running' AND l.lease_until <= now() - $2::interval
           OR l.state IN ('done', 'dead') AND coalesce(l.finished_at, l.created_at) <= now() - $2::interval)
    ORDER BY l.id LIMIT $1 FOR NO KEY UPDATE OF l, e SKIP LOCKED
) lost WHERE j.tenant = lost.tenant AND j.id = lost.id
"""

_REARM_SYNC = """
UPDATE jobs j SET state = 'ready', run_at = clock_timestamp(), claim_no = j.claim_no + 1, lease_until = NULL, worker = NULL
FROM (
    SELECT l.tenant, l.id FROM jobs l
    WHERE l.kind = 'calendar-sync' AND l.state = 'running' AND l.lease_until <= now() - $2::interval
    ORDER BY l.id LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED
) lost WHERE j.tenant = lost.tenant AND j.id = lost.id
"""

_REPLACE = """
INSERT INTO jobs (tenant, kind, priority, event_id, correlation_id)
SELECT e.tenant, 'webhook-event', 'critical', e.id, e.correlation_id
FROM tenants t JOIN webhook_events e ON e.tenant = t.tenant
WHERE e.status IN ('received', 'processing', 'failed') AND e.received_at <= now() - $2::interval
  AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.tenant = e.tenant AND j.event_id = e.id)
ORDER BY e.id LIMIT $1
ON CONFLICT DO NOTHING
"""


async def rearm_events(desk: Desk) -> int:
    """Arm again what has had no live job for `stuck_after_seconds`."""
    stuck = timedelta(seconds=desk.settings.stuck_after_seconds)
    return sum([await in_batches(desk, statement, stuck) for statement in (_REARM, _REARM_SYNC, _REPLACE)])
