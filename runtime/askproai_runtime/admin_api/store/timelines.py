"""The SQL statements of timelines: the history of a call, of an appointment, or of a correlation id.

Each statement collects the rows of its subject; a shared second part turns rows into entries.
"""

from typing import Final

from askproai_runtime.intake import EVENTS_OF_CALL

_OF_CALL: Final = """
WITH event AS MATERIALIZED (
    SELECT * FROM webhook_events WHERE tenant = $1 AND {events_of_call}
), appointment AS MATERIALIZED (
    SELECT * FROM appointments WHERE tenant = $1 AND call_id = $2
), action AS MATERIALIZED (
    SELECT * FROM call_actions WHERE tenant = $1 AND call_id = $2 AND key NOT LIKE 'request|%' AND key <> 'offers'
), request AS MATERIALIZED (
    SELECT * FROM function_requests r WHERE tenant = $1 AND call_id = $2
), message AS MATERIALIZED (
    SELECT * FROM messages m WHERE tenant = $1 AND call_id = $2
), waiting AS MATERIALIZED (
    SELECT * FROM waitlist w WHERE tenant = $1 AND call_id = $2
), correlated AS MATERIALIZED (
    SELECT correlation_id FROM event UNION SELECT correlation_id FROM appointment UNION SELECT correlation_id FROM request
    UNION SELECT correlation_id FROM calls WHERE tenant = $1 AND call_id = $2
)
"""
# The ids of each call that has changed the appointment, and of the desk, whose changes have the booking's correlation id.
# Records of cancellations name no appointment: all those of a call that has cancelled this appointment are shown.
_OF_APPOINTMENT: Final = """
WITH appointment AS MATERIALIZED (
    SELECT * FROM appointments WHERE tenant = $1 AND id = $2::text::uuid
), action AS MATERIALIZED (
    SELECT * FROM call_actions WHERE tenant = $1 AND appointment_id = $2::text::uuid AND key NOT LIKE 'request|%'
), request AS MATERIALIZED (
    SELECT r.* FROM (SELECT call_id FROM appointment UNION SELECT call_id FROM action) c CROSS JOIN LATERAL (
        SELECT * FROM function_requests each WHERE tenant = $1 AND call_id = c.call_id OFFSET 0
    ) r WHERE r.appointment_id = $2::text::uuid OR r.appointment_id IS NULL AND r.function = 'cancel_appointment'
              AND r.call_id IN (SELECT call_id FROM action WHERE starts_with(key, 'cancel|'))
), message AS MATERIALIZED (
    SELECT * FROM messages m WHERE false
), waiting AS MATERIALIZED (
    SELECT * FROM waitlist w WHERE false
), correlated AS MATERIALIZED (
    SELECT correlation_id FROM appointment UNION SELECT correlation_id FROM request
    UNION SELECT correlation_id FROM jobs WHERE tenant = $1 AND appointment_id = $2::text::uuid
), event AS MATERIALIZED (
    SELECT * FROM webhook_events WHERE tenant = $1 AND correlation_id IN (SELECT correlation_id FROM correlated)
)
"""
_OF_CORRELATION: Final = """
WITH event AS MATERIALIZED (
    SELECT * FROM webhook_events WHERE tenant = $1 AND correlation_id = $2
), request AS MATERIALIZED (
    SELECT * FROM function_requests r WHERE tenant = $1 AND correlation_id = $2
), appointment AS MATERIALIZED (
    SELECT a.* FROM (
        SELECT appointment_id FROM request WHERE appointment_id IS NOT NULL
        UNION SELECT (detail->>'appointment')::uuid FROM audit_log
              WHERE tenant = $1 AND correlation_id = $2 AND detail->>'appointment' ~ '^[0-9a-f-]{36}$'
    ) changed CROSS JOIN LATERAL (
        SELECT * FROM appointments WHERE tenant = $1 AND id = changed.appointment_id OFFSET 0
    ) a
), action AS MATERIALIZED (
    SELECT * FROM call_actions WHERE false
), message AS MATERIALIZED (
    SELECT * FROM messages m WHERE tenant = $1 AND call_id IN (SELECT call_id FROM request) AND correlation_id = $2
), waiting AS MATERIALIZED (
    SELECT * FROM waitlist w WHERE tenant = $1 AND call_id IN (SELECT call_id FROM request) AND correlation_id = $2
), correlated AS MATERIALIZED (
    SELECT $2::text AS correlation_id
)
"""

