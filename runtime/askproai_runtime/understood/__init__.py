"""The words of callers and models that are understood: one file for each language, by sections and keys."""

from askproai_runtime.understood.words import UNDERSTOOD, UNDERSTOOD_IN, Understood, not_behind

__all__ = ["UNDERSTOOD", "UNDERSTOOD_IN", "Understood", "not_behind"]
