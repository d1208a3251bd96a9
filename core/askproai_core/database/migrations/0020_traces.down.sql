-- Undoes 0020_traces.up.sql. Jobs that wait run without their trace.
ALTER TABLE jobs DROP COLUMN traceparent;
