"""What the client sends that takes more than a line to say. Pure."""

import socket
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from askproai_operator.engine.refs import EVENTS, MANAGER

_MESSAGE_LIMIT = 1024  # of an Event


def taken_over(raw: Mapping[str, Any]) -> dict[str, Any] | None:
    """Give the patch by which what other managers hold in a child's spec becomes ours, so that the next apply drops what we
    do not send; None when there is nothing to take.

    Apply merges lists by key: a port whose number a person edited stays beside ours, under the same name, and the two
    together are refused (422) for ever. This is how Kubernetes' own csaupgrade moves ownership.
    """
    entries = list((raw.get("metadata") or {}).get("managedFields") or [])
    ours = next((one for one in entries if (one["manager"], one["operation"]) == (MANAGER, "Apply")), None)
    others = (one for one in entries if one is not ours and not one.get("subresource"))
    theirs = [one for one in others if "f:spec" in (one.get("fieldsV1") or {})]
    if ours is None or not theirs:
        return None
    for one in theirs:
        taken = one["fieldsV1"].pop("f:spec")
        taken.pop("f:replicas", None)  # an autoscaler's: once ours, the next apply without it would make it 1
        ours["fieldsV1"]["f:spec"] = _united(ours["fieldsV1"].get("f:spec", {}), taken)
    return {"metadata": {"resourceVersion": raw["metadata"]["resourceVersion"], "managedFields": entries}}


def _united(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Give the union of two field sets (FieldsV1)."""
    return {name: _united(one.get(name, {}), other.get(name, {})) for name in {**one, **other}}


def event_about(about: Mapping[str, str], type_: str, reason: str, message: str, now: datetime) -> dict[str, Any]:
    """Give an Event in the namespace of what it is about."""
    at = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "apiVersion": EVENTS.api_version,
        "kind": EVENTS.kind,
        "metadata": {"namespace": about["namespace"], "generateName": f"{about['name'][:40]}-"},
        "involvedObject": about,
        "type": type_,
        "reason": reason,
        "message": message[:_MESSAGE_LIMIT],
        "source": {"component": MANAGER},
        "reportingComponent": f"askproai.de/{MANAGER}",
        "reportingInstance": socket.gethostname(),
        "firstTimestamp": at,
        "lastTimestamp": at,
        "count": 1,
    }
