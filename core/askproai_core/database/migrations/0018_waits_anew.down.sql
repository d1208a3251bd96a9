-- Undoes 0018_waits_anew.up.sql. Entries keep what is stored with them.

REVOKE UPDATE (spans) ON waitlist FROM askproai_tenant;
