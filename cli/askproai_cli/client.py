"""A client of a tenant's private API. It is found by the given URL, in the demo that runs here, or by a port-forward."""

import asyncio
import json
import os
import shutil
import subprocess
import threading
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any, TypedDict

import aiohttp
import typer

from askproai_core.providers import TransportFailure, open_session

TOKEN_VARIABLE = "ASKPROAI_TOKEN"  # noqa: S105 - names a variable
_TIMEOUT_SECONDS = 15.0
_DEMO_STATE = Path(".demo/state.json")

TenantOption = Annotated[str, typer.Option("--tenant", "-t", help="Whose: NAMESPACE.TENANT.", metavar="TENANT")]
UrlOption = Annotated[
    str | None, typer.Option(help=f"Its private port, such as http://127.0.0.1:8081; with {TOKEN_VARIABLE} set.")
]


class RequestFailed(Exception):
    """The private API could not be reached, or refused; the message says what to do. `refused`: it certainly did nothing."""

    refused = False


class NoAnswer(RequestFailed):
    """The connection broke or the server failed: a change may have been done. The same request may be sent again."""


class Refused(RequestFailed):
    """The private API refused."""

    refused = True


class _DemoState(TypedDict):
    """What a client needs of `.demo/state.json`, which `askproai demo` writes. The maps go from NAMESPACE.TENANT."""

    kubeconfig: str
    adminUrls: dict[str, str]
    adminTokens: dict[str, str]


@dataclass(frozen=True, slots=True)
class PrivateApiClient:
    """A private port that answers, and its token."""

    url: str
    token: str = field(repr=False)

    def request(self, method: str, path: str, **options: Any) -> Any:
        """Send a request to `/api/v1/<path>` and return the JSON of the response; `options` are aiohttp's.

        Raises `RequestFailed`; a value that the tenant cannot read (status 400) ends the command as misuse.
        """
        url, headers = f"{self.url.rstrip('/')}/api/v1/{path}", {"Authorization": f"Bearer {self.token}"}
        try:
            status, raw = asyncio.run(_send(method, url, headers=headers, **options))
            body = json.loads(raw)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            is_transport = isinstance(error, aiohttp.ClientError | TimeoutError)
            why = TransportFailure.of(error) if is_transport else type(error).__name__
            raise NoAnswer(f"no answer of a tenant's private port at {self.url} ({why})") from None
        if status == HTTPStatus.BAD_REQUEST:  # exit code 2: what was typed is wrong
            raise typer.BadParameter(body["detail"])
        if status not in range(200, 300):
            kind = NoAnswer if status >= HTTPStatus.INTERNAL_SERVER_ERROR else Refused
            raise kind(f"{body.get('title', status)}: {body.get('detail', '')}")
        return body


async def _send(method: str, url: str, **options: Any) -> tuple[int, bytes]:
    """Send one request and return status and body. Neither a proxy nor a redirect may see the token."""
    timeout = aiohttp.ClientTimeout(total=None, connect=_TIMEOUT_SECONDS, sock_read=_TIMEOUT_SECONDS)
    async with open_session() as session:
        async with session.request(method, url, timeout=timeout, allow_redirects=False, **options) as response:
            return response.status, await response.read()


def request(tenant: str, url: str | None, method: str, path: str, **params: str | int | None) -> Any:
    """Send one request to a tenant's private API and return its JSON. Params that are None are left out.

    A failure ends the command with exit code 1.
    """
    query = {name: value for name, value in params.items() if value is not None}
    try:
        with connect(tenant, url) as client:
            return client.request(method, path, params=query)
    except RequestFailed as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None


@contextmanager
def connect(tenant: str, url: str | None) -> Iterator[PrivateApiClient]:
    """Yield a client of a tenant's private API. Raises `RequestFailed`; a malformed name ends the command as misuse."""
    namespace, dot, name = tenant.partition(".")
    if not (namespace and dot and name):
        raise typer.BadParameter("write it as NAMESPACE.TENANT, such as salon-mueller.salon-mueller")
    if url is not None:
        token = os.environ.get(TOKEN_VARIABLE)
        if not token:
            raise RequestFailed(f"--url needs the token of Secret {name}-admin in the variable {TOKEN_VARIABLE}")
        yield PrivateApiClient(url, token)
    elif (client := _find_in_demo(tenant)) is not None:
        yield client
    else:
        with _port_forward(namespace, name) as client:
            yield client


def _find_in_demo(tenant: str) -> PrivateApiClient | None:
    """Return a client of the demo's tenant; None when no demo runs here, or kubectl would use another cluster."""
    try:
        state: _DemoState = json.loads(_DEMO_STATE.read_text())
    except FileNotFoundError:
        return None
    default_config = Path.home() / ".kube/config"
    in_use = os.environ.get("KUBECONFIG") or (str(default_config) if default_config.exists() else state["kubeconfig"])
    if Path(in_use).resolve() != Path(state["kubeconfig"]).resolve():
        return None
    urls, tokens = state.get("adminUrls", {}), state.get("adminTokens", {})
    if tenant not in urls or tenant not in tokens:
        raise RequestFailed(f"the demo has no ready pod of {tenant}; it has: {', '.join(sorted(urls)) or 'none yet'}")
    return PrivateApiClient(urls[tenant], tokens[tenant])


@contextmanager
def _port_forward(namespace: str, name: str) -> Iterator[PrivateApiClient]:
    """Forward a free local port to the tenant's Service for the duration of the context, by kubectl."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        raise RequestFailed("there is no demo here and no kubectl: give --url, or install kubectl and set KUBECONFIG")
    token = _read_token(kubectl, namespace, name)
    command = [kubectl, "port-forward", "-n", namespace, f"service/{name}-admin", ":8081", "--address=127.0.0.1"]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)  # noqa: S603
    timeout = threading.Timer(_TIMEOUT_SECONDS, child.kill)
    timeout.start()
    try:
        first_line = child.stdout.readline() if child.stdout else ""
        timeout.cancel()
        _, forwards, address = first_line.partition("Forwarding from ")
        if not forwards:
            raise RequestFailed(f"kubectl port-forward to {namespace}/{name}-admin failed: {first_line.strip()}")
        yield PrivateApiClient(f"http://{address.split(' ')[0]}", token)
    finally:
        timeout.cancel()
        child.terminate()
        child.communicate()


def _read_token(kubectl: str, namespace: str, name: str) -> str:
    """Read the admin token from its Secret. Raises `RequestFailed`."""
    secret = ("get", "secret", f"{name}-admin", "-n", namespace, "-o", "jsonpath={.data.token}")
    command = [kubectl, *secret, "--request-timeout=10s"]
    read = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if read.returncode or not read.stdout:
        errors = read.stderr.strip().splitlines()
        cause = errors[-1] if errors else "no token"
        raise RequestFailed(f"kubectl cannot read Secret {namespace}/{name}-admin: {cause}")
    return b64decode(read.stdout).decode()
