"""A language model as the agent of a simulated call."""

from askproai_sandbox.model_agent.chat_model import ModelError
from askproai_sandbox.model_agent.model_call import ModelAddress, ModelCall

__all__ = ["ModelAddress", "ModelCall", "ModelError"]
