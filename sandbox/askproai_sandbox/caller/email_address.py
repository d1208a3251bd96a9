"""Finds e-mail addresses in a caller's sentences, and answers the question whether one was understood."""

import re
from collections.abc import Mapping
from typing import Any

_INTRODUCTION = r"\b(?:und\s+)?(?:(?:meine|die)\s+)?(?:E-?)?Mail(?:-?Adresse)?:?\s+"
_AT = r"(?:at|ät|klammeraffe)"
_SIGN = r"(?:punkt|dot|(?:binde|unter)?strich|minus|plus)"
_LOCAL = r"(?:\b\w\s+)*\w+"  # also letter by letter
_LABEL = r"[\w-]+(?:\.[\w-]+)*"
# As it is written, or as it is said: "anna punkt m at gmx punkt de". The introduction is no part of the rest. What else is said
# after "meine E-Mail ist" is the address, too, whatever is between its words: the tenant's pods decide whether it is one.
EMAIL = re.compile(
    rf"(?:{_INTRODUCTION}(?:(?:ist|lautet|wäre)\s+)?|\ban\s+)?"
    r"([\w.+-]+@[\w-]+(?:\.[\w-]+)+"
    rf"|{_LOCAL}(?:\s+{_SIGN}\s+{_LOCAL})*\s+{_AT}\s+{_LABEL}(?:\s+{_SIGN}\s+{_LABEL})+"
    rf"|{_LOCAL}(?:\s+{_SIGN}\s+{_LOCAL})*\s+{_AT}\s+(?:{_LABEL}\.\w+|\w+\s+(?:de|com|net|org|at|ch|eu)\b))"
    rf"|{_INTRODUCTION}(?:ist|lautet|wäre)\s+((?:(?!\s(?:und\s+(?:mein|ich)|mein Name)\b)[^,;!?])+?(?:@|\s{_AT}\s)"
    r"(?:(?!\s(?:und|bitte|auf|mein)\b)[^,;!?.]|\.(?=\w))+)",
    re.IGNORECASE,
)
_MENTIONED = re.compile(rf"{_INTRODUCTION}(?:ist|lautet|wäre|geht)\s", re.IGNORECASE)
_NONE = re.compile(r"\bohne\b", re.IGNORECASE)


def is_address_lost(text: str) -> bool:
    """Return whether a sentence gives an e-mail address in words that are not understood as one."""
    return bool(_MENTIONED.search(text)) and not EMAIL.search(text)


def answer_email_question(
    text: str, email: str | None, args: Mapping[str, Any], *, yes: bool, no: bool
) -> dict[str, Any] | None:
    """Return the arguments with which a booking is repeated: the address confirmed, denied, another one (`email`) or none.

    `args` are those of the booking that was asked about. None if the sentence does not answer.
    """
    without = {name: value for name, value in args.items() if name not in {"email", "email_confirmed"}}
    if email:
        return without | {"email": email}
    if _NONE.search(text):
        return without
    return {**args, "email_confirmed": yes} if yes != no else None
