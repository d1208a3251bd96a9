-- Undoes 0005_billing.up.sql.

DROP TABLE billing;
