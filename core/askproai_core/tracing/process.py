"""Switch on the traces of one process, from its first line of work to its last."""

import asyncio
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from askproai_core.tracing.spans import Count, use, used

_CLOSE_SECONDS: Final = 2.0  # a process that ends waits no longer for the collector


@dataclass(frozen=True, slots=True)
class TracingSettings:
    """The collector's address and the share of entrances that begin a trace. If `endpoint` is empty, traces are off."""

    endpoint: str = ""
    ratio: float = 0.01


@asynccontextmanager
async def open_tracing(settings: TracingSettings, service: str, count: Count, **resource: str) -> AsyncIterator[None]:
    """Make spans named after `service` during the block; none without an endpoint. At the block's end, send waiting spans for
    at most 2 s.

    `count` is called with `exported` or `dropped` and a number of spans, from any thread. `resource` are further facts about
    the process, such as `tenant`.
    """
    if not settings.endpoint:
        yield
        return
    if "opentelemetry" in sys.modules and sys.modules["opentelemetry"] is None:  # set by a pod's program
        del sys.modules["opentelemetry"]
    from askproai_core.tracing.export import OtelRecorder  # noqa: PLC0415 - 9 MB, for those who want traces

    facts = {"service.name": service, **{f"askproai.{name}": value for name, value in resource.items()}}
    recorder = OtelRecorder(settings.endpoint, settings.ratio, facts, count)
    before = use(recorder)
    try:
        yield
    finally:
        if used() is recorder:
            use(before)
        # A thread of its own, since asyncio awaits those of the loop's pool at its end.
        closed, loop = asyncio.Event(), asyncio.get_running_loop()

        def close() -> None:
            recorder.close(_CLOSE_SECONDS)
            loop.call_soon_threadsafe(closed.set)

        threading.Thread(target=close, name="traces-close", daemon=True).start()
        await closed.wait()
