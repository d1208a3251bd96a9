"""Export and erasure of one caller's stored data: exported as one document, or erased from every system that we can reach.

`traces.py` finds the data, `export.py` and `erase.py` use the traces, and `task.py` finishes an erasure.
"""

from askproai_runtime.calls.notices import ERASURES
from askproai_runtime.privacy.erase import AppointmentsToCome, CallGoingOn, Erased, ErasureRequest, begin_erasure
from askproai_runtime.privacy.export import CallerExport, export_caller
from askproai_runtime.privacy.store import Erasure, list_erasures
from askproai_runtime.privacy.task import ErasureTask

__all__ = [
    "ERASURES", "AppointmentsToCome", "CallGoingOn", "CallerExport", "Erased", "Erasure", "ErasureRequest", "ErasureTask",
    "begin_erasure", "export_caller", "list_erasures",
]  # fmt: skip
