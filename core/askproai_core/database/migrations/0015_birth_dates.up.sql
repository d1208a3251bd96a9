-- The birth date of whom an appointment is for, where a Tenant asks callers for it (spec.callerVerification), and the attempts of
-- callers to say name and birth date of an appointment, which are bounded.
-- The reference cascades, because the release before erases a tenant without knowing this table.

ALTER TABLE appointments ADD COLUMN birth_date date;
GRANT UPDATE (birth_date) ON appointments TO askproai_tenant;

CREATE TABLE verifications (
    tenant          text NOT NULL REFERENCES tenants (tenant) ON DELETE CASCADE,
    id              bigint GENERATED ALWAYS AS IDENTITY,
    at              timestamptz NOT NULL DEFAULT clock_timestamp(),
    call_id         text NOT NULL,
    caller          text,                       -- E.164 of who rang, if the tenant knows that number; null: withheld, or unknown
    appointments    uuid[] NOT NULL DEFAULT '{}',   -- those of which both were right; empty: of none
    PRIMARY KEY (tenant, id)
);
CREATE INDEX verifications_call ON verifications (tenant, call_id);
CREATE INDEX verifications_at ON verifications (tenant, at);

ALTER TABLE verifications ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY owner ON verifications TO askproai_owner USING (true) WITH CHECK (true);
CREATE POLICY backup ON verifications FOR SELECT TO askproai_backup USING (true);
CREATE POLICY tenant_reads ON verifications FOR SELECT TO askproai_tenant
    USING (tenant = (SELECT t.tenant FROM tenants t WHERE t.role = current_user));
CREATE POLICY tenant_adds ON verifications FOR INSERT TO askproai_tenant
    WITH CHECK (tenant = (SELECT t.tenant FROM tenants t WHERE t.role = current_user));
CREATE POLICY tenant_changes ON verifications FOR UPDATE TO askproai_tenant
    USING (tenant = (SELECT t.tenant FROM tenants t WHERE t.role = current_user))
    WITH CHECK (tenant = (SELECT t.tenant FROM tenants t WHERE t.role = current_user));
CREATE POLICY coordinator_reads ON verifications FOR SELECT TO askproai_coordinator USING (true);
CREATE POLICY coordinator_forgets ON verifications FOR DELETE TO askproai_coordinator USING (true);
GRANT SELECT ON verifications TO askproai_tenant, askproai_coordinator, askproai_backup;
GRANT INSERT, UPDATE (appointments) ON verifications TO askproai_tenant;
GRANT DELETE ON verifications TO askproai_coordinator;
DO $$
BEGIN
    EXECUTE format('GRANT SELECT ON SEQUENCE %s TO askproai_backup', pg_get_serial_sequence('verifications', 'id'));
END $$;
