"""Run each long-lived process of the runtime, from its environment variables to its exit code.

Each function imports the modules that only its process needs.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import TypeVar

from msgspec import Struct

from askproai_core.lifecycle import stop_on_signals
from askproai_runtime.env_variables import WrongVariables, read_variables
from askproai_runtime.settings import Settings

S = TypeVar("S", bound=Struct)


def web() -> None:
    from askproai_runtime.web import run_web  # noqa: PLC0415 - see the module

    _serve(run_web, Settings)


def worker() -> None:
    from askproai_runtime.worker import run_worker  # noqa: PLC0415 - see the module

    _serve(run_worker, Settings)


def shadow() -> None:
    from askproai_runtime.shadow import ShadowSettings, run_shadow  # noqa: PLC0415 - see the module

    _serve(run_shadow, ShadowSettings)


def coordinator() -> None:
    from askproai_core.kube import AccessError  # noqa: PLC0415 - no pod of a tenant asks the API server
    from askproai_runtime.coordinator import CoordinatorSettings, run_coordinator  # noqa: PLC0415 - see the module

    _serve(run_coordinator, CoordinatorSettings, AccessError)


def _serve(run: Callable[[S, asyncio.Event], Awaitable[None]], kind: type[S], *also: type[Exception]) -> None:
    """Run a process until SIGTERM. Exit code 2: wrong settings; 1: unreadable config, taken port, or an error type in `also`."""
    from askproai_runtime.watched_files import ConfigUnreadable  # noqa: PLC0415 - it imports structlog

    try:
        settings = read_variables(kind)
    except WrongVariables as error:
        sys.stderr.write(f"The settings are wrong: {error}\n")
        sys.exit(2)

    async def until_signal() -> None:
        stop = asyncio.Event()
        stop_on_signals(stop)
        await run(settings, stop)

    expected: tuple[type[Exception], ...] = (ConfigUnreadable, OSError, *also)
    try:
        asyncio.run(until_signal())
    except expected as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(1)
