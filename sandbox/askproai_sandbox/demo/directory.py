"""Who is where: the tenants, their pods and private tokens, read from the API server and the pod runner."""

import base64
import json
from pathlib import Path

from askproai_sandbox.cluster import ApiError, KubeClient, Object
from askproai_sandbox.demo.state import State

_TENANTS = "/apis/askproai.de/v1alpha1/tenants"


class Directory:
    """Looks up what `state.json` says of tenants and pods."""

    def __init__(self, client: KubeClient, pods_file: Path, entrance_url: str) -> None:
        self._client = client
        self._pods_file = pods_file
        self._entrance_url = entrance_url
        self.pod_pids: dict[str, int] = {}

    async def refresh(self, state: State) -> None:
        """Bring the tenants' part of the state up to date."""
        runner = json.loads(self._pods_file.read_text()) if self._pods_file.exists() else {"pids": {}}
        self.pod_pids = runner["pids"]
        tenants = (await self._client.get(_TENANTS))["items"]
        pods = (await self._client.get("/api/v1/pods", labelSelector="app.kubernetes.io/name=askproai"))["items"]
        names = [(tenant["metadata"]["namespace"], tenant["metadata"]["name"]) for tenant in tenants]
        addresses = {(ns, name): _addresses(pods, ns, name) for ns, name in names}
        state.runtimeUrls = {
            f"{ns}.{name}": self._entrance_url + _prefix(tenant)
            for (ns, name), tenant in zip(names, tenants, strict=True)
        }
        state.podUrls = {
            f"{ns}.{name}": [f"http://{ip}:8080" for ip, _ in found] for (ns, name), found in addresses.items()
        }
        state.adminUrls = {
            f"{ns}.{name}": f"http://{ip}:8081"
            for (ns, name), found in addresses.items()
            for ip in [next((ip for ip, ready in found if ready), None)]
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
    """Give the path under which a tenant is reached at the entrance; one with its own host wants that in `Host`, too."""
    meta, exposure = tenant["metadata"], tenant["spec"].get("exposure") or {}
    own = exposure.get("host") is not None
    return str(exposure.get("pathPrefix", "")) if own else f"/{meta['namespace']}/{meta['name']}"


def _addresses(pods: list[Object], namespace: str, tenant: str) -> list[tuple[str, bool]]:
    """Give address and readiness of a tenant's web pods, by name."""
    found = []
    for pod in sorted(pods, key=lambda pod: str(pod["metadata"]["name"])):
        meta, status = pod["metadata"], pod.get("status", {})
        labels = meta["labels"]
        ours = meta["namespace"] == namespace and labels.get("askproai.de/tenant") == tenant
        if not ours or labels.get("app.kubernetes.io/component") != "web" or "deletionTimestamp" in meta:
            continue
        if ip := status.get("podIP"):
            ready = any(c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions", ()))
            found.append((str(ip), ready))
    return found
