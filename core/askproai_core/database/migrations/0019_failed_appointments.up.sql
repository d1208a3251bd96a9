-- The page counts what failed four times a second and lists it; by their start it would read every appointment to come.
-- Small: few appointments fail. The release before keeps it up to date without knowing it.
CREATE INDEX appointments_failed ON appointments (tenant, updated_at) WHERE status = 'failed';
