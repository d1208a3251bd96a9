"""What models write around the value of an argument: marks of their call format, labels, comments, escapes. Pure."""

import re
from typing import Final

from askproai_runtime.conversation.arguments.table import ArgumentRule, fold_key
from askproai_runtime.language.comments import COMMENT

# `Donnerstag</date>`, `<|im_end|>`, a fence of code.
_MARKUP: Final = re.compile(r"</?[a-z_][\w.:-]*(?: [^<>]*)?/?>|<\|[^<>|]*\|>|```(?:json)?", re.IGNORECASE)
_ESCAPED: Final = re.compile(r"\\u([0-9a-fA-F]{4})")  # escaped twice
_LABEL: Final = re.compile(r"^\s*([^\W\d][\w -]{1,24}?)\s*[:=]\s*(?=\S)")
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
# As a number, JSON drops the last digit of 14.30; 14.5 may be the half hour.
_SHORTENED: Final = re.compile(r"^([01]?\d|2[0-3])\.([0-4])$")
# A full date and time for a time alone has the first day of a computer's calendar.
_FIRST_DAY: Final = re.compile(r"^(?:0001|1[09]\d\d|2000)-01-01[T ](?=\d\d:\d\d)")
_LONGEST: Final = 600  # characters: the event loop waits for the search, and no value is as long
_TIMES: Final = frozenset({"time", "appointment_time"})


def unwrap(rule: ArgumentRule, text: str) -> str:
    """Return the value of an argument without the marks that a model has written around it; a text for a person keeps its words."""
    if len(text) > _LONGEST:
        return text
    text = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)
    text = _MARKUP.sub(" ", text).strip() or text
    if rule.is_text:
        return text
    if rule.name == "appointment_id" and (found := _UUID.findall(text)):
        return found[0] if len(found) == 1 else text
    text = re.sub(r"[ \t]{2,}", " ", text)
    text = COMMENT.sub("", text).strip() or text
    if (label := _LABEL.match(text)) and fold_key(label[1]) in {fold_key(name) for name in (rule.name, *rule.aliases)}:
        text = text[label.end() :]
    if rule.name in _TIMES:
        text = _SHORTENED.sub(r"\1:\g<2>0", _FIRST_DAY.sub("", text))
    return text
