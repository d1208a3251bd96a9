"""What the tenant's pods share through Redis, each with what happens without it: nothing here decides about a booking."""

from askproai_core.redis.acl import ALLOWED_COMMANDS, EVERYBODY, acl_rules, coordinator_acl_rules
from askproai_core.redis.circuit_breaker import CircuitOpen, Circuits, CircuitView, Permit, Provider, asked_to_wait
from askproai_core.redis.circuit_state import Rules, State
from askproai_core.redis.client import RedisAway, Script, Shared, TellsRedis
from askproai_core.redis.pubsub import WakeUp
from askproai_core.redis.rate_limiter import RateLimiter
from askproai_core.redis.slot_lock import SlotLock

__all__ = [
    "ALLOWED_COMMANDS", "EVERYBODY", "CircuitOpen", "CircuitView", "Circuits", "Permit", "Provider", "RateLimiter",
    "RedisAway", "Rules", "Script", "Shared", "SlotLock", "State", "TellsRedis", "WakeUp", "acl_rules", "asked_to_wait",
    "coordinator_acl_rules",
]  # fmt: skip
