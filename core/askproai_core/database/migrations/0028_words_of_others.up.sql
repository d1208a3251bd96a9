-- While an erasure is open, pods may also empty what another caller's function was asked about the person: the record stays that
-- caller's, without the words.
DO $$
DECLARE
    own CONSTANT text := 'tenant = (SELECT t.tenant FROM tenants t WHERE t.role = current_user)';
BEGIN
    EXECUTE format('CREATE POLICY tenant_empties_for_erasure ON function_requests FOR UPDATE TO askproai_tenant
        USING (%s AND EXISTS (SELECT FROM erasures e WHERE e.tenant = (SELECT t.tenant FROM tenants t WHERE t.role = current_user)
                              AND e.state = ''open''))
        WITH CHECK (%s AND arguments IS NULL AND answer IS NULL AND cause IS NULL)', own, own);
END $$;
