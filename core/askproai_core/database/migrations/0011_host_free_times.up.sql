-- What Cal.com has free for one host of a team's round robin: as `free_times`, with the host's user id there. A table of its own, since
-- code that knows the other one only replaces its rows by event type and day.
-- A row counts only if it was read after `free_times.dropped_at` of its event type and day: what drops a day, also in code that does
-- not know this table, drops it for all hosts.

CREATE TABLE host_free_times (
    tenant          text NOT NULL REFERENCES tenants (tenant) ON DELETE CASCADE,
    event_type_id   bigint NOT NULL,
    host_id         bigint NOT NULL,
    day             date NOT NULL,                          -- in the tenant's time zone
    free            tstzmultirange NOT NULL DEFAULT '{}',   -- the union of the slots that begin on the day
    slot_seconds    integer,                                -- how long a booking is there; null without slots
    read_at         timestamptz NOT NULL,                   -- when the request for it began, by the database's clock
    PRIMARY KEY (tenant, event_type_id, host_id, day)
);
CREATE INDEX host_free_times_day ON host_free_times (tenant, day);

ALTER TABLE host_free_times ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY owner ON host_free_times TO askproai_owner USING (true) WITH CHECK (true);
CREATE POLICY backup ON host_free_times FOR SELECT TO askproai_backup USING (true);
CREATE POLICY tenant_reads ON host_free_times FOR SELECT TO askproai_tenant
    USING (tenant = (SELECT t.tenant FROM tenants t WHERE t.role = current_user));
CREATE POLICY tenant_adds ON host_free_times FOR INSERT TO askproai_tenant
    WITH CHECK (tenant = (SELECT t.tenant FROM tenants t WHERE t.role = current_user));
CREATE POLICY tenant_changes ON host_free_times FOR UPDATE TO askproai_tenant
    USING (tenant = (SELECT t.tenant FROM tenants t WHERE t.role = current_user))
    WITH CHECK (tenant = (SELECT t.tenant FROM tenants t WHERE t.role = current_user));
CREATE POLICY coordinator_reads ON host_free_times FOR SELECT TO askproai_coordinator USING (true);
CREATE POLICY coordinator_forgets ON host_free_times FOR DELETE TO askproai_coordinator USING (day < current_date);
GRANT SELECT ON host_free_times TO askproai_tenant, askproai_coordinator, askproai_backup;
GRANT INSERT, UPDATE (free, slot_seconds, read_at) ON host_free_times TO askproai_tenant;
GRANT DELETE ON host_free_times TO askproai_coordinator;
