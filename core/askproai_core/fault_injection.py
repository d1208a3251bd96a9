"""Named points at which a test may kill the process, as `kill -9` would, or have a share of the acts there fail.

Used by the operator and the runtime. `ASKPROAI_FAULT=after:create-llm` names the point, `fail:30:before:book` the point and a share
in percent; `ASKPROAI_TESTING=1` arms it. Without the second variable the first is ignored with a warning, because a fault left in
a production manifest must not kill calls.
"""

import os
import random
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field

import structlog

log = structlog.get_logger(__name__)

_FAIL = "fail:"
_HUNDRED = 100


class InjectedFault(Exception):
    """The act fails because a test wants it."""


@dataclass(frozen=True, slots=True)
class FaultPoints:
    """The fault point that is armed in this process, if any. Which of the tries fail is the same in each process."""

    armed: str | None = None
    chance: random.Random = field(default_factory=lambda: random.Random(0), repr=False, compare=False)  # noqa: S311  no secret

    def reach(self, name: str) -> None:
        """Mark that the process has reached the point `name` (such as `after:create-llm`); it dies here if that is armed.

        Raises InjectedFault if the point fails and this is one of those times.
        """
        if name == self.armed:
            os.kill(os.getpid(), signal.SIGKILL)
        if self.armed is not None and self.armed.startswith(_FAIL):
            percent, _, point = self.armed.removeprefix(_FAIL).partition(":")
            if point == name and self.chance.random() * _HUNDRED < int(percent):
                raise InjectedFault(f"{self.armed}: this is one of those that fail")


def fault_points_from_environment(environment: Mapping[str, str] = os.environ) -> FaultPoints:
    """Read `ASKPROAI_FAULT`, and arm it only in test settings."""
    name = environment.get("ASKPROAI_FAULT")
    if name and environment.get("ASKPROAI_TESTING") != "1":
        log.warning("fault.ignored", point=name, why="ASKPROAI_FAULT works only together with ASKPROAI_TESTING=1")
        return FaultPoints()
    return FaultPoints(armed=name or None)
