-- Which pods answered a request: null of the usual ones and of rows of the release before, which inserts without knowing the column;
-- else the name of the trial of a canary. Pods without a trial do not write it, so they run on the schema before.
ALTER TABLE function_requests ADD COLUMN track text;
