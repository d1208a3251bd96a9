-- Undoes 0011_host_free_times.up.sql. What the table held is read from Cal.com again when it is needed.

DROP TABLE host_free_times;
