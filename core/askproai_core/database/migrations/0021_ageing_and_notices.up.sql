-- Customers and appointments age out, and of each call is kept what its caller heard of it and has refused
-- (docs/decisions/0116-the-book-ages-out.md).

-- First, so that nothing but the writers of these tables waits for it. The second has an appointment as long as it says who it was for.
CREATE INDEX calls_of_caller ON calls (tenant, (CASE WHEN direction = 'outbound' THEN to_number ELSE from_number END), updated_at);
CREATE INDEX appointments_of_persons ON appointments (tenant, ends_at) WHERE
    customer_id IS NOT NULL OR customer_name <> '' OR caller IS NOT NULL OR attendee_email IS NOT NULL OR notes IS NOT NULL
    OR birth_date IS NOT NULL OR cancel_reason IS NOT NULL;
CREATE INDEX customers_seen ON customers (tenant, updated_at, id);

-- What a call's caller heard of it, and has said about keeping it. Null is: not known. By age with the calls; no reference, which
-- would lock their table.
-- The reference to `tenants` cascades, because the release before erases a tenant without knowing this table.
CREATE TABLE call_notices (
    tenant          text NOT NULL REFERENCES tenants (tenant) ON DELETE CASCADE,
    call_id         text NOT NULL CHECK (length(call_id) BETWEEN 1 AND 500),
    at              timestamptz NOT NULL DEFAULT clock_timestamp(),
    agent_version   bigint,             -- Retell's, which never changes after it is published
    greeting        text CHECK (length(greeting) <= 64),    -- SHA-256 of the first sentence of that version
    announces_ai    boolean,            -- whether that sentence says that an AI speaks
    heard_ai        boolean,            -- whether the agent's first words in the transcript do
    storage         text CHECK (length(storage) <= 64),     -- what Retell keeps of the call, in its own words
    refused_at      timestamptz,        -- the caller does not want the call to be kept: no text of it is stored from then on
    deleted_at      timestamptz,        -- Retell has it no more
    PRIMARY KEY (tenant, call_id)
);
CREATE INDEX call_notices_at ON call_notices (tenant, at);
CREATE INDEX call_notices_to_delete ON call_notices (tenant, call_id) WHERE refused_at IS NOT NULL AND deleted_at IS NULL;

ALTER TABLE call_notices ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY owner ON call_notices TO askproai_owner USING (true) WITH CHECK (true);
CREATE POLICY backup ON call_notices FOR SELECT TO askproai_backup USING (true);
CREATE POLICY coordinator_reads ON call_notices FOR SELECT TO askproai_coordinator USING (true);
CREATE POLICY coordinator_forgets ON call_notices FOR DELETE TO askproai_coordinator USING (true);
GRANT SELECT ON call_notices TO askproai_tenant, askproai_coordinator, askproai_backup;
-- Not the time by which the coordinator forgets them.
GRANT INSERT (tenant, call_id, agent_version, greeting, announces_ai, heard_ai, storage, refused_at, deleted_at),
    UPDATE (agent_version, greeting, announces_ai, heard_ai, storage, refused_at, deleted_at)
    ON call_notices TO askproai_tenant;
GRANT DELETE ON call_notices TO askproai_coordinator;

-- In the rows themselves, so that every path meets it, that of pods of the release before included. An event is emptied once it was
-- processed: the end of the call and its numbers are in the body, and a body that nobody has read yet is needed.
CREATE FUNCTION is_refused_call(of_tenant text, of_call text) RETURNS boolean LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
    SELECT EXISTS (SELECT FROM call_notices n WHERE n.tenant = of_tenant AND n.call_id = of_call AND n.refused_at IS NOT NULL)
$$;
CREATE FUNCTION keep_no_texts() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF is_refused_call(NEW.tenant, NEW.call_id) THEN
        NEW.transcript := NULL;
        NEW.analysis := NULL;
        NEW.transcript_truncated := false;
    END IF;
    RETURN NEW;
END $$;
CREATE FUNCTION keep_no_words() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF is_refused_call(NEW.tenant, NEW.call_id) THEN
        NEW.arguments := NULL;
        NEW.answer := NULL;
        NEW.cause := NULL;
    END IF;
    RETURN NEW;
