"""examples/rbac/read-only.yaml at a real API server: exactly the rights that reading commands need."""

import asyncio
import copy
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from askproai_sandbox.cluster import ControlPlane, KubeClient, ProcessError
from tests.worlds.chart_render import ROOT
from tests.worlds.waiting import SOON, eventually

pytestmark = pytest.mark.nightly

MANIFESTS = list(yaml.safe_load_all((ROOT / "examples/rbac/read-only.yaml").read_text("utf-8")))
(COMMANDS,) = [each for each in MANIFESTS if (each["kind"], each["metadata"]["name"]) == ("Role", "askproai-commands")]
NAME = "salon-mueller"
READER = ("--as=erika", f"--as-group={NAME}-readers")
LABELS = {"app.kubernetes.io/instance": NAME}


def path(manifest: dict[str, Any], namespace: str) -> str:
    return f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/{manifest['kind'].lower()}s"


@pytest.fixture
async def salon(kube_client: KubeClient, kube_namespace: str, crds: None) -> str:
    """Return a namespace with the objects of a tenant that the commands use, and the Roles."""
    core = f"/api/v1/namespaces/{kube_namespace}"
    for secret in (f"{NAME}-admin", f"{NAME}-reader", "providers"):
        await kube_client.create(f"{core}/secrets", {"metadata": {"name": secret}, "stringData": {"token": "t"}})
    ports = [{"name": "private", "port": 8081, "targetPort": "private"}]
    spec = {"selector": LABELS, "ports": ports}
    await kube_client.create(f"{core}/services", {"metadata": {"name": f"{NAME}-admin"}, "spec": spec})
    account = f"{core}/serviceaccounts"

    async def has_account() -> bool:
        return "default" in str((await kube_client.get(account))["items"])

    await eventually(has_account, SOON, "the namespace's account")
    container = {"name": "web", "image": "none", "ports": [{"name": "private", "containerPort": 8081}]}
    pod = {"metadata": {"name": "web", "labels": LABELS}, "spec": {"containers": [container], "nodeName": "none"}}
    await kube_client.create(f"{core}/pods", pod)
    await kube_client.merge(f"{core}/pods/web/status", {"status": {"phase": "Running"}})
    for manifest in MANIFESTS:
        here = manifest | {"metadata": manifest["metadata"] | {"namespace": kube_namespace}}
        await kube_client.create(path(manifest, kube_namespace), here)
    return kube_namespace


async def attempt(plane: ControlPlane, namespace: str, *arguments: str) -> str:
    """Return what kubectl says as a reader, its errors included. A forwarding that works is ended."""
    try:
        async with asyncio.timeout(10):
            return await plane.kubectl(*READER, "-n", namespace, *arguments)
    except TimeoutError:
        return "it ran until it was ended"
    except ProcessError as error:
        return str(error)


async def run_command(plane: ControlPlane, namespace: str) -> str:
    """Do what `askproai appointments list` does with kubectl as a reader; return all that it says."""
    token = await attempt(plane, namespace, "get", "secret", f"{NAME}-reader", "-o", "jsonpath={.data.token}")
    return token + await attempt(plane, namespace, "port-forward", f"service/{NAME}-admin", ":8081")


def is_forbidden(text: str) -> bool:
    return "forbidden" in text.lower()


async def test_reading_commands_are_allowed_up_to_the_pod(control_plane: ControlPlane, salon: str) -> None:
    assert not is_forbidden(await run_command(control_plane, salon))
    for kind in ("tenants.askproai.de", "branches", "serviceofferings", "retellagents"):
        assert not is_forbidden(await attempt(control_plane, salon, "get", kind))


def write_readers_kubeconfig(plane: ControlPlane, folder: Path) -> Path:
    config = yaml.safe_load(Path(plane.kubeconfig).read_text())
    for user in config["users"]:
        user["user"] |= {"as": "erika", "as-groups": [f"{NAME}-readers"]}
    (folder / "kubeconfig").write_text(yaml.safe_dump(config))
    return folder / "kubeconfig"


@pytest.mark.processes
async def test_the_command_itself_uses_the_readers_token(control_plane: ControlPlane, salon: str, tmp_path) -> None:
    kubeconfig = write_readers_kubeconfig(control_plane, tmp_path)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "from askproai_cli.main import app; app()", "circuits", "list", "-t", f"{salon}.{NAME}",
        env=os.environ | {"KUBECONFIG": str(kubeconfig)}, stdout=-1, stderr=-1,
    )  # fmt: skip
    said = (await process.communicate())[1].decode()
    assert not is_forbidden(said)
    assert f"no connection to {salon}/{NAME}-admin" in said, "it has a token, and no kubelet forwards here"


@pytest.mark.parametrize(
    "arguments",
    [
        ("get", "secret", f"{NAME}-admin"), ("get", "secret", "providers"), ("get", "secrets"), ("get", "configmaps"),
        ("delete", "pod", "web"), ("delete", "tenants.askproai.de", NAME), ("exec", "web", "--", "true"),
        ("annotate", "secret", f"{NAME}-reader", "a=b"), ("create", "configmap", "x"),
    ],
)  # fmt: skip
async def test_read_only_role_allows_nothing_else(control_plane: ControlPlane, salon: str, arguments) -> None:
    assert is_forbidden(await attempt(control_plane, salon, *arguments))


def narrower_roles() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield the rules of the commands' Role with one verb less."""
    for index, rule in enumerate(COMMANDS["rules"]):
        for verb in rule["verbs"]:
            rules = copy.deepcopy(COMMANDS["rules"])
            rules[index]["verbs"].remove(verb)
            yield f"{verb} {rule['resources'][0]}", [each for each in rules if each["verbs"]]


@pytest.mark.parametrize(
    ("missing", "rules"), list(narrower_roles()), ids=lambda value: value if isinstance(value, str) else ""
)
async def test_each_verb_of_the_role_is_needed(
    control_plane: ControlPlane, kube_client: KubeClient, salon: str, missing: str, rules: list[dict[str, Any]]
) -> None:
    await kube_client.merge(f"{path(COMMANDS, salon)}/askproai-commands", {"rules": rules})

    async def refused() -> bool:  # the authorizer sees the change a moment later
        return is_forbidden(await run_command(control_plane, salon))

    await eventually(refused, SOON, f"a refusal without {missing}")
