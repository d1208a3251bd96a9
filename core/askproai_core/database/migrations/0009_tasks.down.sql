-- Undoes 0009_tasks.up.sql. What the tasks knew is lost; the release that makes the table anew begins them anew.

DROP TABLE tasks;
