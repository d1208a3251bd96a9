-- Undoes 0017_erasures.up.sql. Open erasures end where they are, and what was erased may come back from Retell or Cal.com.

DROP TRIGGER empty_erased_event ON webhook_events;
DROP FUNCTION empty_erased_event();
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['customers', 'calls', 'webhook_events', 'call_actions', 'function_requests', 'messages', 'waitlist',
                                'notifications', 'reminder_opt_outs', 'verifications'] LOOP
        EXECUTE format('DROP POLICY tenant_erases ON %I', name);
        IF name <> 'call_actions' THEN
            EXECUTE format('REVOKE DELETE ON %I FROM askproai_tenant', name);
        END IF;
    END LOOP;
END $$;
REVOKE UPDATE (caller) ON messages, waitlist FROM askproai_tenant;
DROP TABLE erased_references, erasures;
