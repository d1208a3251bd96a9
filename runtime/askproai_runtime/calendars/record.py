"""Every call to a provider leaves a row and a measurement: what, how long, how it ended; never a body."""

from dataclasses import dataclass
from typing import Protocol

from askproai_runtime.store import Pool


class ProviderMetrics(Protocol):
    """The part of `watch.Metrics` that is used here."""

    def provider_call(self, provider: str, operation: str, outcome: str, seconds: float) -> None: ...


@dataclass(frozen=True, slots=True)
class ProviderCall:
    """`endpoint` is the path without its query, which could name a person; `status` None is no answer."""

    provider: str
    operation: str
    method: str
    endpoint: str
    status: int | None
    outcome: str
    seconds: float
    correlation_id: str


class Recorder:
    """Writes to `provider_calls` and to the metrics."""

    def __init__(self, pool: Pool, tenant: str, metrics: ProviderMetrics) -> None:
        self._pool = pool
        self._tenant = tenant
        self._metrics = metrics

    async def record(self, call: ProviderCall) -> None:
        self._metrics.provider_call(call.provider, call.operation, call.outcome, call.seconds)
        await self._pool.execute(
            "INSERT INTO provider_calls (tenant, provider, operation, method, endpoint, status, outcome, duration_ms,"
            " correlation_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            self._tenant,
            call.provider,
            call.operation,
            call.method,
            call.endpoint,
            call.status,
            call.outcome,
            round(call.seconds * 1000),
            call.correlation_id,
        )
