"""What tests measure is what the code waited for, on a busy machine, too."""

import asyncio
import time

from tests.worlds.waiting import stopwatch


async def test_waiting_counts_and_a_loop_that_did_not_run_does_not() -> None:
    async with stopwatch() as seconds:
        await asyncio.sleep(0.3)
        waited = seconds()
        time.sleep(0.5)  # noqa: ASYNC251  as if another process had the processor
        assert seconds() - waited < 0.3
        await asyncio.sleep(0.05)
        assert seconds() - waited < 0.35, "it counts once"
        assert seconds() > waited
    assert waited > 0.2
