"""Phone numbers: to E.164, and from a number or an agent to the branch that is meant."""

from askproai_runtime.numbers.e164 import InvalidNumber, caller_or_none, to_e164
from askproai_runtime.numbers.routing import Route, Routing

__all__ = ["InvalidNumber", "Route", "Routing", "caller_or_none", "to_e164"]
