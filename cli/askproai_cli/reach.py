"""Find a tenant's private port and ask it: the address given, the demo that runs here, or a port-forward (contract §6)."""

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
from typing import Annotated, Any

import aiohttp
import typer

from askproai_core.providers import TransportFailure, open_session
from askproai_sandbox.demo.state import StateError, read_state

TOKEN_VARIABLE = "ASKPROAI_TOKEN"  # noqa: S105 - names a variable
_TIMEOUT_SECONDS = 15.0

TenantOption = Annotated[str, typer.Option("--tenant", "-t", help="Whose: NAMESPACE.TENANT.", metavar="TENANT")]
UrlOption = Annotated[
    str | None, typer.Option(help=f"Its private port, such as http://127.0.0.1:8081; with {TOKEN_VARIABLE} set.")
]


class Unreachable(Exception):
    """The tenant could not be asked, or said no; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Door:
    """A private port that answers, and the token it wants."""

    url: str
    token: str = field(repr=False)

    def ask(self, method: str, path: str, **request: Any) -> Any:
        """Ask `/api/v1/<path>`, and give the JSON. Raises `Unreachable`; a value that the tenant cannot read ends the command."""
        url, bearer = f"{self.url.rstrip('/')}/api/v1/{path}", {"Authorization": f"Bearer {self.token}"}
        try:
            status, raw = asyncio.run(_send(method, url, headers=bearer, **request))
            body = json.loads(raw)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            is_transport = isinstance(error, aiohttp.ClientError | TimeoutError)
            why = TransportFailure.of(error) if is_transport else type(error).__name__
            raise Unreachable(f"no answer of a tenant's private port at {self.url} ({why})") from None
        if status == HTTPStatus.BAD_REQUEST:  # exit code 2: what was typed is wrong
            raise typer.BadParameter(body["detail"])
        if status not in range(200, 300):
            raise Unreachable(f"{body.get('title', status)}: {body.get('detail', '')}")
        return body


async def _send(method: str, url: str, **content: Any) -> tuple[int, bytes]:
    """Send one request and return status and body. Neither a proxy nor a redirect may see the token."""
    timeout = aiohttp.ClientTimeout(total=None, connect=_TIMEOUT_SECONDS, sock_read=_TIMEOUT_SECONDS)
    async with open_session() as session:
        async with session.request(method, url, timeout=timeout, allow_redirects=False, **content) as response:
            return response.status, await response.read()


@contextmanager
def private_port(tenant: str, url: str | None) -> Iterator[Door]:
    """Give the way in for as long as it is needed. Raises `Unreachable`; a name that is none ends the command."""
    namespace, dot, name = tenant.partition(".")
    if not (namespace and dot and name):
        raise typer.BadParameter("write it as NAMESPACE.TENANT, such as salon-mueller.salon-mueller")
    if url is not None:
        token = os.environ.get(TOKEN_VARIABLE)
        if not token:
            raise Unreachable(f"--url needs the token of Secret {name}-admin in the variable {TOKEN_VARIABLE}")
        yield Door(url, token)
    elif (door := _of_the_demo(tenant)) is not None:
        yield door
    else:
        with _forwarded(namespace, name) as door:
            yield door


def ask(tenant: str, url: str | None, method: str, path: str, **params: str | int | None) -> Any:
    """Ask a tenant's private API, and give its answer; a refusal ends the command with code 1. Absent `params` are left out."""
    try:
        with private_port(tenant, url) as door:
            return door.ask(method, path, params={name: value for name, value in params.items() if value is not None})
    except Unreachable as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None


def _of_the_demo(tenant: str) -> Door | None:
    """Give the demo's door; None when no demo runs here, or kubectl would speak to another cluster."""
    try:
        state = read_state()
    except StateError:
        return None
    own = Path.home() / ".kube/config"
    in_use = os.environ.get("KUBECONFIG") or (str(own) if own.exists() else state.kubeconfig)
    if Path(in_use).resolve() != Path(state.kubeconfig).resolve():
        return None
    try:
        return Door(state.adminUrls[tenant], state.adminTokens[tenant])
    except KeyError:
        there = ", ".join(sorted(state.adminUrls)) or "none yet"
        raise Unreachable(f"the demo has no ready pod of {tenant}; it has: {there}") from None


@contextmanager
def _forwarded(namespace: str, name: str) -> Iterator[Door]:
    """Forward a free local port to the tenant's Service, as long as it is needed."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        raise Unreachable("there is no demo here and no kubectl: give --url, or install kubectl and set KUBECONFIG")
    secret = ("get", "secret", f"{name}-admin", "-n", namespace, "-o", "jsonpath={.data.token}")
    read = subprocess.run([kubectl, *secret, "--request-timeout=10s"], capture_output=True, text=True, check=False)  # noqa: S603
    if read.returncode or not read.stdout:
        why = read.stderr.strip().splitlines()
        raise Unreachable(f"kubectl cannot read Secret {namespace}/{name}-admin: {why[-1] if why else 'no token'}")
    command = [kubectl, "port-forward", "-n", namespace, f"service/{name}-admin", ":8081", "--address=127.0.0.1"]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)  # noqa: S603
    patience = threading.Timer(_TIMEOUT_SECONDS, child.kill)
    patience.start()
    try:
        said = child.stdout.readline() if child.stdout else ""
        patience.cancel()
        _, forwards, address = said.partition("Forwarding from ")
        if not forwards:
            raise Unreachable(f"kubectl port-forward to {namespace}/{name}-admin failed: {said.strip()}")
        yield Door(f"http://{address.split(' ')[0]}", b64decode(read.stdout).decode())
    finally:
        patience.cancel()
        child.terminate()
        child.communicate()
