"""From a URL to a client of redis-py that fails fast: no retry, short waits, nothing sent that nobody asked for.

`redis://user:password@host:6379/0`, `rediss://…` for TLS, and by Sentinel `redis+sentinel://user:password@h1:26379,h2/master`
or `rediss+sentinel://…`, where user and password are Redis's own; the Sentinels are asked without.
"""

from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff

_SENTINEL_PORT = 26379


def connect(url: str, timeout: timedelta | None, ca_file: Path | None = None) -> "Redis":
    """Give a client that has not connected yet; `timeout` None is a subscriber's, who waits for ever.

    `ca_file` is trusted instead of the system's authorities, if the file is there. Raises `ValueError` for no such URL.
    """
    parts = urlsplit(url)
    tls = parts.scheme.startswith("rediss")
    wait = timeout.total_seconds() if timeout else None
    how: dict[str, Any] = {
        "socket_timeout": wait,
        "socket_connect_timeout": wait or 1.0,
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,  # 3 costs a round trip more per connection and gives nothing that we use
        "driver_info": None,
        "health_check_interval": 0 if timeout else 15,  # a subscriber would else not see that the way to Redis is gone
        "decode_responses": True,
    }
    if tls and ca_file is not None and ca_file.exists():
        how["ssl_ca_certs"] = str(ca_file)
    if not parts.scheme.endswith("+sentinel"):
        return Redis.from_url(url, **how)
    if tls:
        how["ssl"] = True
    name = parts.path.strip("/")
    if not name or not parts.hostname:
        raise ValueError("write Sentinel as redis+sentinel://user:password@host:port,host:port/master")
    credentials = {
        "username": unquote(parts.username) if parts.username else None,
        "password": unquote(parts.password) if parts.password else None,
    }
    sentinels = Sentinel(_addresses(parts.netloc), sentinel_kwargs=how, **how, **credentials)  # type: ignore[no-untyped-call]
    client: Redis = sentinels.master_for(name)
    return client


async def send(client: "Redis", *command: str | float) -> Any:
    """Send a command as it stands; redis-py left only this method without types."""
    return await client.execute_command(*command)  # type: ignore[no-untyped-call]


def _addresses(netloc: str) -> list[tuple[str, int]]:
    hosts = (address.rpartition(":") for address in netloc.rpartition("@")[2].split(","))
    return [(host, int(port)) if host else (port, _SENTINEL_PORT) for host, _, port in hosts]
