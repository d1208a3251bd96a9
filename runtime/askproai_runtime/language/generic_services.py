"""Words that name no service of any business: "einen Termin bitte", "a regular appointment". Pure."""

from typing import Final

from askproai_runtime.person_names import fold
from askproai_runtime.understood import UNDERSTOOD

_WORDS: Final = UNDERSTOOD.service_texts
GENERIC: Final = _WORDS.generic | _WORDS.with_generic  # folded


def is_generic(said: str) -> bool:
    """Return whether words name no service of any business: "Termin", "eine Beratung", "appointment"."""
    words = set(fold(said).split())
    return words <= GENERIC and not words.isdisjoint(_WORDS.generic)
