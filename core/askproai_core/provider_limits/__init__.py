"""Limits of requests to providers: circuit breakers, and the request budget of an API key. Pods share them in Redis, if any."""

from askproai_core.provider_limits.circuit_breaker import CircuitBreakers, CircuitOpen, CircuitView, Permit
from askproai_core.provider_limits.circuit_rules import Circuit, CircuitCommand, CircuitRules, CircuitState
from askproai_core.provider_limits.request_budget import BudgetSpent, RequestBudget
from askproai_core.provider_limits.shared_redis import Argument, RedisUnavailable, Script, SharedRedis

__all__ = [
    "Argument", "BudgetSpent", "Circuit", "CircuitBreakers", "CircuitCommand", "CircuitOpen", "CircuitRules", "CircuitState",
    "CircuitView", "Permit", "RedisUnavailable", "RequestBudget", "Script", "SharedRedis",
]  # fmt: skip
