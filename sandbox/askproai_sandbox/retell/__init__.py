"""A simulator of Retell AI: agents, LLMs, numbers, and calls that are played as Retell plays them.

Faithful to the odd rules of `reference/retell.md`; started as `python -m askproai_sandbox.retell --port N`.
"""

from askproai_sandbox.retell.app import RetellSimulator
from askproai_sandbox.retell.signing import signature

__all__ = ["RetellSimulator", "signature"]
