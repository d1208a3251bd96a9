REVOKE UPDATE (text) ON messages FROM askproai_tenant;
