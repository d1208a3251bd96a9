"""Calls: what Retell tells of them (`events.py`) and what their agents ask during them (`functions.py`)."""

from askproai_runtime.calls.events import CallEvents
from askproai_runtime.calls.functions import FunctionName, Functions
from askproai_runtime.calls.inbound import Inbound
from askproai_runtime.calls.store import count_active_calls

__all__ = ["CallEvents", "FunctionName", "Functions", "Inbound", "count_active_calls"]
