"""Requests that the calendar refused a moment ago and will refuse again: callers are answered without asking it once more.

A key that is revoked, a wrong address, or an event type that is gone refuses every booking until a person has mended it. Two
refusals in a row open a circuit of that key or that event type alone; then one booking a minute asks again. It is each
process's own: it spares callers a wait, and decides nothing (docs/decisions/0036-refusals-and-limits.md).
"""

from collections.abc import Hashable
from dataclasses import dataclass, field

from askproai_core.provider_limits import Circuit, CircuitCommand, CircuitRules
from askproai_runtime.calendars.types import Refused

_RULES = CircuitRules(failures=2)


@dataclass(slots=True)
class _Refusal:
    circuit: Circuit
    last: Refused


@dataclass(slots=True)
class KnownRefusals:
    """Refusals by their subject. `token` names the request that asks; times are monotonic seconds."""

    rules: CircuitRules = _RULES
    _refusals: dict[Hashable, _Refusal] = field(default_factory=dict, repr=False)

    def recall(self, subject: Hashable, token: str, now: float) -> Refused | None:
        """Return the refusal to answer without a request; None if the calendar should be asked."""
        known = self._refusals.get(subject)
        if known is None:
            return None
        step = known.circuit.step(CircuitCommand.ALLOW, token, _milliseconds(now))
        return known.last if step.wait else None

    def record(self, subject: Hashable, token: str, now: float, refusal: Refused | None) -> None:
        """Record how the calendar answered about `subject`; no refusal: it is accepted."""
        if refusal is None:
            self._refusals.pop(subject, None)
            return
        known = self._refusals.setdefault(subject, _Refusal(Circuit(self.rules), refusal))
        known.last = refusal
        known.circuit.step(CircuitCommand.FAILED, token, _milliseconds(now))


def _milliseconds(seconds: float) -> int:
    return int(seconds * 1000)
