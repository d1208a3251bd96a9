"""Connections to Redis by its URL, and the keys that all tenants may read.

A URL is `redis://user:password@host:6379/0`, `rediss://…` for TLS, or by Sentinel
`redis+sentinel://user:password@h1:26379,h2/master` or `rediss+sentinel://…`. User and password are those of Redis; a Sentinel
is asked without a login.
"""

from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff

from askproai_core.provider_limits import Argument

_SENTINEL_PORT = 26379

ALL_TENANTS: Final = "_"  # takes the place of a tenant in the names of the coordinator's own keys

# Number of replicas with this Redis's data on disk, too; "no" if it is not durable (`askproai_runtime.redis.durable_stream`).
PROMISE_KEY: Final = f"askproai:{ALL_TENANTS}:durable"
# Long enough for an absence of the operator. A server that nobody has tested for longer does not count as durable.
PROMISE_EXPIRY: Final = timedelta(hours=1)


def connect(url: str, timeout: timedelta | None, ca_file: Path | None = None, *, binary: bool = False) -> "Redis":
    """Return a client of redis-py that has not connected yet and fails fast: no retries, short timeouts.

    `timeout` None is for a subscriber, which waits for ever. `ca_file` is trusted instead of the system's authorities, if the
    file exists. `binary`: replies are bytes, not texts. Raises `ValueError` for anything but the URLs described above.
    """
    parts = urlsplit(url)
    tls = parts.scheme.startswith("rediss")
    seconds = timeout.total_seconds() if timeout else None
    options: dict[str, Any] = {
        "socket_timeout": seconds,
        "socket_connect_timeout": seconds or 1.0,
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,  # 3 costs one more round trip per connection and offers nothing that we use
        "driver_info": None,
        "health_check_interval": 0 if timeout else 15,  # else a subscriber would not notice a broken network
        "decode_responses": not binary,
    }
    if tls and ca_file is not None and ca_file.exists():
        options["ssl_ca_certs"] = str(ca_file)
    if not parts.scheme.endswith("+sentinel"):
        return Redis.from_url(url, **options)
    if tls:
        options["ssl"] = True
    master = parts.path.strip("/")
    if not master or not parts.hostname:
        raise ValueError("write Sentinel as redis+sentinel://user:password@host:port,host:port/master")
    credentials = {
        "username": unquote(parts.username) if parts.username else None,
        "password": unquote(parts.password) if parts.password else None,
    }
    sentinels = Sentinel(_addresses(parts.netloc), sentinel_kwargs=options, **options, **credentials)  # type: ignore[no-untyped-call]
    client: Redis = sentinels.master_for(master)
    return client


async def send(client: "Redis", *command: Argument) -> Any:
    """Send one command and return its reply. This function exists because redis-py has no types for `execute_command`."""
    return await client.execute_command(*command)  # type: ignore[no-untyped-call]


def _addresses(netloc: str) -> list[tuple[str, int]]:
    hosts = (address.rpartition(":") for address in netloc.rpartition("@")[2].split(","))
    return [(host, int(port)) if host else (port, _SENTINEL_PORT) for host, _, port in hosts]
