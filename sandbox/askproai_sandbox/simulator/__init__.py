"""What both simulators share: the application with its control plane, the faults, the journal, the clock.

Nothing here or in the simulators imports the operator or the runtime: they are an independent check of both.
"""

from askproai_sandbox.simulator.app import Handler, Refusal, Simulator, body_of, main, serve
from askproai_sandbox.simulator.clock import Clock, SystemClock
from askproai_sandbox.simulator.faults import Fault, FaultKind, Faults
from askproai_sandbox.simulator.journal import Journal

__all__ = [
    "Clock",
    "Fault",
    "FaultKind",
    "Faults",
    "Handler",
    "Journal",
    "Refusal",
    "Simulator",
    "SystemClock",
    "body_of",
    "main",
    "serve",
]
