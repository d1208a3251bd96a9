"""Previews an apply of one object by a dry run of the API server. Nothing is stored."""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Any, Final

from askproai_cli.lint import CelMissing, Document, completed, find_refusals
from askproai_cli.plan.differences import describe_object
from askproai_core.api_resource import ApiResource
from askproai_core.kube import ApiError, Conflict, HttpTransport, Unreachable
from askproai_operator import resources
from askproai_operator.resources import MANAGER

_DRY_RUN: Final = {"dryRun": "All", "fieldValidation": "Strict"}
_CLIENT_SIDE: Final = "kubectl-client-side-apply"  # kubectl's manager without --server-side
_FORCING: Final = {"argocd-controller", "kustomize-controller"}  # their applies take over fields of other managers
_LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
_NEWEST: Final = str(2**62)  # version of the result of a dry run: newer than all that the API server lists


class Change(StrEnum):
    """The result of a previewed apply for one object. UNKNOWN: the Secret is encrypted, or the account may not ask."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    REFUSED = "refused"
    UNKNOWN = "not compared"


@dataclass(frozen=True, slots=True)
class Preview:
    """The previewed apply of one object. `stored` is the whole object after the apply; None if it is refused or unknown.

    `warnings` name fields of other managers that the apply overwrites.
    """

    change: Change
    lines: tuple[str, ...] = ()
    stored: dict[str, Any] | None = None
    warnings: tuple[str, ...] = ()


async def preview(
    transport: HttpTransport, document: Document, namespace: str, new_namespaces: Collection[str]
) -> Preview:
    """Preview the apply of one manifest. If lint refuses it, all its mistakes are reported; otherwise the API server judges it.

    If the manifest's namespace is new and among the files, lint alone judges it. `namespace` is for a manifest that names none.
    """
    value = document.value
    try:
        refusals: Sequence[str] | None = [f"{each.path}: {each.message}" for each in find_refusals(document)]
    except CelMissing:
        refusals = None  # the server judges
    if refusals:
        return Preview(Change.REFUSED, tuple(refusals))
    ref = resources.resource_of_kind(value["kind"])
    sent = {part: content for part, content in value.items() if part != "status"}
    if ref.namespaced:
        sent["metadata"] = {**value["metadata"], "namespace": value["metadata"].get("namespace") or namespace}
    if "sops" in value:
        return Preview(Change.UNKNOWN, ("it is encrypted by SOPS",))
    if sent["metadata"].get("namespace") in new_namespaces and refusals is not None:
        return Preview(Change.CREATED, stored=_as_stored(sent) if ref in resources.CUSTOM else None)
    try:
        return await _ask(transport, ref, sent)
    except Unreachable:
        raise
    except ApiError as error:
        if error.status == HTTPStatus.FORBIDDEN and ref not in resources.CUSTOM:
            return Preview(Change.UNKNOWN, (f"your account may not: {error.message}",))
        return Preview(Change.REFUSED, (_explain(error, ref),))


async def _ask(transport: HttpTransport, ref: ApiResource, sent: Mapping[str, Any]) -> Preview:
    meta = sent["metadata"]
    path = ref.path(meta.get("namespace"), meta["name"])
    live = await transport.find(path)
    if live is None:
        stored = await transport.request("POST", ref.path(meta.get("namespace")), params=_DRY_RUN, body=sent)
        return Preview(Change.CREATED, stored=_newest(stored))
    applier = find_applier(live)
    if applier == _CLIENT_SIDE:
        patch = merge_patch(_last_applied(live), _with_annotations(sent), live)
        content_type, params = "application/merge-patch+json", _DRY_RUN
        body: Mapping[str, Any] = patch
    else:
        content_type, params = "application/apply-patch+yaml", {**_DRY_RUN, "fieldManager": applier, "force": "true"}
        body = sent
    stored = await transport.request("PATCH", path, params=params, body=body, content_type=content_type)
    lines = tuple(describe_object(live, stored))
    if not lines:
        return Preview(Change.UNCHANGED, stored=_newest(stored))
    found = await _find_conflicts(transport, path, sent, applier)
    if found and applier not in {_CLIENT_SIDE, *_FORCING} and _has_applied(live, applier):
        return Preview(Change.REFUSED, (describe_refusal(found), *lines))
    return Preview(Change.CHANGED, lines, _newest(stored), (describe_overwrite(found),) if found else ())


async def _find_conflicts(transport: HttpTransport, path: str, sent: Mapping[str, Any], applier: str) -> Sequence[str]:
    """Return a text for each other manager of fields for which a server-side apply without --force-conflicts is refused."""
    params = {**_DRY_RUN, "fieldManager": applier}
    try:
        await transport.request("PATCH", path, params=params, body=sent, content_type="application/apply-patch+yaml")
    except Conflict as error:
        return other_managers(error.message, applier)
    return ()


def _has_applied(live: Mapping[str, Any], applier: str) -> bool:
    """Return True if the field manager `applier` has applied the object server-side."""
    entries = live["metadata"].get("managedFields") or ()
    return any((entry.get("manager"), entry.get("operation")) == (applier, "Apply") for entry in entries)


def find_applier(live: Mapping[str, Any]) -> str:
    """Return the field manager that last applied an object; kubectl's if nobody has applied it.

    The plan uses this manager, because an apply removes only fields of its own manager, and fields of other managers stay.
    """
    entries = [
        entry
        for entry in live["metadata"].get("managedFields") or ()
        if (entry.get("operation") == "Apply" or entry.get("manager") == _CLIENT_SIDE)
        and not entry.get("subresource")
        and entry.get("manager") != MANAGER
    ]
    if not entries:
        return "kubectl"
    return str(max(entries, key=lambda entry: entry.get("time", ""))["manager"])


def merge_patch(last: Mapping[str, Any], new: Mapping[str, Any], live: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON merge patch that kubectl's client-side apply sends: fields of `new`, and null for fields only in `last`."""
    patch: dict[str, Any] = {name: None for name in last if name not in new and name in live}
    for name, value in new.items():
        current = live.get(name)
        if isinstance(value, dict) and isinstance(current, dict):
            before = last.get(name)
            if inner := merge_patch(before if isinstance(before, dict) else {}, value, current):
                patch[name] = inner
        elif value != current:
            patch[name] = value
    return patch


