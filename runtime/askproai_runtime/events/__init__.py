"""Process stored events: a table of handlers by source (`dispatch.py`), and one module for each."""

from askproai_runtime.events.dispatch import EventDispatcher

__all__ = ["EventDispatcher"]
