"""The application of a simulator: routes with faults around each handler, the journal, and the control paths below `/_sim/`.

A simulator is a plain object with handlers; `route` binds each to a path and to the operation name that faults and journal use.
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

from askproai_core.clock import Clock, SystemClock
from askproai_sandbox.simulator.faults import DESCRIPTIONS, Fault, FaultKind, Faults
from askproai_sandbox.simulator.journal import Journal

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Control = Callable[[dict[str, Any]], Awaitable[web.Response]]


class Refusal(Exception):
    """An error response of a provider, in the provider's own form; with `bare`, without the provider's envelope."""

    def __init__(self, status: int, message: str, *, bare: bool = False) -> None:
        super().__init__(message)
        self.status, self.message, self.bare = status, message, bare


async def json_body(request: web.Request) -> dict[str, Any]:
    """Return the JSON object of a request; an empty body is an empty object. Raises Refusal with status 400."""
    raw = await request.read()
    try:
        body = json.loads(raw) if raw else {}
    except ValueError:
        raise Refusal(400, "Unexpected token in JSON body") from None
    if not isinstance(body, dict):
        raise Refusal(400, "The body must be a JSON object")
    return body


_BEFORE_COMMIT: Mapping[FaultKind, Callable[[], Exception]] = {
    FaultKind.DOWN: lambda: Refusal(503, "Service Unavailable", bare=True),
    FaultKind.NO_ROUTE: web.HTTPNotFound,
    FaultKind.RATE_LIMITED: lambda: Refusal(429, "Too Many Requests"),
    FaultKind.ERROR_BEFORE_COMMIT: lambda: Refusal(500, "Internal server error", bare=True),
}


@dataclass(frozen=True, slots=True)
class Reply:
    """The response to a request that a simulator sent. If none came, `status` is None and `text` says why."""

    status: int | None
    text: str
    duration_ms: float
    attempts: int = 1

    @property
    def ok(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def json(self) -> Any:
        """Return the parsed body, the text if it is no JSON, or None if it is empty."""
        try:
            return json.loads(self.text)
        except ValueError:
            return self.text or None


def encode_json(body: Mapping[str, Any]) -> bytes:
    """Return compact JSON in UTF-8 with unescaped umlauts, as both providers send it: receivers must verify these exact bytes."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def unix_milliseconds(clock: Clock) -> int:
    return int(clock.now().timestamp() * 1000)


