"""The control loop: watches feed the cache and a work queue, and workers call each key's controller, `reconcile(key, context)`.

Only the loop turns the returned `Result` into conditions, events, metrics and the next run. The loop runs only in the process
that holds the Lease; watches run in a standby, too. Only the operator imports it: it needs kopf and prometheus_client.
"""

from askproai_operator.control_loop.following import Following, retry_until_served
from askproai_operator.control_loop.informer import Informer
from askproai_operator.control_loop.login import access_by_kopf, kopf_login
from askproai_operator.control_loop.loop import Reconcile, ReconcileLoop
from askproai_operator.control_loop.metrics import ConditionCollector, Metrics, RolloutCollector
from askproai_operator.control_loop.queue import Priority, WorkQueue, enqueue_first_keys, schedule_slowly
from askproai_operator.control_loop.shard_election import shard_leadership

__all__ = [
    "ConditionCollector", "Following", "Informer", "Metrics", "Priority", "Reconcile", "ReconcileLoop",
    "RolloutCollector", "WorkQueue", "access_by_kopf", "enqueue_first_keys", "kopf_login", "retry_until_served", "schedule_slowly",
    "shard_leadership",
]  # fmt: skip
