"""The periodic tasks of a tenant. One worker at a time runs each task. Its watermark survives all workers.

A task is a row and a handler. The handler gets the watermark of the last run, and returns the next watermark and the time until
the next run.
"""

from askproai_runtime.tasks.runner import TaskRunner
from askproai_runtime.tasks.store import request_soon, request_unless_failed
from askproai_runtime.tasks.types import Next, PutOff, StaleRun, TaskError, TaskHandler, TaskRun, TaskSettings

__all__ = [
    "Next", "PutOff", "StaleRun", "TaskError", "TaskHandler", "TaskRun", "TaskRunner", "TaskSettings",
    "request_soon", "request_unless_failed",
]  # fmt: skip
