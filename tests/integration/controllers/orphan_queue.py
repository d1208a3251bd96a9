"""The ledger's controllers on a real work queue, run step by step."""

from askproai_operator.context import ReconcileContext
from askproai_operator.controllers.orphan import (
    LEDGER,
    ORPHAN,
    LedgerController,
    ledger_key,
    orphan_options,
    reconcile_orphan,
)
from askproai_operator.engine.loop import ReconcileLoop
from askproai_operator.engine.metrics import Metrics
from askproai_operator.engine.queue import WorkQueue


class OrphanQueue:
    """Runs the ledger, and then every orphan that is due."""

    def __init__(self, context: ReconcileContext, metrics: Metrics) -> None:
        options = {ORPHAN: orphan_options(context.settings)}
        self._queue = WorkQueue(context.clock, metrics, options=options)
        ledger = LedgerController(metrics.set_orphan_counts, self._queue.add_unknown)
        controllers = {LEDGER: ledger.reconcile, ORPHAN: reconcile_orphan}
        self._loop = ReconcileLoop(controllers, context, self._queue, metrics)
        self._ledger = ledger_key(context.settings)

    async def run_due(self) -> None:
        """Process the keys that are due at the context's clock."""
        self._queue.promote_due()
        self._queue.add(self._ledger)
        await self._process(await self._queue.get())
        while len(self._queue):
            await self._process(await self._queue.get(ORPHAN))

    async def _process(self, key) -> None:
        await self._loop.process(key)
        self._queue.done(key)
