"""A simulator of Retell AI: agents, LLMs, numbers, and calls that are played as Retell plays them.

It follows the odd rules of docs/vendors/retell.md. Started as a process by `python -m askproai_sandbox.retell --port N`.
"""

from askproai_sandbox.retell.app import RetellSimulator
from askproai_sandbox.retell.calls import signature

__all__ = ["RetellSimulator", "signature"]
