-- What customers and the business are to be sent (docs/decisions/0078-notifications.md): one row for each message, written in the
-- transaction of what it is about, and sent by the periodic task `notifications`. Not rows of `jobs`: workers of the release before
-- would claim a kind that they do not know.
-- The references to `tenants` cascade, because the release before erases a tenant without knowing these tables. An appointment is
-- named without a reference, which would lock its table now; none that was promised is ever deleted.

CREATE TABLE notifications (
    tenant          text NOT NULL REFERENCES tenants (tenant) ON DELETE CASCADE,
    id              uuid NOT NULL DEFAULT gen_random_uuid(),    -- also in the Message-ID, which a repetition keeps
    kind            text NOT NULL CHECK (kind <> ''),           -- an open list: a later release may know more
    subject         text NOT NULL CHECK (length(subject) BETWEEN 1 AND 200),  -- what it is about: with the others, at most once
    recipient       text NOT NULL CHECK (recipient IN ('customer', 'business')),
    channel         text NOT NULL CHECK (channel <> ''),        -- an open list, too
    appointment_id  uuid,
    starts_at       timestamptz CHECK (isfinite(starts_at)),    -- the appointment's start, as it is to be announced
    content         jsonb NOT NULL DEFAULT '{}' CHECK (length(content::text) <= 20000),  -- of kinds that no appointment explains
    state           text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sending', 'sent', 'dropped', 'dead')),
    due_at          timestamptz NOT NULL DEFAULT clock_timestamp() CHECK (isfinite(due_at)),
    attempts        integer NOT NULL DEFAULT 0,                 -- counted before the attempt: one that kills its worker must end
    error           text CHECK (length(error) <= 500),
    correlation_id  text NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at     timestamptz,
    PRIMARY KEY (tenant, id),
    UNIQUE (tenant, kind, subject, recipient, channel)
) WITH (fillfactor = 70, autovacuum_analyze_scale_factor = 0.01);
CREATE INDEX notifications_due ON notifications (tenant, due_at) WHERE state IN ('waiting', 'sending');
CREATE INDEX notifications_dead ON notifications (tenant) WHERE state = 'dead';
CREATE INDEX notifications_created ON notifications (tenant, created_at);
CREATE INDEX notifications_appointment ON notifications (tenant, appointment_id) WHERE appointment_id IS NOT NULL;

-- Who wants no reminders: an e-mail address in small letters, or an E.164 number. A null `since`: reminders are welcome again.
CREATE TABLE reminder_opt_outs (
    tenant          text NOT NULL REFERENCES tenants (tenant) ON DELETE CASCADE,
    address         text NOT NULL CHECK (length(address) BETWEEN 1 AND 320),
    since           timestamptz,
    changed_by      text NOT NULL CHECK (length(changed_by) <= 200),
    changed_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (tenant, address)
);

DO $$
DECLARE
    name text;
    own CONSTANT text := 'tenant = (SELECT t.tenant FROM tenants t WHERE t.role = current_user)';
BEGIN
    FOREACH name IN ARRAY ARRAY['notifications', 'reminder_opt_outs'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY owner ON %I TO askproai_owner USING (true) WITH CHECK (true)', name);
        EXECUTE format('CREATE POLICY backup ON %I FOR SELECT TO askproai_backup USING (true)', name);
        EXECUTE format('CREATE POLICY coordinator_reads ON %I FOR SELECT TO askproai_coordinator USING (true)', name);
        EXECUTE format('CREATE POLICY tenant_reads ON %I FOR SELECT TO askproai_tenant USING (%s)', name, own);
        EXECUTE format('CREATE POLICY tenant_adds ON %I FOR INSERT TO askproai_tenant WITH CHECK (%s)', name, own);
        EXECUTE format('CREATE POLICY tenant_changes ON %I FOR UPDATE TO askproai_tenant USING (%s) WITH CHECK (%s)', name, own, own);
        EXECUTE format('GRANT SELECT ON %I TO askproai_tenant, askproai_coordinator, askproai_backup', name);
        EXECUTE format('GRANT INSERT ON %I TO askproai_tenant', name);
    END LOOP;
END $$;
GRANT UPDATE (state, due_at, attempts, error, finished_at) ON notifications TO askproai_tenant;
GRANT UPDATE (since, changed_by, changed_at) ON reminder_opt_outs TO askproai_tenant;

-- Retention: what still waits is never forgotten.
CREATE POLICY coordinator_forgets ON notifications FOR DELETE TO askproai_coordinator
    USING (state IN ('sent', 'dropped', 'dead'));
CREATE POLICY coordinator_clears ON notifications FOR UPDATE TO askproai_coordinator
    USING (state IN ('sent', 'dropped', 'dead')) WITH CHECK (state IN ('sent', 'dropped', 'dead'));
GRANT DELETE, UPDATE (content) ON notifications TO askproai_coordinator;
