-- Everything of 0001_core.up.sql, referencing tables first.

DROP TABLE audit_log;
DROP TABLE provider_calls;
DROP TABLE jobs;
DROP TABLE call_actions;
DROP TABLE refusals;
DROP TABLE claims;
DROP TABLE appointments;
DROP TABLE webhook_events;
DROP TABLE calls;
DROP TABLE customers;
DROP TABLE resources;
DROP TABLE tenants;
