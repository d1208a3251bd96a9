-- A request of somebody who waits already, made anew, replaces the stored one: what was declined of it then may be wanted now.

GRANT UPDATE (spans) ON waitlist TO askproai_tenant;
