-- A caller who says more in the same call amends the message: its text grows.
GRANT UPDATE (text) ON messages TO askproai_tenant;
