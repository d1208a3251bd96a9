-- The numbers of 0030_misread_numbers.up.sql stay as they are: no subscriber has those that were there.
REVOKE UPDATE (text) ON messages FROM askproai_tenant;
