-- The trace in which a job was queued, as W3C Trace Context writes it: whoever runs the job goes on with that trace. Null for what is
-- not recorded, which is nearly everything, and for rows of the release before, which inserts without knowing the column.
ALTER TABLE jobs ADD COLUMN traceparent text;
