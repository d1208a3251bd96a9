"""The local entrance: what a cluster's Ingress controller, Gateway and shared host are, as one process on loopback.

`python -m askproai_sandbox.ingress_proxy --kubeconfig FILE --port PORT`

A request whose Host and path an Ingress or HTTPRoute names goes to port 8080 of the Service that it names; on any other host
`/<namespace>/<tenant>/{webhooks,retell}/…` goes to Service `<tenant>-web` in that namespace. Nothing is rewritten. One of the
ready pods gets it, in turn, found by the Service's selector, because EndpointSlices refuse our pods' loopback addresses.
Everything else is 404; no ready pod is 503. A refused connection is tried once more at another pod: nothing was sent.
Requests and answers pass whole, so that a pod that dies in the middle of its answer gives a plain 502.
"""

import argparse
import asyncio
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from urllib.parse import unquote

import aiohttp
import structlog
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from askproai_sandbox.cluster import KubeClient, Mirror, Object, stop_signal

log = structlog.get_logger(__name__)

BODY_LIMIT = 9 << 20  # a little above the runtime's own 8 MiB, so that its answer is the one seen
SHARED = re.compile(r"/([a-z0-9-]+)/([a-z0-9-]+)/(?:webhooks|retell)(?:/.*)?")
FOLLOWED = (
    "/api/v1/services",
    "/api/v1/pods",
    "/apis/networking.k8s.io/v1/ingresses",
    "/apis/gateway.networking.k8s.io/v1/httproutes",
)
HOP_BY_HOP = frozenset(
    {"connection", "content-length", "expect", "keep-alive", "proxy-authenticate", "proxy-authorization"}
    | {"te", "trailer", "transfer-encoding", "upgrade", "x-forwarded-for"}
)
PATIENCE = aiohttp.ClientTimeout(total=60, sock_connect=2)


@dataclass(slots=True)
class Backends:
    """Follows Services to ready pods."""

    services: Mirror
    pods: Mirror
    _turn: dict[str, int] = field(default_factory=dict, init=False)

    def of(self, namespace: str, name: str) -> list[str] | None:
        """Give `address:port` of a Service's ready pods, the next one in turn first; None if there is no such Service."""
        key = f"{namespace}/{name}"
        service = self.services.objects.get(key)
        if service is None:
            return None
        found = sorted(filter(None, (_target(service, pod) for pod in self.pods.objects.values())))
        turn = self._turn[key] = self._turn.get(key, -1) + 1
        return [found[(turn + position) % len(found)] for position in range(len(found))]


@dataclass(frozen=True, slots=True)
class Routes:
    """Finds the Service behind host and path."""

    ingresses: Mirror
    http_routes: Mirror

    def service(self, host: str, path: str) -> tuple[str, str] | None:
        """Give namespace and name of the Service; the longest path that fits wins, as in a cluster."""
        named = [*_by_ingress(self.ingresses.objects.values()), *_by_route(self.http_routes.objects.values())]
        fits = [(way, to) for at, way, *to in named if at == host and (path == way or path.startswith(f"{way}/"))]
        if fits:
            _, (namespace, name) = max(fits, key=lambda one: len(one[0]))
            return namespace, name
        shared = SHARED.fullmatch(path)
        return (shared[1], f"{shared[2]}-web") if shared else None


def _by_ingress(ingresses: Iterable[Object]) -> Iterator[tuple[str, str, str, str]]:
    """Give host, path, namespace and Service of each way."""
    for ingress in ingresses:
        for rule in ingress["spec"].get("rules") or []:
            for way in rule["http"]["paths"]:
                yield (
                    rule.get("host", ""),
                    way["path"],
                    ingress["metadata"]["namespace"],
                    way["backend"]["service"]["name"],
                )


def _by_route(routes: Iterable[Object]) -> Iterator[tuple[str, str, str, str]]:
    for route in routes:
        for host, rule in itertools.product(route["spec"].get("hostnames") or [], route["spec"]["rules"]):
            for match in rule["matches"]:
                yield host, match["path"]["value"], route["metadata"]["namespace"], rule["backendRefs"][0]["name"]


