"""The spec of an object that is in effect: the declared spec or, while a person pauses the object, its spec before the pause.

Pure. Controllers read the spec in effect of another object, because related objects are reconciled during its pause. The status
field `appliedSpec` keeps the spec in effect as JSON: it has to survive a restart, and an edit and a pause may come in one
request. A RetellAgent lacks the field: only its part of the tenant's config is read, and the Tenant's controller keeps that
part. See docs/decisions/0051-edits-of-paused-objects.md.
"""

from typing import Any, Final, TypeVar

from askproai_operator.api import CustomResource

M = TypeVar("M", bound=CustomResource)
PAUSED_ANNOTATION: Final = "askproai.de/paused"
PLAN_ANNOTATION: Final = "askproai.de/plan"
_FIELD: Final = "appliedSpec"
_NEVER: Final = ""  # the object was paused before it was applied


def is_paused(model: CustomResource) -> bool:
    """Return True if a person has paused the object by annotation."""
    return model.metadata.annotations.get(PAUSED_ANNOTATION) == "true"


def is_planned(model: CustomResource) -> bool:
    """Return True if the annotation `askproai.de/plan` keeps an object's changes from being applied; False during its deletion."""
    meta = model.metadata
    return meta.annotations.get(PLAN_ANNOTATION) == "true" and meta.deletion_timestamp is None


def is_in_effect(model: CustomResource) -> bool:
    """Return True if the object has a spec in effect; False if it was paused before its first reconcile."""
    if not is_paused(model) or not _is_kept(model):
        return True
    applied = model.status.get(_FIELD)
    return bool(model.status) if applied is None else applied != _NEVER


def in_effect(model: M) -> M:
    """Return the object with the spec that is in effect. Raises pydantic.ValidationError for a spec that became unreadable."""
    applied = model.status.get(_FIELD)
    if not is_paused(model) or not applied:
        return model
    return model.model_copy(update={"spec": type(model.spec).model_validate_json(applied)})


def applied_by_reconcile(model: CustomResource) -> dict[str, Any]:
    """Return the status field `appliedSpec`, with the declared spec, to write after a reconcile; {} while the object is paused."""
    return {_FIELD: _encode(model)} if _is_kept(model) and not is_paused(model) else {}


def applied_before_pause(model: CustomResource) -> dict[str, Any]:
    """Return the status field `appliedSpec` to write for a paused object whose status lacks the field; else {}."""
    if not _is_kept(model) or _FIELD in model.status:
        return {}
    if not model.status:
        return {_FIELD: _NEVER}
    # Until now only the annotation `askproai.de/plan` held the object: its declared spec may contain an edit.
    return {_FIELD: _encode(model)} if is_paused(model) else {}


def _is_kept(model: CustomResource) -> bool:
    return "applied_spec" in model.status_model.model_fields


def _encode(model: CustomResource) -> str:
    return model.spec.model_dump_json(by_alias=True, exclude_none=True)
