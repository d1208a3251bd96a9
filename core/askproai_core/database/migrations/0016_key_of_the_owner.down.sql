-- Undoes 0016_key_of_the_owner.up.sql. Tenants that come back are adopted by the annotation alone.

ALTER TABLE tenants DROP COLUMN retell_key_hash;
