"""The stored data of one caller: exported as one document, and erased everywhere that we reach, so that nothing comes back.

`traces.py` finds it, `export.py` and `erase.py` use what was found, `task.py` finishes an erasure.
"""

from askproai_runtime.calls.notices import ERASURES
from askproai_runtime.privacy.erase import (
    AppointmentsToCome,
    CallGoingOn,
    Erased,
    ErasureRequest,
    begin_erasure,
)
from askproai_runtime.privacy.export import CallerExport, export_caller
from askproai_runtime.privacy.store import Erasure, list_erasures
from askproai_runtime.privacy.task import ErasureTask

__all__ = [
    "ERASURES", "AppointmentsToCome", "CallGoingOn", "CallerExport", "Erased", "Erasure", "ErasureRequest", "ErasureTask",
    "begin_erasure", "export_caller", "list_erasures",
]  # fmt: skip
