"""The local cluster as a whole: control plane, pod runner and ingress proxy as processes, and a pod that reports what it sees."""

import asyncio
import json
import os
import signal
import socket
import sys
import textwrap
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from yarl import URL

from askproai_sandbox.cluster import ControlPlane, KubeClient, Object, ProcessError, eventually, reap_leftovers, spawn
from askproai_sandbox.cluster.processes import ProcessIdentity

pytestmark = pytest.mark.usefixtures("pod_runner")
SOON = timedelta(seconds=20)

SERVER = textwrap.dedent("""
    import http.server, json, os, pathlib
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            if self.path == "/sick":
                pathlib.Path(os.environ["SCRATCH"]).joinpath("sick").touch()
            sick = pathlib.Path(os.environ["SCRATCH"]).joinpath("sick").exists()
            size = int(self.headers.get("Content-Length", 0))
            answer = {
                "config": pathlib.Path(os.environ["CONFIG_FILE"]).read_text(),
                "secret": pathlib.Path(os.environ["CREDENTIALS_DIR"], "api-key").read_text(),
                "env": dict(os.environ), "pid": os.getpid(), "path": self.path,
                "forwarded": self.headers.get("X-Forwarded-For"), "body": len(self.rfile.read(size)),
            }
            body = json.dumps(answer).encode()
            self.send_response(500 if sick and self.path == "/healthz" else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        do_POST = do_GET
        def log_message(self, *_): pass
    http.server.ThreadingHTTPServer((os.environ["ASKPROAI_BIND_ADDRESS"], 8080), Handler).serve_forever()
""")


def salon_deployment(**container: Any) -> Object:
    """Return a Deployment like a tenant's: bound to all addresses, with mounted config and credentials, and probes."""
    probe = {"httpGet": {"path": "/healthz", "port": "http"}, "periodSeconds": 1, "failureThreshold": 2}
    env: list[Object] = [
        {"name": "ASKPROAI_BIND_ADDRESS", "value": "0.0.0.0"},
        {"name": "CONFIG_FILE", "value": "/etc/askproai/config/tenant.json"},
        {"name": "CREDENTIALS_DIR", "value": "/etc/askproai/credentials"},
        {"name": "SCRATCH", "value": "/scratch"},
        {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "POD_ADDRESS", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
    ]
    web = {
        "name": "web",
        "image": "askproai:dev",
        "command": ["python"],
        "args": ["-c", SERVER],
        "env": env,
        "ports": [{"name": "http", "containerPort": 8080}],
        "volumeMounts": [
            {"name": "config", "mountPath": "/etc/askproai/config"},
            {"name": "credentials", "mountPath": "/etc/askproai/credentials"},
            {"name": "scratch", "mountPath": "/scratch"},
        ],
        "readinessProbe": probe,
    } | container
    credentials = [
        {"secret": {"name": "providers", "items": [{"key": "retell-api-key", "path": "api-key"}]}},
        {"secret": {"name": "runtime", "items": [{"key": "key", "path": "key"}]}},
        {"secret": {"name": "nobody", "optional": True}},
    ]
    volumes = [
        {"name": "config", "configMap": {"name": "salon-config"}},
        {"name": "credentials", "projected": {"sources": credentials}},
        {"name": "scratch", "emptyDir": {}},
    ]
    labels = {"app": "salon"}
    worker = {"name": "worker", "image": "askproai:dev", "command": ["sleep", "1000"]}
    pod = {"containers": [web, worker], "volumes": volumes, "automountServiceAccountToken": False}
    return {
        "kind": "Deployment",
        "metadata": {"name": "salon-web"},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod | {"terminationGracePeriodSeconds": 1}},
        },
    }


