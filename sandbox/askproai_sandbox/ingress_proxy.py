"""The local ingress proxy: replaces a cluster's Ingress controller, Gateway and shared host, as one process on loopback.

`python -m askproai_sandbox.ingress_proxy --kubeconfig FILE --port PORT`

- Routing: a request whose Host and path an Ingress or HTTPRoute declares goes to port 8080 of the Service in that rule. On any
  other host, `/<namespace>/<tenant>/{webhooks,retell}/…` goes to the Service `<tenant>-web` of that namespace. The path is not
  rewritten. Everything else is 404.
- Balancing: the Service's ready pods take turns. They are found by the Service's selector, because EndpointSlices refuse the
  loopback addresses of the local pods. Without a ready pod the answer is 503. A refused connection is tried once more, at
  the next pod: nothing was sent yet.
- Buffering: requests and answers are passed on whole, so a pod that dies in the middle of its answer causes a plain 502.
"""

import argparse
import asyncio
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

import aiohttp
import structlog
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from askproai_sandbox.cluster import KubeClient, Mirror, Object, stop_signal

log = structlog.get_logger(__name__)

BODY_LIMIT = 9 << 20  # a little above the runtime's own 8 MiB, so that clients see the runtime's answer
SHARED_PATH = re.compile(r"/([a-z0-9-]+)/([a-z0-9-]+)/(?:webhooks|retell)(?:/.*)?")
WATCHED = (
    "/api/v1/services",
    "/api/v1/pods",
    "/apis/networking.k8s.io/v1/ingresses",
    "/apis/gateway.networking.k8s.io/v1/httproutes",
)
HOP_BY_HOP = frozenset(
    {"connection", "content-length", "expect", "keep-alive", "proxy-authenticate", "proxy-authorization"}
    | {"te", "trailer", "transfer-encoding", "upgrade", "x-forwarded-for"}
)
TIMEOUT = aiohttp.ClientTimeout(total=60, sock_connect=2)


@dataclass(slots=True)
class Backends:
    """Finds the ready pods of a Service."""

    services: Mirror
    pods: Mirror
    _turn: dict[str, int] = field(default_factory=dict, init=False)

    def targets(self, namespace: str, name: str) -> list[str] | None:
        """Return `address:port` of a Service's ready pods, rotated at each call; None if there is no such Service."""
        key = f"{namespace}/{name}"
        service = self.services.objects.get(key)
        if service is None:
            return None
        targets = sorted(filter(None, (_target(service, pod) for pod in self.pods.objects.values())))
        turn = self._turn[key] = self._turn.get(key, -1) + 1
        return [targets[(turn + position) % len(targets)] for position in range(len(targets))]


@dataclass(frozen=True, slots=True)
class Routes:
    """Finds the Service behind a host and path."""

    ingresses: Mirror
    http_routes: Mirror

    def service(self, host: str, path: str) -> tuple[str, str] | None:
        """Return namespace and name of the Service, None if no rule matches. The longest matching prefix wins, as in a cluster."""
        rules = [*_ingress_rules(self.ingresses.objects.values()), *_route_rules(self.http_routes.objects.values())]
        matches = [
            rule for rule in rules if rule.host == host and (path == rule.path or path.startswith(f"{rule.path}/"))
        ]
        if matches:
            rule = max(matches, key=lambda rule: len(rule.path))
            return rule.namespace, rule.service
        shared = SHARED_PATH.fullmatch(path)
        return (shared[1], f"{shared[2]}-web") if shared else None


class _Rule(NamedTuple):
    host: str
    path: str
    namespace: str
    service: str


def _ingress_rules(ingresses: Iterable[Object]) -> Iterator[_Rule]:
    for ingress in ingresses:
        for rule in ingress["spec"].get("rules") or []:
            for path in rule["http"]["paths"]:
                service = path["backend"]["service"]["name"]
                yield _Rule(rule.get("host", ""), path["path"], ingress["metadata"]["namespace"], service)


def _route_rules(routes: Iterable[Object]) -> Iterator[_Rule]:
    for route in routes:
        for host, rule in itertools.product(route["spec"].get("hostnames") or [], route["spec"]["rules"]):
            for match in rule["matches"]:
                service = rule["backendRefs"][0]["name"]
                yield _Rule(host, match["path"]["value"], route["metadata"]["namespace"], service)


