"""Remove the wrapping that models write around an argument's value: call format, labels, comments, escapes. Pure."""

import re
import unicodedata
from contextlib import suppress
from html import unescape
from typing import Final

from askproai_runtime.conversation.arguments.table import ArgumentRule, fold_key
from askproai_runtime.spoken_times import Argument
from askproai_runtime.spoken_times.agreement import find_agreed
from askproai_runtime.understood import UNDERSTOOD

# `Donnerstag</date>`, `<|im_end|>`, a fence of code.
_MARKUP: Final = re.compile(
    r"</[a-z_][\w.:-]*>|<(?:argument|b|br|date|name|parameter|service|staff|start|time|value)(?: [^<>]*)?/?>|<\|[^<>|]*\|>"
    r"|```(?:json)?",
    re.IGNORECASE,
)
_MARKUP_IN_TEXT: Final = re.compile(r"</(?:argument|message|notes|parameter|text|value)>|<\|[^<>|]*\|>", re.IGNORECASE)
_ESCAPED: Final = re.compile(r"\\u([0-9a-fA-F]{4})")  # escaped twice
_ESCAPED_SIGN: Final = re.compile(r"\\([nrt\"])")
# With ";", since html.unescape reads "&para" without it, too.
_ENTITY: Final = re.compile(r"&(?:#\d+|#x[\da-f]+|[a-z]+\d*);", re.IGNORECASE)
_MISREAD: Final = re.compile(r"[ÃÂ][^\x00-\x7f]")  # UTF-8 that was read as Latin-1 or as Windows-1252: "MÃ¼ller"
# Signs that models and editors write for those of ASCII: hyphens, a ratio, full width; and marks that nobody sees. A joiner
# inside a word stays.
_PLAIN: Final = (
    {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | dict.fromkeys((0x2010, 0x2011), "-") | {0x2236: ":"}
    | dict.fromkeys((0xAD, 0x200B, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2060, 0x2070), 0xFEFF))
)  # fmt: skip
_DASH: Final = re.compile(r"(?<=\d)[\u2012-\u2015\u2212](?=\d)")
# Quotes, and Markdown for bold and for code, around a whole value.
_QUOTED: Final = re.compile(r"\s*[*`'\"„“”‚‘’«»]+([^*`'\"„“”‚‘’«»]+)[*`'\"„“”‚‘’«»]+\s*")
_SPACED_DATE: Final = re.compile(r"(\d{1,2}) (\d{1,2}) (\d{4})")
_LABEL: Final = re.compile(r"^\s*([^\W\d][\w -]{1,24}?)\s*[:=]\s*(?=\S)")
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
# As a number, JSON drops the last digit of 14.30; 14.5 may be the half hour.
_SHORTENED: Final = re.compile(r"^([01]?\d|2[0-3])\.([0-4])$")
# A full date and time for a time alone has the first day of a computer's calendar.
_FIRST_DAY: Final = re.compile(r"^(?:0001|1[09]\d\d|2000)-01-01[T ](?=\d\d:\d\d)")
_WORDS: Final = UNDERSTOOD.days
_BY: Final = rf"(?:(?:{_WORDS.caller_article}) )?"
_SAID: Final = rf"(?:{_BY}(?:{_WORDS.caller})\b)?:? ?(?:{_WORDS.says}|{_WORDS.said})?:? ?"
# `10:30  # said half past ten`, `10:30 (Anrufer sagte halb elf)`, `asap (now: Monday, …)`, `10:30 (45 min)`.
# `remark` is its rest: a day or a time.
_COMMENT: Final = re.compile(
    rf"\s*\((?P<now>{_WORDS.now})\b[^()]*\)|\s*\(\d+ ?min[a-z.]*\)"
    rf"|(?:\s+(?:#|//)\s|\s*\((?={_BY}(?:{_WORDS.caller_begins}|{_WORDS.said})))"
    rf"\s*{_SAID}(?P<remark>[^()]*)\)?$",
    re.IGNORECASE,
)
_LONGEST: Final = 600  # characters: the event loop waits for the search, and no value is as long
TIME_ARGUMENTS: Final = {
    "date": Argument.DATE, "appointment_date": Argument.DATE, "time": Argument.TIME, "appointment_time": Argument.TIME,
    "part_of_day": Argument.PART_OF_DAY,
}  # fmt: skip


def unwrap(rule: ArgumentRule, text: str) -> str:
    """Return an argument's value without the markup, label or comment around it. A text for a person keeps its words."""
    if len(text) > _LONGEST:
        return text
    text = (_MARKUP_IN_TEXT if rule.is_text else _MARKUP).sub(" ", text).strip() or text
    if rule.is_text:
        return text
    if rule.name == "appointment_id" and (found := _UUID.findall(text)):
        return found[0] if len(found) == 1 else text
    text = re.sub(r"[ \t]{2,}", " ", text)
    text = quoted[1].strip() if (quoted := _QUOTED.fullmatch(text)) else text
    argument = TIME_ARGUMENTS.get(rule.name)
    if argument in {Argument.DATE, Argument.TIME}:
        text = _drop_comment(text, argument)
    if argument is Argument.DATE:
        text = _SPACED_DATE.sub(r"\1/\2/\3", text) if _SPACED_DATE.fullmatch(text) else text
    if label := _LABEL.match(text):
        key, value = fold_key(label[1]), text[label.end() :]
        is_named = rule.name in UNDERSTOOD.arguments.labels.get(key, "").split()
        text = value if is_named or (argument is None and rule.is_labelled(key, value)) else text
    if argument is Argument.TIME:
        text = _SHORTENED.sub(r"\1:\g<2>0", _FIRST_DAY.sub("", text))
    return text


def decode(text: str) -> str:
    """Return a text with HTML entities, doubly escaped characters and misread UTF-8 decoded, and with plain signs. Half of a
    surrogate pair becomes U+FFFD.
    """
    text = unescape(unescape(text)) if _ENTITY.search(text) else text
    decoded = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)
    decoded = _ESCAPED_SIGN.sub(lambda found: '"' if found[1] == '"' else " ", decoded).strip()
    decoded = decoded.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "")
    for encoding in ("cp1252", "latin-1") if _MISREAD.search(decoded) else ():
        with suppress(UnicodeError):
            decoded = decoded.encode(encoding).decode("utf-8")
            break
    return decoded if decoded.isascii() else _DASH.sub("-", unicodedata.normalize("NFC", decoded.translate(_PLAIN)))


def _drop_comment(text: str, argument: Argument) -> str:
    """Return a day or time without a remark that repeats it or says nothing. Another remark stays, and the caller is asked."""
    found = _COMMENT.search(text)
    if found is None:
        return text
    value = f"{text[: found.start()]}{text[found.end() :]}".strip()
    remark = found["remark"] or ""
    agrees = found["now"] is not None or not remark or find_agreed(value, remark, argument) is not None
    return value if value and agrees else text
