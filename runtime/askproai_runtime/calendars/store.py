"""The table `provider_calls`: every request to a remote calendar, and how it ended; never a body, a query or a key."""

from dataclasses import dataclass

from askproai_core.database import Pool
from askproai_core.providers import Reply
from askproai_core.redis import CircuitOpen, Provider
from askproai_runtime.metrics import Metrics


@dataclass(frozen=True, slots=True)
class ProviderCallRecorder:
    """Records a tenant's requests to a provider, as rows and as measurements."""

    pool: Pool
    tenant: str
    metrics: Metrics
    provider: Provider = Provider.CALCOM

    async def record(self, operation: str, reply: Reply, outcome: str, correlation_id: str, path: str) -> None:
        """Add a row and a measurement. `path` is the route with placeholders, not the path sent."""
        if isinstance(reply.error, CircuitOpen):  # no request was sent
            return
        self.metrics.provider_call(self.provider, operation, outcome, reply.seconds)
        await self.pool.execute(
            """INSERT INTO provider_calls (tenant, provider, operation, method, endpoint, status, outcome, duration_ms,
                   correlation_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)""",
            self.tenant, self.provider, operation, reply.method, path, reply.status, outcome, round(reply.seconds * 1000),
            correlation_id,
        )  # fmt: skip
