"""The caller: plays a phone call as Retell does, from the number to the last signed webhook.

`play_call` asks a running Retell simulator for a call; the rest is what that simulator plays it with. Nothing here knows how
agents are kept or how a signature is made: both come from the simulator.
"""

from askproai_sandbox.caller.conversation import Conversation
from askproai_sandbox.caller.phone_line import AnsweringAgent, PhoneLine
from askproai_sandbox.caller.record import CallRecord, CallRequest, Step, ToolCall, play_call
from askproai_sandbox.caller.scripted_model import ScriptedModel

__all__ = [
    "AnsweringAgent",
    "CallRecord",
    "Conversation",
    "PhoneLine",
    "CallRequest",
    "ScriptedModel",
    "Step",
    "ToolCall",
    "play_call",
]
