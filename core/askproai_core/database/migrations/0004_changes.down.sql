-- Undoes 0004_changes.up.sql. A move that waits for the calendar keeps its new time; the old one stays blocked.

DROP INDEX appointments_caller;
ALTER TABLE claims DROP COLUMN place, DROP COLUMN units;
ALTER TABLE appointments DROP COLUMN was_starts_at, DROP COLUMN was_ends_at, DROP COLUMN was_place,
    DROP COLUMN external_updated_at, DROP COLUMN cancelled_by, DROP COLUMN cancel_reason;
