-- Rows of shadows and what waits to be replayed are gone; a shadow's own rows stay until its Tenant is erased, so end all of them first.
DROP FUNCTION copy_live_book(boolean);
DROP FUNCTION prefixed(text, text);
ALTER TABLE tenants DROP COLUMN shadow_of;
DROP TABLE shadow_requests;
