-- What a call was offered last, beside the one time that is held for it: with whom each of these times was offered, and whom the
-- caller has excluded. A transcript may come too late, or cut.
ALTER TABLE appointments ADD COLUMN offers jsonb CHECK (offers IS NULL OR status = 'held');
GRANT UPDATE (offers) ON appointments TO askproai_tenant;
