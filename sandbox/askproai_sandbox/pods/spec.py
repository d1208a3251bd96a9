"""The meaning of a pod's manifest on this machine: what is refused, mounted files, environment. Pure functions."""

import base64
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from askproai_sandbox.cluster import Object

VOLUMES = frozenset({"configMap", "secret", "projected", "emptyDir"})
PROBES = ("startupProbe", "readinessProbe", "livenessProbe")
FIELDS = ("metadata.name", "metadata.namespace", "status.podIP")
# Every image runs the code of this folder. This tag adds a share of failing bookings.
FAILING_TAG = re.compile(r":fails-([0-9]{1,2})-percent$")


class MissingInput(Exception):
    """A ConfigMap, Secret or key that the pod needs does not exist. That is no failure: the pod waits for it."""


@dataclass(frozen=True, slots=True)
class Sources:
    """The ConfigMaps and Secrets of the cluster, by `<namespace>/<name>`. Both mappings change as the cluster does."""

    config_maps: Mapping[str, Object]
    secrets: Mapping[str, Object]

    def files(self, namespace: str, part: Object) -> dict[str, bytes]:
        """Return the files of a volume, or of one source of a projected volume, by their path in it. Raises MissingInput."""
        kind = "configMap" if "configMap" in part else "secret"
        reference = part.get(kind) or {
            "optional": True
        }  # a token or a field of the pod, which this runner does not mount
        name = reference.get("name") or reference.get("secretName")
        source = (self.config_maps if kind == "configMap" else self.secrets).get(f"{namespace}/{name}")
        if source is None and not reference.get("optional"):
            raise MissingInput(f"{kind} {namespace}/{name} does not exist; create it and the pod goes on")
        text = (source or {}).get("data") or {}
        data = {key: value.encode() if kind == "configMap" else base64.b64decode(value) for key, value in text.items()}
        paths = {item["key"]: item["path"] for item in reference.get("items") or []} or {key: key for key in data}
        missing = paths.keys() - data.keys()
        if missing and not reference.get("optional"):
            raise MissingInput(f"{kind} {namespace}/{name} has no key {', '.join(sorted(missing))}")
        return {path: data[key] for key, path in paths.items() if key in data}


def unsupported_reason(pod: Object) -> str | None:
    """Return why this runner cannot run a pod; None if it can."""
    return next(_unsupported(pod["spec"]), None)


def _unsupported(spec: Object) -> Iterator[str]:
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
        yield from (f"container {container['name']}: {reason}" for reason in _unsupported_in_container(container))


def _unsupported_in_container(container: Object) -> Iterator[str]:
    if not container.get("command"):
        yield "no command, and there is no image here that could bring one"
    sources = [entry["valueFrom"] for entry in container.get("env") or [] if entry.get("valueFrom")]
    if container.get("envFrom") or any(_field_path(source) not in FIELDS for source in sources):
        yield f"no envFrom, and valueFrom only of {', '.join(FIELDS)}; mount a Secret as files"
    if any(mount.get("subPath") or mount.get("subPathExpr") for mount in container.get("volumeMounts") or []):
        yield "no subPath, as files mounted so never change; mount the folder"
    if any("httpGet" not in container[probe] for probe in PROBES if container.get(probe)):
        yield "only httpGet probes are known here"


def _field_path(source: Object) -> str:
    return str(source.get("fieldRef", {}).get("fieldPath"))


def volume_files(volume: Object, namespace: str, sources: Sources) -> dict[str, bytes] | None:
    """Return the files of a volume by their path in it; None for an emptyDir, which the pod itself fills. Raises MissingInput."""
    if "emptyDir" in volume:
        return None
    files: dict[str, bytes] = {}
    for part in volume["projected"].get("sources") or [] if "projected" in volume else [volume]:
        files |= sources.files(namespace, part)
    return files


def container_environment(pod: Object, container: Object, address: str, mounts: Mapping[str, Path]) -> dict[str, str]:
    """Return a container's environment variables, with the pod's address to bind to and local folders for mounted paths."""
    metadata = pod["metadata"]
    fields = dict(zip(FIELDS, (metadata["name"], metadata["namespace"], address), strict=True))
    values: dict[str, str] = {}
    for entry in container.get("env") or []:
        source = entry.get("valueFrom")
        value = fields[_field_path(source)] if source else entry.get("value", "")
        values[entry["name"]] = _localized(entry["name"], value, address, mounts)
    if failing := FAILING_TAG.search(container.get("image", "")):
        values |= {"ASKPROAI_TESTING": "1", "ASKPROAI_FAULT": f"fail:{failing[1]}:before:book"}
    return values


def _localized(name: str, value: str, address: str, mounts: Mapping[str, Path]) -> str:
    if name == "ASKPROAI_BIND_ADDRESS" and value == "0.0.0.0":
        return address
    for mount in sorted(mounts, key=len, reverse=True):
        if value == mount or value.startswith(mount + "/"):
            return str(mounts[mount]) + value.removeprefix(mount)
    return value
