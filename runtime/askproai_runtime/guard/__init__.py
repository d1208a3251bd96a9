"""What the tenant's pods share through Redis, each with what happens without it: nothing here decides about a booking."""

from askproai_runtime.guard.acl import ALLOWED_COMMANDS, acl_rules
from askproai_runtime.guard.circuit import Rules, State
from askproai_runtime.guard.circuits import CircuitOpen, Circuits, CircuitView, Permit, Provider, asked_to_wait
from askproai_runtime.guard.redis import RedisAway, Script, Shared

__all__ = [
    "ALLOWED_COMMANDS",
    "CircuitOpen",
    "CircuitView",
    "Circuits",
    "Permit",
    "Provider",
    "RedisAway",
    "Rules",
    "Script",
    "Shared",
    "State",
    "acl_rules",
    "asked_to_wait",
]
