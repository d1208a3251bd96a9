-- The rows of 0030_numbers_of_nobody.up.sql stay as they are: whose number it was is not known.
REVOKE UPDATE (text) ON messages FROM askproai_tenant;
