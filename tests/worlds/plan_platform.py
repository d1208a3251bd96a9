"""An operator's namespace with grants, and a practice whose manifests are planned."""

import json
from pathlib import Path
from typing import Any

import yaml

from askproai_cli.lint import read_documents
from askproai_cli.plan.plan import Planned, plan_manifests
from askproai_operator.grants import Holder, Subject, grant_manifest
from askproai_operator.resources import CONFIG_MAPS, CUSTOM
from askproai_sandbox.cluster import ControlPlane, KubeClient
from askproai_sandbox.example_tenant import EXAMPLES

HOST = "praxis.voice.example"


class Platform:
    """An operator's namespace with grants, and a practice that wants a number and a host."""

    def __init__(self, plane: ControlPlane, client: KubeClient, namespace: str, folder: Path) -> None:
        self.plane, self.client, self.namespace, self.folder = plane, client, namespace, folder
        self.manifests = list(yaml.safe_load_all((EXAMPLES / "second-tenant.yaml").read_text()))
        tenant = next(each for each in self.manifests if each["kind"] == "Tenant")
        tenant["spec"]["exposure"] = {"host": HOST, "pathPrefix": "/voice", "ingress": {"className": "public"}}

    async def grant(self, subject: Subject, holder: Holder) -> None:
        path = CONFIG_MAPS.path(self.namespace)
        await self.client.create(path, grant_manifest(self.namespace, subject, [holder]))

    def give_key(self, value: str) -> None:
        """Write the tenant's Retell key into the Secret of the files."""
        secret = next(each for each in self.manifests if each["kind"] == "Secret")
        tenant = next(each for each in self.manifests if each["kind"] == "Tenant")
        secret["stringData"][tenant["spec"]["retell"]["apiKeySecretRef"]["key"]] = value

    async def plan(self, kubeconfig: Path | None = None, namespace: str | None = None) -> dict[str, Planned]:
        file = self.folder / "practice.yaml"
        file.write_text(yaml.safe_dump_all(self.manifests, allow_unicode=True))
        documents = list(read_documents([str(file)]))
        ours = [each for each in documents if each.value["kind"] != "ExternalSecret"]
        others = [each for each in documents if each not in ours]
        planned = await plan_manifests(
            ours, kubeconfig or self.plane.kubeconfig, "default", namespace or self.namespace, others
        )
        return {each.name.partition("/")[0]: each for each in planned}


async def person(platform: Platform, folder: Path, *, everywhere: bool = True) -> Path:
    """Return the kubeconfig of somebody who may write our kinds, and read no ConfigMap.

    They may list objects of our kinds in all namespaces, or only in the platform's.
    """
    namespace, kubectl = platform.namespace, platform.plane.kubectl
    await kubectl("create", "serviceaccount", "anna", "-n", namespace)
    rules: list[dict[str, Any]] = [
        {
            "apiGroups": [CUSTOM[0].group],
            "resources": ["*"],
            "verbs": ["*"] if everywhere else ["get", "create", "patch"],
        },
        {"apiGroups": [""], "resources": ["namespaces", "secrets"], "verbs": ["get", "create", "patch"]},
    ]
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": namespace}}
    (folder / "role.json").write_text(json.dumps(role | {"rules": rules}))
    await kubectl("apply", "-f", str(folder / "role.json"))
    await kubectl(
        "create", "clusterrolebinding", namespace, f"--clusterrole={namespace}", f"--serviceaccount={namespace}:anna"
    )
    kinds = ",".join(f"{resource.plural}.{resource.group}" for resource in CUSTOM)
    await kubectl("create", "role", "lists", "-n", namespace, "--verb=list", f"--resource={kinds}")
    await kubectl(
        "create", "rolebinding", "lists", "-n", namespace, "--role=lists", f"--serviceaccount={namespace}:anna"
    )
    token = (await kubectl("create", "token", "anna", "-n", namespace)).strip()
    config = yaml.safe_load(platform.plane.kubeconfig.read_text())
    config["users"][0]["user"] = {"token": token}
    file = folder / "anna.kubeconfig"
    file.write_text(yaml.safe_dump(config))
    return file
