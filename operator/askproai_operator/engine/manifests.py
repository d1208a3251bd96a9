"""Builds bodies of requests to the API server: patch and Kubernetes Event. Pure functions, which only `kube` uses."""

import socket
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from askproai_operator.resources import EVENTS, MANAGER

_MESSAGE_LIMIT = 1024  # of an Event


def take_over_spec(raw: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the patch that moves other managers' fields of a child's spec to us, so that the next apply removes each field
    that our manifest lacks; None if there are no such fields.

    Apply merges lists by key. If a person edits a port's number, both ports have the same name, and the API server refuses the
    two together (422) for ever. Kubernetes' own csaupgrade moves ownership in the same way.
    """
    entries = list((raw.get("metadata") or {}).get("managedFields") or [])
    own = next((entry for entry in entries if (entry["manager"], entry["operation"]) == (MANAGER, "Apply")), None)
    others = (entry for entry in entries if entry is not own and not entry.get("subresource"))
    holding_spec = [entry for entry in others if "f:spec" in (entry.get("fieldsV1") or {})]
    if own is None or not holding_spec:
        return None
    for entry in holding_spec:
        fields = entry["fieldsV1"].pop("f:spec")
        fields.pop("f:replicas", None)  # an autoscaler's: once ours, the next apply without it would reset it to 1
        own["fieldsV1"]["f:spec"] = _union(own["fieldsV1"].get("f:spec", {}), fields)
    return {"metadata": {"resourceVersion": raw["metadata"]["resourceVersion"], "managedFields": entries}}


def _union(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """Return the union of two field sets (FieldsV1: nested objects whose leaves are empty)."""
    return {name: _union(first.get(name, {}), second.get(name, {})) for name in {**first, **second}}


def event_manifest(involved: Mapping[str, str], type_: str, reason: str, message: str, now: datetime) -> dict[str, Any]:
    """Return a Kubernetes Event in the namespace of the involved object."""
    timestamp = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        **EVENTS.type_meta,
        "metadata": {"namespace": involved["namespace"], "generateName": f"{involved['name'][:40]}-"},
        "involvedObject": involved,
        "type": type_,
        "reason": reason,
        "message": message[:_MESSAGE_LIMIT],
        "source": {"component": MANAGER},
        "reportingComponent": f"askproai.de/{MANAGER}",
        "reportingInstance": socket.gethostname(),
        "firstTimestamp": timestamp,
        "lastTimestamp": timestamp,
        "count": 1,
    }
