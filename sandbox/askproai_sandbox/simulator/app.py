"""The application that both simulators are made of: routes, faults around each, the journal, and `/_sim/` to steer it.

A simulator is a plain object with handlers; `route` binds one under the name that faults and journal call it by.
"""

import argparse
import asyncio
import contextlib
import json
import signal
from abc import abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from datetime import timedelta
from typing import Any

import aiohttp
from aiohttp import web

from askproai_sandbox.simulator.clock import Clock
from askproai_sandbox.simulator.faults import Fault, FaultKind, Faults
from askproai_sandbox.simulator.journal import Journal

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Refusal(Exception):
    """An answer other than success; each provider has its own shape for it (`bare`: the one without its envelope)."""

    def __init__(self, status: int, message: str, *, bare: bool = False) -> None:
        super().__init__(message)
        self.status, self.message, self.bare = status, message, bare


async def body_of(request: web.Request) -> dict[str, Any]:
    """Give the JSON object of a request; an empty body is an empty object."""
    raw = await request.read()
    try:
        body = json.loads(raw) if raw else {}
    except ValueError:
        raise Refusal(400, "Unexpected token in JSON body") from None
    if not isinstance(body, dict):
        raise Refusal(400, "The body must be a JSON object")
    return body


class Simulator:
    """Base of a provider's simulator."""

    defaults: dict[str, float] = {}  # noqa: RUF012 - the settings of a simulator, copied before use

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.faults, self.journal = Faults(), Journal()
        self.settings = dict(self.defaults)
        self.app = web.Application(middlewares=[self._around], client_max_size=8 * 1024 * 1024)
        self._operations: dict[tuple[str, str], str] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._session: aiohttp.ClientSession | None = None
        self.app.cleanup_ctx.append(self._resources)
        for method, path, handler in (
            ("POST", "/_sim/faults", self._add_faults), ("GET", "/_sim/faults", self._list_faults),
            ("DELETE", "/_sim/faults", self._clear_faults), ("GET", "/_sim/journal", self._journal),
            ("GET", "/_sim/deliveries", self._deliveries), ("GET", "/_sim/state", self._state),
            ("POST", "/_sim/settings", self._settings), ("POST", "/_sim/reset", self._reset),
        ):  # fmt: skip
            self.app.router.add_route(method, path, handler)

    @abstractmethod
    def render(self, refusal: Refusal, request: web.Request) -> web.Response:
        """Give a refusal in the provider's own shape."""

    @abstractmethod
    def dump(self) -> dict[str, Any]:
        """Give everything that is kept, readable."""

    @abstractmethod
    def clear(self) -> None:
        """Forget everything that is kept."""

    def before(self, request: web.Request) -> None:
        """Say no before anything is done (a rate limit); raises Refusal."""

    def after(self, request: web.Request, response: web.StreamResponse) -> None:
        """Add what every answer carries."""

    def route(self, method: str, path: str, operation: str, handler: Handler) -> None:
        route = self.app.router.add_route(method, path, handler)
        assert route.resource is not None
        self._operations[method, route.resource.canonical] = operation

    def operation(self, request: web.Request) -> str:
        """Give the name of what is asked for; `?` for a route that does not exist."""
        resource = request.match_info.route.resource
        return self._operations.get((request.method, resource.canonical), "?") if resource else "?"

    @property
    def session(self) -> aiohttp.ClientSession:
        assert self._session is not None, "the simulator is not being served yet"
        return self._session

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Let work go on behind an answer; it ends with the simulator at the latest."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _resources(self, _app: web.Application) -> AsyncIterator[None]:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as self._session:
            yield
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    @web.middleware
    async def _around(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith("/_sim/"):
            return await _control(request, handler)
        operation = self.operation(request)
        key = request.headers.get("Authorization", "").removeprefix("Bearer ")
        entry = self.journal.request(
            self.clock.now().isoformat(), key, request.method, request.path_qs, operation, await request.read()
        )
        try:
            response = await self._work(request, handler, operation, entry)
        except Refusal as refusal:
            response = self.render(refusal, request)
        except web.HTTPException as error:
            response = self.render(Refusal(error.status, f"Cannot {request.method} {request.path_qs}"), request)
        self.after(request, response)
        if entry["fault"] is not FaultKind.TIMEOUT_AFTER_COMMIT and request.transport is not None:
            entry["status"] = response.status
        return response

    async def _work(
        self, request: web.Request, handler: Handler, operation: str, entry: dict[str, Any]
    ) -> web.StreamResponse:
        """Let the handler work between the faults before and after its commit."""

        def struck(kind: FaultKind) -> Fault | None:
            fault = self.faults.take(operation, kind)
            if fault:
                entry["fault"] = kind
            return fault

        if slow := struck(FaultKind.SLOW):
            await self.clock.sleep(timedelta(milliseconds=slow.ms))
        if struck(FaultKind.RATE_LIMITED):
            raise Refusal(429, "Too Many Requests")
        if struck(FaultKind.ERROR_BEFORE_COMMIT):
            raise Refusal(500, "Internal server error", bare=True)
        self.before(request)
        response = await handler(request)
        if struck(FaultKind.ERROR_AFTER_COMMIT):
            raise Refusal(500, "Internal server error", bare=True)
        if silence := struck(FaultKind.TIMEOUT_AFTER_COMMIT):
            await self.clock.sleep(timedelta(seconds=silence.seconds))
            if request.transport is not None:
                request.transport.abort()
        return response

    async def _add_faults(self, request: web.Request) -> web.Response:
        body = json.loads(await request.read())
        now = self.clock.now()
        self.faults.active += [Fault.parse(item, now) for item in (body if isinstance(body, list) else [body])]
        return await self._list_faults(request)

    async def _list_faults(self, _request: web.Request) -> web.Response:
        return web.json_response({"faults": self.faults.dump()})

    async def _clear_faults(self, request: web.Request) -> web.Response:
        self.faults.clear()
        return await self._list_faults(request)

    async def _journal(self, request: web.Request) -> web.Response:
        since = int(request.query.get("since", "0"))
        return web.json_response({"entries": [e for e in self.journal.entries if e["seq"] > since]})

    async def _deliveries(self, request: web.Request) -> web.Response:
        since = int(request.query.get("since", "0"))
        return web.json_response({"deliveries": [e for e in self.journal.deliveries if e["seq"] > since]})

    async def _state(self, _request: web.Request) -> web.Response:
        return web.json_response(self.dump())

    async def _settings(self, request: web.Request) -> web.Response:
        changes = await body_of(request)
        if unknown := changes.keys() - self.defaults.keys():
            raise ValueError(f"unknown settings {', '.join(sorted(unknown))}; there are {', '.join(self.defaults)}")
        self.settings |= changes
        return web.json_response(self.settings)

    async def _reset(self, _request: web.Request) -> web.Response:
        self.faults.clear()
        self.journal.clear()
        self.settings = dict(self.defaults)
        self.clear()
        return web.json_response({})


async def _control(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except (ValueError, KeyError, TypeError, Refusal) as error:
        return web.json_response({"error": f"{type(error).__name__}: {error}"}, status=400)


@contextlib.asynccontextmanager
async def serve(simulator: Simulator, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """Serve a simulator and give its base URL; port 0 takes a free one."""
    runner = web.AppRunner(simulator.app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        yield f"http://{host}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def main(name: str, make: Callable[[], Simulator]) -> None:
    """Run one simulator as a program until SIGTERM or Ctrl-C; says on standard output where it listens."""
    parser = argparse.ArgumentParser(description=f"Simulator of {name}, for the demo and the tests; loopback only.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    arguments = parser.parse_args()

    async def run() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        async with serve(make(), arguments.host, arguments.port) as url:
            print(f"{name} simulator on {url}", flush=True)
            await stop.wait()

    asyncio.run(run())
