"""The reason for a change of a tenant's pod template: its own manifests and Secrets, or another release of the operator. Pure.

A change by a release waits for the tenant's turn (`askproai_operator/rollouts.py`); a change by the tenant never waits.
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
    """The reason for a change of a Deployment's pod template: an edit by the tenant, another release, or NONE without a change."""

    NONE = "none"
    EDIT = "edit"  # by the tenant's manifests or Secrets; also for a new Deployment
    RELEASE = "release"


def present_release(settings: Settings, template: Manifest) -> str:
    """Return the name of the operator's release: its version and a digest. `template` is `deployment.yaml`."""
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
    """Return a digest of the tenant's own contributions to a pod template. Pass only keys that their Secrets permit to use.

    Only the differences of the `declared` manifest from the defaults count. A setting of the operator, a field that a later
    release adds, or a further key that it takes from the same Secret must not look like an edit.
    """
    spec = declared.spec.model_dump(by_alias=True, exclude_defaults=True, mode="json")
    runtime = spec.get("runtime", {})
    resources = {name: runtime.get(name, {}).get("resources") for name in ("web", "workers")}
    permitted = [sorted(f"{ref.name}/{ref.key}" for ref in own_keys), sorted({ref.name for ref in further_keys})]
    pods = [runtime.get("image"), runtime.get("pods"), resources, component, alone, track]
    return digest([pods, list(_secret_refs(spec)), permitted])


def _secret_refs(value: object, field: str = "") -> Iterator[tuple[str, object]]:
    """Yield (name, value) of each field of a spec that names a Secret or keys of Secrets, at any depth."""
    if field.endswith(("SecretRef", "SecretRefs")):
        yield field, value
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _secret_refs(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from _secret_refs(inner, field)


def record_of(manifest: Manifest, image: str, inputs: str, release: str) -> RolloutRecord:
    """Return the rollout record to write with a Deployment's manifest; its `judged` is False."""
    return RolloutRecord(release, image, digest(manifest["spec"]["template"]), inputs)


def next_records(
    tenant: Tenant,
    live: Mapping[Component, ObservedObject | None],
    wanted: Mapping[Component, RolloutRecord],
    begin: Callable[[], bool],
    now: datetime,
) -> Mapping[Component, RolloutRecord] | None:
    """Return the rollout records of the Deployments to apply; None if all keep their pods until it is the tenant's turn.

    `live` are the present Deployments; `begin` returns whether it is the tenant's turn. A tenant needs no turn if it was
    edited, has begun already, or has no pods or broken ones: a new template does no harm there, and may be the cure.
    """
    changes = {part: change_of(live[part], record) for part, record in wanted.items()}
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
        judged = not any(map(is_down, pods))  # pods that are down already are not the release's fault
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
    """Return the `wanted` record, with `judged` set if the live record has the same template and release and is judged."""
    found = read_record(live) if live is not None else None
    judged = change is Change.NONE and found is not None and found.judged and found.release == wanted.release
    return msgspec.structs.replace(wanted, judged=judged)


def with_record(manifest: Manifest, record: RolloutRecord) -> Manifest:
    """Return the Deployment's manifest with its rollout record added as an annotation."""
    meta: dict[str, Any] = manifest["metadata"]
    annotations = {**meta["annotations"], ROLLOUT: encode_record(record)}
    return {**manifest, "metadata": {**meta, "annotations": annotations}}


def change_of(live: ObservedObject | None, wanted: RolloutRecord) -> Change:
    """Return the reason why the `wanted` template differs from the live one; NONE if it does not.

    A Deployment without a record counts as edited: somebody has changed it by hand.
    """
    found = read_record(live) if live is not None else None
    if found is None:
        return Change.EDIT
    if found.template == wanted.template:
        return Change.NONE
    return Change.EDIT if found.inputs != wanted.inputs else Change.RELEASE
