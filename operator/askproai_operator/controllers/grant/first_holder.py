"""Takes and releases grants. If two objects want the same grant, the API server decides: one create or one patch succeeds."""

from collections.abc import Iterable
from typing import Final

import structlog
from pydantic import ValidationError

from askproai_core.kube import ApiError, Conflict
from askproai_operator import resources
from askproai_operator.api import KINDS, CustomResource
from askproai_operator.context import ReconcileContext
from askproai_operator.engine import EventRecord, ObservedObject
from askproai_operator.grants import (
    Grant,
    Holder,
    Subject,
    SubjectKind,
    find_other,
    grant_annotations,
    grant_manifest,
    holder_of,
    read_grant,
)

log = structlog.get_logger(__name__)

_ATTEMPTS: Final = 5
_CONFLICT: Final = 409
# To the holder, without the name of the other tenant. A host or number is in the text, a key is not.
_WANTED: Final = {
    SubjectKind.HOST: "another tenant asks for the host {value}, and is refused; who runs the platform can name it",
    SubjectKind.NUMBER: "another branch lists the number {value}, and is refused; who runs the platform can name it",
    SubjectKind.RETELL_KEY: "another tenant has your Retell key, and is refused: if you do not know of it, renew the key",
    SubjectKind.CALENDAR_KEY: "another tenant has your calendar's key, and is refused: if you do not know of it, renew the key",
}


async def take(model: CustomResource, subject: Subject, context: ReconcileContext, scope: str = "") -> Holder | None:
    """Make `model` the holder of a subject. Return None if it holds the subject now, otherwise the other object that holds it.

    While the cache knows the holder, no request is sent. An entry of an object with the same name and another UID is replaced:
    the object was restored from a backup. Raises ApiError if the holder could not be determined.
    """
    return (await take_all(model, [subject], context, scope))[subject]


async def take_all(
    model: CustomResource, subjects: Iterable[Subject], context: ReconcileContext, scope: str = ""
) -> dict[Subject, Holder | None]:
    """Take several subjects as `take` does. The API server is asked at most once whether `model` still exists."""
    wanted = holder_of(model, scope)
    holders: dict[Subject, Holder | None] = {}
    is_looked_at = False
    for subject in subjects:
        child = context.cache.child(resources.CONFIG_MAPS, context.settings.namespace, subject.name)
        grant = read_grant(child.annotations) if child is not None else None
        known = grant.holders if grant is not None else ()
        holders[subject] = None if wanted in known else find_other(known, wanted)
        if wanted in known or holders[subject] is not None:
            continue
        if not is_looked_at and await context.refetch(model) is None:
            raise Conflict(_CONFLICT, "Conflict", f"{model.key} is gone, or was made anew")
        is_looked_at = True
        holders[subject] = await _take_unknown(wanted, subject, context, exists=child is not None)
    return holders


async def _take_unknown(wanted: Holder, subject: Subject, context: ReconcileContext, *, exists: bool) -> Holder | None:
    """Take a subject for which the cache shows no conflicting holder. `exists`: the cache shows the subject's grant."""
    for attempt in range(_ATTEMPTS):
        try:
            return await _try_take(wanted, subject, context, exists=exists or attempt > 0)
        except Conflict:  # another object took or released it just now, or holds it and the watch is late
            continue
    raise Conflict(_CONFLICT, "Conflict", f"the grant {subject.name} changes faster than it can be taken")


async def _try_take(wanted: Holder, subject: Subject, context: ReconcileContext, *, exists: bool) -> Holder | None:
    """Create the subject's grant or, if it `exists`, add `wanted` to its holders. Return the other holder if there is one.

    Raises Conflict if another process created the grant, or wrote or deleted it since it was read.
    """
    namespace = context.settings.namespace
    raw = await context.kube.get(resources.CONFIG_MAPS, namespace, subject.name) if exists else None
    if raw is None:
        context.fence()
        await context.kube.create(grant_manifest(namespace, subject, (wanted,)))
    else:
        grant = read_grant(raw["metadata"].get("annotations"))
        if grant is None:
            text = f"ConfigMap {namespace}/{subject.name} cannot be read: correct its annotation, or delete it"
            raise ApiError(_CONFLICT, "Unreadable", text)
        if other := find_other(grant.holders, wanted):
            return other
        if wanted in grant.holders:
            return None
        former = {holder for holder in grant.holders if holder.key == wanted.key and _is_replaced(holder, wanted)}
        annotations = grant_annotations(subject, {*grant.holders, wanted} - former)
        body = {"metadata": {"resourceVersion": raw["metadata"]["resourceVersion"], "annotations": annotations}}
        context.fence()
        if await context.kube.patch(resources.CONFIG_MAPS, namespace, subject.name, body) is None:
            raise Conflict(_CONFLICT, "Conflict", f"the grant {subject.name} was released a moment ago")
    log.info("grant.taken", subject=subject.name, holder=str(wanted.key))
    return None


def _is_replaced(holder: Holder, wanted: Holder) -> bool:
    """Return True if `wanted` replaces this holder of the same name: their UIDs differ, or their scopes are equal."""
    return holder.uid != wanted.uid or holder.scope == wanted.scope


async def release(model: CustomResource, subject: Subject, context: ReconcileContext) -> None:
    """Remove an object from a subject's grant, if the cache shows it as a holder. Raises Conflict if the grant changed."""
    child = context.cache.child(resources.CONFIG_MAPS, context.settings.namespace, subject.name)
    grant = read_grant(child.annotations) if child is not None else None
    if child is not None and grant is not None:
        remaining = [holder for holder in grant.holders if holder.uid != model.metadata.uid]
        await replace_holders(grant, child, remaining, context)


async def replace_holders(
    grant: Grant, child: ObservedObject, holders: Iterable[Holder], context: ReconcileContext
) -> None:
    """Write the holders of a grant, cached as `child`; without holders, delete the grant. Raises Conflict if it changed."""
    namespace, name, holders = context.settings.namespace, grant.subject.name, tuple(holders)
    if holders == grant.holders:
        return
    context.fence()
    if holders:
        metadata = {"resourceVersion": str(child.version), "annotations": grant_annotations(grant.subject, holders)}
        await context.kube.patch(resources.CONFIG_MAPS, namespace, name, {"metadata": metadata})
    else:
        await context.kube.delete(resources.CONFIG_MAPS, namespace, name, child.uid, version=child.version)
    released = sorted({str(holder.key) for holder in grant.holders} - {str(holder.key) for holder in holders})
    log.info("grant.released", subject=name, holders=released)


async def report_refusal(model: CustomResource, subject: Subject, holder: Holder, context: ReconcileContext) -> None:
    """Log that `model` was refused a subject, and create an Event for the object that holds it. Call it when a refusal begins."""
    log.warning("grant.refused", subject=subject.name, holder=str(holder.key), requested_by=str(model.key))
    text = _WANTED[subject.kind].format(value=subject.value)
    try:
        # Not from the cache: the holder may be of another shard.
        raw = await context.kube.get(resources.resource_of_kind(holder.kind), holder.namespace, holder.name)
        if raw is None or raw["metadata"]["uid"] != holder.uid:
            return
        held_by = KINDS[holder.kind].from_raw(raw)
        await context.kube.record_event(held_by, EventRecord("WantedByAnother", text, outlives_object=False))
    except (ApiError, ValidationError) as error:  # an Event is a courtesy
        log.info("grant.event_not_created", holder=str(holder.key), error=str(error))
