"""Patterns of remarks that models add to a day or a time: the words of the caller, or the present day."""

import re
from typing import Final

from askproai_runtime.language.understood import UNDERSTOOD

_WORDS: Final = UNDERSTOOD.days
_BY: Final = rf"(?:(?:{_WORDS.caller_article}) )?"
_SAID: Final = rf"(?:{_BY}(?:{_WORDS.caller})\b)?:? ?(?:{_WORDS.says}|{_WORDS.said})?:? ?"
# `10:30  # said half past ten`, `10:30 (Anrufer sagte halb elf)`, `asap (now: Monday, …)`. `remark` is its rest: a day or a time.
COMMENT: Final = re.compile(
    rf"\s*\((?P<now>{_WORDS.now})\b[^()]*\)"
    rf"|(?:\s+(?:#|//)\s|\s*\((?={_BY}(?:{_WORDS.caller_begins}|{_WORDS.said})))"
    rf"\s*{_SAID}(?P<remark>[^()]*)\)?$",
    re.IGNORECASE,
)