class Salon:
    """One deployed salon: its objects in the cluster, its processes, and its URL at the ingress proxy."""

    def __init__(self, client: KubeClient, namespace: str, folder: Path, ingress_url: str) -> None:
        self.client, self.namespace, self.folder = client, namespace, folder
        self.base = f"/api/v1/namespaces/{namespace}"
        self.url = f"{ingress_url}/{namespace}/salon"

    async def deploy(self, deployment: Object) -> None:
        config_map = {"kind": "ConfigMap", "metadata": {"name": "salon-config"}, "data": {"tenant.json": "first"}}
        await self.client.create(f"{self.base}/configmaps", config_map)
        secret: Object = {"kind": "Secret", "metadata": {"name": "providers"}, "stringData": {"retell-api-key": "k1"}}
        await self.client.create(f"{self.base}/secrets", secret)
        secret = {"kind": "Secret", "metadata": {"name": "runtime"}, "stringData": {"key": "k2"}}
        await self.client.create(f"{self.base}/secrets", secret)
        ports = [{"port": 8080, "targetPort": "http"}]
        service = {
            "kind": "Service",
            "metadata": {"name": "salon-web"},
            "spec": {"selector": {"app": "salon"}, "ports": ports},
        }
        await self.client.create(f"{self.base}/services", service)
        await self.client.create(f"/apis/apps/v1/namespaces/{self.namespace}/deployments", deployment)

    async def pods(self) -> list[Object]:
        return list((await self.client.get(f"{self.base}/pods"))["items"])

    async def pod(self, check: Callable[[Object], bool], what: str) -> Object:
        """Wait until a pod passes the check, and return it."""

        async def found() -> Object | None:
            return next((pod for pod in await self.pods() if check(pod)), None)

        pod: Object = await eventually(found, SOON, what, every=0.2)
        return pod

    async def ready(self) -> Object:
        """Return a ready pod, once the ingress proxy knows it, too."""

        async def known() -> bool:
            return (await self.ask())["status"] != HTTPStatus.SERVICE_UNAVAILABLE

        pod = await self.pod(is_ready, "a ready pod")
        await eventually(known, SOON, "the ingress proxy to know the pod")
        return pod

    async def ask(self, path: str = "/retell/x", **request: Any) -> Object:
        async with (
            aiohttp.ClientSession() as session,
            session.post(URL(self.url + path, encoded=True), **request) as answer,
        ):
            body: Object = await answer.json(content_type=None)
            return body | {"status": answer.status, "headers": answer.headers}

    def recorded_pid(self, pod: Object, container: str = "web") -> int | None:
        pids = json.loads((self.folder / "pods.json").read_text())["pids"]
        pid: int | None = pids.get(f"{self.namespace}/{pod['metadata']['name']}/{container}")
        return pid


def is_ready(pod: Object) -> bool:
    return any(
        condition["type"] == "Ready" and condition["status"] == "True"
        for condition in pod["status"].get("conditions") or []
    )


def web_status(pod: Object) -> Object:
    status: Object = (pod["status"].get("containerStatuses") or [{"restartCount": 0, "state": {}}])[0]
    return status


@pytest.fixture
async def salon(kube_client: KubeClient, kube_namespace: str, pod_folder: Path, entrance_url: str) -> Salon:
    return Salon(kube_client, kube_namespace, pod_folder, entrance_url)


async def test_a_deployment_runs_and_is_reached_through_the_ingress_proxy(salon: Salon) -> None:
    """With its own address, a local environment, mounted files, readiness by its probe, and an unchanged path."""
    await salon.deploy(salon_deployment())
    pod = await salon.ready()
    answer = await salon.ask("/webhooks/retell?x=%2F", headers={"X-Forwarded-For": "203.0.113.9"}, data=b"x" * 100_000)
    address = pod["status"]["podIP"]
    assert address.startswith("127.")
    assert answer["path"] == f"/{salon.namespace}/salon/webhooks/retell?x=%2F"
    assert answer["forwarded"] == "203.0.113.9, 127.0.0.1"
    assert (answer["config"], answer["secret"], answer["body"]) == ("first", "k1", 100_000)
    env, name = answer["env"], pod["metadata"]["name"]
    assert (env["POD_ADDRESS"], env["ASKPROAI_BIND_ADDRESS"], env["POD_NAME"]) == (address, address, name)
    assert "PYTEST_CURRENT_TEST" not in env, "the pod does not get the environment of this machine's user"
    assert salon.recorded_pid(pod) == answer["pid"]
    assert salon.recorded_pid(pod, "worker") is not None


