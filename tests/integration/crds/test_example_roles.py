"""examples/rbac at a real API server: the roles for manifests, for the desk and for readers allow their tasks and no more."""

import copy
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import yaml

from askproai_sandbox.cluster import ControlPlane, KubeClient, ProcessError
from tests.worlds.chart_render import ROOT
from tests.worlds.waiting import SOON, eventually

pytestmark = pytest.mark.nightly

NAME = "salon-mueller"
FILES = sorted((ROOT / "examples/rbac").glob("*.yaml"))
KINDS = ("tenants.askproai.de", "branches", "serviceofferings", "retellagents")


def read(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((ROOT / "examples/rbac" / name).read_text("utf-8")))


def rules_of(name: str, role: str) -> list[dict[str, Any]]:
    (found,) = [each for each in read(name) if (each["kind"], each["metadata"]["name"]) == ("Role", role)]
    rules: list[dict[str, Any]] = found["rules"]
    return rules


@pytest.fixture
async def salon(kube_client: KubeClient, kube_namespace: str, crds: None) -> str:
    """Return a namespace with all Roles of examples/rbac, applied file by file, but without the ClusterRoles."""
    for manifest in (each for file in FILES for each in read(file.name) if each["kind"] in {"Role", "RoleBinding"}):
        moved = copy.deepcopy(manifest)
        moved["metadata"]["namespace"] = kube_namespace
        kind = manifest["kind"].lower()
        await kube_client.create(f"/apis/rbac.authorization.k8s.io/v1/namespaces/{kube_namespace}/{kind}s", moved)
    return kube_namespace


async def may(plane: ControlPlane, namespace: str, group: str, *right: str) -> bool:
    user = ("--as=erika", f"--as-group={NAME}-{group}")
    try:
        return (await plane.kubectl(*user, "-n", namespace, "auth", "can-i", *right)).startswith("yes")
    except ProcessError:  # its exit code is 1 for "no"
        return False


def test_example_role_files_share_no_object_name() -> None:
    """If two files had a Role of the same name, applying both would let readers read the token that shows all names."""
    objects = [(each["kind"], each["metadata"]["name"]) for file in FILES for each in read(file.name)]
    assert len(objects) == len(set(objects))
    groups = [
        (file.name, each["subjects"][0]["name"]) for file in FILES for each in read(file.name) if "subjects" in each
    ]
    assert len({group for _, group in groups}) == len(FILES)


def test_desk_has_another_secret_and_otherwise_equal_rights() -> None:
    expected = copy.deepcopy(rules_of("read-only.yaml", "askproai-commands"))
    expected[0]["resourceNames"] = [f"{NAME}-admin"]
    assert rules_of("desk.yaml", "askproai-desk") == expected


def rights() -> Iterator[tuple[str, tuple[str, ...], bool]]:
    for kind in KINDS:
        for verb in ("get", "create", "patch", "delete"):
            yield "manifests", (verb, kind), True
            yield "desk", (verb, kind), False
    for secret, group in ((f"{NAME}-admin", "desk"), (f"{NAME}-reader", "readers"), (f"{NAME}-teardown", "manifests")):
        for each in ("desk", "readers", "manifests"):
            yield each, ("get", f"secrets/{secret}"), each == group
    for each in ("desk", "readers", "manifests"):
        yield each, ("get", "secrets/providers"), False
        yield each, ("patch", "deployments"), False
        yield each, ("create", "rolebindings"), False


async def test_each_group_has_its_rights_and_no_others(control_plane: ControlPlane, salon: str) -> None:
    async def is_known() -> bool:  # the authorizer sees a new binding a moment later
        return await may(control_plane, salon, "manifests", "get", KINDS[0])

    await eventually(is_known, SOON, "the bindings")
    for group, right, expected in rights():
        assert await may(control_plane, salon, group, *right) == expected, (group, right)


