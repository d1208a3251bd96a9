"""From what a reconcile found to what people see: conditions, Ready, the status patch, events. Pure; no other place does it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from askproai_operator.api import RetellAgent, Tenant
from askproai_operator.api.conditions import (
    ADVISORY_TYPES,
    NEGATIVE_TYPES,
    Condition,
    ConditionType,
    Reason,
    Status,
    bad,
    good,
    unknown,
)
from askproai_operator.engine.cache import Model
from askproai_operator.engine.result import EventType, Result, Warn

PAUSED_ANNOTATION = "askproai.de/paused"
TOKEN_ANNOTATION = "askproai.de/reconcile-at"  # noqa: S105 (names an annotation)
_TOKEN_LENGTH, _MESSAGE_LENGTH = 200, 4000  # within what the CRDs allow: more would be refused
_PAUSABLE = {Tenant.kind, RetellAgent.kind}  # these always tell whether they are paused (contract §2)
_WAITING = {Reason.PENDING, Reason.PROGRESSING, Reason.TENANT_NOT_READY, Reason.DELETING}  # ends by itself: warn nobody


@dataclass(frozen=True, slots=True)
class Outcome:
    """What to write: a merge patch of the status (empty: nothing changed), and the events of this transition."""

    patch: Mapping[str, Any] = field(default_factory=dict)
    events: Sequence[Warn] = ()


def is_paused(model: Model) -> bool:
    return model.metadata.annotations.get(PAUSED_ANNOTATION) == "true"


def outcome(model: Model, status: Mapping[str, Any], result: Result, now: datetime) -> Outcome:
    """Judge one reconcile of `model`; `status` is the newest one known."""
    have = {one["type"]: one for one in status.get("conditions", ())}
    found = list(result.conditions)
    if model.kind in _PAUSABLE:
        found.append(good(ConditionType.PAUSED, "", Reason.NOT_PAUSED))
    elif ConditionType.PAUSED in have:
        del have[ConditionType.PAUSED]
    generation = model.metadata.generation
    causes = {one.type: _stamped(one, have.get(one.type), generation, now) for one in found}
    causes |= {type_: one for type_, one in have.items() if type_ not in causes and type_ != ConditionType.READY}
    going = model.metadata.deletion_timestamp is not None
    ready = _stamped(_ready(causes.values(), going=going), have.get(ConditionType.READY), generation, now)
    wanted = dict(result.status) | {"observedGeneration": generation, "conditions": [ready, *causes.values()]}
    token = model.metadata.annotations.get(TOKEN_ANNOTATION)
    if token is not None:
        wanted["lastReconcileToken"] = token[:_TOKEN_LENGTH]
    return Outcome(_patch(status, wanted), [*_told(have.get(ConditionType.READY), ready), *result.warnings])


def paused(model: Model, now: datetime) -> Outcome:
    """Say that nothing is done, and leave every other condition as it was."""
    have = {one["type"]: one for one in model.status.get("conditions", ())}
    text = f"nothing is changed or cleaned up until the annotation {PAUSED_ANNOTATION} is removed"
    generation = model.metadata.generation
    said = _stamped(bad(ConditionType.PAUSED, Reason.PAUSED, text), have.get(ConditionType.PAUSED), generation, now)
    ready = have.get(ConditionType.READY) or _stamped(
        unknown(ConditionType.READY, Reason.PAUSED, f"not looked at yet: {text}"), None, generation, now
    )
    rest = [one for type_, one in have.items() if type_ not in {ConditionType.READY, ConditionType.PAUSED}]
    before = have.get(ConditionType.PAUSED, {}).get("status")
    events = [Warn(Reason.PAUSED, text, EventType.NORMAL)] if before != Status.TRUE else []
    return Outcome(_patch(model.status, {"conditions": [ready, said, *rest]}), events)


def failed(model: Model, status: Mapping[str, Any], error: Exception, now: datetime) -> Outcome:
    """Say that we failed ourselves. The error's text may hold anything, so people get its type; the log has where."""
    have = {one["type"]: one for one in status.get("conditions", ())}
    text = f"{type(error).__name__} in the operator; it is tried again, and the operator's log says where it came from"
    generation = model.metadata.generation
    before = have.pop(ConditionType.READY, None)
    ready = _stamped(unknown(ConditionType.READY, Reason.INTERNAL_ERROR, text), before, generation, now)
    return Outcome(_patch(status, {"conditions": [ready, *have.values()]}), _told(before, ready))


def is_good(condition: Mapping[str, Any]) -> bool:
    return condition["type"] in NEGATIVE_TYPES | ADVISORY_TYPES or condition["status"] == Status.TRUE


def _ready(causes: Any, *, going: bool) -> Condition:
    """Derive Ready: the first cause that is False, else the first that is Unknown, else all is well."""
    causes = [one for one in causes if not is_good(one)]
    causes.sort(key=lambda one: one["status"] == Status.UNKNOWN)  # stable: the order of the kind is kept
    if causes:
        first = causes[0]
        return Condition(ConditionType.READY, Status(first["status"]), first["reason"], first["message"])
    if going:
        return bad(ConditionType.READY, Reason.DELETING, "being deleted")
    return good(ConditionType.READY)


def _stamped(condition: Condition, before: Mapping[str, Any] | None, generation: int, now: datetime) -> dict[str, Any]:
    same = before is not None and before["status"] == condition.status
    return {
        "type": str(condition.type),
        "status": str(condition.status),
        "reason": str(condition.reason),
        "message": condition.message[:_MESSAGE_LENGTH],
        "observedGeneration": generation,
        "lastTransitionTime": before["lastTransitionTime"] if same and before else now.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def _told(before: Mapping[str, Any] | None, ready: Mapping[str, Any]) -> list[Warn]:
    """Give the event of Ready's transition, if it is one that a person wants to hear of."""
    if before is not None and (before["status"], before["reason"]) == (ready["status"], ready["reason"]):
        return []
    if ready["status"] == Status.TRUE:
        return [Warn("Ready", "everything is as declared", EventType.NORMAL, lasting=False)]
    return [] if ready["reason"] in _WAITING else [Warn(ready["reason"], ready["message"], lasting=False)]


def _patch(have: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Give the merge patch (RFC 7386) that makes `have` show `wanted`; fields that `wanted` does not name stay."""
    plain = msgspec.json.decode(msgspec.json.encode(wanted))  # as the API server gives it back: no tuples, dates, enums
    return {name: _replaced(have.get(name), value) for name, value in plain.items() if have.get(name) != value}


def _replaced(have: object, value: object) -> object:
    """A merge patch merges inner objects too, so what is not wanted any more must be named."""
    if isinstance(have, Mapping) and isinstance(value, Mapping):
        return {name: None for name in have if name not in value} | dict(value)
    return value
