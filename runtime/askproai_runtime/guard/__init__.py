"""What the tenant's pods share through Redis, each with what happens without it: nothing here decides about a booking."""

from askproai_runtime.guard.acl import ALLOWED_COMMANDS, EVERYBODY, acl_rules, coordinator_acl_rules
from askproai_runtime.guard.redis import RedisAway, Script, Shared

__all__ = ["ALLOWED_COMMANDS", "EVERYBODY", "RedisAway", "Script", "Shared", "acl_rules", "coordinator_acl_rules"]
