"""etcd, kube-apiserver, kube-controller-manager and kube-scheduler on loopback, without root.

It differs from a real cluster in these points:
- Everybody logs in with one administrator's token, and the API server signs its own certificate: there is no PKI to create.
- There are no endpoint controllers: EndpointSlices refuse loopback addresses, which all local pods have. The ingress proxy
  finds the ready pods of a Service by itself.
- etcd does not sync to disk: a power cut loses the data.
"""

import asyncio
import base64
import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
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
from askproai_sandbox.programs import program_folder

STARTUP = timedelta(seconds=60)  # about 4 s with warm caches; a busy machine needs more
DEFAULT_ACCOUNT = "/api/v1/namespaces/default/serviceaccounts/default"
CONTROLLERS = (
    "*,-endpoints-controller,-endpointslice-controller,-endpointslice-mirroring-controller,"
    "-node-ipam-controller,-node-route-controller,-service-lb-controller,-cloud-node-lifecycle-controller"
)


@dataclass(frozen=True, slots=True)
class ControlPlaneOptions:
    """The options by which a control plane differs from the default one.

    `users` are further administrators, each with a kubeconfig of their own, so that the audit log names who sent a request. The
    flags are added to those of API server and controllers. Without a scheduler, no pod gets a node.
    """

    users: Sequence[str] = ()
    apiserver_flags: Sequence[str] = ()
    controller_flags: Sequence[str] = ()
    scheduler: bool = True


class ControlPlane:
    """A Kubernetes API with its controllers and scheduler, whose data and logs are in `directory`.

    `start()` ends processes that an earlier run left behind and continues with its data; an empty directory is an empty
    cluster. All parts die with this process.
    """

    def __init__(
        self, directory: Path, report: Callable[[str], None] = print, options: ControlPlaneOptions | None = None
    ) -> None:
        self.directory = directory.absolute()
        self.kubeconfig = self.directory / "kubeconfig"
        self._report = report
        self._options = options or ControlPlaneOptions()
        self._children: dict[str, Child] = {}
        self._bin = Path()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def pids(self) -> Mapping[str, int]:
        """Return the process ids of the running parts, keyed `etcd`, `apiserver`, `controllers` and `scheduler`."""
        return {name: child.pid for name, child in self._children.items() if child.exit_code is None}

    def kubeconfig_of(self, user: str) -> Path:
        """Return the kubeconfig of a user in `ControlPlaneOptions.users`."""
        return self.kubeconfig.with_name(f"kubeconfig-{user}")

    async def start(self) -> None:
        """Start all parts and wait until they respond. If one fails, end the others and raise ProcessError with the logs' ends."""
        self._bin = await program_folder(self._report)
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        await reap_leftovers(self.directory)
        try:
            await self._start_parts()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """End the parts, clients before servers. Safe to call twice."""
        for names in (("scheduler", "controllers"), ("apiserver",), ("etcd",)):
            children = [child for name in names if (child := self._children.pop(name, None))]
            # A short grace: the API server would wait for its watches as long as it may, and no client is left.
            await asyncio.gather(*(child.stop(timedelta(seconds=2)) for child in children))

    async def kubectl(self, *arguments: str) -> str:
        """Run kubectl as administrator and return its output. If it fails, raises ProcessError with kubectl's message."""
        return await kubectl(self.kubeconfig, *arguments)

    async def _start_parts(self) -> None:
        etcd_port, peer_port, port = free_port(), free_port(), free_port()
        certificates = self.directory / "certificates"
        options = self._options
        tokens = {user: secrets.token_hex(16) for user in ("admin", *options.users)}
        lines = [f'{token},{user},{user},"system:masters"\n' for user, token in tokens.items()]
        write_atomically(self.directory / "tokens", "".join(lines))
        await self._spawn("etcd", "etcd", _etcd(self.directory / "etcd", etcd_port, peer_port))
        flags = [*_apiserver(self.directory, certificates, etcd_port, port), *options.apiserver_flags]
        await self._spawn("apiserver", "kube-apiserver", flags)
        # The API server writes the key after the certificate.
        await self._wait_until((certificates / "apiserver.key").exists, "the API server's certificate")
        authority = (certificates / "apiserver.crt").read_bytes()
        for user, token in tokens.items():
            file = self.kubeconfig if user == "admin" else self.kubeconfig_of(user)
            write_atomically(file, _kubeconfig(port, authority, token))
        async with KubeClient(self.kubeconfig) as client:
            await self._wait_until(lambda: _exists(client, "/readyz"), "the API server to be ready")
            await client.delete(DEFAULT_ACCOUNT)  # a controller creates it again, which shows that the controllers work
            flags = [f"--kubeconfig={self.kubeconfig}", "--leader-elect=false", "--secure-port=0"]
            controllers = [*flags, *_controllers(certificates), *options.controller_flags]
            await self._spawn("controllers", "kube-controller-manager", controllers)
            if options.scheduler:
                await self._spawn("scheduler", "kube-scheduler", flags)
            await self._wait_until(lambda: _exists(client, DEFAULT_ACCOUNT), "the controllers to work")

    async def _spawn(self, name: str, program: str, arguments: Sequence[str]) -> None:
        self._children[name] = await spawn(name, [self._bin / program, *arguments], directory=self.directory)

    async def _wait_until(self, check: Callable[[], object], what: str) -> None:
        """Wait until `check` returns True. Raises ProcessError with the ends of the logs, at once if a part has ended."""

        async def check_parts() -> bool:
            for child in self._children.values():
                if child.exit_code is not None:
                    raise ProcessError(f"{child.name} ended with {child.exit_code}")
            value = check()
            return bool(await value if asyncio.iscoroutine(value) else value)

        try:
            await eventually(check_parts, STARTUP, what)
        except ProcessError as error:
            tails = [f"{child.log}:\n{child.last_lines()}" for child in self._children.values()]
            raise ProcessError("\n".join([str(error), *tails])) from None


