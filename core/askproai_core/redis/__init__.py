"""The part of Redis that a tenant's pods share. Each part works without it, and nothing here decides about a booking.

The limits of requests to providers (`askproai_core.provider_limits`) are among it, and can be had without the library.
"""

from askproai_core.provider_limits import (
    BudgetSpent,
    Circuit,
    CircuitBreakers,
    CircuitCommand,
    CircuitOpen,
    CircuitRules,
    CircuitState,
    CircuitView,
    Permit,
    Provider,
    RedisUnavailable,
    RequestBudget,
    Script,
)
from askproai_core.redis.acl import ALL_TENANTS, ALLOWED_COMMANDS, SPOOL_COMMANDS, acl_rules, coordinator_acl_rules
from askproai_core.redis.client import RedisClient, RedisMetrics, connect, send
from askproai_core.redis.durable_stream import PROMISE_EXPIRY, PROMISE_KEY, DurableStream, NotDurable, StreamEntry
from askproai_core.redis.pubsub import WakeUpChannel
from askproai_core.redis.rate_limiter import RateLimiter, Window
from askproai_core.redis.slot_lock import SlotLock

__all__ = [
    "ALLOWED_COMMANDS", "ALL_TENANTS", "PROMISE_EXPIRY", "PROMISE_KEY", "SPOOL_COMMANDS", "BudgetSpent", "Circuit",
    "CircuitBreakers", "CircuitCommand", "CircuitOpen", "CircuitRules", "CircuitState", "CircuitView", "DurableStream",
    "NotDurable", "Permit", "Provider", "RateLimiter", "RedisClient", "RedisMetrics", "RedisUnavailable", "RequestBudget",
    "Script", "SlotLock", "StreamEntry", "WakeUpChannel", "Window", "acl_rules", "connect", "coordinator_acl_rules", "send",
]  # fmt: skip
