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

-- Makes the rows of the shadow whose role asks equal to those of its tenant, as far as bookings depend on them; with `anew` all are
-- written again. Returns by table how many rows that changed.
-- It runs as the owner, since a role may not delete what was promised, and may not read the rows of another one: it reads those of
-- the one tenant that the operator has written into `tenants`, and writes those of the role that asks.
CREATE FUNCTION copy_live_book(anew boolean) RETURNS jsonb LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    own     text;
    live    text;
    name    text;
    keys    text;   -- columns of the primary key, without the tenant
    values_ text;   -- all other columns
    source  text;
    changed bigint;
    inserted bigint;
    result  jsonb := '{}';
    -- In the order in which rows may be deleted: referencing tables first.
    copied CONSTANT text[] := ARRAY['call_actions', 'verifications', 'claims', 'refusals', 'appointments', 'customers', 'calls',
                                    'free_times', 'host_free_times'];
    -- What pods add for jobs, messages and people: of no meaning to the next booking, and never carried out.
    emptied CONSTANT text[] := ARRAY['jobs', 'notifications', 'function_requests', 'provider_calls', 'messages', 'waitlist_offers',
                                     'freed_times', 'waitlist', 'call_notices', 'shadow_requests'];
BEGIN
    SELECT t.tenant, t.shadow_of INTO own, live FROM tenants t WHERE t.role = session_user AND t.shadow_of IS NOT NULL;
    IF live IS NULL THEN
        RAISE EXCEPTION 'the role is no shadow''s' USING ERRCODE = 'insufficient_privilege';
    END IF;
    FOREACH name IN ARRAY emptied LOOP
        EXECUTE format('DELETE FROM %I WHERE tenant = $1', name) USING own;
    END LOOP;
    -- A claim is copied as it is, wherever the trigger would redirect a new one.
    UPDATE resources SET person_row = NULL WHERE tenant = own AND person_row IS NOT NULL;
    FOR round IN 1..2 LOOP  -- rows that are no more are deleted first, then the others are written, referenced tables first
        FOR place IN 1..array_length(copied, 1) LOOP
            name := copied[CASE round WHEN 1 THEN place ELSE array_length(copied, 1) + 1 - place END];
            SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) FILTER (WHERE a.attnum = ANY (i.indkey)),
                   string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) FILTER (WHERE NOT a.attnum = ANY (i.indkey))
            INTO keys, values_
            FROM pg_attribute a JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary
            WHERE a.attrelid = name::regclass AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
              AND a.attname <> 'tenant';
            source := format('SELECT * FROM %I WHERE tenant = $2', name);
            IF name IN ('claims', 'refusals') THEN
                source := format(
                    'SELECT s.id AS resource_id, %s FROM %I l JOIN resources r ON r.tenant = l.tenant AND r.id = l.resource_id
                     JOIN resources s ON s.tenant = $1 AND (s.branch, s.staff, s.unit) = (r.branch, r.staff, r.unit)
                     WHERE l.tenant = $2',
                    (SELECT string_agg('l.' || quote_ident(a.attname), ', ') FROM pg_attribute a WHERE a.attrelid = name::regclass
                     AND a.attnum > 0 AND NOT a.attisdropped AND a.attname <> 'resource_id'), name);
            ELSIF name = 'calls' THEN  -- what was said decides no booking, and may be encrypted for the tenant's own rows
                source := format('SELECT %s FROM calls WHERE tenant = $2', (
                    SELECT string_agg(CASE a.attname WHEN 'transcript' THEN 'NULL::text AS transcript'
                                      WHEN 'analysis' THEN 'NULL::jsonb AS analysis' ELSE quote_ident(a.attname) END, ', ')
                    FROM pg_attribute a WHERE a.attrelid = name::regclass AND a.attnum > 0 AND NOT a.attisdropped));
            END IF;
            IF round = 1 THEN
                EXECUTE format(
                    'DELETE FROM %I o WHERE o.tenant = $1 AND ($3 OR NOT EXISTS (SELECT FROM (%s) l WHERE (%s) = (%s)))',
                    name, source, prefixed('o', keys), prefixed('l', keys))
                USING own, live, anew;
                GET DIAGNOSTICS changed = ROW_COUNT;
                result := result || jsonb_build_object(name, changed);
            ELSE
                EXECUTE format(
                    'INSERT INTO %1$I (tenant, %2$s, %3$s) OVERRIDING SYSTEM VALUE SELECT $1, %2$s, %3$s FROM (%4$s) l
                     WHERE NOT EXISTS (SELECT FROM %1$I o WHERE o.tenant = $1 AND (%5$s) = (%6$s)
                                       AND (%7$s) IS NOT DISTINCT FROM (%8$s))
                     ON CONFLICT (tenant, %2$s) DO UPDATE SET (%3$s) = ROW (%9$s)',
                    name, keys, values_, source, prefixed('o', keys), prefixed('l', keys), prefixed('o', values_),
                    prefixed('l', values_), prefixed('excluded', values_))
                USING own, live;
                GET DIAGNOSTICS inserted = ROW_COUNT;
                result := result || jsonb_build_object(name, (result ->> name)::bigint + inserted);
            END IF;
        END LOOP;
    END LOOP;
    UPDATE resources o SET person_row = s.id
    FROM resources r JOIN resources p ON p.tenant = r.tenant AND p.id = r.person_row
    JOIN resources s ON s.tenant = own AND (s.branch, s.staff, s.unit) = (p.branch, p.staff, p.unit)
    WHERE r.tenant = live AND o.tenant = own AND (o.branch, o.staff, o.unit) = (r.branch, r.staff, r.unit);
    RETURN result;
END $$;
CREATE FUNCTION prefixed(alias text, columns text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT alias || '.' || replace(columns, ', ', ', ' || alias || '.')
$$;
REVOKE ALL ON FUNCTION copy_live_book(boolean), prefixed(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION copy_live_book(boolean) TO askproai_tenant;
