-- One person in several branches: rows of `resources` with an empty branch are the person's own, and the rows of the same person
-- in each branch name them. Whoever claims a branch's row claims the person's instead, whatever config the pod has read: so the
-- exclusion constraint sees all of a person's appointments in one place, from the moment that the operator has linked the rows.
-- A release that does not know these columns leaves them empty, and then nothing is redirected.

ALTER TABLE resources
    ADD COLUMN person_row bigint,                       -- where claims of this row go: the person's row of the same unit
    ADD COLUMN persons text[] NOT NULL DEFAULT '{}',    -- whose this row is, and was a short time ago
    ADD COLUMN linked_at timestamptz;                   -- when that changed

-- The path is fixed: a restore of the data alone fires the trigger while `pg_restore` has emptied it.
CREATE FUNCTION claims_of_person() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    shared bigint;
BEGIN
    SELECT r.person_row INTO shared FROM resources r WHERE r.tenant = NEW.tenant AND r.id = NEW.resource_id;
    -- A time that was promised before the rows were linked, and that collides with another, stays where it is: when its move is
    -- refused, it must be possible to claim it again.
    IF shared IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM claims c WHERE c.tenant = NEW.tenant AND c.appointment_id = NEW.appointment_id
        AND c.resource_id = NEW.resource_id AND c.blocks = NEW.blocks) THEN
        NEW.resource_id := shared;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER claims_of_person BEFORE INSERT ON claims FOR EACH ROW EXECUTE FUNCTION claims_of_person();