async def kubectl(kubeconfig: Path, *arguments: str) -> str:
    """Run kubectl with a kubeconfig and return its output. If it fails, raises ProcessError with kubectl's message."""
    process = await asyncio.create_subprocess_exec(
        *(str(await program_folder() / "kubectl"), "--kubeconfig", str(kubeconfig), *arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "KUBECACHEDIR": str(kubeconfig.with_name("kubectl-cache"))},
    )
    output, errors = await process.communicate()
    if process.returncode != 0:
        raise ProcessError(f"kubectl {' '.join(arguments)}: {errors.decode().strip()}")
    return output.decode()


def _etcd(data: Path, client_port: int, peer_port: int) -> list[str]:
    client_url, peer_url = f"http://127.0.0.1:{client_port}", f"http://127.0.0.1:{peer_port}"
    return [
        f"--data-dir={data}",
        "--unsafe-no-fsync",
        f"--listen-client-urls={client_url}",
        f"--advertise-client-urls={client_url}",
        f"--listen-peer-urls={peer_url}",
        f"--initial-advertise-peer-urls={peer_url}",
        f"--initial-cluster=default={peer_url}",
        "--logger=zap",
        "--log-level=warn",
    ]


def _apiserver(directory: Path, certificates: Path, etcd_port: int, port: int) -> list[str]:
    # Created by the API server's first start; also signs tokens of service accounts.
    key = certificates / "apiserver.key"
    return [
        f"--etcd-servers=http://127.0.0.1:{etcd_port}",
        "--bind-address=127.0.0.1",
        f"--secure-port={port}",
        f"--cert-dir={certificates}",
        f"--token-auth-file={directory / 'tokens'}",
        "--authorization-mode=RBAC",
        "--service-cluster-ip-range=10.96.0.0/16",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={key}",
        f"--service-account-signing-key-file={key}",
        "--advertise-address=10.255.255.1",  # must not be loopback; unused, because no endpoints are published
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


async def _exists(client: KubeClient, path: str) -> bool:
    try:
        await client.get(path)
    except (ApiError, *UNREACHED):
        return False
    return True
