"""Turns a `Result` into conditions, Ready, the patch of the status, and Kubernetes Events. Pure; no other module does this."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from askproai_operator.api import CustomResource
from askproai_operator.api.conditions import (
    ADVISORY_TYPES,
    NEGATIVE_TYPES,
    NOTABLE_REASONS,
    TRANSIENT_REASONS,
    Condition,
    ConditionType,
    Reason,
    Status,
    bad,
    good,
    unknown,
)
from askproai_operator.applied_spec import (
    PAUSED_ANNOTATION,
    applied_before_pause,
    applied_by_reconcile,
    is_in_effect,
    is_paused,
)
from askproai_operator.engine.result import EventRecord, EventType, Result

TOKEN_ANNOTATION = "askproai.de/reconcile-at"  # noqa: S105 (names an annotation)
_TOKEN_LENGTH, _MESSAGE_LENGTH = 200, 4000  # within the bounds of the CRDs, which refuse longer ones
_KNOWN_TYPES = frozenset(map(str, ConditionType))

StatusCondition = dict[str, Any]  # as in the API: type, status, reason, message, observedGeneration, lastTransitionTime


@dataclass(frozen=True, slots=True)
class StatusUpdate:
    """The changes to write after a reconcile: a merge patch of the status (empty if nothing changed), and Kubernetes Events.

    `transition` is the Event that the object is no longer Ready, or is Ready again; None without a change to show.
    """

    patch: Mapping[str, Any] = field(default_factory=dict)
    events: Sequence[EventRecord] = ()
    transition: EventRecord | None = None


def update_for_result(
    resource: CustomResource, status: Mapping[str, Any], result: Result, now: datetime, *, has_warned: bool = False
) -> StatusUpdate:
    """Return the changes of status and the Events to write after a reconcile of `resource`.

    `status` is the newest known status, and may be newer than `resource`. `has_warned`: an Event has said why the object is not
    Ready, and no Event has said since that it is Ready again.

    While an edit is held, the status and Ready keep the earlier generation: `kubectl wait` waits until the edit has an effect.
    """
    current = _by_type(status)
    reported = list(result.conditions)
    if resource.reports_pause:
        reported.append(good(ConditionType.PAUSED, "", Reason.NOT_PAUSED))
    elif ConditionType.PAUSED in current:
        del current[ConditionType.PAUSED]
    generation = resource.metadata.generation
    causes = {str(each.type): _stamp(each, current.get(each.type), generation, now) for each in reported}
    # After a rollback a condition of a later release is dropped: no controller would update it.
    kept = _KNOWN_TYPES - causes.keys() - {ConditionType.READY}
    causes |= {type_: each for type_, each in current.items() if type_ in kept}
    deleting = resource.metadata.deletion_timestamp is not None
    ready_before = current.get(ConditionType.READY)
    observed: int | None = generation
    derived = _derive_ready(causes.values(), deleting=deleting)
    if result.edit_held is not None and not deleting:
        observed = status.get("observedGeneration")
        derived = _ready_while_held(derived, result.edit_held, observed, generation)
    ready = _stamp(derived, ready_before, generation if observed is None else observed, now)
    desired = dict(result.status) | {"conditions": [ready, *causes.values()]} | applied_by_reconcile(resource)
    if observed is not None:
        desired["observedGeneration"] = observed
    token = resource.metadata.annotations.get(TOKEN_ANNOTATION)
    if token is not None:
        desired["lastReconcileToken"] = shortened_token(token)
    transition = _transition_event(ready_before, ready, has_warned)
    events = [*([transition] if transition else []), *result.events]
    return StatusUpdate(_patch(status, desired), events, transition)


def shortened_token(token: str) -> str:
    """Return the value of the annotation that requests a reconcile, cut to the length in which the status repeats it."""
    return token[:_TOKEN_LENGTH]


def pause_condition(resource: CustomResource) -> Condition | None:
    """Return the condition Paused if a person paused the object, else None."""
    if not is_paused(resource):
        return None
    text = "nothing is changed or cleaned up, and no edit has an effect"
    if not is_in_effect(resource):
        text = "it was paused before it was applied, so nothing of it has an effect"
    text = f"{text}, until the annotation {PAUSED_ANNOTATION} is removed"
    return bad(ConditionType.PAUSED, Reason.PAUSED, text)


def update_for_pause(resource: CustomResource, condition: Condition, now: datetime) -> StatusUpdate:
    """Return the changes of status that report a pause: the condition Paused, and reason and message of Ready.

    Ready keeps its status and its observed generation, so `kubectl wait` waits for an edit that is not applied. All other
    conditions stay as they are.
    """
    current = _by_type(resource.status)
    generation = resource.metadata.generation
    before = current.get(ConditionType.PAUSED)
    paused = _stamp(condition, before, generation, now)
    rest = [each for type_, each in current.items() if type_ not in {ConditionType.READY, ConditionType.PAUSED}]
    ready = current.get(ConditionType.READY)
    if ready is None:
        text = f"not looked at yet: {condition.message}"
        ready = _stamp(unknown(ConditionType.READY, condition.reason, text), None, generation, now)
    else:
        causes = _failing(rest)
        text = f"{condition.message}; {causes[0]['reason']}: {causes[0]['message']}" if causes else condition.message
        ready = ready | {"reason": str(condition.reason), "message": text[:_MESSAGE_LENGTH]}
    paused_before = before is not None and before.get("status") == Status.TRUE
    events = [] if paused_before else [EventRecord(condition.reason, condition.message, EventType.NORMAL)]
    desired = {"conditions": [ready, paused, *rest]} | applied_before_pause(resource)
    return StatusUpdate(_patch(resource.status, desired), events)


def update_for_error(
    resource: CustomResource, status: Mapping[str, Any], error: Exception, now: datetime
) -> StatusUpdate:
    """Return the changes of status after an unexpected error. They show the error's type only: its text may quote secrets."""
    current = _by_type(status)
    text = f"{type(error).__name__} in the operator; it is tried again, and the operator's log says where it came from"
    generation = resource.metadata.generation
    before = current.pop(ConditionType.READY, None)
    ready = _stamp(unknown(ConditionType.READY, Reason.INTERNAL_ERROR, text), before, generation, now)
    patch = _patch(status, {"conditions": [ready, *current.values()]} | applied_by_reconcile(resource))
    transition = _transition_event(before, ready)
    return StatusUpdate(patch, [transition] if transition else [], transition)


