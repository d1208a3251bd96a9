-- Undoes 0022_tracks.up.sql. Records of a canary's pods look like those of the others.
ALTER TABLE function_requests DROP COLUMN track;
