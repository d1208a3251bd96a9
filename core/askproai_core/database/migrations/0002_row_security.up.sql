-- Who may see and change what. Runs as askproai_owner; the four group roles exist before (store/roles.py).
--
-- A tenant's login role is a member of askproai_tenant, which holds every grant. Its rows are those of the tenant that the
-- table `tenants` names for `current_user`: a role cannot be set like a variable, and SET ROLE to the group finds no row.
-- The tenant is looked up in a sub-select of its own, so that the planner runs it once per statement (an InitPlan).
--
-- UPDATE is granted by column: keys and what a sender signed never change, and who holds UPDATE or DELETE on a whole table may
-- take any lock on it, and so stand in the way of all tenants. Three tables need DELETE all the same (a hold must vanish): there
-- a hijacked role could hold others up, but read and change nothing. What a later migration adds, it grants.

-- Everybody is bound, the owner included; these three see every tenant, within their grants.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['tenants', 'resources', 'customers', 'calls', 'webhook_events', 'appointments', 'claims',
                                'refusals', 'call_actions', 'jobs', 'provider_calls', 'audit_log'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY owner ON %I TO askproai_owner USING (true) WITH CHECK (true)', name);
        EXECUTE format('CREATE POLICY coordinator ON %I TO askproai_coordinator USING (true) WITH CHECK (true)', name);
        EXECUTE format('CREATE POLICY backup ON %I FOR SELECT TO askproai_backup USING (true)', name);
        EXECUTE format('GRANT SELECT ON %I TO askproai_tenant, askproai_coordinator, askproai_backup', name);
    END LOOP;
END $$;
GRANT SELECT ON schema_migrations TO askproai_tenant, askproai_coordinator, askproai_backup;

-- A dump also reads where the sequences stand. It needs `pg_dump --enable-row-security`.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['resources', 'webhook_events', 'claims', 'refusals', 'jobs', 'provider_calls', 'audit_log'] LOOP
        EXECUTE format('GRANT SELECT ON SEQUENCE %s TO askproai_backup', pg_get_serial_sequence(name, 'id'));
    END LOOP;
END $$;

CREATE POLICY tenant_reads ON tenants FOR SELECT TO askproai_tenant USING (role = current_user);

-- A tenant's own rows: to read, to write, to change. What is missing here is refused by the missing grant.
DO $$
DECLARE
    name text;
    own CONSTANT text := 'tenant = (SELECT t.tenant FROM tenants t WHERE t.role = current_user)';
BEGIN
    FOREACH name IN ARRAY ARRAY['resources', 'customers', 'calls', 'webhook_events', 'appointments', 'refusals',
                                'call_actions', 'jobs', 'provider_calls', 'audit_log'] LOOP
        EXECUTE format('CREATE POLICY tenant_reads ON %I FOR SELECT TO askproai_tenant USING (%s)', name, own);
        EXECUTE format('CREATE POLICY tenant_adds ON %I FOR INSERT TO askproai_tenant WITH CHECK (%s)', name, own);
        EXECUTE format('CREATE POLICY tenant_changes ON %I FOR UPDATE TO askproai_tenant USING (%s) WITH CHECK (%s)', name, own, own);
    END LOOP;
END $$;

-- Only what was never promised to a customer may vanish: a hold, and an action that came to nothing.
CREATE POLICY tenant_deletes ON appointments FOR DELETE TO askproai_tenant
    USING (status = 'held' AND tenant = (SELECT t.tenant FROM tenants t WHERE t.role = current_user));
CREATE POLICY tenant_deletes ON call_actions FOR DELETE TO askproai_tenant
    USING (state = 'in_flight' AND tenant = (SELECT t.tenant FROM tenants t WHERE t.role = current_user));
CREATE POLICY tenant_deletes ON claims FOR DELETE TO askproai_tenant
    USING (state = 'held' AND tenant = (SELECT t.tenant FROM tenants t WHERE t.role = current_user));

-- The exclusion constraint looks at all tenants' claims and runs before the foreign key. Without EXISTS a tenant could name a
-- foreign resource and learn from the error (23P01 or 23503) whether that span is taken. The check runs before both.
CREATE POLICY tenant_reads ON claims FOR SELECT TO askproai_tenant
    USING (tenant = (SELECT t.tenant FROM tenants t WHERE t.role = current_user));
CREATE POLICY tenant_adds ON claims FOR INSERT TO askproai_tenant
    WITH CHECK (tenant = (SELECT t.tenant FROM tenants t WHERE t.role = current_user)
                AND EXISTS (SELECT 1 FROM resources r WHERE r.tenant = claims.tenant AND r.id = claims.resource_id));
CREATE POLICY tenant_changes ON claims FOR UPDATE TO askproai_tenant
    USING (tenant = (SELECT t.tenant FROM tenants t WHERE t.role = current_user))
    WITH CHECK (tenant = (SELECT t.tenant FROM tenants t WHERE t.role = current_user)
                AND EXISTS (SELECT 1 FROM resources r WHERE r.tenant = claims.tenant AND r.id = claims.resource_id));

GRANT UPDATE (locked_at) ON resources TO askproai_tenant;  -- only to be allowed SELECT … FOR UPDATE
GRANT INSERT, UPDATE (phone, name, email, updated_at) ON customers TO askproai_tenant;
GRANT INSERT, UPDATE (branch, agent_id, direction, from_number, to_number, status, started_at, ended_at, analyzed_at,
                      disconnection_reason, transcript, transcript_truncated, analysis, correlation_id, updated_at)
    ON calls TO askproai_tenant;
GRANT INSERT, UPDATE (status, attempts, processed_at, note, error) ON webhook_events TO askproai_tenant;
GRANT INSERT, DELETE, UPDATE (branch, service, staff, customer_id, customer_name, starts_at, ends_at, status, call_id, caller,
                              external_id, event_type_id, attendee_email, notes, correlation_id, version, generation, error,
                              updated_at)
    ON appointments TO askproai_tenant;
GRANT INSERT, DELETE, UPDATE (appointment_id, resource_id, blocks, state, expires_at) ON claims TO askproai_tenant;
GRANT INSERT, UPDATE (until, reason) ON refusals TO askproai_tenant;
GRANT INSERT, DELETE, UPDATE (generation, state, lease_until, appointment_id, answer) ON call_actions TO askproai_tenant;
GRANT INSERT, UPDATE (priority, state, run_at, attempts, claim_no, lease_until, worker, last_error, finished_at)
    ON jobs TO askproai_tenant;
GRANT INSERT ON provider_calls, audit_log TO askproai_tenant;
