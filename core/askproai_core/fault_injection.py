"""Named points at which a test may kill the process, as `kill -9` would, or make a share of the operations there fail.

Used by the operator and the runtime. `ASKPROAI_FAULT=after:create-llm` names a point at which the process dies;
`fail:30:before:book` makes 30 % of the operations at a point fail. Both need `ASKPROAI_TESTING=1`, and are ignored with a
warning without it, because a fault left in a production manifest must not kill calls.
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
    """Raised at a fault point at which a test lets operations fail."""


@dataclass(frozen=True, slots=True)
class FaultPoints:
    """The fault point that is armed in this process, if any. A share of failures hits the same attempts in every process."""

    armed: str | None = None
    chance: random.Random = field(default_factory=lambda: random.Random(0), repr=False, compare=False)  # noqa: S311  no secret

    def reach(self, name: str) -> None:
        """Mark that the process has reached the point `name`, such as `after:create-llm`. If a kill is armed at this point, the
        process dies here.

        Raises InjectedFault if a failing share is armed at this point instead, and this attempt belongs to the share.
        """
        if name == self.armed:
            os.kill(os.getpid(), signal.SIGKILL)
        if self.armed is not None and self.armed.startswith(_FAIL):
            percent, _, point = self.armed.removeprefix(_FAIL).partition(":")
            if point == name and self.chance.random() * _HUNDRED < int(percent):
                raise InjectedFault(f"{self.armed}: this is one of those that fail")


def fault_points_from_environment(environment: Mapping[str, str] = os.environ) -> FaultPoints:
    """Read `ASKPROAI_FAULT`; arm the fault only if `ASKPROAI_TESTING=1`."""
    name = environment.get("ASKPROAI_FAULT")
    if name and environment.get("ASKPROAI_TESTING") != "1":
        log.warning("fault.ignored", point=name, why="ASKPROAI_FAULT works only together with ASKPROAI_TESTING=1")
        return FaultPoints()
    return FaultPoints(armed=name or None)
