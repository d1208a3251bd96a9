"""The keys that are due when a process begins to lead: first what people wait for, and everything else little by little."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Final

import structlog

from askproai_operator.api import CustomResource, Key
from askproai_operator.api.conditions import ConditionType, Status
from askproai_operator.applied_spec import is_paused
from askproai_operator.control_loop.queue import Priority, WorkQueue
from askproai_operator.engine import TOKEN_ANNOTATION, Cache, Dependents, find_condition, goes_first, shortened_token

log = structlog.get_logger(__name__)

_EVERY: Final = timedelta(seconds=1) / 50  # one object: 6,000 take two minutes, and leave the process time for changes


def enqueue_first_keys(cache: Cache, dependents: Dependents, queue: WorkQueue) -> None:
    """Make every custom resource due.

    At once, as an edit or, if it is new, as a change: each object that differs from the state in its status, with everything that
    depends on it. At once, as a resync: what is not Ready. Then the rest, one object after the other, in the order in which the
    cache was filled: Tenants first, because a former leader may have ended between the status of a Branch and the config that has
    its change.
    """
    models = list(cache.models())
    for model in models:
        if has_news(model):
            for key in dependents.of_resource(None, model):
                is_edit = bool(model.status) and goes_first(key, model)
                queue.add(key, Priority.EDIT if is_edit else Priority.CHANGE)
    log.info("queue.filled", objects=len(models), changes=len(queue))
    for model in models:
        if not _is_ready(model):
            queue.add(model.key, Priority.RESYNC)
    schedule_slowly((model.key for model in models if _is_ready(model)), queue)


def schedule_slowly(keys: Iterable[Key], queue: WorkQueue) -> None:
    """Make keys due for which nobody waits, one after the other: at once, they would have the process while people wait."""
    for number, key in enumerate(keys, 1):
        queue.schedule(key, number * _EVERY)


def has_news(model: CustomResource) -> bool:
    """Return whether somebody did something to an object that its status does not show yet."""
    meta, status = model.metadata, model.status
    token = meta.annotations.get(TOKEN_ANNOTATION)
    return (
        meta.deletion_timestamp is not None
        or status.get("observedGeneration") != meta.generation
        or (token is not None and status.get("lastReconcileToken") != shortened_token(token))
        or is_paused(model) != _has(model, ConditionType.PAUSED)
    )


def _is_ready(model: CustomResource) -> bool:
    return _has(model, ConditionType.READY)


def _has(model: CustomResource, type_: ConditionType) -> bool:
    return find_condition(model, type_).get("status") == Status.TRUE
