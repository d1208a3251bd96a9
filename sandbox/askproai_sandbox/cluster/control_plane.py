"""etcd, kube-apiserver, kube-controller-manager and kube-scheduler on loopback, without root.

What differs from a real cluster, and why:
- People and parts log in with one token, and the API server signs its own certificate: no PKI to make, no openssl.
- No endpoint controllers: EndpointSlices refuse loopback addresses, and all our pods have those. The local entrance
  follows Services to ready pods by itself.
- etcd does not sync to disk: a machine that loses power loses a demo.
"""

import asyncio
import base64
import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Self

import yaml

from askproai_core.kube import ApiError
from askproai_sandbox.cluster.client import UNREACHED, KubeClient
from askproai_sandbox.cluster.processes import (
    Child,
    ProcessError,
    eventually,
    free_port,
    reap_leftovers,
    spawn,
    write_atomically,
)
from askproai_sandbox.cluster.program import program_folder

STARTUP = timedelta(seconds=60)  # warm it takes about 4; a busy machine gets more
ACCOUNT = "/api/v1/namespaces/default/serviceaccounts/default"
CONTROLLERS = (
    "*,-endpoints-controller,-endpointslice-controller,-endpointslice-mirroring-controller,"
    "-node-ipam-controller,-node-route-controller,-service-lb-controller,-cloud-node-lifecycle-controller"
)


class ControlPlane:
    """A Kubernetes API with its controllers and scheduler, whose state and logs are in `directory`.

    `start()` ends what an earlier run left there and goes on with its data; an empty directory gives an empty cluster.
    Its parts die with this process.
    """

    def __init__(self, directory: Path, report: Callable[[str], None] = print) -> None:
        self.directory = directory.absolute()
        self.kubeconfig = self.directory / "kubeconfig"
        self._report = report
        self._children: dict[str, Child] = {}
        self._bin = Path()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def pids(self) -> Mapping[str, int]:
        """The parts that run: `etcd`, `apiserver`, `controllers`, `scheduler`."""
        return {name: child.pid for name, child in self._children.items() if child.exit_code is None}

    async def start(self) -> None:
        """Bring everything up; ProcessError with the end of the log if a part does not come, and then nothing is left."""
        self._bin = await program_folder(self._report)
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        await reap_leftovers(self.directory)
        try:
            await self._start_parts()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """End the parts, those that write first. Safe to call twice."""
        for names in (("scheduler", "controllers"), ("apiserver",), ("etcd",)):
            children = [child for name in names if (child := self._children.pop(name, None))]
            # short: an API server drains its watches for as long as it may, and nobody is left to care
            await asyncio.gather(*(child.stop(timedelta(seconds=2)) for child in children))

    async def kubectl(self, *arguments: str) -> str:
        """Run kubectl as admin and give what it prints; ProcessError with its message when it fails."""
        return await kubectl(self.kubeconfig, *arguments)

    async def _start_parts(self) -> None:
        store, peer, port = free_port(), free_port(), free_port()
        certificates = self.directory / "certificates"
        token = secrets.token_hex(16)
        write_atomically(self.directory / "tokens", f'{token},admin,admin,"system:masters"\n')
        await self._spawn("etcd", "etcd", _etcd(self.directory / "etcd", store, peer))
        await self._spawn("apiserver", "kube-apiserver", _apiserver(self.directory, certificates, store, port))
        await self._until((certificates / "apiserver.key").exists, "the API server's certificate")  # the key is last
        write_atomically(self.kubeconfig, _kubeconfig(port, (certificates / "apiserver.crt").read_bytes(), token))
        async with KubeClient(self.kubeconfig) as client:
            await self._until(lambda: _answers(client, "/readyz"), "the API server to be ready")
            await client.delete(ACCOUNT)  # a controller makes it (again): they work
            as_one = [f"--kubeconfig={self.kubeconfig}", "--leader-elect=false", "--secure-port=0"]
            await self._spawn("controllers", "kube-controller-manager", [*as_one, *_controllers(certificates)])
            await self._spawn("scheduler", "kube-scheduler", as_one)
            await self._until(lambda: _answers(client, ACCOUNT), "the controllers to work")

    async def _spawn(self, name: str, part: str, arguments: Sequence[str]) -> None:
        self._children[name] = await spawn(name, [self._bin / part, *arguments], directory=self.directory)

    async def _until(self, check: Callable[[], object], what: str) -> None:
        """Wait for `check`; a part that ends meanwhile ends the waiting."""

        async def good() -> bool:
            for child in self._children.values():
                if child.exit_code is not None:
                    raise ProcessError(f"{child.name} ended with {child.exit_code}")
            found = check()
            return bool(await found if asyncio.iscoroutine(found) else found)

        try:
            await eventually(good, STARTUP, what)
        except ProcessError as error:
            tails = [f"{child.log}:\n{child.last_lines()}" for child in self._children.values()]
            raise ProcessError("\n".join([str(error), *tails])) from None


