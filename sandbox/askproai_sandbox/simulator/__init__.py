"""What both simulators share: the application with its control plane, the faults, the journal, the clock.

Nothing here or in the simulators imports the operator or the runtime: they are an independent check of both.
"""

from askproai_sandbox.simulator.app import Refusal, Reply, Simulator, body_of, encode, main, serve
from askproai_sandbox.simulator.clock import Clock, SystemClock, milliseconds
from askproai_sandbox.simulator.faults import Fault, FaultKind
from askproai_sandbox.simulator.journal import without_secrets

__all__ = [
    "Clock", "Fault", "FaultKind", "Refusal", "Reply", "Simulator", "SystemClock", "body_of", "encode", "main",
    "milliseconds", "serve", "without_secrets",
]  # fmt: skip
