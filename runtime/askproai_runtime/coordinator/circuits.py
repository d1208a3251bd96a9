"""A provider that is down for many tenants is down for all: one circuit over theirs, and one probe instead of a thousand.

The word stands in Redis as hash `askproai:_:circuit:<provider>`, which tenants only read: `state`, `retry_at` (Unix ms, until
when nobody need try), `base_url` (the server that it is about), `probe_at` (ours). It holds only as long as it says, so that
a coordinator that dies keeps no provider from anybody.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import aiohttp
import structlog

from askproai_core.redis import Provider
from askproai_runtime.coordinator.duty import Desk

log = structlog.get_logger(__name__)

_PROBE_TIMEOUT = aiohttp.ClientTimeout(total=5)
# The word outlives its probe by this, so that no tenant tries before the answer is in
_PROBE_MARGIN = timedelta(seconds=15)
_FIRST_SERVER_ERROR = 500
_NOT_CLOSED = ("open", "half_open")

# Who called a provider lately; those whose circuit is open call no more, and are added.
_ACTIVE = """
SELECT t.tenant, CASE $1 WHEN 'retell' THEN t.retell_base_url ELSE t.calcom_base_url END AS base_url,
       EXISTS (SELECT 1 FROM provider_calls c
               WHERE c.tenant = t.tenant AND c.at > clock_timestamp() - interval '10 minutes' AND c.provider = $1) AS active
FROM tenants t
"""


@dataclass(frozen=True, slots=True)
class Tenant:
    """One tenant at one provider: where it calls, whether it did so lately, and whether its own circuit lets it."""

    base_url: str
    active: bool
    open: bool


def down(tenants: Mapping[str, Tenant], least: int, percent: int) -> str | None:
    """Give the base URL that is down for all, if one is: that of most tenants, when the circuits of enough of them are open.

    A server that only few use never speaks for all: the word is one for the provider.
    """
    used = Counter(one.base_url for one in tenants.values() if one.base_url and (one.active or one.open))
    if not used:
        return None
    base_url, users = used.most_common(1)[0]
    opened = sum(one.open for one in tenants.values() if one.base_url == base_url)
    return base_url if opened >= least and opened * 100 >= users * percent else None


async def watch_circuits(desk: Desk) -> int:
    """Open, probe or close the word of each provider; gives how many changed."""
    if not desk.redis.configured:  # each process has circuits of its own, and nobody knows of another's
        return 0
    return sum([await _watch(desk, provider) for provider in Provider])


async def _watch(desk: Desk, provider: Provider) -> int:
    key = f"askproai:_:circuit:{provider}"
    word, now = await desk.redis.hash(key), int(desk.clock.now().timestamp() * 1000)
    if word.get("state") in _NOT_CLOSED and word.keys() >= {"base_url", "probe_at"}:  # one by hand only runs out
        desk.metrics.circuit(provider, "open")
        return await _probe(desk, provider, key, word["base_url"]) if now >= int(word["probe_at"]) else 0
    desk.metrics.circuit(provider, "closed")
    base_url = down(await _tenants(desk, provider), desk.settings.circuit_tenants, desk.settings.circuit_percent)
    if base_url is None:
        return 0
    await _say_down(desk, key, base_url)
    log.warning("circuit.opened_for_all", provider=provider.value)
    return 1


async def _tenants(desk: Desk, provider: Provider) -> dict[str, Tenant]:
    opened = set()
    async for key in desk.redis.keys(f"askproai:*:circuit:{provider}"):
        tenant = key.split(":")[1]
        if tenant != "_" and (await desk.redis.hash(key)).get("state") in _NOT_CLOSED:
            opened.add(tenant)
    rows = await desk.pool.fetch(_ACTIVE, provider.value)
    return {row["tenant"]: Tenant(row["base_url"], row["active"], row["tenant"] in opened) for row in rows}


async def _say_down(desk: Desk, key: str, base_url: str) -> None:
    probe_at = desk.clock.now() + timedelta(seconds=desk.settings.circuit_probe_seconds)
    until = probe_at + _PROBE_MARGIN
    fields = ("state", "open", "retry_at", _ms(until), "probe_at", _ms(probe_at), "base_url", base_url)
    desk.fence()
    await desk.redis.write(key, ("HSET", *fields), ("PEXPIREAT", _ms(until + _PROBE_MARGIN)))


def _ms(moment: datetime) -> str:
    return str(int(moment.timestamp() * 1000))


async def _probe(desk: Desk, provider: Provider, key: str, base_url: str) -> int:
    """Ask the server, without a key: any answer but a server's own error is one."""
    desk.fence()
    try:
        async with desk.session.get(base_url, timeout=_PROBE_TIMEOUT, allow_redirects=False) as answer:
            alive = answer.status < _FIRST_SERVER_ERROR
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        log.info("circuit.probe_failed", provider=provider.value, error=type(error).__name__)
        alive = False
    log.info("circuit.probed_for_all", provider=provider.value, alive=alive)
    if not alive:
        await _say_down(desk, key, base_url)
        return 0
    desk.fence()
    await desk.redis.write(key, ("DEL",))
    desk.metrics.circuit(provider, "closed")
    log.warning("circuit.closed_for_all", provider=provider.value)
    return 1
