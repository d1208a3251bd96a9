"""The application that both simulators are made of: routes, faults around each, the journal, and `/_sim/` to steer it.

A simulator is a plain object with handlers; `route` binds one under the name that faults and journal call it by.
"""

import argparse
import asyncio
import contextlib
import json
import signal
import sys
from abc import abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import aiohttp
import msgspec
from aiohttp import web

from askproai_sandbox.simulator.clock import Clock, SystemClock
from askproai_sandbox.simulator.faults import Fault, FaultKind, Faults
from askproai_sandbox.simulator.journal import Journal

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Control = Callable[[dict[str, Any]], Awaitable[web.Response]]


class Refusal(Exception):
    """An answer other than success; each provider has its own shape for it (`bare`: the one without its envelope)."""

    def __init__(self, status: int, message: str, *, bare: bool = False) -> None:
        super().__init__(message)
        self.status, self.message, self.bare = status, message, bare


async def json_body(request: web.Request) -> dict[str, Any]:
    """Give the JSON object of a request; an empty body is an empty object."""
    raw = await request.read()
    try:
        body = json.loads(raw) if raw else {}
    except ValueError:
        raise Refusal(400, "Unexpected token in JSON body") from None
    if not isinstance(body, dict):
        raise Refusal(400, "The body must be a JSON object")
    return body


_NOTHING_DONE: Mapping[FaultKind, Callable[[], Exception]] = {
    FaultKind.DOWN: lambda: Refusal(503, "Service Unavailable", bare=True),
    FaultKind.NO_ROUTE: web.HTTPNotFound,
    FaultKind.RATE_LIMITED: lambda: Refusal(429, "Too Many Requests"),
    FaultKind.ERROR_BEFORE_COMMIT: lambda: Refusal(500, "Internal server error", bare=True),
}


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer; `status` None: none came, and `text` says why."""

    status: int | None
    text: str
    duration_ms: float
    attempts: int = 1

    @property
    def good(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def json(self) -> Any:
        try:
            return json.loads(self.text)
        except ValueError:
            return self.text or None


def encode_json(body: Mapping[str, Any]) -> bytes:
    """Give compact UTF-8 with raw umlauts: who signs a re-serialised body fails, as at both providers."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


