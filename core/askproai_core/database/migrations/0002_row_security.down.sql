-- Undoes 0002_row_security.up.sql: no policies, no grants. Only the owner reaches the tables then.

DO $$
DECLARE
    policy record;
    grantees CONSTANT text := 'askproai_tenant, askproai_coordinator, askproai_backup';
    name text;
BEGIN
    FOR policy IN SELECT tablename, policyname FROM pg_policies WHERE schemaname = current_schema() LOOP
        EXECUTE format('DROP POLICY %I ON %I', policy.policyname, policy.tablename);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['tenants', 'resources', 'customers', 'calls', 'webhook_events', 'appointments', 'claims',
                                'refusals', 'call_actions', 'jobs', 'provider_calls', 'audit_log'] LOOP
        EXECUTE format('ALTER TABLE %I DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('REVOKE ALL ON %I FROM %s', name, grantees);  -- takes the grants by column, too
    END LOOP;
    EXECUTE format('REVOKE ALL ON schema_migrations FROM %s', grantees);
    FOREACH name IN ARRAY ARRAY['resources', 'webhook_events', 'claims', 'refusals', 'jobs', 'provider_calls', 'audit_log'] LOOP
        EXECUTE format('REVOKE ALL ON SEQUENCE %s FROM askproai_backup', pg_get_serial_sequence(name, 'id'));
    END LOOP;
END $$;
