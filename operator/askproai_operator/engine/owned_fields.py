"""The owned fields of a live object: the fields, with their values, that our server-side apply manages. Pure.

If they equal the manifest, an apply would change nothing. An edit or removal takes an owned field from us, so the object itself
shows every such edit, even from before this process began.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from askproai_operator.resources import MANAGER

_ENCODER: Final = msgspec.json.Encoder(order="deterministic")  # a digest is made of each object that a watch reports

_IDENTITY = frozenset({"name", "namespace"})  # of the metadata; they are never among the owned fields


def digest_of_manifest(manifest: Mapping[str, Any]) -> str:
    """Return a digest of a manifest. A live object with the same digest (`digest_of_owned`) equals the manifest.

    Different objects never have equal digests. But digests of equal objects may differ, since the API server may store a value
    in another form (`stringData`, a quantity, a default inside of an atomic field).
    """
    content = {name: value for name, value in manifest.items() if name not in {"apiVersion", "kind"}}
    metadata = {name: value for name, value in manifest["metadata"].items() if name not in _IDENTITY}
    return digest(content | {"metadata": metadata})


def digest_of_owned(raw: Mapping[str, Any]) -> str | None:
    """Return the digest of the fields that our apply owns in a live object; None if it owns none."""
    for entry in raw["metadata"].get("managedFields") or ():
        is_ours = (entry.get("manager"), entry.get("operation")) == (MANAGER, "Apply") and not entry.get("subresource")
        if is_ours and entry.get("apiVersion") == raw.get("apiVersion"):
            return digest({"metadata": {}} | owned_part(raw, entry.get("fieldsV1") or {}))
    return None


def owned_part(value: Any, fields: Mapping[str, Any]) -> Any:
    """Return the part of a live value that a field set (FieldsV1) names; for a leaf, the whole value.

    `f:` names a field, `k:` a list item by its keys, and `v:` a list item by its value; `.` is the value itself.
    """
    if not fields:
        return value
    if isinstance(value, Mapping):
        named = ((name.removeprefix("f:"), inner) for name, inner in fields.items() if name.startswith("f:"))
        return {name: owned_part(value[name], inner) for name, inner in named if name in value}
    if not isinstance(value, list):
        return value
    keyed = [(json.loads(name[2:]), inner) for name, inner in fields.items() if name.startswith("k:")]
    values = [json.loads(name[2:]) for name in fields if name.startswith("v:")]
    found = []
    for item in value:
        found += [
            owned_part(item, inner)
            for keys, inner in keyed
            if isinstance(item, Mapping) and keys.items() <= item.items()
        ]
        found += [item] if item in values else []
    return found


def digest(content: object) -> str:
    """Return a digest of JSON values that does not depend on the order of their keys."""
    return hashlib.blake2b(_ENCODER.encode(content), digest_size=16).hexdigest()