def _with_annotations(sent: Mapping[str, Any]) -> dict[str, Any]:
    """Return the manifest with annotations, even if empty: in this form kubectl records the manifest that it applied last."""
    metadata = sent["metadata"]
    return {**sent, "metadata": {**metadata, "annotations": metadata.get("annotations") or {}}}


def _last_applied(live: Mapping[str, Any]) -> dict[str, Any]:
    """Return the manifest of the last client-side apply, without the annotation that kubectl adds itself."""
    text = (live["metadata"].get("annotations") or {}).get(_LAST_APPLIED)
    applied: dict[str, Any] = json.loads(text) if text else {}
    return {part: content for part, content in applied.items() if part != "status"}


def _as_stored(sent: dict[str, Any]) -> dict[str, Any]:
    """Return an object as the API server would store it: with its kind's defaults, in a namespace that does not exist yet."""
    return _newest(completed({**sent, "metadata": {**sent["metadata"], "uid": "", "generation": 1}}))


def _newest(stored: dict[str, Any]) -> dict[str, Any]:
    return {**stored, "metadata": {**stored["metadata"], "resourceVersion": _NEWEST}}


def _explain(error: ApiError, ref: ApiResource) -> str:
    """Return a text with the API server's error and the remedy."""
    if error.status != HTTPStatus.NOT_FOUND:
        return str(error)
    if "namespaces" in error.message:
        return f"{error.message}: create it, or add its manifest to the files"
    return f"the cluster has no {ref.kind} of {ref.api_version}: install the chart there first"


_CONFLICT: Final = re.compile(r'conflicts? with "')
_GIVE_BACK: Final = "take them out of the manifest, or write the values that the object has into it"


def other_managers(message: str, applier: str) -> Sequence[str]:
    """Return the parts of the server's conflict message about other managers: `"kubectl-patch" …: .spec.displayName`."""
    parts = (" ".join(part.split()) for part in _CONFLICT.split(message)[1:])
    return [f'"{part.rstrip(",")}' for part in parts if not part.startswith(f'{applier}"')]


def describe_refusal(managers: Sequence[str]) -> str:
    """Return why a server-side apply is refused, and what to do."""
    return (
        f"another field manager has set fields of this manifest: {', '.join(managers)}; take them over by kubectl apply"
        f" --server-side --force-conflicts, or leave them to it: {_GIVE_BACK}"
    )


def describe_overwrite(managers: Sequence[str]) -> str:
    """Return a warning that names the other managers' fields that the apply overwrites, and the remedy."""
    return f"the apply overwrites what another field manager has set: {', '.join(managers)}; to keep it, {_GIVE_BACK}"
