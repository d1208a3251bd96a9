-- With which key at Retell the owner of a tenant's rows was last served, as the operator's HMAC of it: a Tenant that leaves the
-- cluster and comes back under its name with the same key is the same business, and gets its rows. Empty: not known.

ALTER TABLE tenants ADD COLUMN retell_key_hash text NOT NULL DEFAULT '';