async def test_example_role_may_apply_the_example(control_plane: ControlPlane, salon: str, tmp_path: Any) -> None:
    ours = [
        each | {"metadata": each["metadata"] | {"namespace": salon}}
        for each in yaml.safe_load_all((ROOT / "examples/salon.yaml").read_text("utf-8"))
        if each["apiVersion"].startswith("askproai.de/")
    ]
    (tmp_path / "salon.yaml").write_text(yaml.safe_dump_all(ours))
    user = ("--as=erika", f"--as-group={NAME}-manifests")
    said = ""

    async def is_applied() -> bool:
        nonlocal said
        try:
            said = await control_plane.kubectl(*user, "apply", "--server-side", "-f", str(tmp_path / "salon.yaml"))
        except ProcessError as error:
            said = str(error)
            return False
        return True

    await eventually(is_applied, SOON, "an apply by the group")
    assert said.count("serverside-applied") == len(ours)


MANIFESTS: list[dict[str, Any]] = list(yaml.safe_load_all((ROOT / "examples/rbac/on-call.yaml").read_text("utf-8")))
ON_CALL = ("--as=erika", "--as-group=askproai-on-call")
RBAC = "/apis/rbac.authorization.k8s.io/v1"


@pytest.fixture
async def tenants_namespace(kube_client: KubeClient, kube_namespace: str, crds: None) -> AsyncIterator[str]:
    """Yield a namespace in which both roles are bound, by the file as it is."""
    made = []
    for manifest in copy.deepcopy(MANIFESTS):
        folder = f"{RBAC}/{manifest['kind'].lower()}s"
        if "namespace" in manifest["metadata"]:
            manifest["metadata"]["namespace"] = kube_namespace
            folder = f"{RBAC}/namespaces/{kube_namespace}/{manifest['kind'].lower()}s"
        await kube_client.create(folder, manifest)
        made.append(f"{folder}/{manifest['metadata']['name']}")
    yield kube_namespace
    for path in made:
        await kube_client.delete(path)


async def can(plane: ControlPlane, *arguments: str) -> bool:
    """Return the answer of `kubectl auth can-i` for a person on call."""
    try:
        return (await plane.kubectl(*ON_CALL, "auth", "can-i", *arguments)).strip() == "yes"
    except ProcessError:  # its exit code for "no"
        return False


async def test_on_call_role_has_exactly_the_pages_rights(control_plane: ControlPlane, tenants_namespace: str) -> None:
    async def is_known() -> bool:  # the authorizer sees a binding a moment later
        return await can(control_plane, "get", "secrets", "-n", tenants_namespace)

    await eventually(is_known, SOON, "the bindings to be in force")
    for kind in ("tenants", "branches", "serviceofferings", "retellagents"):
        assert await can(control_plane, "list", f"{kind}.askproai.de", "-A"), kind
        assert await can(control_plane, "patch", f"{kind}.askproai.de", "-n", "default"), kind
        assert not await can(control_plane, "delete", f"{kind}.askproai.de", "-n", tenants_namespace), kind
        assert not await can(control_plane, "create", f"{kind}.askproai.de", "-n", tenants_namespace), kind
    for what in (
        "pods",
        "events",
        "deployments.apps",
        "leases.coordination.k8s.io",
        "networkpolicies.networking.k8s.io",
    ):
        assert await can(control_plane, "list", what, "-A"), what
    assert await can(control_plane, "get", "pods", "--subresource=log", "-n", "askproai-system")
    assert await can(control_plane, "create", "pods", "--subresource=portforward", "-n", tenants_namespace)
    assert not await can(control_plane, "get", "secrets", "-n", "askproai-system")
    assert not await can(control_plane, "create", "pods", "--subresource=portforward", "-n", "default")
    assert not await can(control_plane, "create", "pods", "--subresource=exec", "-n", tenants_namespace)
    assert not await can(control_plane, "delete", "pods", "-n", tenants_namespace)
    assert not await can(control_plane, "patch", "secrets", "-n", tenants_namespace)