END $$;
CREATE FUNCTION keep_no_body() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF is_refused_call(NEW.tenant, split_part(NEW.event_id, ':', 1)) THEN
        NEW.payload := '';
    END IF;
    RETURN NEW;
END $$;
-- What was said once stays said: else whoever takes a pod over could empty the records of a call, and take the reason back.
CREATE FUNCTION keep_refusal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.refused_at := OLD.refused_at;
    RETURN NEW;
END $$;
CREATE TRIGGER keep_refusal BEFORE UPDATE OF refused_at ON call_notices FOR EACH ROW
    WHEN (OLD.refused_at IS NOT NULL AND NEW.refused_at IS DISTINCT FROM OLD.refused_at) EXECUTE FUNCTION keep_refusal();
CREATE TRIGGER keep_no_texts BEFORE INSERT OR UPDATE OF transcript, analysis ON calls FOR EACH ROW
    WHEN (NEW.transcript IS NOT NULL OR NEW.analysis IS NOT NULL) EXECUTE FUNCTION keep_no_texts();
CREATE TRIGGER keep_no_words BEFORE INSERT ON function_requests FOR EACH ROW
    WHEN (NEW.arguments IS NOT NULL OR NEW.answer IS NOT NULL OR NEW.cause IS NOT NULL) EXECUTE FUNCTION keep_no_words();
CREATE TRIGGER keep_no_body BEFORE UPDATE OF status ON webhook_events FOR EACH ROW
    WHEN (NEW.source = 'retell' AND NEW.status = 'processed' AND octet_length(NEW.payload) > 0) EXECUTE FUNCTION keep_no_body();

DO $$
DECLARE
    own CONSTANT text := 'tenant = (SELECT t.tenant FROM tenants t WHERE t.role = current_user)';
BEGIN
    EXECUTE format('CREATE POLICY tenant_reads ON call_notices FOR SELECT TO askproai_tenant USING (%s)', own);
    EXECUTE format('CREATE POLICY tenant_adds ON call_notices FOR INSERT TO askproai_tenant WITH CHECK (%s)', own);
    EXECUTE format('CREATE POLICY tenant_changes ON call_notices FOR UPDATE TO askproai_tenant USING (%s) WITH CHECK (%s)', own, own);
    -- What was noted before the caller refused: pods may empty it then, and change it in no other way.
    EXECUTE format('CREATE POLICY tenant_empties ON function_requests FOR UPDATE TO askproai_tenant
        USING (%s AND is_refused_call(tenant, call_id)) WITH CHECK (%s AND arguments IS NULL AND answer IS NULL AND cause IS NULL)',
        own, own);
END $$;
GRANT UPDATE (arguments, answer, cause) ON function_requests TO askproai_tenant;

-- The coordinator takes from an appointment that is over who it was for, and nothing else; and customers whom nobody names. It adds
-- entries of its own kind to the audit log.
GRANT UPDATE (customer_id, customer_name, caller, attendee_email, notes, birth_date, cancel_reason) ON appointments
    TO askproai_coordinator;
CREATE POLICY coordinator_ages ON appointments FOR UPDATE TO askproai_coordinator
    USING (status <> 'held' AND ends_at < now())
    WITH CHECK (status <> 'held' AND ends_at < now() AND customer_id IS NULL AND customer_name = '' AND caller IS NULL
                AND attendee_email IS NULL AND notes IS NULL AND birth_date IS NULL AND cancel_reason IS NULL);
GRANT DELETE, UPDATE (updated_at) ON customers TO askproai_coordinator;  -- the column only to be allowed FOR UPDATE
CREATE POLICY coordinator_locks ON customers FOR UPDATE TO askproai_coordinator USING (true) WITH CHECK (false);
CREATE POLICY coordinator_forgets ON customers FOR DELETE TO askproai_coordinator USING (true);
GRANT INSERT (tenant, actor, action, detail, correlation_id) ON audit_log TO askproai_coordinator;
CREATE POLICY coordinator_adds ON audit_log FOR INSERT TO askproai_coordinator
    WITH CHECK (actor = 'coordinator' AND action IN ('appointments.aged', 'customers.aged'));

-- Last, since all read this table. Null until an operator of this release has written what the manifest says: nothing ages before.
ALTER TABLE tenants
    ADD appointment_days integer CHECK (appointment_days > 0),
    ADD customer_days integer CHECK (customer_days > 0);
