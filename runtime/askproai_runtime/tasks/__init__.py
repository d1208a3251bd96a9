"""Periodic tasks of a tenant, run by its workers: each by one worker at a time, with a watermark that survives all of them.

A task is a row and a handler. The handler gets the watermark that the last run returned, and returns the next one and when it
wants to run again.
"""

from askproai_runtime.tasks.runner import TaskRunner
from askproai_runtime.tasks.store import request_soon, request_unless_failed
from askproai_runtime.tasks.types import Next, PutOff, StaleRun, TaskError, TaskHandler, TaskRun, TaskSettings

__all__ = [
    "Next", "PutOff", "StaleRun", "TaskError", "TaskHandler", "TaskRun", "TaskRunner", "TaskSettings",
    "request_soon", "request_unless_failed",
]  # fmt: skip
