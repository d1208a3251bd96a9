-- Undoes 0029_waits_and_moves.up.sql.
CREATE OR REPLACE FUNCTION record_freed_time() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO freed_times (tenant, resource_id, starts_at, ends_at)
    SELECT NEW.tenant, NEW.resource_id, lower(NEW.blocks), upper(NEW.blocks)
    WHERE EXISTS (SELECT FROM waitlist w WHERE w.tenant = NEW.tenant AND w.state = 'waiting')
    ON CONFLICT (tenant, resource_id, starts_at, ends_at) WHERE handled_at IS NULL
        DO UPDATE SET freed_at = clock_timestamp();
    RETURN NULL;
END $$;
ALTER TABLE freed_times DROP COLUMN appointment_id;
ALTER TABLE waitlist DROP COLUMN had;
