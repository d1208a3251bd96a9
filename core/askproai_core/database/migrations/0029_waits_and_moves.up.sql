-- A waiting person has what she waited for once an appointment of hers starts there that did not at the request, whatever moved it.
-- `had` has the starts of her appointments within the bounds at the request. It is null in what a pod of the release before adds
-- during a rolling upgrade, which knows no such column: an appointment that is no newer than the entry was there then.
ALTER TABLE waitlist ADD COLUMN had timestamptz[];
UPDATE waitlist w SET had = ARRAY(
    SELECT a.starts_at FROM appointments a LEFT JOIN customers c ON c.tenant = a.tenant AND c.id = a.customer_id
    WHERE a.tenant = w.tenant AND a.starts_at >= w.since AND a.starts_at < w.until AND a.created_at <= w.created_at
      AND a.status IN ('confirmed', 'pending_sync') AND (a.caller = w.phone OR c.phone = w.phone))
WHERE state = 'waiting';
GRANT UPDATE (had) ON waitlist TO askproai_tenant;

-- The appointment that had the time: its person is asked last. Null for a removed block and the end of a hold.
ALTER TABLE freed_times ADD COLUMN appointment_id uuid;
GRANT UPDATE (appointment_id) ON freed_times TO askproai_tenant;

CREATE OR REPLACE FUNCTION record_freed_time() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO freed_times (tenant, resource_id, starts_at, ends_at, appointment_id)
    SELECT NEW.tenant, NEW.resource_id, lower(NEW.blocks), upper(NEW.blocks), NEW.appointment_id
    WHERE EXISTS (SELECT FROM waitlist w WHERE w.tenant = NEW.tenant AND w.state = 'waiting')
    ON CONFLICT (tenant, resource_id, starts_at, ends_at) WHERE handled_at IS NULL
        DO UPDATE SET freed_at = clock_timestamp(), appointment_id = EXCLUDED.appointment_id;
    RETURN NULL;
END $$;
