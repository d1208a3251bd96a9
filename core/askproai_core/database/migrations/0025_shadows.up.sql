-- Shadows: an image of which no caller hears, that answers copies of the calls on a copy of the tenant's book
-- (docs/decisions/0126-shadows.md). The copy is a tenant of its own, whose role reaches its own rows and no others.

-- What pods were asked, while there is a shadow: for moments, until it has been replayed. A bounded number of rows.
-- The reference cascades, because the release before erases a tenant without knowing this table.
CREATE TABLE shadow_requests (
    tenant          text NOT NULL REFERENCES tenants (tenant) ON DELETE CASCADE,
    id              bigint GENERATED ALWAYS AS IDENTITY,
    at              timestamptz NOT NULL,           -- when it came
    answered_at     timestamptz NOT NULL,
    call_id         text NOT NULL,
    function        text NOT NULL,
    outcome         text NOT NULL,                  -- as in function_requests
    named_ids       uuid[] NOT NULL DEFAULT '{}',   -- the ids in the answer, in their order
    correlation_id  text NOT NULL,
    body            bytea NOT NULL CHECK (octet_length(body) <= 600000),
    PRIMARY KEY (tenant, id)
);

ALTER TABLE shadow_requests ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY owner ON shadow_requests TO askproai_owner USING (true) WITH CHECK (true);
CREATE POLICY backup ON shadow_requests FOR SELECT TO askproai_backup USING (true);
CREATE POLICY tenant_reads ON shadow_requests FOR SELECT TO askproai_tenant
    USING (tenant = (SELECT t.tenant FROM tenants t WHERE t.role = current_user));
CREATE POLICY tenant_adds ON shadow_requests FOR INSERT TO askproai_tenant
    WITH CHECK (tenant = (SELECT t.tenant FROM tenants t WHERE t.role = current_user));
CREATE POLICY tenant_deletes ON shadow_requests FOR DELETE TO askproai_tenant
    USING (tenant = (SELECT t.tenant FROM tenants t WHERE t.role = current_user));
GRANT SELECT ON shadow_requests TO askproai_tenant, askproai_backup;
GRANT INSERT, DELETE ON shadow_requests TO askproai_tenant;
DO $$
BEGIN
    EXECUTE format('GRANT SELECT ON SEQUENCE %s TO askproai_backup', pg_get_serial_sequence('shadow_requests', 'id'));
END $$;

-- Last, since all read this table. Whose copy the rows of this tenant are; null for every Tenant of the cluster.
ALTER TABLE tenants ADD COLUMN shadow_of text CHECK (shadow_of <> '');

