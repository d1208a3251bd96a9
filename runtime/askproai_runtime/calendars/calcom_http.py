"""HTTP requests to a server of Cal.com over the shared provider HTTP, and the certain facts in their replies."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import aiohttp

from askproai_core.clock import Clock
from askproai_core.provider_limits import CircuitBreakers, CircuitOpen, RequestBudget
from askproai_core.provider_names import Provider
from askproai_core.providers import CredentialMissing, ProviderHttp, Reply, TransportFailure
from askproai_runtime.calendars.types import CalendarOutcome, CalendarUnavailable, Confirmed

_CONNECT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class CalcomHttp:
    """Sends requests to a server of Cal.com. `circuits` is asked before each request, and records how it went."""

    session: aiohttp.ClientSession
    circuits: CircuitBreakers
    clock: Clock
    budget: RequestBudget | None = None

    async def send(self, method: str, url: str, seconds: float, *, optional: bool = False, **content: Any) -> Reply:
        """Send one request and wait for at most `seconds`. Sends nothing while the circuit is open or the budget is spent.

        An `optional` request leaves a part of the budget for bookings.
        """
        timeout = aiohttp.ClientTimeout(total=seconds, connect=min(_CONNECT_SECONDS, seconds))
        http = ProviderHttp(Provider.CALCOM, self.session, self.circuits, self.clock, self.budget)
        return await http.send(method, url, timeout, optional=optional, **content)


def missing_key(method: str) -> Reply:
    """Return the reply to a request that is not sent, since there is no key."""
    error = CredentialMissing("no Cal.com API key is mounted: fill the Secret that the Tenant or the event type names")
    return Reply(method, 0, None, error=error)


def was_never_reached(reply: Reply) -> bool:
    """Return whether Cal.com certainly did not handle a request: refused connection, no such host or route, open circuit.

    False for every timeout, since a request may have arrived.
    """
    if reply.status == HTTPStatus.NOT_FOUND:  # an object that does not exist has a message of its own
        return not isinstance(reply.body, dict) or reply.message.startswith("Cannot ")
    open_circuit = isinstance(reply.error, CircuitOpen) and not reply.error.slow
    return open_circuit or reply.failure is TransportFailure.CONNECT_ERROR


def no_answer(text: str, reply: Reply) -> CalendarUnavailable:
    """Return the error for a look-up whose reply does not have the answer. `text` says what Cal.com did not do."""
    never_reached = was_never_reached(reply)
    return CalendarUnavailable(
        f"Cal.com did not {text}: {reply.reason}", reply.retry_after, never_reached=never_reached
    )


def outcome_label(outcome: CalendarOutcome, confirmed: str = "confirmed") -> str:
    """Return the name of an outcome for rows and metrics. `confirmed` is the name of a `Confirmed` outcome."""
    return confirmed if isinstance(outcome, Confirmed) else type(outcome).__name__.lower()
