"""A move that names both times: "von zehn auf elf", "elf statt zehn", "from ten to eleven". Pure."""

import re
from collections.abc import Iterator

_FROM = re.compile(r"^(?:von|vom|from)\s+", re.IGNORECASE)
_TO = re.compile(r"\s+to\s+", re.IGNORECASE)
_TOWARDS = re.compile(r"\s+auf\s+|\s*(?:→|[-=]+>)\s*", re.IGNORECASE)
_INSTEAD_OF = r"(?:(?:an)?statt|anstelle von|instead of|rather than)"
_INSTEAD = re.compile(rf",?\s+{_INSTEAD_OF}\s+", re.IGNORECASE)
_INSTEAD_FIRST = re.compile(rf"^{_INSTEAD_OF}\s+", re.IGNORECASE)
_MOST_WORDS = 16


def list_replaced(text: str) -> Iterator[tuple[str, str]]:
    """Yield each way to read a text as an old time and the new one in its place; whether they are times is not looked at.

    "To" needs a "from" before it: "ten to eleven" is one time.
    """
    text = " ".join(text.split()[:_MOST_WORDS]).strip(" .")
    if first := _INSTEAD_FIRST.match(text):
        words = text[first.end() :].split()
        yield from ((" ".join(words[:at]), " ".join(words[at:])) for at in range(1, len(words)))
        return
    for found in _INSTEAD.finditer(text):
        yield text[found.end() :], text[: found.start()]
    begun = _FROM.match(text)
    old = text[begun.end() :] if begun else text
    for separator in (_TOWARDS, *((_TO,) if begun else ())):
        for found in separator.finditer(old):
            yield old[: found.start()].strip(" ,"), old[found.end() :]
