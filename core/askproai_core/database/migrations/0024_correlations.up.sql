-- The timeline of a correlation id: without it all functions of all tenants are read. The table came with 0007, so at an upgrade from
-- the release before it is empty.
CREATE INDEX function_requests_correlation ON function_requests (tenant, correlation_id);
