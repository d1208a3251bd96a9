"""One circuit breaker above the tenants' circuits: a provider that is down for many is down for all, and one probe is enough.

Its state is the Redis hash `askproai:_:circuit:<provider>`, which tenants only read: `state`, `retry_at` (Unix ms; no tenant
need try earlier), `base_url` (the server concerned) and `probe_at` (Unix ms; for the coordinator only). The hash expires by
itself, so that a coordinator that dies keeps no tenant from a provider.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import aiohttp
import structlog

from askproai_core.provider_names import Provider
from askproai_runtime.coordinator.periodic_task import CoordinatorContext
from askproai_runtime.coordinator.store import list_provider_use

log = structlog.get_logger(__name__)

_PROBE_TIMEOUT = aiohttp.ClientTimeout(total=5)
# The open state outlasts its probe by this, so that no tenant tries before the answer has arrived.
_PROBE_MARGIN = timedelta(seconds=15)
_FIRST_SERVER_ERROR = 500
_NOT_CLOSED = ("open", "half_open")


@dataclass(frozen=True, slots=True)
class TenantCircuit:
    """One tenant's use of a provider: the server, whether it sent requests lately, and whether the tenant's circuit is open."""

    base_url: str
    active: bool
    open: bool


def find_outage(circuits: Mapping[str, TenantCircuit], min_tenants: int, percent: int) -> str | None:
    """Return the base URL that most tenants use, if enough of its users have an open circuit: the server is down for all. Else
    return None.

    Enough are `min_tenants` and `percent` of its users. A server with few users is ignored: each provider has only one circuit.
    """
    used = Counter(c.base_url for c in circuits.values() if c.base_url and (c.active or c.open))
    if not used:
        return None
    base_url, users = used.most_common(1)[0]
    opened = sum(circuit.open for circuit in circuits.values() if circuit.base_url == base_url)
    return base_url if opened >= min_tenants and opened * 100 >= users * percent else None


async def update_circuits(context: CoordinatorContext) -> int:
    """Open, probe or close the circuit of each provider for all tenants. Return the number of changed circuits."""
    if not context.redis.configured:  # no process sees the circuits of another
        return 0
    return sum([await _update(context, provider) for provider in Provider])


async def _update(context: CoordinatorContext, provider: Provider) -> int:
    key = f"askproai:_:circuit:{provider}"
    circuit, now = await context.redis.hash(key), int(context.clock.now().timestamp() * 1000)
    # A hash that a person wrote lacks these fields: it is left to expire.
    if circuit.get("state") in _NOT_CLOSED and circuit.keys() >= {"base_url", "probe_at"}:
        context.metrics.circuit(provider, "open")
        return await _probe(context, provider, key, circuit["base_url"]) if now >= int(circuit["probe_at"]) else 0
    context.metrics.circuit(provider, "closed")
    settings, circuits = context.settings, await _list_tenant_circuits(context, provider)
    base_url = find_outage(circuits, settings.circuit_tenants, settings.circuit_percent)
    if base_url is None:
        return 0
    await _open(context, key, base_url)
    log.warning("circuit.opened_for_all", provider=provider.value)
    return 1


async def _list_tenant_circuits(context: CoordinatorContext, provider: Provider) -> dict[str, TenantCircuit]:
    """Return each tenant's circuit at a provider. Open circuits are read from Redis, the tenants' use from the database."""
    rows = await list_provider_use(context.pool, provider)
    keys = {f"askproai:{row['tenant']}:circuit:{provider}": row["tenant"] for row in rows}
    opened = set()
    async for key in context.redis.keys(f"askproai:*:circuit:{provider}"):
        if key in keys and await context.redis.is_circuit_open(key):
            opened.add(keys[key])
    return {row["tenant"]: TenantCircuit(row["base_url"], row["active"], row["tenant"] in opened) for row in rows}


async def _open(context: CoordinatorContext, key: str, base_url: str) -> None:
    """Write to Redis that a provider's circuit is open for all tenants, with the time of the next probe."""
    probe_at = context.clock.now() + timedelta(seconds=context.settings.circuit_probe_seconds)
    until = probe_at + _PROBE_MARGIN
    fields = ("state", "open", "retry_at", _unix_ms(until), "probe_at", _unix_ms(probe_at), "base_url", base_url)
    context.fence()
    await context.redis.write(key, ("HSET", *fields), ("PEXPIREAT", _unix_ms(until + _PROBE_MARGIN)))


def _unix_ms(moment: datetime) -> str:
    return str(int(moment.timestamp() * 1000))


async def _probe(context: CoordinatorContext, provider: Provider, key: str, base_url: str) -> int:
    """Send the server a request without a credential. If it answers below 500, close the circuit and return 1; else return 0."""
    context.fence()
    try:
        async with context.session.get(base_url, timeout=_PROBE_TIMEOUT, allow_redirects=False) as response:
            alive = response.status < _FIRST_SERVER_ERROR
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        log.info("circuit.probe_failed", provider=provider.value, error=type(error).__name__)
        alive = False
    log.info("circuit.probed_for_all", provider=provider.value, alive=alive)
    if not alive:
        await _open(context, key, base_url)
        return 0
    context.fence()
    await context.redis.write(key, ("DEL",))
    context.metrics.circuit(provider, "closed")
    log.warning("circuit.closed_for_all", provider=provider.value)
    return 1