def _target(service: Object, pod: Object) -> str | None:
    """Give where this pod serves the Service's port 8080; None if it does not, is not ready, or is about to end."""
    metadata, status, spec = pod["metadata"], pod.get("status", {}), service["spec"]
    selector = spec.get("selector") or {}
    if metadata["namespace"] != service["metadata"]["namespace"] or metadata.get("deletionTimestamp") or not selector:
        return None
    if not selector.items() <= (metadata.get("labels") or {}).items():
        return None
    if not any(one["type"] == "Ready" and one["status"] == "True" for one in status.get("conditions") or []):
        return None
    port = next((port.get("targetPort", 8080) for port in spec["ports"] if port["port"] == 8080), None)
    if isinstance(port, str):
        declared = [one for container in pod["spec"]["containers"] for one in container.get("ports") or []]
        port = next((one["containerPort"] for one in declared if one.get("name") == port), None)
    return f"{status['podIP']}:{port}" if port and status.get("podIP") else None


@dataclass(frozen=True, slots=True)
class IngressProxy:
    """The proxy: one request in, one request out."""

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
        targets = self.backends.of(*service) if service else None
        if targets is None or {".", ".."} & set(unquote(path).split("/")):  # no way around the list of public paths
            return _problem(404, "there is no /<namespace>/<tenant>/webhooks or …/retell by that name, nor a route")
        try:
            return await self._forward(request, await request.read(), targets)
        except web.HTTPRequestEntityTooLarge:
            return _problem(413, f"more than {BODY_LIMIT} bytes")
        except TimeoutError:
            return _problem(504, "the tenant's pod did not answer in time")
        except aiohttp.ClientError as error:
            log.warning("entrance.failed", path=path, error=type(error).__name__)
            return _problem(502, "the tenant's pod broke the connection")

    async def _forward(self, request: web.Request, body: bytes, targets: Sequence[str]) -> web.Response:
        callers = [*request.headers.getall("X-Forwarded-For", []), request.remote or "unknown"]
        headers = [(name, value) for name, value in request.headers.items() if name.lower() not in HOP_BY_HOP]
        headers.append(("X-Forwarded-For", ", ".join(callers)))
        for target in [*targets, *targets][:2]:
            url = URL(f"http://{target}{request.raw_path}", encoded=True)
            try:
                async with self.session.request(
                    request.method, url, headers=headers, data=body or None, allow_redirects=False
                ) as answer:
                    kept = [(name, value) for name, value in answer.headers.items() if name.lower() not in HOP_BY_HOP]
                    return web.Response(
                        status=answer.status, reason=answer.reason, body=await answer.read(), headers=CIMultiDict(kept)
                    )
            except aiohttp.ClientConnectorError:
                log.info("entrance.refused", target=target)
        return _problem(503, "no pod of this tenant is ready")


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
        # one connection per request: one kept open could end while a request that may not be repeated is on its way
        aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(force_close=True, limit=0), timeout=PATIENCE, auto_decompress=False
        ) as session,
        asyncio.TaskGroup() as group,
    ):
        mirrors = services, pods, ingresses, http_routes = [Mirror(client, path) for path in FOLLOWED]
        following = [group.create_task(mirror.run()) for mirror in mirrors]
        for mirror in mirrors:
            await mirror.synced.wait()
        app = IngressProxy(Routes(ingresses, http_routes), Backends(services, pods), session).application()
        server = web.AppRunner(app, access_log=None, shutdown_timeout=3, auto_decompress=False)
        await server.setup()
        await web.TCPSite(server, "127.0.0.1", port).start()
        log.info("entrance.ready", port=port)
        await stop.wait()
        await server.cleanup()
        for task in following:
            task.cancel()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Lead /<namespace>/<tenant>/… to the tenant's ready pods.")
    parser.add_argument("--kubeconfig", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    arguments = parser.parse_args()
    asyncio.run(serve(arguments.kubeconfig, arguments.port))
