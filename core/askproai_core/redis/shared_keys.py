"""Keys that all tenants may read and that the operator or the coordinator writes."""

from datetime import timedelta
from typing import Final

ALL_TENANTS: Final = "_"  # takes the place of a tenant in the names of the coordinator's own keys

# On how many replicas what this Redis takes is on disk, too; "no" if it promises nothing (`askproai_runtime.redis.durable_stream`).
PROMISE_KEY: Final = f"askproai:{ALL_TENANTS}:durable"
# An operator that is away is no reason to take nothing; a server that nobody has looked at for this long is.
PROMISE_EXPIRY: Final = timedelta(hours=1)
