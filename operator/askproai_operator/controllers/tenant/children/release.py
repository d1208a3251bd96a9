"""The cause of a change of a tenant's pod template: its own manifests and Secrets, or another release of the operator. Pure.

The second waits for its turn (`askproai_operator/rollouts.py`), the first never does.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from importlib.metadata import version
from typing import Any, Final

import msgspec

from askproai_operator.api import SecretKeyRef, Tenant
from askproai_operator.controllers.tenant.children.metadata import Component, Manifest
from askproai_operator.engine import ObservedObject, digest
from askproai_operator.rollouts import ROLLOUT, RolloutRecord, encode_record, is_broken, is_down, read_record
from askproai_operator.settings import Settings

RELEASE: Final = version("askproai")
# The settings that are part of a pod template, and those that bound what a manifest contributes to it.
_RENDERED: Final = (
    "runtime_image", "runtime_images", "image_pull_secrets", "tracing_endpoint", "tracing_sample_ratio", "max_cpu_millicores",
    "max_memory_mebibytes", "priority_classes", "toleration_keys", "pod_annotations",
)  # fmt: skip


class Change(StrEnum):
    """Why the pod template of a Deployment is to be another one."""

    NONE = "none"
    EDIT = "edit"  # by the tenant's manifests or Secrets; also a Deployment that is new
    RELEASE = "release"


def present_release(settings: Settings, template: Manifest) -> str:
    """Return the name of the release from which this operator renders pods: its version and a digest. `template` is
    `deployment.yaml`."""
    rendered = {name: getattr(settings, name) for name in _RENDERED}
    return f"{RELEASE}-{digest([rendered, template])[:8]}"


def own_inputs(
    declared: Tenant,
    component: Component,
    *,
    alone: bool,
    own_keys: Iterable[SecretKeyRef],
    further_keys: Iterable[SecretKeyRef],
    track: str = "",
) -> str:
    """Return a digest of a tenant's contributions to a pod template. The keys are those that its Secrets permit to be used.

    It is made from the manifest as `declared`, and from the differences from the defaults: neither a setting of the operator nor a
    field that a later release adds may look like an edit, nor a further key that it takes from the same Secret.
    """
    spec = declared.spec.model_dump(by_alias=True, exclude_defaults=True, mode="json")
    runtime = spec.get("runtime", {})
    resources = {name: runtime.get(name, {}).get("resources") for name in ("web", "workers")}
    permitted = [sorted(f"{ref.name}/{ref.key}" for ref in own_keys), sorted({ref.name for ref in further_keys})]
    pods = [runtime.get("image"), runtime.get("pods"), resources, component, alone, track]
    return digest([pods, list(_secret_refs(spec)), permitted])


def _secret_refs(value: object, field: str = "") -> Iterator[tuple[str, object]]:
    """Yield the fields of a spec that name keys of Secrets, with these names."""
    if field.endswith(("SecretRef", "SecretRefs")):
        yield field, value
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _secret_refs(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from _secret_refs(inner, field)


def record_of(manifest: Manifest, image: str, inputs: str, release: str) -> RolloutRecord:
    """Return the record of a Deployment's manifest, as it is where no change of release is judged."""
    return RolloutRecord(release, image, digest(manifest["spec"]["template"]), inputs)


def next_records(
    tenant: Tenant,
    live: Mapping[Component, ObservedObject | None],
    wanted: Mapping[Component, RolloutRecord],
    begin: Callable[[], bool],
    now: datetime,
) -> Mapping[Component, RolloutRecord] | None:
    """Return the records of the Deployments that are to be applied; None: all keep their pods until it is the tenant's turn.

    `live` are the Deployments as they are; `begin` says whether it is the tenant's turn. No turn needs who is edited, who has
    begun, and whose pods are none or broken: there a further template does no harm, and may be the cure.
    """
    is_edited = tenant.metadata.generation != tenant.status.get("observedGeneration")
    changes = {part: change_of(live[part], record, is_edited=is_edited) for part, record in wanted.items()}
    records = {part: _with_verdict(record, live[part], changes[part]) for part, record in wanted.items()}
    if Change.RELEASE not in changes.values() or Change.EDIT in changes.values():
        return records
    begun = [
        records[part] for part, change in changes.items() if change is Change.NONE and _is_of(live[part], wanted[part])
    ]
    pods = [each for each in live.values() if each is not None and each.replicas]
    if begun:
        judged = any(record.judged for record in begun)
    elif tenant.spec.suspend or not pods or any(is_broken(each, now) for each in pods):
        judged = False
    elif begin():
        judged = not any(map(is_down, pods))  # what is away already is not the release's fault
    else:
        return None
    return {
        part: msgspec.structs.replace(record, judged=judged) if changes[part] is Change.RELEASE else record
        for part, record in records.items()
    }


def _is_of(live: ObservedObject | None, wanted: RolloutRecord) -> bool:
    found = read_record(live) if live is not None else None
    return found is not None and found.release == wanted.release


def _with_verdict(wanted: RolloutRecord, live: ObservedObject | None, change: Change) -> RolloutRecord:
    """Return the record with whether its pods are judged, which another template or release ends."""
    found = read_record(live) if live is not None else None
    judged = change is Change.NONE and found is not None and found.judged and found.release == wanted.release
    return msgspec.structs.replace(wanted, judged=judged)


def with_record(manifest: Manifest, record: RolloutRecord) -> Manifest:
    """Return the manifest of a Deployment with its record."""
    meta: dict[str, Any] = manifest["metadata"]
    annotations = {**meta["annotations"], ROLLOUT: encode_record(record)}
    return {**manifest, "metadata": {**meta, "annotations": annotations}}


def change_of(live: ObservedObject | None, wanted: RolloutRecord, *, is_edited: bool) -> Change:
    """Return what the change of a Deployment to the wanted template comes from.

    `is_edited`: the Tenant has an edit that no reconcile has applied yet. It decides where a release without records has made the
    Deployment.
    """
    if live is None:
        return Change.EDIT
    found = read_record(live)
    if found is None:
        return Change.EDIT if is_edited else Change.RELEASE
    if found.template == wanted.template:
        return Change.NONE
    return Change.EDIT if found.inputs != wanted.inputs else Change.RELEASE
