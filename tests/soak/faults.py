"""The faults of the storm, from its seed: processes, PostgreSQL, Redis, and Cal.com in every way that its simulator knows.

Bounds that hold the promises together (docs/performance.md): no process of a tenant is frozen for longer than `_FROZEN`, and what
Cal.com still does after its answer was lost, or hides in its list, is over within the quiet period.
"""

import asyncio
import os
import random
import signal
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import Any

from askproai_sandbox.embedded import EmbeddedError, EmbeddedServer
from askproai_sandbox.simulator import Fault, FaultKind
from tests.soak.environment import Environment
from tests.soak.processes import postgres_pids
from tests.worlds.waiting import eventually

_FROZEN = 8.0
_LEADER_FROZEN = 12.0  # longer than the coordinator's Lease
_OPERATIONS = ("create-booking", "get-booking", "list-bookings", "cancel-booking", "reschedule-booking", "*")
PAUSE = (0.3, 3.0)  # seconds between two faults
_LOSS = 0.1  # of Cal.com's webhooks
_LONGEST_OUTAGE = 10.0  # seconds without PostgreSQL or Redis
_CALM = (
    25.0  # seconds after a minute of faults in which everything may recover, so that the storm also meets whole systems
)


class Faults:
    """Breaks something, waits, breaks something else; all of it works again at the end."""

    def __init__(self, env: Environment, seed: int, pause: tuple[float, float] = PAUSE) -> None:
        self._env, self._random, self._pause = env, random.Random(f"{seed}:faults"), pause
        self._busy: set[str] = set()  # servers that are away now

    async def run(self, stop: asyncio.Event) -> None:
        """Break things until `stop`, then let all of them work again. A fault that cannot begin or end ends the storm."""
        loop, choose = asyncio.get_running_loop(), self._random
        calm_at = loop.time() + 60
        self._env.calcom.loss = _LOSS
        kinds: tuple[tuple[Callable[[], Coroutine[Any, Any, None]], int], ...] = (
            (self._kill, 6), (self._freeze, 5), (self._terminate, 2), (self._break_calcom, 9), (self._disturb_webhooks, 4),
            (self._break_server, 3),
        )  # fmt: skip
        actions, weights = zip(*kinds, strict=True)
        async with asyncio.TaskGroup() as running:
            while not stop.is_set():
                (action,) = choose.choices(actions, weights)
                running.create_task(action())
                pause = choose.uniform(*self._pause)
                if loop.time() > calm_at:
                    pause, calm_at = _CALM, loop.time() + _CALM + 60
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), pause)
        self._env.calcom.loss = 0.0
        self._env.calcom.faults.clear()
        self._env.calcom.settings |= self._env.calcom.defaults | {"rate_limit": 0.0}
        self._env.history.fault("the storm is over: no more faults")

    def _log(self, text: str) -> None:
        self._env.history.fault(text)

    async def _kill(self) -> None:
        process = self._random.choice(self._env.processes)
        self._log(f"kill -9 {process.name}")
        process.send(signal.SIGKILL)

    async def _terminate(self) -> None:
        process = self._random.choice(self._env.processes)
        self._log(f"SIGTERM {process.name}")
        process.send(signal.SIGTERM)

    async def _freeze(self) -> None:
        process = self._random.choice(self._env.processes)
        seconds = self._random.uniform(0.2, _LEADER_FROZEN if process in self._env.coordinators else _FROZEN)
        self._log(f"SIGSTOP {process.name} for {seconds:.1f} s")
        process.send(signal.SIGSTOP)
        await asyncio.sleep(seconds)
        process.send(signal.SIGCONT)
        self._log(f"SIGCONT {process.name}")

    async def _break_server(self) -> None:
        """Kill, shut down or freeze PostgreSQL or Redis."""
        server: EmbeddedServer = self._random.choice((self._env.postgres, self._env.redis))
        how = self._random.choice(("kill -9", "shut down", "freeze"))
        seconds = self._random.uniform(0.2, 4.0 if how == "freeze" else _LONGEST_OUTAGE)
        if server.name in self._busy:
            return
        self._busy.add(server.name)
        self._log(f"{how} {server.name} for {seconds:.1f} s")
        if how == "freeze":
            pids = postgres_pids(self._env.postgres) if server is self._env.postgres else [server.pid]
            _signal_all(pids, signal.SIGSTOP)
            await asyncio.sleep(seconds)
            _signal_all(pids, signal.SIGCONT)
        else:
            await (server.kill() if how == "kill -9" else server.stop())
            await asyncio.sleep(seconds)
            await eventually(partial(self._starts, server), what=f"{server.name} to start again")
        self._busy.discard(server.name)
        self._log(f"{server.name} is back")

    async def _starts(self, server: EmbeddedServer) -> bool:
        """Start a server that is away. Another process that looks for a free port can hold that port for a moment."""
        try:
            await server.start()
        except EmbeddedError as error:
            self._log(f"{server.name} does not start yet: {error}")
            return False
        return True

    async def _break_calcom(self) -> None:
        """Let Cal.com fail: a few requests of one operation, or all of them for a while."""
        choose, now = self._random, self._env.calcom.clock.now()
        kind = choose.choice(list(FaultKind))
        body: dict[str, object] = {
            "fault": kind.value,
            "operation": choose.choice(_OPERATIONS),
            "count": choose.randint(1, 4),
        }
        match kind:
            case FaultKind.TIMEOUT_AFTER_COMMIT:
                body["seconds"] = choose.choice((0, 0, 2, 6))  # 0: the connection is dropped at once
            case FaultKind.SLOW:
                body["ms"] = choose.choice((300, 2000, 5500))
            case FaultKind.LAGGING_LIST:
                body |= {"operation": "list-bookings", "seconds": choose.uniform(1, 4)}
            case FaultKind.DOWN | FaultKind.RATE_LIMITED | FaultKind.NO_ROUTE if choose.random() < 0.5:
                body |= {"operation": "*", "count": 10_000}
        fault = Fault.parse(body, now)
        self._log(f"Cal.com: {body}")
        self._env.calcom.faults.active.append(fault)
        await asyncio.sleep(choose.uniform(3, 20))
        with suppress(ValueError):  # its requests are used up
            self._env.calcom.faults.active.remove(fault)
            self._log(f"Cal.com: no more {kind.value}")

    async def _disturb_webhooks(self) -> None:
        """Change how Cal.com sends: twice, late, shuffled, or before its own answer; or let it limit requests for a while."""
        name, value = self._random.choice(
            (
                ("webhook_copies", 2.0), ("webhook_batch", 3.0), ("webhook_delay_ms", -1.0), ("webhook_delay_ms", 3000.0),
                ("rate_limit", 10.0),
            )
        )  # fmt: skip
        settings = self._env.calcom.settings
        usual = 0.0 if name == "rate_limit" else self._env.calcom.defaults[name]
        settings[name] = value
        self._log(f"Cal.com: {name} {value:g}")
        await asyncio.sleep(self._random.uniform(3, 12))
        settings[name] = usual


def _signal_all(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
