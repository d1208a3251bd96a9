"""The durable queue: what must happen after an acknowledgement, tried until it is done or a person must look.

One try and three retries; attempts are counted before a handler runs, and a claim that moved on cannot finish (design §3.2).
"""

from askproai_runtime.jobs.queue import enqueue, finish
from askproai_runtime.jobs.runner import DATABASE_AWAY, Runner
from askproai_runtime.jobs.types import (
    DeadNow,
    FinishForgotten,
    Job,
    JobError,
    JobKind,
    JobMetrics,
    JobSettings,
    JobState,
    Priority,
    RunAgain,
    StaleClaim,
)

__all__ = [
    "DATABASE_AWAY",
    "DeadNow",
    "FinishForgotten",
    "Job",
    "JobError",
    "JobKind",
    "JobMetrics",
    "JobSettings",
    "JobState",
    "Priority",
    "RunAgain",
    "Runner",
    "StaleClaim",
    "enqueue",
    "finish",
]
