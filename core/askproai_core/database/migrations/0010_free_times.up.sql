-- What Cal.com has free, as it was read last: one row for each event type and local day. No decision to book rests on it; a row may
-- be missing or old. What touches the day at Cal.com empties the row (`read_at` null) and leaves `dropped_at`: a read that began
-- before it is not stored any more.
-- The reference cascades, because the release before erases a tenant without knowing this table.

CREATE TABLE free_times (
    tenant          text NOT NULL REFERENCES tenants (tenant) ON DELETE CASCADE,
    event_type_id   bigint NOT NULL,
    day             date NOT NULL,                          -- in the tenant's time zone
    free            tstzmultirange NOT NULL DEFAULT '{}',   -- the union of the slots that begin on the day
    slot_seconds    integer,                                -- how long a booking is there; null without slots
    read_at         timestamptz,                            -- when the request for it began, by the database's clock
    dropped_at      timestamptz,
    PRIMARY KEY (tenant, event_type_id, day)
);
CREATE INDEX free_times_day ON free_times (tenant, day);

ALTER TABLE free_times ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY owner ON free_times TO askproai_owner USING (true) WITH CHECK (true);
CREATE POLICY backup ON free_times FOR SELECT TO askproai_backup USING (true);
CREATE POLICY tenant_reads ON free_times FOR SELECT TO askproai_tenant
    USING (tenant = (SELECT t.tenant FROM tenants t WHERE t.role = current_user));
CREATE POLICY tenant_adds ON free_times FOR INSERT TO askproai_tenant
    WITH CHECK (tenant = (SELECT t.tenant FROM tenants t WHERE t.role = current_user));
CREATE POLICY tenant_changes ON free_times FOR UPDATE TO askproai_tenant
    USING (tenant = (SELECT t.tenant FROM tenants t WHERE t.role = current_user))
    WITH CHECK (tenant = (SELECT t.tenant FROM tenants t WHERE t.role = current_user));
CREATE POLICY coordinator_reads ON free_times FOR SELECT TO askproai_coordinator USING (true);
CREATE POLICY coordinator_forgets ON free_times FOR DELETE TO askproai_coordinator USING (day < current_date);
GRANT SELECT ON free_times TO askproai_tenant, askproai_coordinator, askproai_backup;
GRANT INSERT, UPDATE (free, slot_seconds, read_at, dropped_at) ON free_times TO askproai_tenant;
GRANT DELETE ON free_times TO askproai_coordinator;
