"""Clients of Retell and Cal.com. All users of one key at one server share its request budget, its gate and its circuit breaker."""

import hashlib
from collections.abc import Collection
from typing import Final, Self

import aiohttp

from askproai_core.clock import Clock
from askproai_core.provider_limits import CircuitBreakers, CircuitRules
from askproai_core.provider_names import Provider
from askproai_core.providers import REQUEST_TIMEOUT, HostNotAllowed, find_host_problem, open_session
from askproai_operator.providers.calcom import CalcomClient
from askproai_operator.providers.provider_api import Count, KeyState, ProviderApi
from askproai_operator.providers.retell import RetellClient

# `connect` covers the name, TCP and TLS; `sock_read` the wait for each part of the answer.
TIMEOUT: Final = aiohttp.ClientTimeout(total=None, connect=5, sock_read=REQUEST_TIMEOUT.total_seconds())
# Tokens per second, and burst; reads leave two for writes. Retell publishes no figures. Cal.com blocks a key for a minute above
# 120 requests in a minute, and locks accounts after bursts of 20 to 30 (calcom 24981, 23414), and the tenant's pods use the same
# key: up to 70 in any minute, 7 of them at once (`requestsPerMinute`). With 21 of ours, and the 9 with which a new leader begins,
# that is 100 (decision 38).
_BUDGETS: Final = {Provider.RETELL: (10, 30), Provider.CALCOM: (0.2, 9)}


class ProviderClients:
    """Creates clients of Retell or Cal.com for a server and a key. Use as `async with ProviderClients(clock) as providers`."""

    def __init__(
        self,
        clock: Clock,
        *,
        count: Count = lambda *_: None,
        hosts: Collection[str] | None = None,
        rules: CircuitRules | None = None,
        timeout: aiohttp.ClientTimeout = TIMEOUT,
    ) -> None:
        """Take `count`, which is called for each request; the allowed servers `hosts` (patterns or whole base URLs; None: every
        server); and the `rules` by which a circuit opens.
        """
        self._session = open_session()
        self._count = count
        self._clock, self._hosts, self._rules, self._timeout = clock, hosts, rules or CircuitRules(), timeout
        self._states: dict[str, KeyState] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    def retell(self, base_url: str, api_key: str) -> RetellClient:
        """Return the client for one Retell workspace. Raises `HostNotAllowed`."""
        return RetellClient(self._api(Provider.RETELL, base_url, api_key))

    def calcom(self, base_url: str, api_key: str) -> CalcomClient:
        """Return the client for one Cal.com user. Raises `HostNotAllowed`."""
        return CalcomClient(self._api(Provider.CALCOM, base_url, api_key))

    def check_host(self, provider: Provider, base_url: str) -> None:
        """Raise `HostNotAllowed` if no key may be sent to the server of a provider."""
        base = base_url.rstrip("/")
        if self._hosts is not None and base not in self._hosts and (problem := find_host_problem(base, self._hosts)):
            raise HostNotAllowed(provider, "connect", problem)

    def _api(self, provider: Provider, base_url: str, key: str) -> ProviderApi:
        self.check_host(provider, base_url)
        base = base_url.rstrip("/")
        name = hashlib.sha256(f"{provider}\n{base}\n{key}".encode()).hexdigest()  # the key itself is not kept
        if name not in self._states:
            # Only one operator leads, so its circuits need no Redis. Each is a key's: of one tenant, or of several that share it.
            circuits = CircuitBreakers(None, self._clock, rules=self._rules)
            self._states[name] = KeyState(*_BUDGETS[provider], circuits)
        state = self._states[name]
        return ProviderApi(provider, base, key, self._session, self._timeout, self._clock, state, self._count)
