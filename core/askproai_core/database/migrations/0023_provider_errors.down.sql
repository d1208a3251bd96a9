-- Undoes 0023_provider_errors.up.sql. Timelines say that a request failed, and no longer why.
ALTER TABLE provider_calls DROP COLUMN error, DROP COLUMN body_shape;
