"""One Lease at the API server: read, create, replace. All that the runtime ever asks of Kubernetes.

The operator has a client of its own, which logs in through kopf; a process that only needs a Lease is spared that import
(30 MiB, docs/decisions/0002-thin-api-client.md).
"""

import base64
import os
import ssl
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import aiohttp
import msgspec
import yaml

from askproai_core.kube.errors import LeaseError, LeaseTaken

API_VERSION = "coordination.k8s.io/v1"
_SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_TIMEOUT = aiohttp.ClientTimeout(total=10, connect=5)
_NOT_FOUND, _CONFLICT, _FIRST_ERROR = 404, 409, 400


@dataclass(frozen=True, slots=True)
class Access:
    """Where the API server is and who we are there. The token is asked for each request: a mounted one rotates."""

    server: str
    tls: ssl.SSLContext
    token: Callable[[], str | None]


def access(kubeconfig: Path | None = None, environment: Mapping[str, str] = os.environ) -> Access:
    """Read the kubeconfig (else `KUBECONFIG`), or the pod's service account. Raises LeaseError when there is neither."""
    file = kubeconfig or (Path(environment["KUBECONFIG"]) if environment.get("KUBECONFIG") else None)
    try:
        if file is not None:
            return _from_kubeconfig(yaml.safe_load(file.read_text(encoding="utf-8")), file.parent)
        host, port = environment["KUBERNETES_SERVICE_HOST"], environment["KUBERNETES_SERVICE_PORT"]
        tls = ssl.create_default_context(cafile=str(_SERVICE_ACCOUNT / "ca.crt"))
    except (KeyError, TypeError, StopIteration, OSError, ValueError, yaml.YAMLError) as error:
        raise LeaseError(
            f"no way to the API server ({type(error).__name__} in {file or 'the environment'}): set ASKPROAI_KUBECONFIG "
            "or KUBECONFIG to a readable kubeconfig, or run in a pod with a service account"
        ) from error
    host = f"[{host}]" if ":" in host else host
    return Access(f"https://{host}:{port}", tls, lambda: (_SERVICE_ACCOUNT / "token").read_text("utf-8").strip())


def _from_kubeconfig(config: Mapping[str, Any], folder: Path) -> Access:
    """Take the current context: a token, or a client's certificate. Exec plugins are not run (decision 2)."""

    def named(kind: str, name: str) -> dict[str, Any]:
        return next(dict(one[kind.removesuffix("s")]) for one in config[kind] if one["name"] == name)

    context = named("contexts", config["current-context"])
    cluster, user = named("clusters", context["cluster"]), named("users", context["user"])
    authority = _content(cluster, "certificate-authority", folder)
    tls = ssl.create_default_context(cadata=authority.decode() if authority else None)
    if cluster.get("insecure-skip-tls-verify"):
        tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    certificate, key = (_content(user, f"client-{part}", folder) for part in ("certificate", "key"))
    if certificate and key:
        with tempfile.NamedTemporaryFile() as pem:  # Python's TLS reads certificates of clients from files only
            pem.write(certificate + b"\n" + key)
            pem.flush()
            tls.load_cert_chain(pem.name)
    kept = user.get("tokenFile")
    token = (lambda: (folder / kept).read_text("utf-8").strip()) if kept else (lambda: user.get("token"))
    return Access(str(cluster["server"]).rstrip("/"), tls, token)


def _content(section: Mapping[str, Any], name: str, folder: Path) -> bytes | None:
    """Give what a kubeconfig holds as `<name>-data`, or in the file `<name>`, relative to its own folder."""
    if data := section.get(f"{name}-data"):
        return base64.b64decode(data)
    return (folder / section[name]).read_bytes() if section.get(name) else None


class LeaseApi:
    """The Lease `name`. Use as `async with`."""

    def __init__(self, where: Access, namespace: str, name: str) -> None:
        self._where = where
        self._meta = {"namespace": namespace, "name": name}
        self._path = f"/apis/{API_VERSION}/namespaces/{namespace}/leases"

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(ssl=self._where.tls)
        self._session = aiohttp.ClientSession(connector=connector, timeout=_TIMEOUT)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def read(self) -> dict[str, Any] | None:
        """Give the Lease; None when there is none."""
        return await self._request("GET", f"{self._path}/{self._meta['name']}", None)

    async def create(self, spec: Mapping[str, Any]) -> None:
        """Make the Lease. Raises LeaseTaken when somebody was faster."""
        lease = {"apiVersion": API_VERSION, "kind": "Lease", "metadata": self._meta, "spec": spec}
        await self._request("POST", self._path, lease)

    async def replace(self, lease: Mapping[str, Any]) -> None:
        """Write the Lease as it is. Raises LeaseTaken when it changed since it was read."""
        if await self._request("PUT", f"{self._path}/{self._meta['name']}", lease) is None:
            raise LeaseTaken("it was deleted meanwhile")

    async def _request(self, method: str, path: str, body: Mapping[str, Any] | None) -> dict[str, Any] | None:
        data = None if body is None else msgspec.json.encode(body)
        try:
            token = self._where.token()
            headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
            async with self._session.request(method, self._where.server + path, data=data, headers=headers) as response:
                text = await response.read()
        except (aiohttp.ClientError, OSError) as error:  # a timeout is an OSError
            raise LeaseError(f"{method} lease: {type(error).__name__}") from error
        if response.status == _NOT_FOUND and method != "POST":
            return None
        if response.status >= _FIRST_ERROR:
            refusal = LeaseTaken if response.status == _CONFLICT else LeaseError
            raise refusal(f"{method} lease: {response.status} {text[:300].decode(errors='replace')}")
        return msgspec.json.decode(text, type=dict[str, Any])
