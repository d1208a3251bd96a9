-- Undoes 0021_ageing_and_notices.up.sql. What has aged stays nameless; that a caller refused is lost, and what Retell repeats of the
-- call can be stored again.

ALTER TABLE tenants DROP COLUMN appointment_days, DROP COLUMN customer_days;
DROP POLICY coordinator_adds ON audit_log;
REVOKE INSERT (tenant, actor, action, detail, correlation_id) ON audit_log FROM askproai_coordinator;
DROP POLICY coordinator_forgets ON customers;
DROP POLICY coordinator_locks ON customers;
REVOKE DELETE, UPDATE (updated_at) ON customers FROM askproai_coordinator;
DROP POLICY coordinator_ages ON appointments;
REVOKE UPDATE (customer_id, customer_name, caller, attendee_email, notes, birth_date, cancel_reason) ON appointments
    FROM askproai_coordinator;
REVOKE UPDATE (arguments, answer, cause) ON function_requests FROM askproai_tenant;
DROP POLICY tenant_empties ON function_requests;
DROP TRIGGER keep_no_body ON webhook_events;
DROP TRIGGER keep_no_words ON function_requests;
DROP TRIGGER keep_no_texts ON calls;
DROP FUNCTION keep_no_body();
DROP FUNCTION keep_no_words();
DROP FUNCTION keep_no_texts();
DROP FUNCTION is_refused_call(text, text);
DROP TABLE call_notices;
DROP FUNCTION keep_refusal();
DROP INDEX customers_seen;
DROP INDEX appointments_of_persons;
DROP INDEX calls_of_caller;
