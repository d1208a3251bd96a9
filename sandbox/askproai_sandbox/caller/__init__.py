"""The caller: plays a phone call as Retell does, from the number to the last signed webhook.

`play_call` asks a running Retell simulator for a call; the rest is what that simulator plays it with. Nothing here knows how
agents are kept or how a signature is made: both come from the simulator.
"""

from askproai_sandbox.caller.conversation import Conversation
from askproai_sandbox.caller.line import Bound, Line
from askproai_sandbox.caller.model import ScriptedModel
from askproai_sandbox.caller.record import CallRecord, Order, Step, ToolCall, play_call

__all__ = ["Bound", "CallRecord", "Conversation", "Line", "Order", "ScriptedModel", "Step", "ToolCall", "play_call"]
