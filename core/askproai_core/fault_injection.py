"""Named points at which a test may kill the process, as `kill -9` would. Used by the operator and the runtime.

`ASKPROAI_FAULT=after:create-llm` names the point, `ASKPROAI_TESTING=1` arms it. Without the second variable the first is ignored
with a warning, because a fault left in a production manifest must not kill calls.
"""

import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass

import structlog

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class FaultPoints:
    """The fault point that is armed in this process, if any."""

    armed: str | None = None

    def reach(self, name: str) -> None:
        """Mark that the process has reached the point `name` (such as `after:create-llm`); it dies here if that is armed."""
        if name == self.armed:
            os.kill(os.getpid(), signal.SIGKILL)


def fault_points_from_environment(environment: Mapping[str, str] = os.environ) -> FaultPoints:
    """Read `ASKPROAI_FAULT`, and arm it only in test settings."""
    name = environment.get("ASKPROAI_FAULT")
    if name and environment.get("ASKPROAI_TESTING") != "1":
        log.warning("fault.ignored", point=name, why="ASKPROAI_FAULT works only together with ASKPROAI_TESTING=1")
        return FaultPoints()
    return FaultPoints(armed=name or None)
