"""The first keys of a process that begins to lead."""

from datetime import timedelta
from typing import Any

import pytest

from askproai_operator.api import Key
from askproai_operator.control_loop import enqueue_first_keys, schedule_slowly
from askproai_operator.control_loop.queue import Priority, WorkQueue
from askproai_operator.engine import Cache
from askproai_operator.relations import Relations
from tests.worlds.clock import FixedClock
from tests.worlds.salon_objects import key, put, raw

READY = {"type": "Ready", "status": "True", "reason": "AsDeclared", "message": ""}
SEEN = {"observedGeneration": 1, "conditions": [READY]}
KINDS = ("Tenant", "Branch", "ServiceOffering", "RetellAgent")


def salon_as_declared() -> Cache:
    cache = Cache()
    for kind in KINDS:
        put(cache, raw(kind, status=SEEN))
    return cache


def waiting(queue: WorkQueue, priority: Priority) -> set[Key]:
    keys = (key for pool in queue._waiting.values() for each in pool[priority]._keys.values() for key in each)
    return {key for key in keys if key.kind in KINDS}


def begin(cache: Cache, queue: WorkQueue) -> None:
    enqueue_first_keys(cache, Relations(cache), queue)


def test_unseen_edit_precedes_new_tenants_and_enqueues_relatives(queue: WorkQueue):
    cache = salon_as_declared()
    put(cache, raw("Branch", generation=2, status=SEEN))
    begin(cache, queue)
    assert waiting(queue, Priority.EDIT) == {key("Branch", "mitte"), key("Tenant", "salon-mueller")}
    assert waiting(queue, Priority.CHANGE) == {key("ServiceOffering", "haarschnitt"), key("RetellAgent", "mitte")}
    assert not waiting(queue, Priority.RESYNC)


def test_object_never_seen_before_is_a_change(queue: WorkQueue):
    cache = salon_as_declared()
    put(cache, raw("Branch", status={}))
    begin(cache, queue)
    assert waiting(queue, Priority.CHANGE) >= {key("Branch", "mitte"), key("Tenant", "salon-mueller")}
    assert not waiting(queue, Priority.EDIT)


@pytest.mark.parametrize(
    "change",
    [
        {"deletionTimestamp": "2026-11-20T09:00:00Z"},
        {"annotations": {"askproai.de/reconcile-at": "now"}},
        {"annotations": {"askproai.de/paused": "true"}},
        {"status": {**SEEN, "conditions": [READY, READY | {"type": "Paused"}]}},  # the annotation was removed
    ],
    ids=["deleted", "token", "paused", "resumed"],
)
def test_deletion_or_annotation_by_people_counts_as_edit(change: dict[str, Any], queue: WorkQueue):
    cache = salon_as_declared()
    put(cache, raw("Branch", **{"status": SEEN} | change))
    begin(cache, queue)
    assert key("Branch", "mitte") in waiting(queue, Priority.EDIT)


def test_unready_object_is_read_first_after_a_start(queue: WorkQueue):
    cache = salon_as_declared()
    put(cache, raw("Branch", status={"observedGeneration": 1, "conditions": [READY | {"status": "False"}]}))
    begin(cache, queue)
    assert not waiting(queue, Priority.CHANGE)
    assert waiting(queue, Priority.RESYNC) == {key("Branch", "mitte")}


def test_unchanged_objects_are_reconciled_gradually_beginning_with_tenants(queue: WorkQueue, clock: FixedClock):
    cache = Cache()
    for kind in KINDS:
        for number in range(50):
            put(cache, raw(kind, f"n{number}", status=SEEN))
    begin(cache, queue)
    queue.promote_due()
    assert len(queue) == 0
    clock.advance(timedelta(seconds=1))
    queue.promote_due()
    assert {key.kind for key in waiting(queue, Priority.RESYNC)} == {"Tenant"}
    assert len(queue) == 50
    clock.advance(timedelta(seconds=3))
    queue.promote_due()
    assert len(waiting(queue, Priority.RESYNC)) == 200


def test_grants_are_reviewed_gradually_beside_urgent_work(queue: WorkQueue, clock: FixedClock):
    schedule_slowly([Key("Grant", "", f"n{number}") for number in range(100)], queue)
    queue.promote_due()
    assert len(queue) == 0
    clock.advance(timedelta(seconds=1))
    queue.promote_due()
    assert len(queue) == 50
