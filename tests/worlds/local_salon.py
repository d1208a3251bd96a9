"""A deployed salon in the local cluster: a small web server in the place of its pods' program, which reports what it sees."""

import json
import textwrap
from collections.abc import Callable
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any

import aiohttp
from yarl import URL

from askproai_sandbox.cluster import KubeClient, Object, eventually
from tests.worlds import waiting

SOON = timedelta(seconds=waiting.SOON)

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
        spec = {"selector": {"app": "salon"}, "ports": ports}
        service = {"kind": "Service", "metadata": {"name": "salon-web"}, "spec": spec}
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
