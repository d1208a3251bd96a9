"""What a tenant's pods share through Redis. Each part works without it, and nothing here decides about a booking."""

from askproai_core.redis.acl import ALL_TENANTS, ALLOWED_COMMANDS, SPOOL_COMMANDS, acl_rules, coordinator_acl_rules
from askproai_core.redis.circuit_breaker import CircuitBreakers, CircuitOpen, CircuitView, Permit
from askproai_core.redis.circuit_state import Circuit, CircuitCommand, CircuitRules, CircuitState
from askproai_core.redis.client import RedisClient, RedisMetrics, RedisUnavailable, Script, connect, send
from askproai_core.redis.durable_stream import PROMISE_EXPIRY, PROMISE_KEY, DurableStream, NotDurable, StreamEntry
from askproai_core.redis.pubsub import WakeUpChannel
from askproai_core.redis.rate_limiter import RateLimiter
from askproai_core.redis.request_budget import BudgetSpent, RequestBudget
from askproai_core.redis.slot_lock import SlotLock
from askproai_core.tenant_config import Provider

__all__ = [
    "ALLOWED_COMMANDS", "ALL_TENANTS", "PROMISE_EXPIRY", "PROMISE_KEY", "SPOOL_COMMANDS", "BudgetSpent", "Circuit",
    "CircuitBreakers", "CircuitCommand", "CircuitOpen", "CircuitRules", "CircuitState", "CircuitView", "DurableStream",
    "NotDurable", "Permit", "Provider", "RateLimiter", "RedisClient", "RedisMetrics", "RedisUnavailable", "RequestBudget",
    "Script", "SlotLock", "StreamEntry", "WakeUpChannel", "acl_rules", "connect", "coordinator_acl_rules", "send",
]  # fmt: skip
