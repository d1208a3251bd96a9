-- Undoes nothing of 0026_stand_ins.up.sql: whose number a carrier's stand-in was is not known, and the schema is the same.
SELECT 1;