async def kubectl(kubeconfig: Path, *arguments: str) -> str:
    """Run kubectl as the kubeconfig says and give what it prints; ProcessError with its message when it fails."""
    process = await asyncio.create_subprocess_exec(
        *(str(await program_folder() / "kubectl"), "--kubeconfig", str(kubeconfig), *arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "KUBECACHEDIR": str(kubeconfig.with_name("kubectl-cache"))},
    )
    out, problem = await process.communicate()
    if process.returncode != 0:
        raise ProcessError(f"kubectl {' '.join(arguments)}: {problem.decode().strip()}")
    return out.decode()


def _etcd(data: Path, client: int, peer: int) -> list[str]:
    here, there = f"http://127.0.0.1:{client}", f"http://127.0.0.1:{peer}"
    return [
        f"--data-dir={data}",
        "--unsafe-no-fsync",
        f"--listen-client-urls={here}",
        f"--advertise-client-urls={here}",
        f"--listen-peer-urls={there}",
        f"--initial-advertise-peer-urls={there}",
        f"--initial-cluster=default={there}",
        "--logger=zap",
        "--log-level=warn",
    ]


def _apiserver(directory: Path, certificates: Path, store: int, port: int) -> list[str]:
    key = certificates / "apiserver.key"  # made by itself at its first start; it signs service accounts' tokens, too
    return [
        f"--etcd-servers=http://127.0.0.1:{store}",
        "--bind-address=127.0.0.1",
        f"--secure-port={port}",
        f"--cert-dir={certificates}",
        f"--token-auth-file={directory / 'tokens'}",
        "--authorization-mode=RBAC",
        "--service-cluster-ip-range=10.96.0.0/16",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={key}",
        f"--service-account-signing-key-file={key}",
        "--advertise-address=10.255.255.1",  # must not be loopback; nobody uses it, as nothing publishes endpoints
        "--endpoint-reconciler-type=none",
    ]


def _controllers(certificates: Path) -> list[str]:
    return [
        f"--controllers={CONTROLLERS}",
        f"--service-account-private-key-file={certificates / 'apiserver.key'}",
        f"--root-ca-file={certificates / 'apiserver.crt'}",
    ]


def _kubeconfig(port: int, authority: bytes, token: str) -> str:
    ca = base64.b64encode(authority).decode()
    cluster = {"server": f"https://127.0.0.1:{port}", "certificate-authority-data": ca}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "local", "cluster": cluster}],
        "users": [{"name": "local", "user": {"token": token}}],
        "contexts": [{"name": "local", "context": {"cluster": "local", "user": "local"}}],
        "current-context": "local",
    }
    return yaml.safe_dump(config)


async def _answers(client: KubeClient, path: str) -> bool:
    try:
        await client.get(path)
    except (ApiError, *UNREACHED):
        return False
    return True