async def test_changed_mounts_are_seen_within_five_seconds_without_a_restart(salon: Salon) -> None:
    await salon.deploy(salon_deployment())
    await salon.ready()
    before = await salon.ask()
    await salon.client.merge(f"{salon.base}/configmaps/salon-config", {"data": {"tenant.json": "second"}})
    await salon.client.merge(f"{salon.base}/secrets/providers", {"stringData": {"retell-api-key": "new"}})

    async def seen() -> bool:
        answer = await salon.ask()
        return (answer["config"], answer["secret"], answer["pid"]) == ("second", "new", before["pid"])

    await eventually(seen, timedelta(seconds=5), "the new files", every=0.1)


async def test_an_unchanged_pod_causes_no_write(salon: Salon) -> None:
    """The probes run each second, and nothing is written while nothing changes."""
    await salon.deploy(salon_deployment())
    await salon.ready()
    version = (await salon.client.get(f"{salon.base}/pods"))["metadata"]["resourceVersion"]
    seen: list[str] = []
    await salon.client.watch(
        f"{salon.base}/pods", lambda kind, _: seen.append(kind), resourceVersion=version, timeoutSeconds="3"
    )
    assert set(seen) <= {"BOOKMARK"}


async def test_a_killed_container_is_started_again_and_counted(salon: Salon) -> None:
    await salon.deploy(salon_deployment())
    pid = salon.recorded_pid(await salon.ready())
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    pod = await salon.pod(lambda pod: web_status(pod)["restartCount"] == 1 and is_ready(pod), "the restart")
    assert web_status(pod)["lastState"]["terminated"]["exitCode"] == 137
    assert (await salon.ask())["pid"] == salon.recorded_pid(pod) != pid


async def test_an_unhealthy_container_is_restarted(salon: Salon) -> None:
    probe = {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 1, "failureThreshold": 2}
    await salon.deploy(salon_deployment(livenessProbe=probe))
    pod = await salon.ready()
    async with aiohttp.ClientSession() as session, session.get(f"http://{pod['status']['podIP']}:8080/sick"):
        pass
    await salon.pod(lambda pod: web_status(pod)["restartCount"] >= 1, "the restart")


async def test_a_pod_waits_for_its_secret_and_reports_it(salon: Salon) -> None:
    await salon.deploy(salon_deployment())
    await salon.client.delete(f"{salon.base}/secrets/runtime")
    for pod in await salon.pods():
        await salon.client.delete(f"{salon.base}/pods/{pod['metadata']['name']}")
    waiting = await salon.pod(lambda pod: "runtime" in str(web_status(pod)["state"].get("waiting")), "the waiting")
    assert web_status(waiting)["state"]["waiting"]["reason"] == "CreateContainerConfigError"
    secret: Object = {"kind": "Secret", "metadata": {"name": "runtime"}, "stringData": {"key": "k2"}}
    await salon.client.create(f"{salon.base}/secrets", secret)
    await salon.ready()


async def test_unsupported_fields_are_refused_in_the_status(salon: Salon) -> None:
    await salon.deploy(salon_deployment(envFrom=[{"secretRef": {"name": "runtime"}}]))
    pod = await salon.pod(lambda pod: "Unsupported" in str(web_status(pod)["state"]), "the refusal")
    assert "envFrom" in web_status(pod)["state"]["waiting"]["message"]


