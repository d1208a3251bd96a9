"""The status fields that related objects, and Tenants of their children, read. Besides edits, only their changes make readers
due.

The module lists the fields that are read: a new status field makes no object due until a reader adds it here.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from askproai_core.api_resource import ApiResource
from askproai_operator.api import Branch, CustomResource, RetellAgent, ServiceOffering, Tenant
from askproai_operator.api.conditions import ConditionType, Reason, Status
from askproai_operator.engine import ObservedObject, is_edit
from askproai_operator.resources import DEPLOYMENTS, STATUS_READ

_REFUSED: Final = "ReplicaFailure"  # condition of a Deployment, whose message RolloutHealthy repeats

KEYS_TRIED_AGAIN: Final = "tried again by"  # and the minute, at the end of the Tenant's CredentialsValid
_REPEATED: Final = {ConditionType.CREDENTIALS_VALID, ConditionType.EXPOSED}


@dataclass(frozen=True, slots=True)
class _Part:
    """The part of a status that a reader uses: its `fields`; for each of `conditions`, the status and whether the reason is
    listed here.

    For each of `reasons`, only whether the condition's reason is listed here counts. `values` are computed from the object.
    """

    fields: frozenset[str]
    conditions: Mapping[str, frozenset[str]]
    reasons: Mapping[str, frozenset[str]]
    values: tuple[Callable[[CustomResource], object], ...]

    def of(self, model: CustomResource) -> tuple[object, ...]:
        """Return the present values of this part in an object's status, for comparison."""
        status = model.status
        fields = {name: status[name] for name in self.fields & status.keys()}
        found: list[Mapping[str, Any]] = status.get("conditions") or []
        conditions = {
            each["type"]: (each["status"], each.get("reason") in self.conditions[each["type"]])
            for each in found
            if each["type"] in self.conditions
        }
        reasons = {each["type"] for each in found if each.get("reason") in self.reasons.get(each["type"], ())}
        return fields, conditions, reasons, [value(model) for value in self.values]


_Reasons = Mapping[ConditionType, Iterable[Reason]]
_NONE: Final[_Reasons] = MappingProxyType({})


def _part(
    *fields: str,
    conditions: _Reasons = _NONE,
    reasons: _Reasons = _NONE,
    values: Iterable[Callable[[CustomResource], object]] = (),
) -> _Part:
    return _Part(frozenset(fields), _frozen(conditions), _frozen(reasons), tuple(values))


def _frozen(reasons: _Reasons) -> Mapping[str, frozenset[str]]:
    return {type_: frozenset(each) for type_, each in reasons.items()}


def _refused_numbers(model: CustomResource) -> Sequence[str]:
    """Return the public numbers of a Branch that its reconcile has not granted; empty before the first reconcile.

    A public number appears once for each refused dialled number: the Tenant routes dialled numbers, and the status repeats the
    public number for each that was granted.
    """
    granted = model.status.get("phoneNumbers")
    if granted is None or not isinstance(model, Branch):
        return []
    listed = Counter(filter(None, map(model.spec.read_public, model.spec.phone_numbers)))
    return sorted((listed - Counter(granted)).elements())


def repeated_part(message: str) -> str:
    """Return the part of a condition's message that relatives repeat: without the time of the next key test."""
    return message.partition(f"; {KEYS_TRIED_AGAIN}")[0]


def _repeated_causes(model: CustomResource) -> Sequence[tuple[str, str]]:
    """Return type and message of the Tenant's conditions that agents repeat to say why the Tenant is not ready for them."""
    found: list[Mapping[str, Any]] = model.status.get("conditions") or []
    return [
        (each["type"], repeated_part(each["message"]))
        for each in found
        if each["type"] in _REPEATED and each["status"] == Status.FALSE and each["reason"] != Reason.PENDING
    ]


_Type = ConditionType
# The fields of a status that a relative reads: first the kind that is read, then the kind that reads it. A change of any other
# field of a status makes no relative due: a new tenant writes some thirty statuses, and each run of a Tenant asks PostgreSQL and
# Redis. A controller that begins to read something of a relative's status adds it here, with the reasons by which it decides.
READ_BY: Final[Mapping[str, Mapping[str, _Part]]] = {
    Tenant.kind: {
        Branch.kind: _part(),
        ServiceOffering.kind: _part(conditions={_Type.CREDENTIALS_VALID: ()}),
        RetellAgent.kind: _part(
            "webhookUrls",
            conditions={
                _Type.CREDENTIALS_VALID: [Reason.BOOKINGS_REFUSED],
                _Type.EXPOSED: [Reason.PENDING],
                _Type.RUNTIME_AVAILABLE: [Reason.SUSPENDED],
            },
            values=[_repeated_causes],
        ),
    },
    Branch.kind: {
        Tenant.kind: _part(values=[_refused_numbers]),
        ServiceOffering.kind: _part(),
        RetellAgent.kind: _part("phoneNumbers", conditions={_Type.NUMBERS_VALID: [Reason.NUMBER_CLAIMED_TWICE]}),
    },
    ServiceOffering.kind: {
        Tenant.kind: _part(
            "eventTypesInAccount",
            "eventTypesNotFound",
            "eventTypesGone",
            "eventTypesSeenWith",
            "ownEventTypesSeenWith",
            "variableLengths",
            "needsConfirmation",
            "bookedByHost",
            "bookingFields",
        ),
        Branch.kind: _part(),
        RetellAgent.kind: _part(),
    },
    RetellAgent.kind: {
        Tenant.kind: _part("agentId", "webhookUrl", "greeting", reasons={_Type.SYNCED: [Reason.CREDENTIALS_INVALID]}),
        Branch.kind: _part(
            "phoneNumbers",
            conditions={_Type.SYNCED: [Reason.TENANT_NOT_READY, Reason.PENDING], _Type.NUMBERS_BOUND: ()},
        ),
        RetellAgent.kind: _part(),
    },
}


def is_read_change(old: CustomResource | None, new: CustomResource | None, reader: str) -> bool:
    """Return True if relatives of the kind `reader` must run: the object was edited, or a status field changed that they read."""
    if old is None or new is None or is_edit(old, new):
        return True
    part = READ_BY[new.kind][reader]
    return part.of(old) != part.of(new)


def is_child_change(ref: ApiResource, old: ObservedObject, new: ObservedObject) -> bool:
    """Return True if somebody edited a child or a Secret, or if a status field changed that its Tenant reads."""
    if old.fingerprint != new.fingerprint:
        return True
    if ref is DEPLOYMENTS:
        return _rollout(old) != _rollout(new)
    return ref in STATUS_READ and old.status != new.status


def _rollout(deployment: ObservedObject) -> tuple[object, ...]:
    """Return the values in a Deployment's status that a Tenant reads; the status has others, such as times, that change often."""
    status = deployment.status
    counts = [status.get(name, 0) for name in ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")]
    conditions = {
        each["type"]: (each["status"], each.get("reason"), each.get("message") if each["type"] == _REFUSED else None)
        for each in status.get("conditions") or ()
    }
    return counts, conditions, status.get("observedGeneration", 0) >= deployment.generation