def _target(service: Object, pod: Object) -> str | None:
    """Return a pod's `address:port` for a Service's port 8080; None if it is another Service's, not ready, or ending."""
    metadata, status, spec = pod["metadata"], pod.get("status", {}), service["spec"]
    selector = spec.get("selector") or {}
    if metadata["namespace"] != service["metadata"]["namespace"] or metadata.get("deletionTimestamp") or not selector:
        return None
    if not selector.items() <= (metadata.get("labels") or {}).items():
        return None
    if not any(
        condition["type"] == "Ready" and condition["status"] == "True" for condition in status.get("conditions") or []
    ):
        return None
    port = next((port.get("targetPort", 8080) for port in spec["ports"] if port["port"] == 8080), None)
    if isinstance(port, str):
        declared = [entry for container in pod["spec"]["containers"] for entry in container.get("ports") or []]
        port = next((entry["containerPort"] for entry in declared if entry.get("name") == port), None)
    return f"{status['podIP']}:{port}" if port and status.get("podIP") else None


@dataclass(frozen=True, slots=True)
class IngressProxy:
    """Passes each request on to one pod."""

    routes: Routes
    backends: Backends
    session: aiohttp.ClientSession

    def application(self) -> web.Application:
        app = web.Application(client_max_size=BODY_LIMIT)
        app.router.add_route("*", "/{path:.*}", self.handle)
        return app

    async def handle(self, request: web.Request) -> web.Response:
        path = request.raw_path.partition("?")[0]
        service = self.routes.service(request.host.partition(":")[0], path)
        targets = self.backends.targets(*service) if service else None
        if targets is None or {".", ".."} & set(unquote(path).split("/")):  # dots could lead out of the public paths
            return _problem(404, "there is no /<namespace>/<tenant>/webhooks or …/retell by that name, nor a route")
        try:
            return await self._forward(request, targets)
        except web.HTTPRequestEntityTooLarge:
            return _problem(413, f"more than {BODY_LIMIT} bytes")
        except TimeoutError:
            return _problem(504, "the tenant's pod did not answer in time")
        except aiohttp.ClientError as error:
            log.warning("entrance.failed", path=path, error=type(error).__name__)
            return _problem(502, "the tenant's pod broke the connection")

    async def _forward(self, request: web.Request, targets: Sequence[str]) -> web.Response:
        clients = [*request.headers.getall("X-Forwarded-For", []), request.remote or "unknown"]
        forwarded_for = ("X-Forwarded-For", ", ".join(clients))
        for target in [*targets, *targets][:2]:
            try:
                return await pass_on(self.session, request, target, forwarded_for)
            except aiohttp.ClientConnectorError:
                log.info("entrance.refused", target=target)
        return _problem(503, "no pod of this tenant is ready")


async def pass_on(
    session: aiohttp.ClientSession, request: web.Request, target: str, *further: tuple[str, str]
) -> web.Response:
    """Send a request on to `target`, a host with its port, with `further` headers, and return the answer.

    Raises ClientError and TimeoutError if no whole answer comes.
    """
    async with session.request(
        request.method,
        URL(f"http://{target}{request.raw_path}", encoded=True),
        headers=[*_end_to_end(request.headers), *further],
        data=await request.read() or None,
        allow_redirects=False,
    ) as answer:
        return web.Response(
            status=answer.status,
            reason=answer.reason,
            body=await answer.read(),
            headers=CIMultiDict(_end_to_end(answer.headers)),
        )


def _end_to_end(headers: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the headers that a proxy must pass on, without those of a single connection."""
    return [(name, value) for name, value in headers.items() if name.lower() not in HOP_BY_HOP]


def _problem(status: int, detail: str) -> web.Response:
    return web.json_response(
        {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail},
        status=status,
        content_type="application/problem+json",
        headers={"Retry-After": "1"} if status == 503 else None,
    )


async def serve(kubeconfig: Path, port: int) -> None:
    """Serve on 127.0.0.1 until SIGTERM."""
    stop = stop_signal()
    async with (
        KubeClient(kubeconfig) as client,
        # One connection per request: a kept-alive one could break under a request that may not be repeated.
        aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(force_close=True, limit=0), timeout=TIMEOUT, auto_decompress=False
        ) as session,
        asyncio.TaskGroup() as group,
    ):
        mirrors = services, pods, ingresses, http_routes = [Mirror(client, path) for path in WATCHED]
        tasks = [group.create_task(mirror.run()) for mirror in mirrors]
        for mirror in mirrors:
            await mirror.synced.wait()
        app = IngressProxy(Routes(ingresses, http_routes), Backends(services, pods), session).application()
        server = web.AppRunner(app, access_log=None, shutdown_timeout=3, auto_decompress=False)
        await server.setup()
        await web.TCPSite(server, "127.0.0.1", port).start()
        log.info("entrance.ready", port=port)
        await stop.wait()
        await server.cleanup()
        for task in tasks:
            task.cancel()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Pass requests for tenants on to their ready pods.")
    parser.add_argument("--kubeconfig", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    arguments = parser.parse_args()
    asyncio.run(serve(arguments.kubeconfig, arguments.port))
