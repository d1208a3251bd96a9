"""Finds e-mail addresses in a caller's sentences, and answers the question whether one was understood."""

import re
from collections.abc import Mapping
from typing import Any

# As it is written, or as it is said: "anna punkt m at gmx punkt de". The introduction is no part of the rest.
EMAIL = re.compile(
    r"(?:\b(?:und\s+)?(?:(?:meine|die)\s+)?(?:E-?)?Mail(?:-?Adresse)?:?\s+(?:(?:ist|lautet|wäre)\s+)?|\ban\s+)?"
    r"([\w.+-]+@[\w-]+(?:\.[\w-]+)+"
    r"|\w+(?:\s+(?:punkt|unterstrich|bindestrich|minus)\s+\w+)*\s+(?:at|ät|klammeraffe)\s+\w+(?:\s+punkt\s+\w+)+)",
    re.IGNORECASE,
)
_NONE = re.compile(r"\bohne\b", re.IGNORECASE)


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
