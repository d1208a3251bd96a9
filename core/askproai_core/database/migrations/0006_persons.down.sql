-- Undoes 0006_persons.up.sql. Each appointment claims the row of its own branch again, where the release before looks.

DROP TRIGGER claims_of_person ON claims;
DROP FUNCTION claims_of_person();

INSERT INTO resources (tenant, branch, staff, unit, active)
    SELECT DISTINCT a.tenant, a.branch, a.staff, p.unit, false
    FROM resources p JOIN claims c ON c.tenant = p.tenant AND c.resource_id = p.id
    JOIN appointments a ON a.tenant = c.tenant AND a.id = c.appointment_id
    WHERE p.branch = '' ON CONFLICT DO NOTHING;

-- A claim that collides with one that never left its branch's row stays with the person: the release before reads it nowhere, and
-- both were promised already.
DO $$
DECLARE
    moving record;
BEGIN
    FOR moving IN
        SELECT c.tenant, c.id, own.id AS own_row
        FROM resources p JOIN claims c ON c.tenant = p.tenant AND c.resource_id = p.id
        JOIN appointments a ON a.tenant = c.tenant AND a.id = c.appointment_id
        JOIN resources own ON (own.tenant, own.branch, own.staff, own.unit) = (a.tenant, a.branch, a.staff, p.unit)
        WHERE p.branch = '' LOOP
        BEGIN
            UPDATE claims SET resource_id = moving.own_row WHERE tenant = moving.tenant AND id = moving.id;
        EXCEPTION WHEN exclusion_violation THEN
            RAISE NOTICE 'claim % of % stays with the person: its time is taken twice', moving.id, moving.tenant;
        END;
    END LOOP;
END $$;

ALTER TABLE resources DROP COLUMN person_row, DROP COLUMN persons, DROP COLUMN linked_at;
