-- Everything of 0001_schema.up.sql, referencing tables first: all data is lost. Policies, grants, indexes and triggers go with their
-- tables.

DROP TABLE shadow_requests, erased_references, erasures, billing, audit_log, provider_calls, reminder_opt_outs, notifications,
    waitlist_offers, freed_times, waitlist, messages, tasks, jobs, webhook_events, call_notices, verifications, call_actions,
    function_requests, calls, host_free_times, free_times, refusals, claims, appointments, customers, resources, tenants;
DROP FUNCTION claims_of_person(), record_freed_time(), empty_erased_event(), is_refused_call(text, text), keep_no_texts(),
    keep_no_words(), keep_no_body(), keep_refusal(), keep_no_copy(), refuse_to_shadow(), prefixed(text, text),
    copy_live_rows(text, text, text, boolean, boolean, uuid[]), copy_live_book(boolean), copy_live_appointments(uuid[], uuid[]),
    erase_from_shadow(text, text[], uuid[]);
REVOKE ALL ON schema_migrations FROM askproai_tenant, askproai_coordinator, askproai_backup;
