"""`make demo`: all parts as processes of this machine, and the scenario that a person sees."""

from askproai_sandbox.demo.environment import DemoEnvironment
from askproai_sandbox.demo.state import State, StateError, read_state, state_file

__all__ = ["DemoEnvironment", "State", "StateError", "read_state", "state_file"]
