"""Remarks that models write after a day or a time for themselves: the words of the caller, or the present day."""

import re
from typing import Final

_SAID: Final = r"(?:(?:der |die |the )?(?:anrufer(?:in)?|caller|kund(?:e|in)|customer|user)\b)?:? ?(?:sagte?|said|gesagt|says)?:? ?"
# `10:30  # said half past ten`, `10:30 (Anrufer sagte halb elf)`, `asap (now: Monday, …)`. `remark` is its rest: a day or a time.
COMMENT: Final = re.compile(
    r"\s*\((?P<now>now|today is|jetzt|heute ist)\b[^()]*\)"
    r"|(?:\s+(?:#|//)\s|\s*\((?=(?:der |die |the )?(?:anrufer|caller|kund|customer|user|said|gesagt)))"
    rf"\s*{_SAID}(?P<remark>[^()]*)\)?$",
    re.IGNORECASE,
)
