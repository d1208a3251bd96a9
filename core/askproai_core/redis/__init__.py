"""Redis for both planes: connections by a URL, and the keys that the operator writes for all tenants.

Limits of requests to providers that pods share are in `askproai_core.provider_limits`, which needs no library of Redis.
"""

from askproai_core.redis.connection import ALL_TENANTS, PROMISE_EXPIRY, PROMISE_KEY, connect, send

__all__ = ["ALL_TENANTS", "PROMISE_EXPIRY", "PROMISE_KEY", "connect", "send"]
