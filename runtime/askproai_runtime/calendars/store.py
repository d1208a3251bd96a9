"""The table `provider_calls`: every request of a tenant to Cal.com or Retell, and its outcome; never a body, a query or a key.

The row of a failure has the provider's message without personal data, and the names of the fields in the body.
"""

import asyncio
from dataclasses import dataclass

import structlog

from askproai_core.database import DATABASE_UNAVAILABLE, Pool
from askproai_core.provider_limits import BudgetSpent, CircuitOpen
from askproai_core.provider_names import Provider
from askproai_core.providers import Reply
from askproai_runtime.metrics import Metrics

log = structlog.get_logger(__name__)

_RECORD_SECONDS = 0.5
_INSERT = """
INSERT INTO provider_calls (tenant, provider, operation, method, endpoint, status, outcome, duration_ms, correlation_id, error,
                            body_shape)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
"""
_OWN = ":own-key"  # the operator judges the tenant's key by rows without an account


@dataclass(frozen=True, slots=True)
class ProviderCallRecorder:
    """Records a tenant's requests to a provider, as rows and as measurements."""

    pool: Pool
    tenant: str
    metrics: Metrics
    provider: Provider = Provider.CALCOM
    own_account: bool = False  # a staff member's account, whose refusals say nothing about the tenant's key

    async def record(self, operation: str, reply: Reply, outcome: str, correlation_id: str, path: str) -> None:
        """Add a row and a measurement. `path` is the route with placeholders, not the path sent.

        Never raises, and never waits long: what the provider has done counts more than a row about it.
        """
        if not self.measure(operation, reply, outcome):
            return
        try:
            async with asyncio.timeout(_RECORD_SECONDS):
                await self._insert(operation, reply, outcome, correlation_id, path)
        except DATABASE_UNAVAILABLE as error:
            log.warning(
                "provider_call.not_recorded", operation=operation, outcome=outcome, error=type(error).__name__,
                correlation_id=correlation_id,
            )  # fmt: skip

    def measure(self, operation: str, reply: Reply, outcome: str) -> bool:
        """Add a measurement alone: a row for each read of data that is read again and again would fill the table.

        Returns False if no request was sent.
        """
        if isinstance(reply.error, CircuitOpen | BudgetSpent):
            return False
        self.metrics.provider_call(self.provider, operation, outcome, reply.seconds)
        return True

    async def _insert(self, operation: str, reply: Reply, outcome: str, correlation_id: str, path: str) -> None:
        error = reply.redacted_error
        await self.pool.execute(
            _INSERT, self.tenant, self.provider, f"{operation}{_OWN if self.own_account else ''}", reply.method, path, reply.status,
            outcome, round(reply.seconds * 1000), correlation_id, error, None if error is None else reply.error_shape,
        )  # fmt: skip
