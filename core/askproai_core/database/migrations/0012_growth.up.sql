-- Statistics follow a table closely: what they do not know yet, such as a new tenant, is one percent of it, where the server's own
-- setting leaves ten. Without them PostgreSQL takes a tenant for one row, and any index that begins with `tenant` for the best.
-- This lock holds up neither readers nor writers.
ALTER TABLE webhook_events SET (autovacuum_analyze_scale_factor = 0.01);
ALTER TABLE jobs SET (autovacuum_analyze_scale_factor = 0.01);
ALTER TABLE calls SET (autovacuum_analyze_scale_factor = 0.01);
ALTER TABLE appointments SET (autovacuum_analyze_scale_factor = 0.01);
ALTER TABLE claims SET (autovacuum_analyze_scale_factor = 0.01);
ALTER TABLE customers SET (autovacuum_analyze_scale_factor = 0.01);
ALTER TABLE call_actions SET (autovacuum_analyze_scale_factor = 0.01);
ALTER TABLE function_requests SET (autovacuum_analyze_scale_factor = 0.01);
ALTER TABLE provider_calls SET (autovacuum_analyze_scale_factor = 0.01);
ALTER TABLE audit_log SET (autovacuum_analyze_scale_factor = 0.01);

-- Both are small: the log has what people did, and of open calls there are few.
CREATE INDEX audit_log_correlation ON audit_log (tenant, correlation_id);
CREATE INDEX calls_open ON calls (tenant, call_id) WHERE status NOT IN ('not_connected', 'ended', 'error');