async def test_a_deleted_namespace_ends_its_processes(salon: Salon) -> None:
    await salon.deploy(salon_deployment())
    pod = await salon.ready()
    process = ProcessIdentity.of(salon.recorded_pid(pod) or 0)
    assert process is not None
    await salon.client.delete(f"/api/v1/namespaces/{salon.namespace}")

    async def gone() -> bool:
        namespaces = (await salon.client.get("/api/v1/namespaces"))["items"]
        return salon.namespace not in [namespace["metadata"]["name"] for namespace in namespaces]

    # The controllers collect what is in it one kind after the other, on a busy machine for longer than anything else here.
    await eventually(gone, 3 * SOON, "the namespace's end", every=0.2)
    assert not process.alive()
    assert salon.recorded_pid(pod) is None
    assert (await salon.ask())["status"] == 404


@pytest.mark.parametrize("path", ["/admin", "/webhooksx", "/webhooks/../api/v1", "/webhooks/%2e%2e/api", ""])
async def test_only_public_paths_are_routed(salon: Salon, path: str) -> None:
    """Only `/webhooks` and `/retell` are routed from outside."""
    service: Object = {"kind": "Service", "metadata": {"name": "salon-web"}, "spec": {"ports": [{"port": 8080}]}}
    await salon.client.create(f"{salon.base}/services", service)
    host, _, port = salon.url.split("/")[2].partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))  # raw, because a client would normalize the path
    writer.write(f"POST /{salon.namespace}/salon{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    answer = (await reader.read()).decode()
    writer.close()
    assert answer.startswith("HTTP/1.1 404 ")
    assert "application/problem+json" in answer


async def test_without_a_ready_pod_senders_are_told_to_retry(salon: Salon) -> None:
    await salon.deploy(salon_deployment(command=["sleep", "60"], args=[]))
    answer: Object = await eventually(lambda: answered(salon, 503), SOON, "the Service to be known")
    assert answer["headers"]["Retry-After"] == "1"
    assert (await salon.ask(data=b"x" * (10 << 20)))["status"] == 413


async def answered(salon: Salon, status: int) -> Object | None:
    answer = await salon.ask()
    return answer if answer["status"] == status else None


@asynccontextmanager
async def own_runner(plane: ControlPlane, folder: Path, node: str) -> AsyncIterator[Any]:
    command = [sys.executable, "-m", "askproai_sandbox.pods", "--kubeconfig", plane.kubeconfig]
    child = await spawn("runner", [*command, "--directory", folder, "--node", node], directory=folder)
    try:
        yield child
    finally:
        await child.stop()


async def test_a_killed_runner_ends_its_pods_and_the_next_one_runs_them(
    control_plane: ControlPlane, kube_client: KubeClient, kube_namespace: str, tmp_path: Path
) -> None:
    base = f"/api/v1/namespaces/{kube_namespace}/pods"
    sleeper = {"name": "web", "image": "x", "command": ["sleep", "1000"]}
    spec = {"nodeName": "second", "containers": [sleeper], "terminationGracePeriodSeconds": 0}

    async def running() -> int | None:
        pids = json.loads((tmp_path / "pods.json").read_text())["pids"] if (tmp_path / "pods.json").exists() else {}
        pid: int | None = pids.get(f"{kube_namespace}/sleeper/web")
        return pid if pid and ProcessIdentity.of(pid) else None

    async def reported(restarts: int) -> bool:
        statuses = (await kube_client.get(f"{base}/sleeper"))["status"].get("containerStatuses") or [{"state": {}}]
        return "running" in statuses[0]["state"] and statuses[0]["restartCount"] == restarts

    async with own_runner(control_plane, tmp_path, "second") as first:
        await kube_client.create(base, {"kind": "Pod", "metadata": {"name": "sleeper"}, "spec": spec})
        process = ProcessIdentity.of(await eventually(running, SOON, "the pod"))
        assert process is not None
        await eventually(lambda: reported(0), SOON, "its status")
        os.kill(first.pid, signal.SIGKILL)
        await eventually(lambda: not process.alive(), timedelta(seconds=2), "its end with the runner")
    async with own_runner(control_plane, tmp_path, "second"):
        await eventually(running, SOON, "the pod again")
        await eventually(lambda: reported(1), SOON, "the counted restart")
        await kube_client.delete(f"{base}/sleeper")
        await eventually(lambda: not recorded_processes(tmp_path / "pids"), SOON, "its end")
    await kube_client.delete("/api/v1/nodes/second")


def recorded_pids(folder: Path) -> dict[str, int]:
    pids: dict[str, int] = json.loads((folder / "pods.json").read_text())["pids"]
    return pids


async def test_a_port_that_another_program_holds_is_named_and_waited_for(
    kube_client: KubeClient, kube_namespace: str
) -> None:
    """On a developer's machine another program may listen on 0.0.0.0:8080."""
    base = f"/api/v1/namespaces/{kube_namespace}/pods"
    with socket.socket() as holder:
        holder.bind(("0.0.0.0", 0))
        holder.listen()
        port = holder.getsockname()[1]
        web = {"name": "web", "image": "x", "command": ["sleep", "1000"], "ports": [{"containerPort": port}]}
        spec = {"nodeName": "local", "containers": [web], "terminationGracePeriodSeconds": 0}
        await kube_client.create(base, {"kind": "Pod", "metadata": {"name": "web"}, "spec": spec})

        async def state() -> Object:
            container_state: Object = web_status(await kube_client.get(f"{base}/web"))["state"]
            return container_state

        async def refused() -> Object | None:
            waiting: Object = (await state()).get("waiting") or {}
            return waiting if waiting.get("reason") == "PortTaken" else None

        waiting = await eventually(refused, SOON, "the report of the taken port")
        assert f"port {port} " in waiting["message"]
        assert "ss -ltnp" in waiting["message"], "the message says what to do"

    async def runs() -> bool:
        return "running" in await state()

    await eventually(runs, SOON, "the pod, once the port is free")


async def test_a_runner_that_ended_or_was_killed_leaves_no_process_in_its_list(
    control_plane: ControlPlane, kube_client: KubeClient, kube_namespace: str, tmp_path: Path
) -> None:
    """`pods.json` becomes `pids.pods` of state.json. A number there must never be that of another process."""
    base = f"/api/v1/namespaces/{kube_namespace}/pods"
    sleeper = {"name": "web", "image": "x", "command": ["sleep", "1000"]}
    spec = {"nodeName": "third", "containers": [sleeper], "terminationGracePeriodSeconds": 0}
    async with own_runner(control_plane, tmp_path, "third"):
        await kube_client.create(base, {"kind": "Pod", "metadata": {"name": "sleeper"}, "spec": spec})
        listed = lambda: (tmp_path / "pods.json").exists() and recorded_pids(tmp_path)  # noqa: E731
        await eventually(listed, SOON, "the pod")
    assert recorded_pids(tmp_path) == {}
    (tmp_path / "pods.json").write_text(json.dumps({"pids": {"n/killed/web": 1}}))
    await kube_client.delete(f"{base}/sleeper")
    async with own_runner(control_plane, tmp_path, "third"):
        await eventually(lambda: recorded_pids(tmp_path) == {}, SOON, "an empty list")
    await kube_client.delete("/api/v1/nodes/third")


async def test_what_a_container_started_ends_with_the_next_start_when_all_was_killed(tmp_path: Path) -> None:
    """The parent death signal reaches the child alone: a grandchild outlives a `kill -9` of us until the next start."""
    program = f"""
import asyncio, pathlib
from askproai_sandbox.cluster import spawn
async def main():
    script = "sleep 1000 & echo $! > child; wait"
    folder = pathlib.Path({str(tmp_path)!r})
    await spawn("shell", ["sh", "-c", script], directory=folder, cwd=folder)
    await asyncio.sleep(1000)
asyncio.run(main())
"""
    killed = await spawn("killed", [sys.executable, "-c", program], directory=tmp_path / "outside")
    written = lambda: (tmp_path / "child").exists() and (tmp_path / "child").read_text()  # noqa: E731
    grandchild = ProcessIdentity.of(int(await eventually(written, SOON, "the grandchild")))
    assert grandchild is not None
    (shell,) = recorded_processes(tmp_path)
    os.kill(killed.pid, signal.SIGKILL)
    await eventually(lambda: not shell.alive(), timedelta(seconds=2), "the shell's end with its parent")
    assert grandchild.alive()
    assert await reap_leftovers(tmp_path) == ["shell"]
    assert not grandchild.alive()
    assert recorded_processes(tmp_path) == []


def recorded_processes(folder: Path) -> list[ProcessIdentity]:
    """Return the processes that the pid files of a folder record."""
    return [ProcessIdentity(**json.loads(file.read_text())) for file in sorted(folder.glob("*.pid"))]


@pytest.mark.parametrize(("on_term", "code"), [("exit 3", 3), ("", -signal.SIGKILL)])
async def test_a_process_gets_sigterm_and_is_then_killed_with_what_it_started(
    tmp_path: Path, on_term: str, code: int
) -> None:
    script = f"trap '{on_term}' TERM; sleep 1000 & echo $! > child; while true; do wait; sleep 0.05; done"
    shell = await spawn("shell", ["sh", "-c", script], directory=tmp_path, cwd=tmp_path)
    text = await eventually(
        lambda: (tmp_path / "child").exists() and (tmp_path / "child").read_text(), SOON, "the child"
    )
    child = ProcessIdentity.of(int(text))
    assert child is not None
    assert await shell.stop(timedelta(seconds=0.5)) == code
    await eventually(lambda: not child.alive(), timedelta(seconds=1), "the child's end")


async def test_leftover_processes_are_ended_but_never_an_unrelated_one(tmp_path: Path) -> None:
    ours = await spawn("ours", ["sleep", "1000"], directory=tmp_path, dies_with_parent=False)
    unrelated = await spawn("stranger", ["sleep", "1000"], directory=tmp_path / "other")
    record = json.loads((tmp_path / "other" / "stranger.pid").read_text())
    (tmp_path / "reused.pid").write_text(json.dumps(record | {"started": record["started"] - 1}))
    assert await reap_leftovers(tmp_path) == ["ours"]
    assert await ours.wait() == -signal.SIGTERM
    assert unrelated.exit_code is None
    await unrelated.stop()


async def test_a_part_that_does_not_start_reports_why(tmp_path: Path) -> None:
    (tmp_path / "etcd").write_text("a file where etcd wants its folder")
    with pytest.raises(ProcessError, match="etcd ended with"):
        await ControlPlane(tmp_path).start()
    assert recorded_processes(tmp_path) == []


async def test_a_killed_demo_ends_its_control_plane_and_the_next_one_has_its_data(tmp_path: Path) -> None:
    """As for `make demo` after a kill -9. Only the parent is killed here; its parts must not stay behind."""
    program = f"""
import asyncio, pathlib
from askproai_sandbox.cluster import ControlPlane
async def main():
    async with ControlPlane(pathlib.Path({str(tmp_path)!r})) as plane:
        await plane.kubectl("create", "namespace", "kept")
        print("made", plane.pids, flush=True)
        await asyncio.sleep(1000)
asyncio.run(main())
"""
    demo = await spawn("demo", [sys.executable, "-c", program], directory=tmp_path / "demo")
    await eventually(lambda: b"made" in demo.log.read_bytes(), timedelta(seconds=60), "the plane")
    parts = recorded_processes(tmp_path)
    assert len(parts) == 4
    os.kill(demo.pid, signal.SIGKILL)
    await eventually(lambda: not any(part.alive() for part in parts), timedelta(seconds=2), "the end of the parts")
    assert recorded_processes(tmp_path) == parts
    async with ControlPlane(tmp_path) as again:
        assert "kept" in await again.kubectl("get", "namespaces")
    assert recorded_processes(tmp_path) == []
