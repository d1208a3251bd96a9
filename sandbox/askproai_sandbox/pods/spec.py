"""What a pod's manifest means on this machine. Pure: values in, values out."""

import base64
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from askproai_sandbox.cluster import Object, object_key

BIND_ADDRESS = "ASKPROAI_BIND_ADDRESS"
VOLUMES = frozenset({"configMap", "secret", "projected", "emptyDir"})
PROBES = ("startupProbe", "readinessProbe", "livenessProbe")
REFERENCE = re.compile(r"\$(\$|\(([A-Za-z0-9_.-]+)\))")


class NotYet(Exception):
    """A ConfigMap, Secret or key that the pod needs is not there: a state, not a failure; the pod waits for it."""


@dataclass(frozen=True, slots=True)
class Sources:
    """The ConfigMaps and Secrets of the cluster by `<namespace>/<name>`: live views that others keep."""

    config_maps: Mapping[str, Object]
    secrets: Mapping[str, Object]

    def data(self, kind: str, namespace: str, reference: Mapping[str, object]) -> dict[str, bytes]:
        """Give the keys of one object (`kind` as in a volume: configMap or secret); nothing if it is optional and absent."""
        name = str(reference.get("name") or reference.get("secretName"))
        found = (self.config_maps if kind == "configMap" else self.secrets).get(f"{namespace}/{name}")
        if found is None:
            if reference.get("optional"):
                return {}
            raise NotYet(f"{kind} {namespace}/{name} does not exist; create it and the pod goes on")
        if kind == "configMap":
            text = {key: value.encode() for key, value in (found.get("data") or {}).items()}
            return text | {key: base64.b64decode(value) for key, value in (found.get("binaryData") or {}).items()}
        return {key: base64.b64decode(value) for key, value in (found.get("data") or {}).items()}


def refusal(pod: Object) -> str | None:
    """Say why this pod can not run here; None when it can."""
    return next(_refusals(pod["spec"]), None)


def _refusals(spec: Object) -> Iterator[str]:
    if spec.get("initContainers"):
        yield "initContainers are not run here"
    if spec.get("hostNetwork"):
        yield "hostNetwork is not there: each pod has its own 127.x.y.z"
    if spec.get("restartPolicy", "Always") != "Always":
        yield "only restartPolicy Always is known here"
    for volume in spec.get("volumes") or []:
        if not VOLUMES & volume.keys():
            yield f"volume {volume['name']}: only {', '.join(sorted(VOLUMES))} are known here"
    for container in spec["containers"]:
        yield from _container_refusals(container)


def _container_refusals(container: Object) -> Iterator[str]:
    name = container["name"]
    if not container.get("command"):
        yield f"container {name} has no command: there is no image here that could bring one"
    if container.get("envFrom"):
        yield f"container {name}: envFrom is not known here; name each variable"
    if any(mount.get("subPath") or mount.get("subPathExpr") for mount in container.get("volumeMounts") or []):
        yield f"container {name}: no subPath, as files mounted so never change; mount the folder"
    if any("httpGet" not in container[probe] for probe in PROBES if container.get(probe)):
        yield f"container {name}: only httpGet probes are known here"


def files_of(volume: Object, namespace: str, sources: Sources) -> dict[str, bytes] | None:
    """Give the files of a volume by their path in it; None for one that belongs to the pod alone (emptyDir)."""
    if "emptyDir" in volume:
        return None
    parts = volume["projected"].get("sources") or [] if "projected" in volume else [volume]
    files: dict[str, bytes] = {}
    for part in parts:
        for kind in ("configMap", "secret"):
            if reference := part.get(kind):
                files |= _picked(reference, sources.data(kind, namespace, reference))
    return files


def _picked(reference: Object, data: dict[str, bytes]) -> dict[str, bytes]:
    items = reference.get("items")
    if not items:
        return data
    missing = [item["key"] for item in items if item["key"] not in data]
    if missing and not reference.get("optional"):
        raise NotYet(f"{reference.get('name') or reference.get('secretName')} has no key {', '.join(missing)}")
    return {item["path"]: data[item["key"]] for item in items if item["key"] in data}


def environment(
    pod: Object, container: Object, address: str, mounts: Mapping[str, Path], sources: Sources
) -> dict[str, str]:
    """Give what the manifest sets, localized: the bind address is the pod's, mounted paths are the local folders."""
    values: dict[str, str] = {}
    for entry in container.get("env") or []:
        value = _value(entry, pod, address, sources)
        if value is not None:
            values[entry["name"]] = _localized(entry["name"], expanded(value, values), address, mounts)
    return values


def _value(entry: Object, pod: Object, address: str, sources: Sources) -> str | None:
    source = entry.get("valueFrom")
    if not source:
        return str(entry.get("value", ""))
    if field := source.get("fieldRef"):
        metadata = pod["metadata"]
        fields = {
            "metadata.name": metadata["name"],
            "metadata.namespace": metadata["namespace"],
            "metadata.uid": metadata["uid"],
            "spec.nodeName": pod["spec"].get("nodeName", ""),
            "status.podIP": address,
            "status.hostIP": "127.0.0.1",
        }
        if field["fieldPath"] not in fields:
            raise NotYet(f"{entry['name']}: fieldRef {field['fieldPath']} is not known here")
        return str(fields[field["fieldPath"]])
    for kind, reference in (("configMap", source.get("configMapKeyRef")), ("secret", source.get("secretKeyRef"))):
        if reference:
            data = sources.data(kind, pod["metadata"]["namespace"], reference)
            if reference["key"] in data:
                return data[reference["key"]].decode()
            if reference.get("optional"):
                return None
            raise NotYet(f"{kind} {reference['name']} has no key {reference['key']} ({entry['name']} needs it)")
    raise NotYet(f"{entry['name']}: its valueFrom is not known here")


def expanded(text: str, values: Mapping[str, str]) -> str:
    """Replace `$(NAME)` as Kubernetes does: unknown names stay, `$$` is a dollar sign."""
    return REFERENCE.sub(lambda found: "$" if found[1] == "$" else values.get(found[2], found[0]), text)


def _localized(name: str, value: str, address: str, mounts: Mapping[str, Path]) -> str:
    if name == BIND_ADDRESS and value == "0.0.0.0":
        return address
    for mount in sorted(mounts, key=len, reverse=True):
        if value == mount or value.startswith(mount + "/"):
            return str(mounts[mount]) + value.removeprefix(mount)
    return value


def folder_name(pod: Object) -> str:
    return object_key(pod).replace("/", "_")
