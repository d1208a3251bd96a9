"""Clients of the providers, one state for each key: budgets and gates hold over all objects that share a key."""

import hashlib
from collections.abc import Collection
from types import TracebackType
from typing import Final, Self

import httpx
from prometheus_client import CollectorRegistry, Counter

from askproai_core.clock import Clock
from askproai_core.redis import Circuits, Provider, Rules
from askproai_operator.providers.calcom import CalcomClient
from askproai_operator.providers.checks import host_problem
from askproai_operator.providers.http import REQUEST_TIMEOUT, Api, HostNotAllowed, KeyState
from askproai_operator.providers.retell import RetellClient

# Tokens per second, and burst. Retell publishes no figures. Cal.com blocks a key above 120 in a minute and locks accounts
# after bursts of 20 to 30 (calcom 24981, 23414), and the tenant's pods use the same key.
_BUDGETS: Final = {Provider.RETELL: (10, 30), Provider.CALCOM: (1, 12)}


class ProviderClients:
    """Gives a client for a server and a key. Use as `async with ProviderClients(clock) as providers`."""

    def __init__(
        self,
        clock: Clock,
        http: httpx.AsyncClient | None = None,
        *,
        registry: CollectorRegistry | None = None,
        hosts: Collection[str] | None = None,
        rules: Rules | None = None,
    ) -> None:
        """Take where to count requests, what may be spoken to (patterns, or whole base URLs; absent: everything), and
        when a circuit opens.
        """
        # Redirects are not followed, because a key must not travel.
        timeout = httpx.Timeout(REQUEST_TIMEOUT.total_seconds(), connect=5)
        self._http = http or httpx.AsyncClient(timeout=timeout, follow_redirects=False, trust_env=False)
        self._requests = Counter(
            "askproai_provider_requests_total",
            "Requests of the operator to a provider, by HTTP status or by the way they failed",
            ["provider", "operation", "status"],
            registry=registry or CollectorRegistry(),
        )
        self._clock, self._hosts, self._rules = clock, hosts, rules or Rules()
        self._states: dict[str, KeyState] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    def retell(self, base_url: str, api_key: str) -> RetellClient:
        """Give the client of one Retell workspace. Raises HostNotAllowed."""
        return RetellClient(self._api(Provider.RETELL, base_url, api_key))

    def calcom(self, base_url: str, api_key: str) -> CalcomClient:
        """Give the client of one Cal.com user. Raises HostNotAllowed."""
        return CalcomClient(self._api(Provider.CALCOM, base_url, api_key))

    def _api(self, provider: Provider, base_url: str, key: str) -> Api:
        base = base_url.rstrip("/")
        if self._hosts is not None and base not in self._hosts and (problem := host_problem(base, self._hosts)):
            raise HostNotAllowed(provider, "connect", problem)
        name = hashlib.sha256(f"{provider}\n{base}\n{key}".encode()).hexdigest()  # the key itself is not kept
        if name not in self._states:
            # One operator leads, so its circuits need no Redis. They are per key: a tenant's, or of tenants that share one.
            self._states[name] = KeyState(*_BUDGETS[provider], Circuits(None, self._clock, rules=self._rules))
        state = self._states[name]
        return Api(provider, base, key, self._http, self._clock, state, self._requests)
