"""Decide which full stops after a number end a sentence. The others make it a day of the month: `um 16.`, `ab 16. Dezember`."""

import re
from typing import Final

from askproai_runtime.spoken_times.de.vocabulary import ANY_MONTH, ANY_WEEKDAY

_NEAR = 120  # characters before a number in which its day is looked for
_HOUR = r"(?:[01]?\d|2[0-3])"
_MINUTES = r"[0-5]?[05]"  # of appointments; in "14 Uhr 23." the 23rd is meant
_COUNTED = (  # what is counted in ordinals: "3. Advent", "2. Dezemberwoche", "2. Montag im Dezember"
    rf"(?:(?:{ANY_MONTH})(?:s|woche|haelfte)?\b|(?:(?:{ANY_WEEKDAY})s? (?:im|in|des)|advent|weihnacht|feiertag|woche\b|kw\b"
    r"|kalenderwoche|haelfte|drittel|quartal))"
)
_LINK = r"(?: ?,| oder| und| bis| ?-)"
_LIST = rf"(?:{_LINK} \d{{1,2}}\.)"
_BEFORE_DAY = r"(?:zum|den|dem|am|bis|ab|vor|nach)"
_BOUND_LIST = rf"(?:{_LINK} (?:{_BEFORE_DAY} )*\d{{1,2}}\.)"
_ENDS = rf"\.(?!\d| *\d| *{_COUNTED}|{_LIST}+ *{_COUNTED})"
_BOUND_ENDS = rf"\.(?!\d| *\d|{_BOUND_LIST}* *{_COUNTED}|{_BOUND_LIST}*{_LINK} (?:{_BEFORE_DAY} )*(?:2[4-9]|3[01])\.)"
_MINUTE_ENDS = rf"\.(?!\d| *\d| *{_COUNTED}|{_LIST})"
_HOURS_ALONE = (
    rf"(?<![\d.:])(?<!\bam )(?<!\bden )(?<!\bdem )(?<!\bvom )(?<!\bkw )\b({_HOUR}(?::\d\d)? ?(?:-|bis) ?{_HOUR}){_ENDS}"
)