-- Columns with the name of a table before each.
CREATE FUNCTION prefixed(alias text, columns text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT alias || '.' || replace(columns, ', ', ', ' || alias || '.')
$$;

-- Makes rows of one table of tenant `own` equal to those of `live`: of all, or of the appointments `chosen`. In two steps, since rows
-- that are no more must go from all tables before others are written. Returns how many rows that changed.
CREATE FUNCTION copy_live_rows(place text, own text, live text, writes boolean, anew boolean, chosen uuid[])
RETURNS bigint LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    keys    text;   -- columns of the primary key, without the tenant
    others  text;   -- all other columns, but generated ones
    source  text;   -- the live rows, as they are in the copy
    part    text;   -- which rows are meant
    changed bigint;
BEGIN
    SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) FILTER (WHERE a.attnum = ANY (i.indkey)),
           string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) FILTER (WHERE NOT a.attnum = ANY (i.indkey))
    INTO keys, others
    FROM pg_attribute a JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary
    WHERE a.attrelid = place::regclass AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' AND a.attname <> 'tenant';
    part := CASE WHEN chosen IS NULL THEN 'true' ELSE CASE place
        WHEN 'appointments' THEN 'x.id = ANY ($4)'
        WHEN 'claims' THEN 'x.appointment_id = ANY ($4)'
        WHEN 'customers' THEN 'x.id IN (SELECT customer_id FROM appointments WHERE tenant = $2 AND id = ANY ($4))'
    END END;
    SELECT format('SELECT %s FROM %I x %s WHERE x.tenant = $2 AND %s', string_agg(CASE
            -- What was said decides no booking, and may be encrypted for the tenant's own rows.
            WHEN place = 'calls' AND a.attname IN ('transcript', 'analysis')
                THEN format('NULL::%s AS %I', a.atttypid::regtype, a.attname)
            WHEN a.attname = 'resource_id' THEN 's.id AS resource_id'
            ELSE format('x.%I', a.attname) END, ', '), place,
        CASE WHEN bool_or(a.attname = 'resource_id') THEN 'JOIN resources r ON r.tenant = x.tenant AND r.id = x.resource_id
            JOIN resources s ON s.tenant = $1 AND (s.branch, s.staff, s.unit) = (r.branch, r.staff, r.unit)' ELSE '' END, part)
    INTO source FROM pg_attribute a WHERE a.attrelid = place::regclass AND a.attnum > 0 AND NOT a.attisdropped;
    IF writes THEN
        EXECUTE format(
            'INSERT INTO %1$I (tenant, %2$s, %3$s) OVERRIDING SYSTEM VALUE SELECT $1, %2$s, %3$s FROM (%4$s) l
             WHERE NOT EXISTS (SELECT FROM %1$I o WHERE o.tenant = $1 AND (%5$s) = (%6$s) AND (%7$s) IS NOT DISTINCT FROM (%8$s))
             ON CONFLICT (tenant, %2$s) DO UPDATE SET (%3$s) = ROW (%9$s)',
            place, keys, others, source, prefixed('o', keys), prefixed('l', keys), prefixed('o', others), prefixed('l', others),
            prefixed('excluded', others)) USING own, live, anew, chosen;
    ELSE
        EXECUTE format(
            'DELETE FROM %I x WHERE x.tenant = $1 AND %s AND ($3 OR NOT EXISTS (SELECT FROM (%s) l WHERE (%s) = (%s)))',
            place, part, source, prefixed('x', keys), prefixed('l', keys)) USING own, live, anew, chosen;
    END IF;
    GET DIAGNOSTICS changed = ROW_COUNT;
    RETURN changed;
END $$;

-- Makes the rows of the shadow whose role asks equal to those of its tenant, as far as bookings depend on them; with `anew` all are
-- written again. Returns by table how many rows that changed.
-- It runs as the owner, since a role may not delete what was promised, and may not read the rows of another one: it reads those of
-- the one tenant that the operator has written into `tenants`, and writes those of the role that asks.
CREATE FUNCTION copy_live_book(anew boolean) RETURNS jsonb LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    own     text;
    live    text;
    place   text;
    result  jsonb := '{}';
    -- Referencing tables first.
    copied CONSTANT text[] := ARRAY['call_actions', 'verifications', 'claims', 'refusals', 'appointments', 'customers', 'calls',
                                    'free_times', 'host_free_times'];
    -- What pods add for jobs, messages and people: of no meaning to the next booking, and never carried out.
    emptied CONSTANT text[] := ARRAY['jobs', 'notifications', 'function_requests', 'provider_calls', 'messages', 'waitlist_offers',
                                     'freed_times', 'waitlist', 'call_notices'];
BEGIN
    SELECT t.tenant, t.shadow_of INTO own, live FROM tenants t WHERE t.role = session_user AND t.shadow_of IS NOT NULL;
    IF live IS NULL THEN
        RAISE EXCEPTION 'the role is no shadow''s' USING ERRCODE = 'insufficient_privilege';
    END IF;
    FOREACH place IN ARRAY emptied LOOP
        EXECUTE format('DELETE FROM %I WHERE tenant = $1', place) USING own;
    END LOOP;
    -- A claim is copied as it is, wherever the trigger would redirect a new one.
    UPDATE resources SET person_row = NULL WHERE tenant = own AND person_row IS NOT NULL;
    FOREACH place IN ARRAY copied LOOP
        result := result || jsonb_build_object(place, copy_live_rows(place, own, live, false, anew, NULL));
    END LOOP;
    FOR n IN REVERSE array_length(copied, 1)..1 LOOP
        place := copied[n];
        result := result || jsonb_build_object(
            place, (result ->> place)::bigint + copy_live_rows(place, own, live, true, anew, NULL));
    END LOOP;
    UPDATE resources o SET person_row = s.id
    FROM resources r JOIN resources p ON p.tenant = r.tenant AND p.id = r.person_row
    JOIN resources s ON s.tenant = own AND (s.branch, s.staff, s.unit) = (p.branch, p.staff, p.unit)
    WHERE r.tenant = live AND o.tenant = own AND (o.branch, o.staff, o.unit) = (r.branch, r.staff, r.unit);
    RETURN result;
END $$;

-- Gives the shadow whose role asks some of the tenant's appointments as they are, in place of appointments of its own.
CREATE FUNCTION copy_live_appointments(chosen uuid[], instead_of uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    own     text;
    live    text;
BEGIN
    SELECT t.tenant, t.shadow_of INTO own, live FROM tenants t WHERE t.role = session_user AND t.shadow_of IS NOT NULL;
    IF live IS NULL THEN
        RAISE EXCEPTION 'the role is no shadow''s' USING ERRCODE = 'insufficient_privilege';
    END IF;
    DELETE FROM appointments a WHERE a.tenant = own AND a.id = ANY (instead_of) AND NOT a.id = ANY (chosen);
    PERFORM copy_live_rows('claims', own, live, false, false, chosen);
    -- The customer of a new number has another id there.
    DELETE FROM customers c USING customers l JOIN appointments a ON a.tenant = l.tenant AND a.customer_id = l.id
    WHERE l.tenant = live AND a.id = ANY (chosen) AND c.tenant = own AND c.phone = l.phone AND c.id <> l.id
      AND NOT EXISTS (SELECT FROM appointments b WHERE b.tenant = own AND b.customer_id = c.id);
    PERFORM copy_live_rows('customers', own, live, true, false, chosen);
    PERFORM copy_live_rows('appointments', own, live, true, false, chosen);
    PERFORM copy_live_rows('claims', own, live, true, false, chosen);
END $$;

REVOKE ALL ON FUNCTION prefixed(text, text), copy_live_rows(text, text, text, boolean, boolean, uuid[]), copy_live_book(boolean),
    copy_live_appointments(uuid[], uuid[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION copy_live_book(boolean), copy_live_appointments(uuid[], uuid[]) TO askproai_tenant;
