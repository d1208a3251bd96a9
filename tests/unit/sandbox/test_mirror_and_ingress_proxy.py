"""The mirror of a collection, and the ingress proxy, which routes by several of them."""

import asyncio
import copy
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from askproai_sandbox.cluster import ApiError, KubeClient, Mirror, Object, free_port
from askproai_sandbox.ingress_proxy import Backends, IngressProxy, Routes
from tests.worlds.waiting import SOON

pytestmark = pytest.mark.nightly

SERVICE: Object = {
    "metadata": {"namespace": "n", "name": "salon-web"},
    "spec": {"selector": {"app": "salon"}, "ports": [{"port": 8081}, {"port": 8080, "targetPort": "http"}]},
}
POD: Object = {
    "metadata": {"namespace": "n", "name": "one", "labels": {"app": "salon", "more": "x"}},
    "spec": {"containers": [{"name": "web", "ports": [{"name": "http", "containerPort": 8085}]}]},
    "status": {"podIP": "127.70.0.1", "conditions": [{"type": "Ready", "status": "True"}]},
}


class Script:
    """An API server with scripted lists and watch events."""

    def __init__(self) -> None:
        self.lists = [("1", ["a", "b"]), ("9", ["b", "c"])]
        self.done = asyncio.Event()

    async def get(self, _path: str) -> Object:
        version, names = self.lists.pop(0)
        items = [{"metadata": {"name": name, "resourceVersion": "1"}} for name in names]
        return {"items": items, "metadata": {"resourceVersion": version}}

    async def watch(self, _path: str, seen: Callable[[str, Object], None], resourceVersion: str) -> None:  # noqa: N803
        if resourceVersion == "1":
            seen("MODIFIED", {"metadata": {"name": "b", "resourceVersion": "2"}})
            seen("BOOKMARK", {"metadata": {"resourceVersion": "5"}})
        elif resourceVersion == "5":
            raise ApiError(410, "Expired", "too old resource version")
        else:
            self.done.set()
            await asyncio.sleep(3600)


async def test_a_deletion_missed_across_a_410_is_found_by_the_next_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("askproai_sandbox.cluster.client.RETRY_SECONDS", 0)
    changes: list[tuple[bool, bool]] = []
    names: list[str] = []

    def changed(old: Object | None, new: Object | None) -> None:
        names.append((new or old or {})["metadata"]["name"])
        changes.append((old is not None, new is not None))

    script = Script()
    mirror = Mirror(cast("KubeClient", script), "/api/v1/pods", changed)
    task = asyncio.create_task(mirror.run())
    await asyncio.wait_for(script.done.wait(), SOON)
    task.cancel()
    assert sorted(mirror.objects) == ["/b", "/c"]
    # a and b appear, b changes; the next list has no a, b at version 1 again, and c
    assert names == ["a", "b", "b", "a", "b", "c"]
    assert changes[3] == (True, False)


def backends(*pods: Object) -> Backends:
    services = cast("Mirror", SimpleNamespace(objects={"n/salon-web": SERVICE}))
    objects = {f"n/{number}": pod for number, pod in enumerate(pods)}
    return Backends(services, cast("Mirror", SimpleNamespace(objects=objects)))


def routes(ingresses: tuple[Object, ...] = (), http_routes: tuple[Object, ...] = ()) -> Routes:
    mirrors = [SimpleNamespace(objects=dict(enumerate(objects))) for objects in (ingresses, http_routes)]
    return Routes(*(cast("Mirror", mirror) for mirror in mirrors))


def changed_pod(address: str, **metadata: Any) -> Object:
    pod = copy.deepcopy(POD)
    pod["status"]["podIP"] = address
    pod["metadata"] |= metadata
    return pod


def test_ready_pods_take_turns() -> None:
    both = backends(changed_pod("127.70.0.1"), changed_pod("127.70.0.2"))
    turns = [both.targets("n", "salon-web") for _ in range(3)]
    assert turns == [
        ["127.70.0.1:8085", "127.70.0.2:8085"],
        ["127.70.0.2:8085", "127.70.0.1:8085"],
        ["127.70.0.1:8085", "127.70.0.2:8085"],
    ]


@pytest.mark.parametrize(
    "pod",
    [
        changed_pod("127.70.0.1", deletionTimestamp="2026-11-20T09:00:00Z"),
        changed_pod("127.70.0.1", labels={"app": "other"}),
        changed_pod("127.70.0.1", namespace="m"),
        POD | {"status": {"podIP": "127.70.0.1", "conditions": [{"type": "Ready", "status": "False"}]}},
        POD | {"status": {}},
    ],
)
def test_pods_that_end_or_are_not_ready_or_not_selected_get_no_request(pod: Object) -> None:
    assert backends(pod).targets("n", "salon-web") == []
    assert backends(pod).targets("n", "nobody-web") is None


