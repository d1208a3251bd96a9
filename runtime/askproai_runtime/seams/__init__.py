"""What every other module leans on: the clock, the named fault points, and the end of the process.

No module reads the time by itself, so that a test can stand on the day of a clock change; and each step that a crash could
tear from the next one has a name, so that a test can kill the process exactly there.
"""

from askproai_runtime.seams.clock import Clock, FixedClock, SystemClock
from askproai_runtime.seams.faults import FaultPoints, fault_points_from_environment
from askproai_runtime.seams.stop import Stopped, beside, pause, stop_on_signals, until

__all__ = [
    "Clock", "FaultPoints", "FixedClock", "Stopped", "SystemClock", "beside", "fault_points_from_environment", "pause",
    "stop_on_signals", "until",
]  # fmt: skip
