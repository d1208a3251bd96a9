"""Convert a tenant's objects in one cluster to manifests for another cluster. Pure."""

import base64
from collections.abc import Iterable, Mapping
from typing import Any, Final

from askproai_core.api_resource import (
    ADOPT_DATA,
    ADOPT_FROM,
    ADOPT_WEBHOOK,
    AGENTS,
    AUTO_CREATED_LABEL,
    BRANCHES,
    OFFERINGS,
    TENANTS,
)
from askproai_operator.resources import MANAGED_LABEL, MANAGER, TENANT_LABEL, USE_LABEL

# The Secrets that are moved: the token that signs the links of sent mails, and the data keys. The operator makes the others.
IDENTITY: Final = ("admin", "data-keys")
SIGNING_KEYS: Final = "signing-keys"  # not moved: it has the providers' keys, too
# Branches and services first, so that the first config of the pods has them.
ORDER: Final = (BRANCHES.kind, OFFERINGS.kind, TENANTS.kind, AGENTS.kind)
# All other fields belong to the old cluster: owners, finalizers, and the marks that let a tool such as Argo CD prune the object.
_LABELS: Final = (USE_LABEL, TENANT_LABEL)
_LABELS_OF_OPERATOR: Final = tuple(
    f"app.kubernetes.io/{name}" for name in ("name", "component", "instance", "managed-by")
)
_ANNOTATIONS: Final = ("askproai.de/paused", "askproai.de/plan", "askproai.de/rotate-data-key")

Json = dict[str, Any]


def belongings(tenant: str, objects: Iterable[Json]) -> list[Json]:
    """Return those Branches, services and agents of a namespace that belong to a tenant, in the order of `ORDER`."""
    objects = list(objects)
    branches = {
        each["metadata"]["name"]
        for each in objects
        if each["kind"] == BRANCHES.kind and _refers(each, "tenantRef", {tenant})
    }
    own = [
        each
        for each in objects
        if AUTO_CREATED_LABEL  # the default service of a Branch, which the operator makes anew
        not in (each["metadata"].get("labels") or {})
        and (_refers(each, "tenantRef", {tenant}) or _refers(each, "branchRef", branches))
    ]
    return sorted(own, key=lambda each: (ORDER.index(each["kind"]), each["metadata"]["name"]))


def _refers(manifest: Json, field: str, names: set[str]) -> bool:
    return (manifest["spec"].get(field) or {}).get("name") in names


def to_manifest(live: Json) -> Json:
    """Return the part of an object to move, from the cluster or a file: its content, name, and our labels and annotations."""
    meta = live["metadata"]
    labels, annotations = meta.get("labels") or {}, meta.get("annotations") or {}
    taken = _LABELS + (_LABELS_OF_OPERATOR if labels.get(MANAGED_LABEL) == MANAGER else ())
    kept = {
        "labels": {name: labels[name] for name in taken if name in labels},
        "annotations": {name: annotations[name] for name in _ANNOTATIONS if name in annotations},
        "namespace": meta.get("namespace"),
    }
    metadata = {"name": meta["name"], **{name: value for name, value in kept.items() if value}}
    fields = {"apiVersion", "kind", "type", "data"} | ({"spec"} if live["kind"] in ORDER else set())
    content = {name: value for name, value in live.items() if name in fields}
    return {**content, "metadata": metadata}


def to_import(manifest: Json, header: Mapping[str, Any], *, suspended: bool) -> Json:
    """Return a manifest to create. A Tenant gets annotations by which it takes over its rows, agents and webhook."""
    manifest = to_manifest(manifest)  # anybody may have written the file
    if manifest["kind"] != TENANTS.kind:
        return manifest
    adopted = {ADOPT_DATA: header["owner"], ADOPT_FROM: header["installation"], ADOPT_WEBHOOK: header["webhook"]}
    annotations = (manifest["metadata"].get("annotations") or {}) | {
        name: text for name, text in adopted.items() if text
    }
    spec = {**manifest["spec"], "suspend": suspended}
    return {**manifest, "spec": spec, "metadata": {**manifest["metadata"], "annotations": annotations}}


def secret_value(secret: Mapping[str, Any], key: str) -> str:
    """Return a value of a Secret as text; empty if the Secret lacks the key."""
    return base64.b64decode((secret.get("data") or {}).get(key, "")).decode()


def with_secret_value(secret: Json, key: str, value: str) -> Json:
    """Return a copy of a Secret with the value of `key` replaced."""
    return {**secret, "data": {**(secret.get("data") or {}), key: base64.b64encode(value.encode()).decode()}}
