-- What waits to be replayed is gone. A shadow's rows stay until its Tenant is erased, so end all shadows first.
DROP FUNCTION copy_live_appointments(uuid[], uuid[]);
DROP FUNCTION copy_live_book(boolean);
DROP FUNCTION copy_live_rows(text, text, text, boolean, boolean, uuid[]);
DROP FUNCTION prefixed(text, text);
ALTER TABLE tenants DROP COLUMN shadow_of;
DROP TABLE shadow_requests;
