"""The two seams that every other module leans on: the clock, and the named fault points.

No module reads the time by itself, so that a test can stand on the day of a clock change; and each step that a crash could
tear from the next one has a name, so that a test can kill the process exactly there.
"""

from askproai_runtime.seams.clock import Clock, FixedClock, SystemClock
from askproai_runtime.seams.faults import FaultPoints, fault_points_from_environment

__all__ = ["Clock", "FaultPoints", "FixedClock", "SystemClock", "fault_points_from_environment"]
