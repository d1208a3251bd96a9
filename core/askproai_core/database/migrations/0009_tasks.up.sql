-- What a tenant's workers repeat (docs/decisions/0056-periodic-tasks-and-the-poll-of-calcom.md): one row for each periodic task,
-- made by the first worker that knows it. Not rows of `jobs`: workers of the release before would meet a kind that they do not know.
-- The reference cascades, because the release before erases a tenant without knowing this table.

CREATE TABLE tasks (
    tenant           text NOT NULL REFERENCES tenants (tenant) ON DELETE CASCADE,
    name             text NOT NULL CHECK (name <> ''),
    due_at           timestamptz NOT NULL CHECK (isfinite(due_at)),
    requests         integer NOT NULL DEFAULT 0,  -- raised by `request_soon`: a run that began before the last one runs again
    lease_until      timestamptz,                 -- null: nobody runs it
    claim_no         integer NOT NULL DEFAULT 0,  -- the fence: a late finisher holds an older one
    worker           text,
    failures         integer NOT NULL DEFAULT 0,  -- runs since the last success, counted before they begin
    watermark        jsonb NOT NULL DEFAULT '{}' CHECK (length(watermark::text) <= 200000),
    last_error       text CHECK (length(last_error) <= 1000),
    last_finished_at timestamptz CHECK (isfinite(last_finished_at)),  -- the last success
    created_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (tenant, name)
) WITH (fillfactor = 50);

ALTER TABLE tasks ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY owner ON tasks TO askproai_owner USING (true) WITH CHECK (true);
CREATE POLICY coordinator_reads ON tasks FOR SELECT TO askproai_coordinator USING (true);
CREATE POLICY backup ON tasks FOR SELECT TO askproai_backup USING (true);
CREATE POLICY tenant_reads ON tasks FOR SELECT TO askproai_tenant
    USING (tenant = (SELECT t.tenant FROM tenants t WHERE t.role = current_user));
CREATE POLICY tenant_adds ON tasks FOR INSERT TO askproai_tenant
    WITH CHECK (tenant = (SELECT t.tenant FROM tenants t WHERE t.role = current_user));
CREATE POLICY tenant_changes ON tasks FOR UPDATE TO askproai_tenant
    USING (tenant = (SELECT t.tenant FROM tenants t WHERE t.role = current_user))
    WITH CHECK (tenant = (SELECT t.tenant FROM tenants t WHERE t.role = current_user));
GRANT SELECT ON tasks TO askproai_tenant, askproai_coordinator, askproai_backup;
GRANT INSERT, UPDATE (due_at, requests, lease_until, claim_no, worker, failures, watermark, last_error, last_finished_at)
    ON tasks TO askproai_tenant;
