"""Phone numbers: to E.164, and from a number or an agent to the branch that is meant."""

from askproai_runtime.numbers.e164 import InvalidNumber, caller_or_none, to_e164

__all__ = ["InvalidNumber", "caller_or_none", "to_e164"]
