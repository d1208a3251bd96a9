"""The durable queue: what must happen after an acknowledgement, tried until it is done or a person must look.

One try and three retries; attempts are counted before a handler runs, and a claim that moved on cannot finish (design §3.2).
"""

from askproai_runtime.jobs.queue import enqueue, finish, snapshot
from askproai_runtime.jobs.runner import Runner
from askproai_runtime.jobs.types import DeadNow, Job, JobError, JobKind, JobSettings, Priority, RunAgain, StaleClaim

__all__ = [
    "DeadNow", "Job", "JobError", "JobKind", "JobSettings", "Priority", "RunAgain", "Runner", "StaleClaim",
    "enqueue", "finish", "snapshot",
]  # fmt: skip
