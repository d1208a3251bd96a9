"""The durable job queue: work after an acknowledgement, attempted until it is done or a person has to look at it.

A job has one attempt and three retries. An attempt is counted before its handler runs, and a claim that another worker has
taken over can no longer finish the job.
"""

from askproai_runtime.jobs.runner import Runner
from askproai_runtime.jobs.store import enqueue, finish, finish_events, require_claim, snapshot
from askproai_runtime.jobs.types import DeadNow, Job, JobError, JobKind, JobSettings, Priority, RunAgain, StaleClaim

__all__ = [
    "DeadNow", "Job", "JobError", "JobKind", "JobSettings", "Priority", "RunAgain", "Runner", "StaleClaim",
    "enqueue", "finish", "finish_events", "require_claim", "snapshot",
]  # fmt: skip
