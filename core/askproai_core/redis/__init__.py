"""Redis: its client, and what a user of it may do. Each part works without it.

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
from askproai_core.redis.client import RedisClient, RedisMetrics, connect, send
from askproai_core.redis.shared_keys import ALL_TENANTS, PROMISE_EXPIRY, PROMISE_KEY

__all__ = [
    "ALL_TENANTS", "PROMISE_EXPIRY", "PROMISE_KEY", "BudgetSpent", "Circuit", "CircuitBreakers", "CircuitCommand", "CircuitOpen",
    "CircuitRules", "CircuitState", "CircuitView", "Permit", "Provider", "RedisClient", "RedisMetrics", "RedisUnavailable",
    "RequestBudget", "Script", "connect", "send",
]  # fmt: skip