_BEYOND_DOUBT: Final = tuple(
    re.compile(pattern)
    for pattern in (
        rf"\b((?:um|punkt|halb|viertel|dreiviertel) \d{{1,2}})\.(?!\d| *\d| *(?:{ANY_MONTH}))",
        rf"\b(gegen \d{{1,2}})\.(?!\d| *\d|{_LIST}* *(?:{ANY_MONTH}))",
        rf"(?<!kw )(?<!woche )\b((?:[12]?\d|viertel|minuten) (?:vor|nach) {_HOUR}){_ENDS}",
        rf"\b(\d{{1,2}} ?uhr {_MINUTES}){_MINUTE_ENDS}",
        rf"\b(\d{{1,2}} ?uhr und [0-5]?\d){_MINUTE_ENDS}",
        rf"\b((?:um|punkt) {_HOUR}\.(?:05|10)){_MINUTE_ENDS}",
        # "10-11." are hours; "am 10-11." and "10-11. Dezember" are days
        _HOURS_ALONE,
        rf"\b(\d{{1,2}}\.(?:00|1[3-9]|[2-5]\d)){_MINUTE_ENDS}",  # 14.30: there is no such month
        rf"\b((?:am|den|dem) \d{{1,2}} (?:1[0-2]|0?[1-9])){_MINUTE_ENDS}",
        rf"(?<![\d.:])(?<!\bam )(?<!\bden )(?<!\bdem )\b({_HOUR} [0-5][05]){_MINUTE_ENDS}",
        rf"\b((?:kw|kalenderwoche) \d{{1,2}}(?: (?:oder|und|bis) (?:3[2-9]|[45]\d))?){_ENDS}",
        rf"\b(woche (?:3[2-9]|[45]\d)(?: (?:oder|und|bis) (?:3[2-9]|[45]\d))?){_ENDS}",
        # These are followed by a time or by words, but by no name of a month.
        r"(\d[:h]\d{2}|\b\d{4}|\b\d{4}-\d{2}-\d{2}|\b\d{1,2}\.\d{1,2}\.\d{2})\.(?!\d)",
    )
)
_RANGE = re.compile(
    rf"\b((?:von|zwischen|ab|fruehestens) {_HOUR} (?:bis|und|(?:bis )?spaetestens) {_HOUR}){_BOUND_ENDS}"
)
_BOUND_HOUR = re.compile(rf"\b((?P<side>ab|fruehestens|bis|spaetestens|vor|nach) (?P<hour>[01]?\d|2[01])){_BOUND_ENDS}")
# "im Dezember ab 15.": a day of it
_WHOLE_MONTH = re.compile(rf"(?<!\d\.)(?<!\d\. )(?<!\d )\b(?:{ANY_MONTH}|monate?s?)\b")
_DAY = (
    rf"\b(?:{ANY_WEEKDAY}|heute|(?<!guten )morgen|uebermorgen|(?:vor|nach)?mittags?|(?<!guten )(?<!schoenen )abends?"
    rf"|(?:{ANY_WEEKDAY})(?:frueh|morgen|vormittag|mittag|nachmittag|abend)s?|unter der woche|wochenende|werktags?)\b"
)
_DATE = (
    r"(?<!bis )(?<!bis zum )(?<!vor )(?<!vor dem )(?<!nach )(?<!nach dem )(?<!ab )(?<!ab dem )(?<!vom )(?<!und )(?<!und dem )"
    rf"(?<!\d)(?<!\d\.)\d{{1,2}}\.(?: ?(?:{ANY_MONTH})\b(?: \d{{4}}\b)?|\d{{1,2}}\.(?:\d{{4}}\b|\d{{2}}\b)?)"
    r"|\bam \d{1,2}\.(?!\d| \d)"
)
# "Dienstags ab 16." can begin on the 16th, "dienstags nach 16." cannot.
_DAY_BEFORE: Final = {
    **dict.fromkeys(("bis", "spaetestens"), re.compile(_DAY)),
    **dict.fromkeys(("ab", "fruehestens"), re.compile(f"{_DAY}|{_DATE}")),
    **dict.fromkeys(("vor", "nach"), re.compile(rf"{_DAY}|{_DATE}|\b(?:(?:{ANY_WEEKDAY})s|woche)\b")),
}
_PART = re.compile(r"vormittag|nachmittag|mittag|abend")
_HOURS_OF_PART: Final = {
    "vormittag": range(6, 13), "mittag": (1, 2, 3, *range(11, 16)), "nachmittag": (*range(1, 8), *range(12, 20)),
    "abend": (*range(4, 12), *range(16, 24)),
}  # fmt: skip
_TIME = re.compile(r"\b(?:ab|fruehestens|vor|nach|um|gegen|von) \d{1,2}(?:[:.]\d{2})?(?: uhr)?(?![\d.:])")
_OTHER = re.compile(r"\d|\b(?:oder|sonst|nicht|und|statt|sondern)\b")
_LAST_LINK = re.compile(r"\b(?:oder|nicht|und) $")  # "Dienstag vor 10 oder nach 16.", "Dienstag nicht vor 10."
_ANY_DATE = re.compile(rf"\bkw \d|\d\. ?(?:\d{{1,2}}\.|(?:{ANY_MONTH})\b)")
_FROM = re.compile(r"\b(?:ab|von|vom|seit|zwischen)(?: [a-z]+){0,2} $")


def drop_full_stops(text: str, unclear: str) -> str:
    """Return a folded phrase without the full stops that end a sentence after a number.

    If no day is named, the word `unclear` is put after "nach 16.": it can be an hour or a day of the month.
    """
    for pattern in _BEYOND_DOUBT:
        text = pattern.sub(r"\1", text)
    if _WHOLE_MONTH.search(text):
        return text
    text = _RANGE.sub(r"\1", text)
    done, at = "", 0
    for match in _BOUND_HOUR.finditer(text):
        done, at = done + text[at : match.start()], match.end()
        before = done[-_NEAR:]
        if _is_hour(before, match["side"], int(match["hour"])):
            done += match[1]
        elif match["side"] in {"vor", "nach"} and not _ANY_DATE.search(before):
            done += f"{match[1]}. {unclear}"
        else:
            done += match[0]
    return done + text[at:]


def _is_hour(before: str, side: str, number: int) -> bool:
    """Return whether a number is an hour that follows a day ("Montag ab 16."). In "vom 7. Dezember bis 15." it is a second day."""
    days = list(_DAY_BEFORE[side].finditer(before))
    if not days or (side in {"bis", "spaetestens"} and _FROM.search(before[: days[-1].start()])):
        return False
    if (part := _PART.search(days[-1][0])) and number not in _HOURS_OF_PART[part[0]]:  # "vormittags ab 16."
        return False
    between = _TIME.sub("", before[days[-1].end() :])
    return _OTHER.search(_LAST_LINK.sub("", between) if side in {"vor", "nach"} else between) is None
