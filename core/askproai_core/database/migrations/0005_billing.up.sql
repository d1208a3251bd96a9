-- What Stripe last said of each subscription of a tenant. It is shown, and never stops a caller from being served.
-- Stripe keeps no order: each half carries the time of the event that it comes from, and an older one does not replace it.

CREATE TABLE billing (
    tenant          text NOT NULL REFERENCES tenants (tenant),
    subscription    text NOT NULL CHECK (subscription <> ''),
    livemode        boolean NOT NULL,
    status          text,                   -- Stripe's own (an open list); null: only invoices were seen
    status_at       timestamptz,            -- `created` of the event
    ended           boolean NOT NULL DEFAULT false,  -- deleted wins over every update
    invoice_paid    boolean,                -- the newest invoice: paid, or its payment failed
    invoice_at      timestamptz,
    updated_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (tenant, subscription)
);

ALTER TABLE billing ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY owner ON billing TO askproai_owner USING (true) WITH CHECK (true);
CREATE POLICY coordinator ON billing TO askproai_coordinator USING (true) WITH CHECK (true);
CREATE POLICY backup ON billing FOR SELECT TO askproai_backup USING (true);
CREATE POLICY tenant_reads ON billing FOR SELECT TO askproai_tenant
    USING (tenant = (SELECT t.tenant FROM tenants t WHERE t.role = current_user));
CREATE POLICY tenant_adds ON billing FOR INSERT TO askproai_tenant
    WITH CHECK (tenant = (SELECT t.tenant FROM tenants t WHERE t.role = current_user));
CREATE POLICY tenant_changes ON billing FOR UPDATE TO askproai_tenant
    USING (tenant = (SELECT t.tenant FROM tenants t WHERE t.role = current_user))
    WITH CHECK (tenant = (SELECT t.tenant FROM tenants t WHERE t.role = current_user));
GRANT SELECT ON billing TO askproai_tenant, askproai_coordinator, askproai_backup;
GRANT INSERT, UPDATE (livemode, status, status_at, ended, invoice_paid, invoice_at, updated_at) ON billing TO askproai_tenant;
