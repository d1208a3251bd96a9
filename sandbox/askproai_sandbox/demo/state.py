"""The state file of a running demo, `.demo/state.json`: addresses, tokens and process ids. Other programs may read its keys."""

import base64
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from askproai_sandbox.cluster import ApiError, KubeClient, Object

DIRECTORY = Path(__file__).resolve().parents[3] / ".demo"  # of the checkout, wherever the command is run
_TENANTS = "/apis/askproai.de/v1alpha1/tenants"


class StateError(RuntimeError):
    """No demo is running; the message says how to start one."""


@dataclass(slots=True)
class State:
    """The content of the state file; the names of the fields are its keys.

    `mailsUrl` shows the mails that were sent to `smtpPort` of 127.0.0.1.
    `runtimeUrls` (public paths), `podUrls`, `adminUrls` and `adminTokens` are keyed by tenant, `<namespace>.<name>`.
    """

    kubeconfig: str
    retellUrl: str  # noqa: N815
    calcomUrl: str  # noqa: N815
    postgresDsn: str  # noqa: N815
    redisUrl: str  # noqa: N815 - the administrator's
    mailsUrl: str = ""  # noqa: N815
    smtpPort: int = 0  # noqa: N815
    runtimeUrls: dict[str, str] = field(default_factory=dict)  # noqa: N815
    podUrls: dict[str, list[str]] = field(default_factory=dict)  # noqa: N815
    adminUrls: dict[str, str] = field(default_factory=dict)  # noqa: N815
    adminTokens: dict[str, str] = field(default_factory=dict)  # noqa: N815
    pids: dict[str, Any] = field(default_factory=dict)

    def text(self) -> str:
        return json.dumps(asdict(self), indent=2) + "\n"


def state_file(directory: Path = DIRECTORY) -> Path:
    return directory / "state.json"


def read_state(directory: Path = DIRECTORY) -> State:
    """Return the state of the running demo. Raises StateError if there is none."""
    try:
        return State(**json.loads(state_file(directory).read_text()))
    except FileNotFoundError:
        raise StateError("no demo is running here: start one with `make demo KEEP=1`") from None


class TenantDirectory:
    """Reads tenants and their tokens from the API server, and the processes of their pods from the pod runner."""

    def __init__(self, client: KubeClient, pods_file: Path, ingress_url: str) -> None:
        self._client = client
        self._pods_file = pods_file
        self._ingress_url = ingress_url
        self.pod_pids: dict[str, int] = {}

    async def refresh(self, state: State) -> None:
        """Update the tenants and pods in the state. Raises ApiError, or aiohttp.ClientError if the API server is unreachable."""
        self.pod_pids = json.loads(self._pods_file.read_text())["pids"] if self._pods_file.exists() else {}
        tenants = (await self._client.get(_TENANTS))["items"]
        pods = (await self._client.get("/api/v1/pods", labelSelector="app.kubernetes.io/name=askproai"))["items"]
        names = [(tenant["metadata"]["namespace"], tenant["metadata"]["name"]) for tenant in tenants]
        addresses = {(ns, name): _web_pods(pods, ns, name) for ns, name in names}
        state.runtimeUrls = {
            f"{ns}.{name}": self._ingress_url + _prefix(tenant)
            for (ns, name), tenant in zip(names, tenants, strict=True)
        }
        state.podUrls = {
            f"{ns}.{name}": [f"http://{ip}:8080" for ip, _ in pods] for (ns, name), pods in addresses.items()
        }
        state.adminUrls = {
            f"{ns}.{name}": f"http://{ip}:8081"
            for (ns, name), pods in addresses.items()
            for ip in [next((ip for ip, ready in pods if ready), None)]
            if ip
        }
        state.adminTokens = {f"{ns}.{name}": token for ns, name in names if (token := await self._token(ns, name))}

    async def _token(self, namespace: str, name: str) -> str | None:
        try:
            secret = await self._client.get(f"/api/v1/namespaces/{namespace}/secrets/{name}-admin")
        except ApiError as error:
            if error.status != 404:
                raise
            return None
        return base64.b64decode(secret["data"]["token"]).decode()


def _prefix(tenant: Object) -> str:
    """Return a tenant's URL path at the ingress proxy. For a tenant with a host of its own, send the header `Host`, too."""
    meta, exposure = tenant["metadata"], tenant["spec"].get("exposure") or {}
    has_host = exposure.get("host") is not None
    return str(exposure.get("pathPrefix", "")) if has_host else f"/{meta['namespace']}/{meta['name']}"


def _web_pods(pods: list[Object], namespace: str, tenant: str) -> list[tuple[str, bool]]:
    """Return address and readiness of each web pod of a tenant, ordered by pod name. Pods that are ending are left out."""
    web_pods = []
    for pod in sorted(pods, key=lambda pod: str(pod["metadata"]["name"])):
        meta, status = pod["metadata"], pod.get("status", {})
        labels = meta["labels"]
        of_tenant = meta["namespace"] == namespace and labels.get("askproai.de/tenant") == tenant
        if not of_tenant or labels.get("app.kubernetes.io/component") != "web" or "deletionTimestamp" in meta:
            continue
        if ip := status.get("podIP"):
            ready = any(c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions", ()))
            web_pods.append((str(ip), ready))
    return web_pods
