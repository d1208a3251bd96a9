"""Process stored events: a table of handlers by source (`dispatch.py`), and one module for each.

What Cal.com did not deliver is asked for (`calendar_poll.py`).
"""

from askproai_runtime.events.calendar_poll import CalendarPoll
from askproai_runtime.events.dispatch import EventDispatcher

__all__ = ["CalendarPoll", "EventDispatcher"]
