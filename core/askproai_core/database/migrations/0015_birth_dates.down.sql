-- Undoes 0015_birth_dates.up.sql. Birth dates are lost: whoever asks for them again has appointments without one.

DROP TABLE verifications;
ALTER TABLE appointments DROP COLUMN birth_date;
