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

-- What a caller refuses is refused to the shadow, too: copies that wait, those that are written after it, and what was replayed.
CREATE FUNCTION keep_no_copy() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    RETURN CASE WHEN is_refused_call(NEW.tenant, NEW.call_id) THEN NULL ELSE NEW END;
END $$;
CREATE TRIGGER keep_no_copy BEFORE INSERT ON shadow_requests FOR EACH ROW EXECUTE FUNCTION keep_no_copy();

-- It runs as the owner, since the role reaches no row of its shadow: it writes those of the shadow of the row's tenant, which the
-- policies have checked. What a copy of the book has locked at this moment it deletes itself.
CREATE FUNCTION refuse_to_shadow() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    own CONSTANT text := NEW.tenant || ':shadow';
BEGIN
    DELETE FROM shadow_requests WHERE tenant = NEW.tenant AND call_id = NEW.call_id;
    UPDATE function_requests SET arguments = NULL, answer = NULL, cause = NULL WHERE tenant = own AND id IN (
        SELECT f.id FROM function_requests f WHERE f.tenant = own AND f.call_id = NEW.call_id FOR UPDATE SKIP LOCKED);
    INSERT INTO call_notices (tenant, call_id, refused_at)
    SELECT t.tenant, NEW.call_id, NEW.refused_at FROM tenants t WHERE t.tenant = own
    ON CONFLICT (tenant, call_id) DO UPDATE SET refused_at = EXCLUDED.refused_at;
    RETURN NULL;
END $$;
CREATE TRIGGER refuse_to_shadow AFTER INSERT ON call_notices FOR EACH ROW
    WHEN (NEW.refused_at IS NOT NULL AND NEW.tenant NOT LIKE '%:shadow') EXECUTE FUNCTION refuse_to_shadow();
CREATE TRIGGER refuse_to_shadow_later AFTER UPDATE OF refused_at ON call_notices FOR EACH ROW
    WHEN (OLD.refused_at IS NULL AND NEW.refused_at IS NOT NULL AND NEW.tenant NOT LIKE '%:shadow')
    EXECUTE FUNCTION refuse_to_shadow();

-- Erases one caller from the shadow of the tenant whose role asks, while an erasure of that number is open. Returns how many rows said
-- who the caller is. A copy may be made anew from the tenant's own rows at any time, so more may go than is the caller's.
CREATE FUNCTION erase_from_shadow(erased_number text, erased_calls text[], erased_appointments uuid[]) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    live    text;
    own     text;
    found   uuid[];
    erased  bigint := 0;
    changed bigint;
BEGIN
    SELECT t.tenant INTO live FROM tenants t JOIN erasures e ON e.tenant = t.tenant
    WHERE t.role = session_user AND e.state = 'open' AND e.caller = erased_number;
    IF live IS NULL THEN
        RAISE EXCEPTION 'no erasure of this number is open' USING ERRCODE = 'insufficient_privilege';
    END IF;
    own := live || ':shadow';
    DELETE FROM shadow_requests WHERE tenant = live;
    UPDATE function_requests SET arguments = NULL, answer = NULL, cause = NULL
    WHERE tenant = own AND (arguments IS NOT NULL OR answer IS NOT NULL OR cause IS NOT NULL);
    DELETE FROM messages WHERE tenant = own;
    DELETE FROM waitlist WHERE tenant = own;
    DELETE FROM notifications WHERE tenant = own;
    DELETE FROM verifications WHERE tenant = own AND (caller = erased_number OR call_id = ANY (erased_calls));
    SELECT coalesce(array_agg(a.id), '{}') INTO found FROM appointments a
    WHERE a.tenant = own AND (a.caller = erased_number OR a.id = ANY (erased_appointments) OR a.call_id = ANY (erased_calls)
        OR a.customer_id IN (SELECT c.id FROM customers c WHERE c.tenant = own AND c.phone = erased_number));
    DELETE FROM call_actions WHERE tenant = own AND (call_id = ANY (erased_calls) OR appointment_id = ANY (found)
        OR position(ltrim(erased_number, '+') IN answer::text) > 0);
    GET DIAGNOSTICS changed = ROW_COUNT;
    erased := erased + changed;
    DELETE FROM calls WHERE tenant = own
        AND (call_id = ANY (erased_calls) OR from_number = erased_number OR to_number = erased_number);
    GET DIAGNOSTICS changed = ROW_COUNT;
    erased := erased + changed;
    UPDATE appointments SET customer_id = NULL, customer_name = '', caller = NULL, attendee_email = NULL, notes = NULL,
                            birth_date = NULL, cancel_reason = NULL
    WHERE tenant = own AND id = ANY (found) AND (
        customer_id IS NOT NULL OR customer_name <> '' OR caller IS NOT NULL OR attendee_email IS NOT NULL OR notes IS NOT NULL
        OR birth_date IS NOT NULL OR cancel_reason IS NOT NULL);
    GET DIAGNOSTICS changed = ROW_COUNT;
    erased := erased + changed;
    DELETE FROM customers WHERE tenant = own AND phone = erased_number;
    GET DIAGNOSTICS changed = ROW_COUNT;
    RETURN erased + changed;
END $$;
REVOKE ALL ON FUNCTION refuse_to_shadow(), erase_from_shadow(text, text[], uuid[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION erase_from_shadow(text, text[], uuid[]) TO askproai_tenant;

-- Last, since all read this table, which is small.
ALTER TABLE tenants ADD CONSTRAINT tenants_shadow_of_own_name CHECK (tenant = shadow_of || ':shadow');
