"""`make demo`: all parts as processes of this machine, and the scenario that a person sees."""

from askproai_sandbox.demo.environment import DemoEnvironment
from askproai_sandbox.demo.run import end_demo, remove_demo, run_demo
from askproai_sandbox.demo.scenario import ScenarioError
from askproai_sandbox.demo.state import State, StateError, read_state, state_file

__all__ = [
    "DemoEnvironment", "ScenarioError", "State", "StateError", "end_demo", "read_state", "remove_demo", "run_demo", "state_file",
]  # fmt: skip
