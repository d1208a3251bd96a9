"""Remarks that models write behind a value, for themselves: what the caller said, what day it is now."""

import re
from typing import Final

# `10:30  # said half past ten`, `10:30 (Anrufer sagte halb elf)`, `asap (now: Monday, …)`.
COMMENT: Final = re.compile(
    r"\s+(?:#|//)\s.*$|\s*/\*.*?\*/|\s*<!--.*?-->"
    r"|\s*\((?:(?:der |die |the )?(?:anrufer(?:in)?|caller|kund(?:e|in)|customer|user)\b[^()]*"
    r"|(?:now|current \w+|jetzt|aktuell\w*)\b\s*:?[^()]*"
    r"|(?:as |wie )?(?:said|gesagt|genannt)\b[^()]*)\)",
    re.IGNORECASE | re.DOTALL,
)
