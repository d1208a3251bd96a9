"""What both simulators share: the application with its control plane, the faults, the journal, the clock.

Nothing here or in the simulators imports the operator or the runtime: they are an independent check of both.
"""

from askproai_sandbox.simulator.app import Refusal, Reply, Simulator, encode_json, json_body, main, serve
from askproai_sandbox.simulator.clock import Clock, SystemClock, unix_milliseconds
from askproai_sandbox.simulator.faults import Fault, FaultKind
from askproai_sandbox.simulator.journal import without_secrets

__all__ = [
    "Clock", "Fault", "FaultKind", "Refusal", "Reply", "Simulator", "SystemClock", "json_body", "encode_json", "main",
    "unix_milliseconds", "serve", "without_secrets",
]  # fmt: skip