# Retell sends events of a call concurrently: within one second they are sorted by their order in a call.
# A calendar sync belongs to the call that made the appointment, and to the one that moved or cancelled it.
_MOMENTS: Final = """
SELECT moment.* FROM (
SELECT e.received_at AS at, 'event' AS what, e.event_type AS name, e.status AS outcome,
       (extract(epoch FROM e.processed_at - e.received_at) * 1000)::bigint AS duration_ms, coalesce(e.error, e.note) AS detail,
       e.correlation_id, NULL::jsonb AS arguments, NULL AS answer, NULL AS appointment_id, NULL::timestamptz AS starts_at,
       CASE j.state WHEN 'ready' THEN j.run_at END AS next_try_at, NULL AS notes,
       CASE e.source WHEN 'retell' THEN split_part(e.event_id, ':', 1) END AS call_id, NULL AS body_shape
FROM event e LEFT JOIN jobs j ON j.tenant = e.tenant AND j.event_id = e.id
UNION ALL
SELECT at, 'function', function, outcome, duration_ms, cause, correlation_id, arguments, answer, appointment_id::text,
       NULL, NULL, NULL, call_id, NULL
FROM request
UNION ALL
SELECT created_at, 'appointment', service || ' · ' || staff, status, (extract(epoch FROM updated_at - created_at) * 1000)::bigint,
       error, correlation_id, NULL, NULL, id::text, starts_at, NULL, notes, call_id, NULL
FROM appointment
UNION ALL
SELECT created_at, 'message', CASE WHEN call_back IS NULL THEN 'message' ELSE 'call back' END,
       CASE WHEN done_at IS NULL THEN 'open' ELSE 'done' END, NULL, NULL, correlation_id, NULL, text,
       NULL, call_back_from, NULL, NULL, call_id, NULL
FROM message
UNION ALL
SELECT created_at, 'waitlist', service || coalesce(' · ' || staff, ''), state,
       NULL, requested, correlation_id, NULL, NULL, NULL, NULL, NULL, NULL, call_id, NULL
FROM waiting
UNION ALL
SELECT created_at, 'action', split_part(key, '|', 1), state, NULL, NULL, call_id, NULL, NULL, appointment_id::text, NULL, NULL,
       NULL, call_id, NULL
FROM action
UNION ALL
SELECT j.created_at, 'job', j.kind, j.state, (extract(epoch FROM j.finished_at - j.created_at) * 1000)::bigint, j.last_error,
       j.correlation_id, NULL, NULL, j.appointment_id::text, NULL, CASE j.state WHEN 'ready' THEN j.run_at END, NULL, NULL, NULL
FROM (
    SELECT appointment_id, min(since) AS since FROM (
        SELECT id AS appointment_id, timestamptz '-infinity' AS since FROM appointment
        UNION ALL SELECT appointment_id, (SELECT min(created_at) FROM action) FROM action) changed GROUP BY appointment_id
) changed CROSS JOIN LATERAL (
    SELECT * FROM jobs WHERE tenant = $1 AND appointment_id = changed.appointment_id OFFSET 0
) j WHERE coalesce(j.finished_at, 'infinity') >= changed.since
UNION ALL
SELECT n.created_at, 'notification', n.kind || ' · ' || n.recipient || ' · ' || n.channel, n.state,
       (extract(epoch FROM n.finished_at - n.created_at) * 1000)::bigint, n.error, n.correlation_id, NULL, NULL,
       n.appointment_id::text, NULL, CASE WHEN n.state IN ('waiting', 'sending') THEN n.due_at END, NULL, NULL, NULL
FROM notifications n WHERE n.tenant = $1
     AND n.appointment_id IN (SELECT id FROM appointment UNION SELECT appointment_id FROM action)
UNION ALL
SELECT p.at, 'provider', p.provider || ' ' || p.method || ' ' || p.endpoint, p.outcome || coalesce(' ' || p.status, ''),
       p.duration_ms, p.error, p.correlation_id, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
       p.body_shape
FROM provider_calls p WHERE p.tenant = $1 AND p.correlation_id IN (SELECT correlation_id FROM correlated)
UNION ALL
SELECT l.at, 'audit', l.action, l.actor, NULL, l.detail::text, l.correlation_id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM audit_log l WHERE l.tenant = $1 AND l.correlation_id IN (SELECT correlation_id FROM correlated)
) moment
ORDER BY date_trunc('second', at),
         CASE WHEN what <> 'event' THEN 1 WHEN name = 'call_started' THEN 0 WHEN name = 'call_ended' THEN 2
              WHEN name = 'call_analyzed' THEN 3 ELSE 1 END, at
LIMIT 1000
"""

OF_CALL: Final = (_OF_CALL + _MOMENTS).replace("{events_of_call}", EVENTS_OF_CALL)
OF_APPOINTMENT: Final = _OF_APPOINTMENT + _MOMENTS
OF_CORRELATION: Final = _OF_CORRELATION + _MOMENTS
