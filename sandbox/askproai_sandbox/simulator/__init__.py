"""The common parts of the simulators of Retell and Cal.com: the application with its control paths, the faults and the journal.

Neither this package nor the simulators import the operator, the runtime, or anything of core but its clock. They are written
from the providers' documentation alone (docs/vendors/), so that they check our code independently.
"""

from askproai_sandbox.simulator.app import (
    Refusal,
    Reply,
    Simulator,
    encode_json,
    json_body,
    main,
    serve,
    unix_milliseconds,
)
from askproai_sandbox.simulator.faults import Fault, FaultKind
from askproai_sandbox.simulator.journal import without_secrets

__all__ = [
    "Fault", "FaultKind", "Refusal", "Reply", "Simulator", "encode_json", "json_body", "main", "serve",
    "unix_milliseconds", "without_secrets",
]  # fmt: skip
