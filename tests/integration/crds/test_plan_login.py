"""`askproai plan` with a kubeconfig of a managed cluster: a program fetches the token, and the real API server accepts it."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from askproai_sandbox.cluster import ControlPlane, KubeClient
from tests.worlds.waiting import SOON, eventually

pytestmark = pytest.mark.nightly

BINDINGS = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
MANIFEST = Path(__file__).parents[3] / "examples/second-tenant.yaml"
PROGRAM = """#!/bin/sh
echo run >> "$0.runs"
cat "$0.answer"
"""


@dataclass
class Managed:
    """A kubeconfig whose user is a ServiceAccount, which logs in by a program."""

    kubeconfig: Path
    program: Path
    token: str

    def answer(self, token: str, expires: str) -> None:
        status = {"token": token, "expirationTimestamp": expires}
        value = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status}
        self.program.with_name("get-token.answer").write_text(json.dumps(value))

    def count_runs(self) -> int:
        return len(self.program.with_name("get-token.runs").read_text().splitlines())

    async def plan(self) -> tuple[int, str]:
        """Run the command as a person does; return its exit code and all that it says."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", "from askproai_cli.main import app; app()", "plan", str(MANIFEST),
            env=os.environ | {"KUBECONFIG": str(self.kubeconfig)}, stdin=asyncio.subprocess.DEVNULL, stdout=-1, stderr=-1,
        )  # fmt: skip
        said = b"".join(await process.communicate()).decode()
        assert process.returncode is not None
        return process.returncode, said


@pytest.fixture
async def managed(
    control_plane: ControlPlane, kube_client: KubeClient, kube_namespace: str, crds: None, tmp_path: Path
) -> AsyncIterator[Managed]:
    accounts = f"/api/v1/namespaces/{kube_namespace}/serviceaccounts"

    async def has_account() -> bool:
        return "default" in str((await kube_client.get(accounts))["items"])

    await eventually(has_account, SOON, "the namespace's account")
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
    account = {"kind": "ServiceAccount", "name": "default", "namespace": kube_namespace}
    binding = {"metadata": {"name": kube_namespace}, "roleRef": role, "subjects": [account]}
    await kube_client.create(BINDINGS, binding)
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    token = (await kube_client.create(f"{accounts}/default/token", request))["status"]["token"]
    config = yaml.safe_load(control_plane.kubeconfig.read_text())
    section = {"apiVersion": "client.authentication.k8s.io/v1", "command": "./get-token", "interactiveMode": "Never"}
    config["users"][0]["user"] = {"exec": section}
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(config))
    (tmp_path / "get-token").write_text(PROGRAM)
    (tmp_path / "get-token").chmod(0o755)
    yield Managed(tmp_path / "kubeconfig", tmp_path / "get-token", token)
    await kube_client.delete(f"{BINDINGS}/{kube_namespace}")


async def test_a_plan_logs_in_by_the_program_once(managed: Managed) -> None:
    managed.answer(managed.token, "2999-01-01T00:00:00Z")
    exit_code, said = await managed.plan()
    assert exit_code == 0, said
    assert "Tenant/praxis-weber: created" in said
    assert managed.count_runs() == 1


async def test_expired_credential_is_requested_again(managed: Managed) -> None:
    managed.answer(managed.token, "2001-01-01T00:00:00Z")
    exit_code, said = await managed.plan()
    assert exit_code == 0, said
    assert managed.count_runs() > 1


async def test_token_refused_by_the_server_is_called_refused(managed: Managed) -> None:
    managed.answer("stale", "2999-01-01T00:00:00Z")
    exit_code, said = await managed.plan()
    assert exit_code == 1
    assert "the cluster refuses to be asked (context local, https://127.0.0.1:" in said
    assert "401 Unauthorized" in said
