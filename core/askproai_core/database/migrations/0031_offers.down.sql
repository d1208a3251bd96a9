-- Undoes 0031_offers.up.sql.
ALTER TABLE appointments DROP COLUMN offers;
