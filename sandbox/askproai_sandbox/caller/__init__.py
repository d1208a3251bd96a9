"""The caller: plays a phone call as Retell does, from the inbound webhook to the last signed event.

`play_call` asks a running Retell simulator for a call; everything else is used by the simulator to play the call. This package
does not know how agents are stored or requests are signed: the simulator passes both in.
"""

from askproai_sandbox.caller.conversation import Conversation
from askproai_sandbox.caller.held_call import HeldCall
from askproai_sandbox.caller.phone_line import AnsweringAgent, PhoneLine
from askproai_sandbox.caller.record import (
    AgentSentence,
    Briefing,
    CallRecord,
    CallRequest,
    Move,
    Step,
    ToolCall,
    play_call,
)

__all__ = [
    "AgentSentence",
    "AnsweringAgent",
    "Briefing",
    "CallRecord",
    "CallRequest",
    "Conversation",
    "HeldCall",
    "Move",
    "PhoneLine",
    "Step",
    "ToolCall",
    "play_call",
]
