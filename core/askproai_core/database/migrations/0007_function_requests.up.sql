-- The list of a tenant's calls, newest first. Before everything else, so that nothing but the writers of calls waits for it. By CASE,
-- because under row security PostgreSQL looks for no COALESCE in an index.
CREATE INDEX calls_newest ON calls (
    tenant, (CASE WHEN started_at IS NULL THEN 'epoch'::timestamptz ELSE started_at END), call_id
);

-- What a call's agent asked of us, one row for each request of a call function: for people who look at the call later. No
-- decision rests on it, and a row may be missing.
-- The reference cascades, because the release before erases a tenant without knowing this table.

CREATE TABLE function_requests (
    tenant          text NOT NULL REFERENCES tenants (tenant) ON DELETE CASCADE,
    id              bigint GENERATED ALWAYS AS IDENTITY,
    call_id         text NOT NULL,
    at              timestamptz NOT NULL,   -- when it came
    function        text NOT NULL,
    arguments       jsonb CHECK (length(arguments::text) <= 8000),  -- null: removed by age, as what was said is
    outcome         text NOT NULL,          -- an open list: a later release may know more
    cause           text CHECK (length(cause) <= 500),
    answer          text CHECK (length(answer) <= 2000),            -- the sentence for the caller; null: removed by age
    duration_ms     integer NOT NULL,
    appointment_id  uuid,                   -- no reference: a hold goes, and what was answered stays
    correlation_id  text NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX function_requests_call ON function_requests (tenant, call_id, at);
CREATE INDEX function_requests_at ON function_requests (tenant, at);

ALTER TABLE function_requests ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY owner ON function_requests TO askproai_owner USING (true) WITH CHECK (true);
CREATE POLICY backup ON function_requests FOR SELECT TO askproai_backup USING (true);
CREATE POLICY tenant_reads ON function_requests FOR SELECT TO askproai_tenant
    USING (tenant = (SELECT t.tenant FROM tenants t WHERE t.role = current_user));
CREATE POLICY tenant_adds ON function_requests FOR INSERT TO askproai_tenant
    WITH CHECK (tenant = (SELECT t.tenant FROM tenants t WHERE t.role = current_user));
CREATE POLICY coordinator_reads ON function_requests FOR SELECT TO askproai_coordinator USING (true);
CREATE POLICY coordinator_empties ON function_requests FOR UPDATE TO askproai_coordinator
    USING (true) WITH CHECK (arguments IS NULL AND answer IS NULL);
CREATE POLICY coordinator_forgets ON function_requests FOR DELETE TO askproai_coordinator USING (true);
GRANT SELECT ON function_requests TO askproai_tenant, askproai_coordinator, askproai_backup;
GRANT INSERT ON function_requests TO askproai_tenant;
GRANT DELETE, UPDATE (arguments, answer) ON function_requests TO askproai_coordinator;
DO $$
BEGIN
    EXECUTE format('GRANT SELECT ON SEQUENCE %s TO askproai_backup', pg_get_serial_sequence('function_requests', 'id'));
END $$;