async def test_a_refused_connection_is_tried_once_at_another_pod_with_the_whole_body() -> None:
    async def tenant(request: web.Request) -> web.Response:
        return web.json_response({"got": len(await request.read()), "host": request.host}, headers={"X-From": "pod"})

    app = web.Application()
    app.router.add_post("/n/salon/webhooks/retell", tenant)
    async with TestServer(app) as alive, aiohttp.ClientSession() as session:
        targets = [f"127.0.0.1:{free_port()}", f"127.0.0.1:{alive.port}"]
        fixed_backends = cast("Backends", SimpleNamespace(targets=lambda _namespace, _tenant: targets))
        async with TestServer(IngressProxy(routes(), fixed_backends, session).application()) as proxy:
            url = proxy.make_url("/n/salon/webhooks/retell")
            async with session.post(url, data=b"x" * 300_000, headers={"Host": "voice.example"}) as answer:
                assert answer.headers["X-From"] == "pod"
                assert await answer.json() == {"got": 300_000, "host": "voice.example"}

            async def endless() -> Any:
                for _ in range(20):
                    yield b"x" * (1 << 20)

            async with session.post(url, data=endless()) as answer:
                assert answer.status == 413
            targets[1] = targets[0]
            async with session.post(url, data=b"x") as answer:
                assert (answer.status, answer.headers["Retry-After"]) == (503, "1")


async def test_a_pod_that_dies_in_its_answer_gives_a_plain_502() -> None:
    """Not half an answer with status 200, which a sender would take for an acknowledgement."""

    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"status":')
        await writer.drain()
        await asyncio.sleep(0.1)
        writer.close()

    pod = await asyncio.start_server(half, "127.0.0.1", 0)
    address = f"127.0.0.1:{pod.sockets[0].getsockname()[1]}"
    fixed_backends = cast("Backends", SimpleNamespace(targets=lambda _namespace, _tenant: [address]))
    async with pod, aiohttp.ClientSession() as session:
        async with TestServer(IngressProxy(routes(), fixed_backends, session).application()) as proxy:
            async with session.post(proxy.make_url("/n/salon/webhooks/retell"), data=b"{}") as answer:
                assert (answer.status, answer.content_type) == (502, "application/problem+json")
                assert (await answer.json())["status"] == 502


def ingress_path(path: str, service: str) -> Object:
    return {"path": path, "pathType": "Prefix", "backend": {"service": {"name": service, "port": {"number": 8080}}}}


INGRESS: Object = {
    "metadata": {"namespace": "n", "name": "salon"},
    "spec": {
        "rules": [
            {
                "host": "s.example",
                "http": {"paths": [ingress_path("/voice/retell", "salon-web"), ingress_path("/voice", "page")]},
            }
        ]
    },
}
ROUTE: Object = {
    "metadata": {"namespace": "m", "name": "praxis"},
    "spec": {
        "hostnames": ["p.example"],
        "rules": [
            {"matches": [{"path": {"value": "/webhooks"}}], "backendRefs": [{"name": "praxis-web", "port": 8080}]},
        ],
    },
}


@pytest.mark.parametrize(
    ("host", "path", "service"),
    [
        ("s.example", "/voice/retell/inbound", ("n", "salon-web")),
        ("s.example", "/voice/other", ("n", "page")),
        ("s.example", "/voiceless", None),
        ("s.example", "/webhooks/retell", None),
        ("p.example", "/webhooks", ("m", "praxis-web")),
        ("p.example", "/webhooks/retell", ("m", "praxis-web")),
        ("p.example", "/retell/inbound", None),
        ("shared.example", "/n/salon/webhooks/retell", ("n", "salon-web")),
        ("shared.example", "/n/salon/dashboard", None),
    ],
)
def test_host_and_path_select_the_service_of_an_ingress_or_a_route_or_else_of_the_shared_path(
    host, path, service
) -> None:
    assert routes((INGRESS,), (ROUTE,)).service(host, path) == service


async def test_a_resource_that_the_cluster_does_not_know_is_empty_until_it_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("askproai_sandbox.cluster.client.ABSENT_SECONDS", 0)
    monkeypatch.setattr("askproai_sandbox.cluster.client.RETRY_SECONDS", 0)
    script = Script()
    lists, known = script.lists, asyncio.Event()
    script.lists = []

    async def get(_path: str) -> Object:
        await asyncio.sleep(0)
        if not known.is_set():
            raise ApiError(404, "NotFound", "the server could not find the requested resource")
        version, names = lists.pop(0)
        return {
            "items": [{"metadata": {"name": name, "resourceVersion": "1"}} for name in names],
            "metadata": {"resourceVersion": version},
        }

    monkeypatch.setattr(script, "get", get)
    mirror = Mirror(cast("KubeClient", script), "/apis/example.com/v1/things")
    task = asyncio.create_task(mirror.run())
    await asyncio.wait_for(mirror.synced.wait(), SOON)
    assert mirror.objects == {}
    known.set()
    await asyncio.wait_for(script.done.wait(), SOON)
    task.cancel()
    assert sorted(mirror.objects) == ["/b", "/c"]
