DROP FUNCTION erase_from_shadow(text, text[], uuid[]);
DROP TRIGGER refuse_to_shadow ON call_notices;
DROP TRIGGER refuse_to_shadow_later ON call_notices;
DROP FUNCTION refuse_to_shadow();
DROP TRIGGER keep_no_copy ON shadow_requests;
DROP FUNCTION keep_no_copy();
DO $$
DECLARE
    name regprocedure;
BEGIN
    FOREACH name IN ARRAY ARRAY['copy_live_book(boolean)', 'copy_live_appointments(uuid[], uuid[])']::regprocedure[] LOOP
        EXECUTE replace(pg_get_functiondef(name), 't.tenant = t.shadow_of || '':shadow''', 't.shadow_of IS NOT NULL');
    END LOOP;
END $$;
ALTER TABLE tenants DROP CONSTRAINT tenants_shadow_of_own_name;
