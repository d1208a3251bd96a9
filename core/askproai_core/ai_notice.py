"""The first sentence to a caller: whether it says that an AI speaks (EU AI Act, art. 50), and the hash that refers to it."""

import hashlib

_WORDS = frozenset({"ki", "ai"})
_AROUND_WORDS = ".,!?;:()„“\"'"


def announces_ai(text: str) -> bool:
    """Return whether a sentence says that an AI speaks."""
    folded = text.casefold()
    said = {word.strip(_AROUND_WORDS).split("-")[0] for word in folded.split()}
    return bool(said & _WORDS) or "künstliche" in folded or "artificial intelligence" in folded


def greeting_reference(text: str) -> str:
    """Return the SHA-256 of a sentence, in hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()
