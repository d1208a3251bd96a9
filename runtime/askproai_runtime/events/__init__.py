"""Processing of stored events: a table of handlers by source (`dispatch.py`), and one module for each source.

Events that the remote calendar and Retell failed to deliver are found by polling (`calendar_poll.py`, `call_poll.py`).
"""

from askproai_runtime.events.calendar_poll import CalendarPoll
from askproai_runtime.events.call_poll import CALL_POLL, FOUND_BY_POLL, CallPoll
from askproai_runtime.events.dispatch import EventDispatcher

__all__ = ["CALL_POLL", "FOUND_BY_POLL", "CalendarPoll", "CallPoll", "EventDispatcher"]
