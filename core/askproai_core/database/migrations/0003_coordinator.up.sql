-- What the coordinator's duties need, and nothing more. Runs as askproai_owner.
-- Its logins are members of askproai_coordinator; they see every tenant's rows and may change what stands here.

-- What the coordinator must know of a tenant; the operator writes it from the Tenant's spec: how long what it was sent is
-- kept, and which servers it talks to.
ALTER TABLE tenants
    ADD retell_base_url text NOT NULL DEFAULT '',
    ADD calcom_base_url text NOT NULL DEFAULT '',
    ADD raw_event_days  integer NOT NULL DEFAULT 30 CHECK (raw_event_days > 0),
    ADD transcript_days integer NOT NULL DEFAULT 30 CHECK (transcript_days > 0),
    ADD call_days       integer NOT NULL DEFAULT 365 CHECK (call_days > 0);

-- Holds that ran out, over all tenants.
CREATE INDEX claims_held ON claims (expires_at) WHERE state = 'held';

-- The policy `coordinator` of 0002 lets it see all rows; which of them it may change stands in these, beside its grants.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['tenants', 'resources', 'customers', 'calls', 'webhook_events', 'appointments', 'claims',
                                'refusals', 'call_actions', 'jobs', 'provider_calls', 'audit_log'] LOOP
        EXECUTE format('DROP POLICY coordinator ON %I', name);
        EXECUTE format('CREATE POLICY coordinator_reads ON %I FOR SELECT TO askproai_coordinator USING (true)', name);
    END LOOP;
END $$;

-- Holds: the people are locked as a booking locks them, then only what is held may vanish (its claims go with it).
GRANT UPDATE (locked_at) ON resources TO askproai_coordinator;
CREATE POLICY coordinator_locks ON resources FOR UPDATE TO askproai_coordinator USING (true);
GRANT DELETE, UPDATE (error) ON appointments TO askproai_coordinator;  -- the column only to be allowed FOR UPDATE
CREATE POLICY coordinator_locks ON appointments FOR UPDATE TO askproai_coordinator
    USING (status = 'held') WITH CHECK (false);
CREATE POLICY coordinator_sweeps ON appointments FOR DELETE TO askproai_coordinator USING (status = 'held');

-- Events that lost their job are armed again.
GRANT INSERT, UPDATE (state, run_at, claim_no, lease_until, worker, finished_at) ON jobs TO askproai_coordinator;
CREATE POLICY coordinator_arms ON jobs FOR UPDATE TO askproai_coordinator USING (true) WITH CHECK (state = 'ready');
CREATE POLICY coordinator_adds ON jobs FOR INSERT TO askproai_coordinator WITH CHECK (state = 'ready');

-- Retention: bodies and transcripts can only be emptied, rows only go when nothing waits for them.
GRANT DELETE, UPDATE (payload) ON webhook_events TO askproai_coordinator;
CREATE POLICY coordinator_empties ON webhook_events FOR UPDATE TO askproai_coordinator
    USING (true) WITH CHECK (payload = '' AND status IN ('processed', 'dead'));
CREATE POLICY coordinator_forgets ON webhook_events FOR DELETE TO askproai_coordinator
    USING (status IN ('processed', 'dead'));
GRANT DELETE, UPDATE (transcript, analysis) ON calls TO askproai_coordinator;
CREATE POLICY coordinator_empties ON calls FOR UPDATE TO askproai_coordinator
    USING (true) WITH CHECK (transcript IS NULL AND analysis IS NULL);
CREATE POLICY coordinator_forgets ON calls FOR DELETE TO askproai_coordinator USING (true);
GRANT DELETE ON jobs, call_actions, refusals, provider_calls, audit_log TO askproai_coordinator;
CREATE POLICY coordinator_forgets ON jobs FOR DELETE TO askproai_coordinator USING (state = 'done');
CREATE POLICY coordinator_forgets ON call_actions FOR DELETE TO askproai_coordinator USING (lease_until < now());
CREATE POLICY coordinator_forgets ON refusals FOR DELETE TO askproai_coordinator USING (until < now());
CREATE POLICY coordinator_forgets ON provider_calls FOR DELETE TO askproai_coordinator USING (true);
CREATE POLICY coordinator_forgets ON audit_log FOR DELETE TO askproai_coordinator USING (true);