class Simulator:
    """The base of both simulators: routes with faults, the journal, and the control paths."""

    defaults: Mapping[str, float] = {}  # the settings that `POST /_sim/settings` can change, with their first values

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.faults, self.journal = Faults(), Journal(clock)
        self.settings = dict(self.defaults)
        self.controls: dict[str, Control] = {}  # more paths below `/_sim/`, by name; each takes a POST
        self.sockets: dict[str, Handler] = {}  # paths below `/_sim/` that take a WebSocket
        self.app = web.Application(middlewares=[self._middleware], client_max_size=8 * 1024 * 1024)
        self.app.cleanup_ctx.append(self._lifetime)
        self._operations: dict[Any, str] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._session: aiohttp.ClientSession | None = None

    @abstractmethod
    def render(self, refusal: Refusal, request: web.Request) -> web.Response:
        """Return the response for a refusal, in the provider's own form."""

    @abstractmethod
    def dump(self) -> dict[str, Any]:
        """Return the whole state as JSON, without secrets."""

    def route(self, method: str, path: str, operation: str, handler: Handler) -> None:
        self.app.router.add_route(method, path, handler)
        self._operations[handler] = operation

    def key_of(self, request: web.Request) -> str:
        """Return the API key of a request; an empty text without one."""
        return request.headers.get("Authorization", "").removeprefix("Bearer ")

    def operation(self, request: web.Request) -> str:
        """Return the name of a request's operation, by which faults and journal refer to it; `?` for a path without a route."""
        return self._operations.get(request.match_info.handler, "?")

    async def send(
        self, method: str, url: str, body: bytes, headers: Mapping[str, str], timeout_ms: float = 10_000,
        query: Mapping[str, str] | None = None,
    ) -> Reply:  # fmt: skip
        """Send a request to our runtime. Redirects are not followed; without an answer the reply has status None."""
        assert self._session is not None, "the simulator is not being served yet"
        started = self.clock.monotonic()
        status: int | None = None
        try:
            async with self._session.request(
                method, url, data=body or None, headers={"Content-Type": "application/json", **headers}, params=query,
                allow_redirects=False, timeout=aiohttp.ClientTimeout(total=timeout_ms / 1000),
            ) as response:  # fmt: skip
                status, text = response.status, await response.text(errors="replace")
        except (aiohttp.ClientError, TimeoutError) as error:
            text = f"{type(error).__name__}: {error}".rstrip(": ")
        return Reply(status, text, round((self.clock.monotonic() - started) * 1000, 1))

    def run_in_background(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        """Start a task that may outlast the answer to a request; it is cancelled when the simulator ends."""
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _lifetime(self, _app: web.Application) -> AsyncIterator[None]:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as self._session:
            yield
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    @web.middleware
    async def _middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith("/_sim/"):
            try:
                return await self._control(request)
            except (ValueError, Refusal) as error:
                return web.json_response({"error": str(error)}, status=400)
            except (KeyError, TypeError) as error:
                return web.json_response({"error": f"{type(error).__name__}: {error}"}, status=400)
        raw = await request.read()
        entry = self.journal.request(
            self.key_of(request), request.method, request.path_qs, self.operation(request), raw
        )
        try:
            response = await self._handle(request, handler, entry)
        except Refusal as refusal:
            response = self.render(refusal, request)
        except web.HTTPException as error:
            response = self.render(Refusal(error.status, f"Cannot {request.method} {request.path_qs}"), request)
        if entry["fault"] is not FaultKind.TIMEOUT_AFTER_COMMIT and request.transport is not None:
            entry["status"] = response.status
        return response

    async def _handle(self, request: web.Request, handler: Handler, entry: dict[str, Any]) -> web.StreamResponse:
        """Handle a request. An active fault acts before the handler changes anything, or after it."""

        def take(kind: FaultKind) -> Fault | None:
            fault = self.faults.take(entry["operation"], kind)
            if fault:
                entry["fault"] = kind
            return fault

        if slow := take(FaultKind.SLOW):
            await self.clock.sleep(timedelta(milliseconds=slow.ms))
        for kind, error in _BEFORE_COMMIT.items():
            if take(kind):
                raise error()
        response = await handler(request)
        if take(FaultKind.ERROR_AFTER_COMMIT):
            raise Refusal(500, "Internal server error", bare=True)
        if timeout := take(FaultKind.TIMEOUT_AFTER_COMMIT):
            await self.clock.sleep(timedelta(seconds=30 if timeout.seconds is None else timeout.seconds))
            if request.transport is not None:
                request.transport.abort()
        return response

    async def _control(self, request: web.Request) -> web.StreamResponse:
        """Answer a request to a control path: faults, settings, journal, deliveries, state, or one of `controls` and `sockets`."""
        since = int(request.query.get("since", "0"))
        match request.method, request.path.removeprefix("/_sim/"):
            case "POST", "faults":  # one fault, or a list of them
                body = json.loads(await request.read())
                self._activate([Fault.parse(f, self.clock.now()) for f in (body if isinstance(body, list) else [body])])
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
            case "GET", name if name in self.sockets:
                return await self.sockets[name](request)
            case "GET", name if (read := self._read(name, since)) is not None:
                return web.json_response(read)
            case "POST", name if name in self.controls:
                return await self.controls[name](await json_body(request))
        raise ValueError(f"there is no {request.method} {request.path}")

    def _read(self, name: str, since: int) -> dict[str, Any] | None:
        """Return the JSON with which a control path answers a GET; None if there is no such control path."""
        match name:
            case "faults":
                return self._list_faults()
            case "journal":
                return {"entries": [e for e in self.journal.entries if e["seq"] > since]}
            case "deliveries":
                return {"deliveries": [e for e in self.journal.deliveries if e["seq"] > since]}
            case "counts":
                return self.journal.counts
            case "state":
                return self.dump()
        return None

    def _list_faults(self) -> dict[str, Any]:
        """Return the kinds of faults, the operations that a fault can name, and the active faults."""
        return {
            "kinds": {str(kind): text for kind, text in DESCRIPTIONS.items()},
            "operations": sorted(set(self._operations.values())),
            "active": [msgspec.to_builtins(fault) for fault in self.faults.active],
        }

    def _activate(self, faults: list[Fault]) -> None:
        """Activate faults. Raises ValueError for an unknown operation: such a fault would never act, so a test proves nothing."""
        known = {"*", *self._operations.values()}
        if unknown := [fault.operation for fault in faults if fault.operation not in known]:
            raise ValueError(f"there is no operation {unknown[0]}, only {', '.join(sorted(known))}")
        self.faults.active += faults


@contextlib.asynccontextmanager
async def serve(simulator: Simulator, port: int = 0, address: str = "127.0.0.1") -> AsyncIterator[str]:
    """Serve a simulator and yield its base URL. Port 0 takes a free port; pods of a real node need a non-loopback address."""
    runner = web.AppRunner(simulator.app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, address, port).start()
        yield f"http://{address}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def main(name: str, simulator: Callable[[Clock], Simulator]) -> None:
    """Run one simulator as a process until SIGTERM or Ctrl-C, and print the URL at which it listens."""
    parser = argparse.ArgumentParser(description=f"Simulator of {name}, for the demo and the tests; loopback only.")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    port = parser.parse_args().port

    async def run() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        async with serve(simulator(SystemClock()), port) as url:
            print(f"{name} simulator on {url}", flush=True)
            await stop.wait()

    try:
        asyncio.run(run())
    except OSError as error:  # the port is taken, or needs more rights
        sys.exit(f"{name} cannot listen: {error}")