def find_condition(model: CustomResource, type_: ConditionType) -> Mapping[str, Any]:
    """Return the condition of this type in the object's status; {} if the status does not have it yet."""
    conditions: list[StatusCondition] = model.status.get("conditions") or []
    return next((condition for condition in conditions if condition["type"] == type_), {})


def is_good(condition: Mapping[str, Any]) -> bool:
    """Return True unless this condition of a status keeps Ready from being True."""
    return condition["type"] in NEGATIVE_TYPES | ADVISORY_TYPES or condition["status"] == Status.TRUE


def _by_type(status: Mapping[str, Any]) -> dict[str, StatusCondition]:
    return {condition["type"]: condition for condition in status.get("conditions", ())}


def _derive_ready(causes: Iterable[StatusCondition], *, deleting: bool) -> Condition:
    """Return Ready: False with the first cause that is False, else Unknown with the first that is Unknown, else True.

    While `deleting`, it is False instead of True. If True, Ready has reason and message of the first condition with a notable
    reason.
    """
    causes = list(causes)
    if failing := _failing(causes):
        first = failing[0]
        return Condition(ConditionType.READY, Status(first["status"]), first["reason"], first["message"])
    if deleting:
        return bad(ConditionType.READY, Reason.DELETING, "being deleted")
    notable = next((cause for cause in causes if cause["reason"] in NOTABLE_REASONS), None)
    return good(ConditionType.READY, notable["message"], notable["reason"]) if notable else good(ConditionType.READY)


def _ready_while_held(derived: Condition, held: Condition, observed: int | None, generation: int) -> Condition:
    """Return Ready for an object with a held edit. `observed` is the last generation in effect; None if there was none."""
    if observed is None and derived.good:
        return unknown(ConditionType.READY, held.reason, held.message)
    return good(ConditionType.READY, held.message, held.reason) if derived.good and observed != generation else derived


def _failing(causes: Iterable[StatusCondition]) -> list[StatusCondition]:
    """Return the conditions that keep Ready from being True: conditions with status False first, then with status Unknown."""
    failing = [cause for cause in causes if not is_good(cause)]
    return sorted(failing, key=lambda cause: cause["status"] == Status.UNKNOWN)  # stable: keeps the controller's order


def _stamp(condition: Condition, before: Mapping[str, Any] | None, generation: int, now: datetime) -> StatusCondition:
    """Return a condition in the API's form. Its transition time is `before`'s unless the condition's status has changed."""
    same = before is not None and before["status"] == condition.status
    return {
        "type": str(condition.type),
        "status": str(condition.status),
        "reason": str(condition.reason),
        "message": condition.message[:_MESSAGE_LENGTH],
        "observedGeneration": generation,
        "lastTransitionTime": before["lastTransitionTime"] if same and before else now.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def _transition_event(
    before: Mapping[str, Any] | None, ready: Mapping[str, Any], has_warned: bool = False
) -> EventRecord | None:
    """Return the Event that a problem has begun or ended, from Ready `before` and now; None if nothing is to be shown.

    An object that becomes Ready without a problem, such as each new object, needs no Event beside its status.
    """
    if before is not None and (before["status"], before["reason"]) == (ready["status"], ready["reason"]):
        return None
    if ready["status"] == Status.TRUE:
        if before is not None and before["status"] == Status.TRUE:
            return None  # Ready stayed True: a person paused or suspended it, or ended that
        if not has_warned and (before is None or before["reason"] in TRANSIENT_REASONS):
            return None
        text = "everything is as declared"
        return EventRecord(str(ConditionType.READY), text, EventType.NORMAL, outlives_object=False)
    if ready["reason"] in TRANSIENT_REASONS:
        return None
    return EventRecord(ready["reason"], ready["message"], outlives_object=False)


def _patch(current: Mapping[str, Any], desired: Mapping[str, Any]) -> dict[str, Any]:
    """Return the merge patch (RFC 7386) from `current` to `desired`. Fields that `desired` does not name are kept."""
    plain = msgspec.json.decode(msgspec.json.encode(desired))  # as the API returns it: no tuples, dates, enums
    return {name: _replace_whole(current.get(name), new) for name, new in plain.items() if current.get(name) != new}


def _replace_whole(current: object, value: object) -> object:
    """Return the merge patch value that sets a field to exactly `value`: for an object, old inner fields are set to null."""
    if isinstance(current, Mapping) and isinstance(value, Mapping):
        return {name: None for name in current if name not in value} | dict(value)
    return value
