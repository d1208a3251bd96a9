"""What the tenant's pods share through Redis, each with what happens without it: nothing here decides about a booking."""

from askproai_runtime.guard.acl import ALLOWED_COMMANDS, EVERYBODY, acl_rules, coordinator_acl_rules
from askproai_runtime.guard.circuit import Rules, State
from askproai_runtime.guard.circuits import CircuitOpen, Circuits, CircuitView, Permit, Provider, asked_to_wait
from askproai_runtime.guard.limit import RateLimiter
from askproai_runtime.guard.lock import SlotLock
from askproai_runtime.guard.redis import RedisAway, Script, Shared, TellsRedis
from askproai_runtime.guard.wake import WakeUp

__all__ = [
    "ALLOWED_COMMANDS", "EVERYBODY", "CircuitOpen", "CircuitView", "Circuits", "Permit", "Provider", "RateLimiter",
    "RedisAway", "Rules", "Script", "Shared", "SlotLock", "State", "TellsRedis", "WakeUp", "acl_rules", "asked_to_wait",
    "coordinator_acl_rules",
]  # fmt: skip