class Simulator:
    """Base of a provider's simulator."""

    defaults: Mapping[str, float] = {}  # its settings

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.faults, self.journal = Faults(), Journal(clock)
        self.settings = dict(self.defaults)
        self.controls: dict[str, Control] = {}  # what else can be POSTed to `/_sim/`
        self.app = web.Application(middlewares=[self._around], client_max_size=8 * 1024 * 1024)
        self.app.cleanup_ctx.append(self._resources)
        self._operations: dict[Any, str] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._session: aiohttp.ClientSession | None = None

    @abstractmethod
    def render(self, refusal: Refusal, request: web.Request) -> web.Response:
        """Give a refusal in the provider's own shape."""

    @abstractmethod
    def dump(self) -> dict[str, Any]:
        """Give everything that is kept, readable and without secrets."""

    def route(self, method: str, path: str, operation: str, handler: Handler) -> None:
        self.app.router.add_route(method, path, handler)
        self._operations[handler] = operation

    def key_of(self, request: web.Request) -> str:
        """Give the key that a request carries."""
        return request.headers.get("Authorization", "").removeprefix("Bearer ")

    def operation(self, request: web.Request) -> str:
        """Give the name of what is asked for; `?` for a route that does not exist."""
        return self._operations.get(request.match_info.handler, "?")

    async def send(
        self, method: str, url: str, body: bytes, headers: Mapping[str, str], timeout_ms: float = 10_000,
        query: Mapping[str, str] | None = None,
    ) -> Reply:  # fmt: skip
        """Send a request to the other side; redirects are not followed. No answer is status None, with the reason."""
        assert self._session is not None, "the simulator is not being served yet"
        began = self.clock.monotonic()
        status: int | None = None
        try:
            async with self._session.request(
                method, url, data=body or None, headers={"Content-Type": "application/json", **headers}, params=query,
                allow_redirects=False, timeout=aiohttp.ClientTimeout(total=timeout_ms / 1000),
            ) as response:  # fmt: skip
                status, text = response.status, await response.text(errors="replace")
        except (aiohttp.ClientError, TimeoutError) as error:
            text = f"{type(error).__name__}: {error}".rstrip(": ")
        return Reply(status, text, round((self.clock.monotonic() - began) * 1000, 1))

    def spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        """Let work go on behind an answer; it ends with the simulator at the latest."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _resources(self, _app: web.Application) -> AsyncIterator[None]:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as self._session:
            yield
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    @web.middleware
    async def _around(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith("/_sim/"):
            try:
                return await self._steer(request)
            except (ValueError, KeyError, TypeError, msgspec.ValidationError, Refusal) as error:
                return web.json_response({"error": f"{type(error).__name__}: {error}"}, status=400)
        raw = await request.read()
        entry = self.journal.request(
            self.key_of(request), request.method, request.path_qs, self.operation(request), raw
        )
        try:
            response = await self._work(request, handler, entry)
        except Refusal as refusal:
            response = self.render(refusal, request)
        except web.HTTPException as error:
            response = self.render(Refusal(error.status, f"Cannot {request.method} {request.path_qs}"), request)
        if entry["fault"] is not FaultKind.TIMEOUT_AFTER_COMMIT and request.transport is not None:
            entry["status"] = response.status
        return response

    async def _work(self, request: web.Request, handler: Handler, entry: dict[str, Any]) -> web.StreamResponse:
        """Let the handler work between the faults before and after its commit."""

        def struck(kind: FaultKind) -> Fault | None:
            fault = self.faults.take(entry["operation"], kind)
            if fault:
                entry["fault"] = kind
            return fault

        if slow := struck(FaultKind.SLOW):
            await self.clock.sleep(timedelta(milliseconds=slow.ms))
        for kind, refusal in _NOTHING_DONE.items():
            if struck(kind):
                raise refusal()
        response = await handler(request)
        if struck(FaultKind.ERROR_AFTER_COMMIT):
            raise Refusal(500, "Internal server error", bare=True)
        if silence := struck(FaultKind.TIMEOUT_AFTER_COMMIT):
            await self.clock.sleep(timedelta(seconds=30 if silence.seconds is None else silence.seconds))
            if request.transport is not None:
                request.transport.abort()
        return response

    async def _steer(self, request: web.Request) -> web.Response:
        """Answer what stands under `/_sim/`: faults, settings, and what happened."""
        since = int(request.query.get("since", "0"))
        match request.method, request.path.removeprefix("/_sim/"):
            case "POST", "faults":  # one, or a list
                told = json.loads(await request.read())
                self._switch_on(
                    [Fault.parse(f, self.clock.now()) for f in (told if isinstance(told, list) else [told])]
                )
                return web.json_response({})
            case "DELETE", "faults":
                self.faults.clear()
                return web.json_response({})
            case "POST", "settings":
                changes = await json_body(request)
                if unknown := changes.keys() - self.defaults.keys():
                    raise ValueError(f"unknown settings {', '.join(unknown)}; there are {', '.join(self.defaults)}")
                self.settings |= changes
                return web.json_response(self.settings)
            case "GET", "journal":
                return web.json_response({"entries": [e for e in self.journal.entries if e["seq"] > since]})
            case "GET", "deliveries":
                return web.json_response({"deliveries": [e for e in self.journal.deliveries if e["seq"] > since]})
            case "GET", "state":
                return web.json_response(self.dump())
            case "POST", name if name in self.controls:
                return await self.controls[name](await json_body(request))
        raise ValueError(f"there is no {request.method} {request.path}")

    def _switch_on(self, faults: list[Fault]) -> None:
        """Switch faults on; a misspelt operation would never strike, and its test would prove nothing."""
        known = {"*", *self._operations.values()}
        if unknown := [fault.operation for fault in faults if fault.operation not in known]:
            raise ValueError(f"there is no operation {unknown[0]}, only {', '.join(sorted(known))}")
        self.faults.active += faults


@contextlib.asynccontextmanager
async def serve(simulator: Simulator, port: int = 0, address: str = "127.0.0.1") -> AsyncIterator[str]:
    """Serve a simulator and give its base URL; port 0 takes a free one. Not on loopback only where pods must reach it."""
    runner = web.AppRunner(simulator.app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, address, port).start()
        yield f"http://{address}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def main(name: str, make: Callable[[Clock], Simulator]) -> None:
    """Run one simulator as a program until SIGTERM or Ctrl-C; says on standard output where it listens."""
    parser = argparse.ArgumentParser(description=f"Simulator of {name}, for the demo and the tests; loopback only.")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    port = parser.parse_args().port

    async def run() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        async with serve(make(SystemClock()), port) as url:
            print(f"{name} simulator on {url}", flush=True)
            await stop.wait()

    try:
        asyncio.run(run())
    except OSError as error:  # the port is taken, or may not be had
        sys.exit(f"{name} cannot listen: {error}")
