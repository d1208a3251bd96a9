"""What tests measure is what the code waited for, on a busy machine, too."""

import asyncio
import time

from tests.worlds.waiting import eventually, stopwatch


async def test_waiting_counts_and_a_loop_that_did_not_run_does_not() -> None:
    async with stopwatch() as seconds:

        async def counts_in_full() -> bool:
            began = seconds()
            await asyncio.sleep(0.1)
            return seconds() - began > 0.09

        await eventually(counts_in_full)  # what another process takes from this wait does not count: then the next one
        waited = seconds()
        time.sleep(0.5)  # noqa: ASYNC251  as if another process had the processor
        assert seconds() - waited < 0.3
        await asyncio.sleep(0.05)
        assert seconds() - waited < 0.35, "it counts once"
        await eventually(lambda: seconds() > waited, what="the time after it to count")
