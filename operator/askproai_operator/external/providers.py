"""Clients of the providers, one state for each key: budgets and gates hold over all objects that share a key."""

from types import TracebackType
from typing import Final, Self

import httpx
from prometheus_client import CollectorRegistry

from askproai_operator.external.calcom import CalcomClient
from askproai_operator.external.http import Api, Budget, KeyState, key_name, new_http, request_counter
from askproai_operator.external.retell import RetellClient
from askproai_runtime.seams import Clock

# Retell publishes no figures. Cal.com blocks a key above 120 in a minute and locks accounts after bursts of 20 to 30
# (calcom 24981, 23414), and the tenant's pods use the same key.
_BUDGETS: Final = {"retell": Budget(per_second=10, burst=30), "calcom": Budget(per_second=1, burst=12)}


class ProviderClients:
    """Gives a client for a server and a key. Use as `async with ProviderClients(clock) as providers`."""

    def __init__(
        self, clock: Clock, http: httpx.AsyncClient | None = None, *, registry: CollectorRegistry | None = None
    ) -> None:
        """Take where to count requests; without it they are counted for nobody."""
        self._clock = clock
        self._http = http or new_http()
        self._requests = request_counter(registry or CollectorRegistry())
        self._states: dict[str, KeyState] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    def retell(self, base_url: str, api_key: str) -> RetellClient:
        """Give the client of one Retell workspace."""
        return RetellClient(self._api("retell", base_url, api_key))

    def calcom(self, base_url: str, api_key: str) -> CalcomClient:
        """Give the client of one Cal.com user."""
        return CalcomClient(self._api("calcom", base_url, api_key))

    def _api(self, provider: str, base_url: str, key: str) -> Api:
        base = base_url.rstrip("/")
        name = key_name(provider, base, key)
        state = self._states.get(name)
        if state is None:
            state = self._states[name] = KeyState(_BUDGETS[provider], self._clock)
        return Api(provider, base, key, self._http, self._clock, state, self._requests)
