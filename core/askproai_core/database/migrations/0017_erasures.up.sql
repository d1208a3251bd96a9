-- Erasing one caller (docs/decisions/0097-one-caller-is-exported-and-erased.md). Pods may delete rows of their tenant only while an
-- erasure is open, and no pod can delete the row that says so: whoever takes a pod over can empty nothing without a trace.
-- The references cascade, because the release before erases a tenant without knowing these tables.

CREATE TABLE erasures (
    tenant          text NOT NULL REFERENCES tenants (tenant) ON DELETE CASCADE,
    id              uuid NOT NULL,                              -- the request's: sent again, it is the same erasure
    caller          text CHECK (length(caller) <= 40),          -- E.164; null: it is done, and the number forgotten
    state           text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'done')),
    evidence        jsonb NOT NULL DEFAULT '{}' CHECK (length(evidence::text) <= 8000),  -- numbers of rows by system
    error           text CHECK (length(error) <= 500),          -- what it waits for
    requested_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    changed_at      timestamptz NOT NULL DEFAULT clock_timestamp(),  -- when something was last found and erased
    finished_at     timestamptz,
    recorded_at     timestamptz NOT NULL DEFAULT clock_timestamp(),  -- by the server alone: the trace's age, whatever a pod says
    PRIMARY KEY (tenant, id),
    CHECK ((state = 'open') = (caller IS NOT NULL) AND (state = 'done') = (finished_at IS NOT NULL))
);
CREATE UNIQUE INDEX erasures_open ON erasures (tenant, caller) WHERE state = 'open';

-- Calls at Retell and bookings at Cal.com of whoever was erased: an event of theirs that comes later, by a webhook, a poll or the
-- spool, is stored without its body.
CREATE TABLE erased_references (
    tenant          text NOT NULL REFERENCES tenants (tenant) ON DELETE CASCADE,
    kind            text NOT NULL CHECK (kind IN ('call', 'booking')),
    reference       text NOT NULL CHECK (length(reference) <= 500),  -- Retell's call_id, Cal.com's uid or our own id
    erasure         uuid NOT NULL,
    erased_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    deleted_at      timestamptz,                                -- of a call: Retell has it no more
    PRIMARY KEY (tenant, kind, reference),
    CHECK (kind = 'call' OR reference ~ '^[A-Za-z0-9_-]{8,}$')  -- a booking's is a word of bodies
);
CREATE INDEX erased_references_erasure ON erased_references (tenant, erasure);

DO $$
DECLARE
    name text;
    own CONSTANT text := 'tenant = (SELECT t.tenant FROM tenants t WHERE t.role = current_user)';
BEGIN
    FOREACH name IN ARRAY ARRAY['erasures', 'erased_references'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY owner ON %I TO askproai_owner USING (true) WITH CHECK (true)', name);
        EXECUTE format('CREATE POLICY backup ON %I FOR SELECT TO askproai_backup USING (true)', name);
        EXECUTE format('CREATE POLICY coordinator_reads ON %I FOR SELECT TO askproai_coordinator USING (true)', name);
        EXECUTE format('CREATE POLICY tenant_reads ON %I FOR SELECT TO askproai_tenant USING (%s)', name, own);
        EXECUTE format('CREATE POLICY tenant_adds ON %I FOR INSERT TO askproai_tenant WITH CHECK (%s)', name, own);
        EXECUTE format('CREATE POLICY tenant_changes ON %I FOR UPDATE TO askproai_tenant USING (%s) WITH CHECK (%s)', name, own, own);
        EXECUTE format('GRANT SELECT ON %I TO askproai_tenant, askproai_coordinator, askproai_backup', name);
        EXECUTE format('GRANT DELETE ON %I TO askproai_coordinator', name);
    END LOOP;
    -- What keeps events out belongs to an open erasure: else it could be added without a trace.
    EXECUTE format('ALTER POLICY tenant_adds ON erased_references WITH CHECK (%s AND EXISTS (
        SELECT FROM erasures e WHERE e.tenant = erased_references.tenant AND e.id = erased_references.erasure AND e.state = ''open''))', own);
    -- Only tables that hold what a caller said or is; the audit log and the records of requests to providers hold neither.
    FOREACH name IN ARRAY ARRAY['customers', 'calls', 'webhook_events', 'call_actions', 'function_requests', 'messages', 'waitlist',
                                'notifications', 'reminder_opt_outs', 'verifications'] LOOP
        EXECUTE format(
            'CREATE POLICY tenant_erases ON %I FOR DELETE TO askproai_tenant USING (%s AND EXISTS (
                SELECT FROM erasures e WHERE e.tenant = (SELECT t.tenant FROM tenants t WHERE t.role = current_user)
                AND e.state = ''open''))', name, own);
        EXECUTE format('GRANT DELETE ON %I TO askproai_tenant', name);
    END LOOP;
END $$;
-- Not the times by which the coordinator forgets them.
GRANT INSERT (tenant, id, caller, requested_at, changed_at) ON erasures TO askproai_tenant;
GRANT INSERT (tenant, kind, reference, erasure) ON erased_references TO askproai_tenant;
GRANT UPDATE (caller, state, evidence, error, requested_at, changed_at, finished_at) ON erasures TO askproai_tenant;
GRANT UPDATE (deleted_at) ON erased_references TO askproai_tenant;
GRANT UPDATE (caller) ON messages, waitlist TO askproai_tenant;
CREATE POLICY coordinator_forgets ON erasures FOR DELETE TO askproai_coordinator USING (state = 'done');
CREATE POLICY coordinator_forgets ON erased_references FOR DELETE TO askproai_coordinator USING (true);

-- In the row itself, so that every way in meets it, that of pods of the release before included. It is part of intake's statement:
-- it reads a body once, whatever the number of references, and raises for none. encode() writes bytes that are not ASCII as \nnn and
-- doubles a backslash, so the pattern takes these, and what JSON escapes, for what is between two words: "\nuid" has the word uid.
CREATE FUNCTION empty_erased_event() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    is_erased boolean := false;
BEGIN
    IF NEW.source = 'retell' THEN
        is_erased := EXISTS (
            SELECT FROM erased_references r
            WHERE r.tenant = NEW.tenant AND r.kind = 'call' AND r.reference = split_part(NEW.event_id, ':', 1));
    ELSIF NEW.source = 'calcom' AND EXISTS (
        SELECT FROM erased_references r WHERE r.tenant = NEW.tenant AND r.kind = 'booking'
    ) THEN
        is_erased := EXISTS (
            SELECT FROM string_to_table(regexp_replace(
                encode(NEW.payload, 'escape'), '(\\\\(u[0-9A-Fa-f]{4}|.)|\\[0-7]{3}|[^A-Za-z0-9_-])+', ' ', 'g'), ' ') AS word
            JOIN erased_references r ON r.tenant = NEW.tenant AND r.kind = 'booking' AND r.reference = word
            WHERE length(word) BETWEEN 8 AND 500);
    END IF;
    IF is_erased THEN
        NEW.payload := '';
        NEW.note := 'erased: its caller was';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER empty_erased_event BEFORE INSERT ON webhook_events FOR EACH ROW
    WHEN (NEW.source <> 'stripe') EXECUTE FUNCTION empty_erased_event();
