-- Moving and cancelling appointments, and following the calendar when a person changes it there.

ALTER TABLE appointments
    ADD COLUMN was_starts_at timestamptz,       -- while the calendar has not agreed to a move: the time before it,
    ADD COLUMN was_ends_at timestamptz,
    ADD COLUMN was_place integer,               -- and the claims of that time, so that nobody gets it meanwhile
    ADD COLUMN external_updated_at timestamptz, -- the calendar's own time of what we know from it: older news is no news
    ADD COLUMN cancelled_by text CHECK (cancelled_by IN ('caller', 'calendar')),
    ADD COLUMN cancel_reason text;
ALTER TABLE claims
    -- Claims of one number are one place of their appointment, and the highest number is where it stands. 0: a piece that is
    -- blocked besides, while a move waits for the calendar.
    ADD COLUMN place integer NOT NULL DEFAULT 1,
    -- How many parts the person had when this one was claimed: the claim holds 1/units of the person for good.
    ADD COLUMN units smallint NOT NULL DEFAULT 1 CHECK (units BETWEEN 1 AND 12);
CREATE INDEX appointments_caller ON appointments (tenant, caller, starts_at) WHERE caller IS NOT NULL;

GRANT UPDATE (was_starts_at, was_ends_at, was_place, external_updated_at, cancelled_by, cancel_reason)
    ON appointments TO askproai_tenant;
