"""Check whether the first sentence to a caller says that an AI speaks (EU AI Act, art. 50), and hash that sentence."""

import hashlib

_WORDS = frozenset({"ki", "ai"})
_AROUND_WORDS = ".,!?;:()„“\"'"


def announces_ai(text: str) -> bool:
    """Return True if a sentence says that an AI speaks."""
    folded = text.casefold()
    said = {word.strip(_AROUND_WORDS).split("-")[0] for word in folded.split()}
    return bool(said & _WORDS) or "künstliche" in folded or "artificial intelligence" in folded


def greeting_reference(text: str) -> str:
    """Return the SHA-256 of a greeting in hexadecimal digits. Records refer to the greeting by this hash."""
    return hashlib.sha256(text.encode()).hexdigest()
