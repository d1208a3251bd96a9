-- Undoes 0007_function_requests.up.sql.

DROP TABLE function_requests;
DROP INDEX calls_newest;
