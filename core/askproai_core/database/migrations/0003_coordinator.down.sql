-- Undoes 0003_coordinator.up.sql: the coordinator sees everything and changes nothing.

DO $$
DECLARE
    policy record;
    name text;
BEGIN
    FOR policy IN SELECT tablename, policyname FROM pg_policies
                  WHERE schemaname = current_schema() AND policyname LIKE 'coordinator\_%' LOOP
        EXECUTE format('DROP POLICY %I ON %I', policy.policyname, policy.tablename);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['tenants', 'resources', 'customers', 'calls', 'webhook_events', 'appointments', 'claims',
                                'refusals', 'call_actions', 'jobs', 'provider_calls', 'audit_log'] LOOP
        EXECUTE format('REVOKE INSERT, UPDATE, DELETE ON %I FROM askproai_coordinator', name);  -- by column, too
        EXECUTE format('CREATE POLICY coordinator ON %I TO askproai_coordinator USING (true) WITH CHECK (true)', name);
    END LOOP;
END $$;

DROP INDEX claims_held;
ALTER TABLE tenants DROP retell_base_url, DROP calcom_base_url, DROP raw_event_days, DROP transcript_days, DROP call_days;
