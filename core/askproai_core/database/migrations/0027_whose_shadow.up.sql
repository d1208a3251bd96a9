-- A shadow is that of the tenant in its own name, and of no other. `copy_live_book` and `copy_live_appointments` run as the owner and
-- read the rows of whatever tenant `shadow_of` names, so whoever could write that column would have read any tenant.
DO $$
DECLARE
    name regprocedure;
    body text;
BEGIN
    -- Besides the constraint they ask themselves: nothing else of them changes.
    FOREACH name IN ARRAY ARRAY['copy_live_book(boolean)', 'copy_live_appointments(uuid[], uuid[])']::regprocedure[] LOOP
        body := replace(pg_get_functiondef(name), 't.shadow_of IS NOT NULL', 't.tenant = t.shadow_of || '':shadow''');
        ASSERT body <> pg_get_functiondef(name), name;
        EXECUTE body;
    END LOOP;
END $$;

-- Last, since all read this table, which is small.
ALTER TABLE tenants ADD CONSTRAINT tenants_shadow_of_own_name CHECK (tenant = shadow_of || ':shadow');
