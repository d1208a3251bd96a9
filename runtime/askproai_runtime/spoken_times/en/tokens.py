"""Normalize an English phrase, so that the rules meet one spelling: numbers as digits, ordinals as `24th`, `a.m.` as `am`."""

import re
from collections.abc import Iterable
from functools import lru_cache

from askproai_core.languages import Language
from askproai_runtime.spoken_times.written_forms import WRITTEN_FORMS, Replacement
from askproai_runtime.understood import UNDERSTOOD_IN

WORDS = UNDERSTOOD_IN[Language.EN]
WEEKDAYS: dict[str, int] = WORDS.counted.weekdays | WORDS.grammar.further_weekdays
MONTHS: dict[str, int] = WORDS.grammar.months
_UNITS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen",
    "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
TENS = {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50}
NUMBERS = {word: number for number, word in enumerate(_UNITS)} | TENS
ORDINALS = {
    "first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8, "ninth": 9, "tenth": 10,
    "eleventh": 11, "twelfth": 12, "thirteenth": 13, "fourteenth": 14, "fifteenth": 15, "sixteenth": 16, "seventeenth": 17,
    "eighteenth": 18, "nineteenth": 19, "twentieth": 20, "thirtieth": 30,
}  # fmt: skip

_WEEKDAY = "|".join(WEEKDAYS)
_MONTH = "|".join(MONTHS)
_ORDINAL_UNITS = "|".join(word for word, number in ORDINALS.items() if number < 10)  # noqa: PLR2004
_NUMBER_UNITS = "|".join(word for word, number in NUMBERS.items() if 0 < number < 10)  # noqa: PLR2004
_NO_MONTH = rf"(?! (?:{_MONTH})\b| of (?:{_MONTH})\b)"
_NOT_POSSIBLE = (
    r"(?:(?:(?:does|do|will|would) not|doesn't|don't|won't|wouldn't) (?:work|suit|fit)|(?:is|are) (?:no good|impossible)"
    r"|(?:is not|are not|isn't|aren't) (?:so |very |really )?(?:good|great|ideal|possible))(?: for me| me)?(?= *(?:,|$|please *$))"
)
_WEEKDAYS = rf"((?:{_WEEKDAY})s?(?: (?:and|or) (?:{_WEEKDAY})s?)?)"
_DATED_DAY = rf"(?:{_MONTH}) \d{{1,2}}|\d{{1,2}} (?:{_MONTH})|\d{{1,2}}th|\d+[./-][\d./-]+"
_ONE_DAY = rf"(?:(?:{_WEEKDAY})s?|today|tomorrow|{_DATED_DAY})"
_HALF_OF_DAY = (
    rf"\b((?:{_WEEKDAY})s?|today|tomorrow|\d{{1,2}}(?:th)? (?:of )?(?:{_MONTH})|\d{{1,2}}th)(?: ,)? ([ap])m\b(?! ?\d)"
)
# In "Tuesday but not Wednesday", "Tuesday at four pm not Wednesday" nothing is said of Tuesday before the "not".
_NO_VERB = (
    r"(?:but|except|just|only|and|or|on|onwards?|[ap]m|o'clock|noon|midday"
    r"|mornings?|afternoons?|evenings?|night|weeks?|weekend)"
)
# "Tuesday is not good Wednesday is better": without the comma it seems to be Wednesday that is excluded.
_DENIED = rf"\b({_ONE_DAY}(?: (?!{_ONE_DAY}\b)[^ ,]+)*? (?!{_ONE_DAY}\b|{_NO_VERB}\b)[a-z']+) not\b(?=[^,]* (?:{_WEEKDAY})s?\b)"
_TO = r"(?:to|until|till|through|-)"
_NAMED_DATE = rf"(?:(?:{_MONTH}) (?:the )?\d{{1,2}}(?:th)?|\d{{1,2}}(?:th)? (?:of )?(?:{_MONTH}))"
_LIST_END = r"(?: ,)? (?:or|and) (?:on )?(?:the )?\d{1,2}th"
# After these words "may" is the month.
_BEFORE_MAY = (
    "of", "in", "from", "until", "till", "by", "before", "after", "since", "next", "this", "early", "late", "mid",
)  # fmt: skip
_NOT_IN_MAY = "".join(rf"(?<!\b{word} )" for word in _BEFORE_MAY)
# "between 11 and 1 pm", "4 or 5 pm", but not "10 to 2 pm", which can be ten minutes before two.
_TWO_HOURS = (
    r"(?:\b(?:between|at) |(?<![\d:./-])(?<!\d )\b)(?P<first>\d{1,2})"
    r"(?P<link> and | or | ?- ?|(?<!\b5)(?<!\b10)(?<!\b20)(?<!\b25) (?:to|till) )(?P<last>\d{1,2}) ?(?P<half>[ap]m)\b"
)
_OFFERED_HOUR = (
    r"\b(?:how about|what about|how's|how is|make it|say|is|would|does|can you do|could you do|do you have) (\d{1,2})"
    rf"\b(?![\d:./-]|th| ?(?:[ap]m|o'clock)| (?:days?|weeks?|months?|years?|hours?|minutes?|to|till|past|of|{_MONTH})\b)"
)
_CLOCK_HOUR = r"(?:[01]?\d|2[0-4])"
_NO_NUMBER = r"(?<![\d.:/])(?<!\d )\b"
_PART_OF_DAY = r"((?:after|fore)noon|morning|evening|lunch ?time)"
_HOURS = "|".join(word for word, number in NUMBERS.items() if 0 < number <= 12)  # noqa: PLR2004
_SPOKEN_TIME = (
    r"(?:(?:half|quarter) (?:past|to) )?"
    rf"(?:\d{{1,2}}(?:[:.]\d\d)?(?: ?[ap]m)?|noon|midday|midnight|(?:{_HOURS})(?: (?:thirty|fifteen))?)(?: o'clock)?"
)
_DEADLINE = rf"{_ONE_DAY}(?: the \d{{1,2}}(?:st|nd|rd|th))?"
_END_OF_DAY = r"(?:end of (?:the )?(?:working |business )?day|(?:close|end) of business|cob|eod)"
# No rule knows this word: a phrase that can mean one thing and its opposite is asked about.
_UNCLEAR = "unclear"
# Why the day before a correction does not suit: "oh no, I'm busy then".
_WHY_NOT = (
    r"\b(?P<no>no|nope|sorry|wait)(?: wait)?(?: *, *| +)(?:i (?:can't|cannot|can not)(?: (?:make it|do that|do it|come))?"
    r"|(?:that|it) (?:doesn't|does not|won't) (?:work|suit me)|i(?:'m| am) (?:busy|away|working|not free|not here)|i have to work"
    r")(?: then| that day| there)?(?= *(?:,|$))"
)


# "ten-fifteen", "ten-oh-five": said as a range of hours, the second one would be twelve or less.
_MINUTES = rf"(?:o|oh|zero)-(?:{_NUMBER_UNITS})|fifteen|(?:{'|'.join(TENS)})(?:[- ](?:{_NUMBER_UNITS}))?"
_HYPHENATED_CLOCK = (
    rf"\b({'|'.join(word for word, number in NUMBERS.items() if 0 < number < 20)})-({_MINUTES})\b"  # noqa: PLR2004
    rf"(?!-| (?:{_MONTH})\b| of (?:{_MONTH})\b| (?:minute|hour|day|week|month|year)s?\b)"
)


def _is_after_month(match: re.Match[str]) -> bool:
    return re.search(rf"\b(?:{_MONTH}) (?:the )?$", match.string[: match.start()]) is not None


def _split_clock(match: re.Match[str]) -> str:
    """Return `ten fifteen` for `ten-fifteen`, but "December ten-fifteen" unchanged: those are days."""
    return match[0] if _is_after_month(match) else match[0].replace("-", " ")


def _share_month(match: re.Match[str]) -> str:
    """Return `the 7th january , 8th january or 9th january`: a month that is said once counts for each day of the list."""
    if _is_after_month(match):  # "December 3rd or 4th of January"
        return match[0]
    days = [int(day) for day in re.findall(r"\d+", match["days"])]
    if days != sorted(days):  # "January 30th or the 2nd"
        return match[0]
    return re.sub(r"\d{1,2}(?:th)?", rf"\g<0> {match['month']}", match["days"])


def _share_half(match: re.Match[str]) -> str:
    """Return `11 am and 1 pm` for `11 and 1 pm`. The first hour is in the same half of the day if it is the earlier one."""
    first, last, half = int(match["first"]), int(match["last"]), match["half"]
    is_date = match.start() == match.start("first") and _is_after_month(match)
    if first > 12 or last > 12 or is_date:  # noqa: PLR2004
        return match[0]
    if first % 12 < last % 12:
        first_half = f" {half}"
    elif match["link"].strip() == "or":  # "nine or eight pm" can be both
        first_half = ""
    else:
        first_half = " am" if half == "pm" else " pm"
    if match["link"].strip() == "or":
        return f"at {first}{first_half} or at {last} {half}"
    return f"between {first}{first_half} and {last} {half}"


def _compile(rewrites: Iterable[tuple[str, Replacement]]) -> tuple[tuple[re.Pattern[str], Replacement], ...]:
    return tuple((re.compile(pattern), replacement) for pattern, replacement in rewrites)


_BEFORE_PRONOUN = "that|this|which|the|another|any|first|second|third|last|other|earlier|later"
# In this order, on the text in lower case. Numbers are words until the last rewrites.
_BEFORE_NUMBERS = _compile(
    (
        (r"[’`]", "'"),
        (r"[?!\"“”()]|\.{2,}|…", " "),
        (r"–", "-"),
        (r"\b([ap])\.? ?m\b\.?", r"\1m"),
        (r"(?<=\d)([ap])\.? ?m\b\.?", r" \1m"),
        # "that one" is no hour
        (rf"\b({_BEFORE_PRONOUN}) one\b(?! ?(?:after|before|o.?clock|thirty|fifteen|forty|[ap]m\b|in the ))", r"\1"),
        *WRITTEN_FORMS,
        (_HYPHENATED_CLOCK, _split_clock),
        (r"\b(half|quarter|five|ten|twenty(?:-five)?)-(past|to)-(?=[a-z\d])", r"\1 \2 "),
        # 2.30: there is no such month
        (rf"{_NO_NUMBER}({_CLOCK_HOUR})\.(00|1[3-9]|[2-5]\d)(?=\.? ?$|\.? [^\d]|[ ,-]| ?[ap]m)(?!\.\d)", r"\1:\2"),
        (
            # "by 5.10." can be ten past five; "by 24.11." and "by 3.12." are days
            (
                r"\b(at (?:[01]?\d|2[0-3])\.\d\d|(?:from|to|until|till|by|after|before) (?:[01]?\d|2[0-3])\.(?:05|10)"
                r"|(?<![\d.])\d{1,2}\.(?:1[3-9]|[2-5]\d))\.(?= |$)"
            ),
            r"\1",
        ),
        (r"(?<=[a-z])[.;]|;|(?<!\d\.\d)(?<!\d\.\d\d)\.(?= |$)", " "),  # the last dot of "24.11." stays
        (r",", " , "),
        (_WHY_NOT, r"\g<no> ,"),
        (r"\bo'? ?clock\b|\boclock\b", "o'clock"),
        (r"(\d:\d\d(?: ?[ap]m)?|\d ?[ap]m) o'clock\b", r"\1"),
        (rf"\b({'|'.join(TENS)})[- ]({_ORDINAL_UNITS}|{_NUMBER_UNITS})\b", r"\1_\2"),
        (r"\bmid-", "mid "),
        (r"\bthe day before yesterday\b", "day before yesterday"),
        (r"\blater today\b", "today"),
        (r"\btonight\b", "today evening"),
        (r"\bthis (morning|afternoon|evening)\b", r"today \1"),
        (r"\bany ?time\b|\bat any time\b", "whenever"),
        (r"\bweek ?nights?\b", "weekdays evening"),
        (r"\bany (?=(?:weekday|working day|business day|weekend)s?\b)", ""),
        (rf"\b(?:any|some|one) (?=(?:(?:early|late) )?{_PART_OF_DAY}s?\b)", "whenever "),
        (
            rf"\b(?:(?:by|until|before) )?({_DEADLINE}) at the (?:very )?latest\b(?! (?:possible|available|free|time|slot)\b)",
            r"by \1",
        ),
        # "by the end of the day on Friday" is by Friday
        (rf"\b(?:by|before|until|till) (?:the )?{_END_OF_DAY}(?= *(?:$|,|please\b))", "today"),
        (rf"\b(?:by|before|until|till) (?:the )?{_END_OF_DAY}(?: on)?\b", "by"),
        (r"\b(?:by|before|until) (?=(?:the )?end of )", "until "),
        (rf"\b{_PART_OF_DAY}-?ish\b", r"\1"),
        (
            rf"(?:\b(?:at|around|about) )*\b(?P<time>{_SPOKEN_TIME})(?:[ -]?ish\b| or (?:so|thereabouts)\b)",
            r"around \g<time>",
        ),
        (r"\bany ?day but\b|\bevery day but\b", "except"),
        (r"\bdays? (?:but|except) not\b", "except"),
        (rf"\blast (?=(?:{_WEEKDAY}) before\b)", ""),
        (r"\b(not|no|never|except|but) (?:(?:on|at|the) )*weekends?\b", "not saturday and sunday"),
        (rf"\b(?:(?:on|at|the) )*weekends? (?={_NOT_POSSIBLE})", "saturday and sunday "),
        (r"\bnot this week(?= *(?:,|$|please *$))", "after this week"),
        (rf"\bnever (?=(?:on )?(?:{_WEEKDAY})s?\b)", "not "),
        (rf"\b(?:can't|cannot|can not) (?:(?:do|make|come|it|on) )+{_WEEKDAYS}(?= *(?:,|$|please *$))", r"except \1 ~"),
        (rf"\b{_WEEKDAYS} {_NOT_POSSIBLE}", r"except \1 ~"),
        # "no mornings" excludes, "no, in the morning" corrects; of one day it can be both
        (r"\bno (?=[a-z]+days\b|(?:early |late )?(?:mornings?|afternoons?|evenings?|nights?|weekends?)\b)", "not "),
        (
            rf"\bno (?=(?:{_WEEKDAY})\b|(?:free |available |other )*(?:appointments?|slots?)\b|(?:good|free|available)\b)",
            f"{_UNCLEAR} ",
        ),
        (r"\bweekend of\b", _UNCLEAR),
        (
            r"\b(?:a|the next) fortnight\b",
            lambda match: "two weeks" if match[0].startswith("a") else "the next two weeks",
        ),
        (rf"\b({_WEEKDAY}) (?:to|through|till|until) ({_WEEKDAY})\b", r"between \1 and \2"),
        (r"\bfrom between\b", "between"),
        # "from ten to twelve": the "to" of "ten to twelve" is another one
        (r"\bfrom ([a-z0-9: ]+?) (?:to|until|till|through) ", r"between \1 and "),
        (r"\bbetween ([a-z0-9: ]+?) to ", r"between \1 and "),
        (r"\s+", " "),
    )
)
_AFTER_NUMBERS = _compile(
    (
        (r"\b(\d{1,2})(?:st|nd|rd|th)\b", r"\1th"),
        (r"\b(?:o|oh|zero) (\d)\b", r"0\1"),
        # "may" is a verb far more often than a month; after a day it can be both
        (r"\b(i|we|you|he|she|it|that|they) may\b(?! (?:the )?\d)", r"\1"),
        (r"\b\d{1,2}th may (?=(?:i|we|be|he|she|they|my)\b(?!'))", f"{_UNCLEAR} "),
        (rf"{_NOT_IN_MAY}\bmay (i|we|be|he|she|they|my)\b(?!')", r"\1"),
        # "December third twenty twenty-six" is no time of day; nobody says 20:26
        (rf"\b((?:{_MONTH})(?: (?:the )?\d{{1,2}}(?:th)?)?(?: ,)?) 20[ -](2[6-9])\b", r"\1 20\2"),
        (rf"\b({_WEEKDAY})\b(.*\bnot this)(?: coming)?(?: 1)?(?= ?(?:$|,|but))", r"\1\2 \1"),
        (_DENIED, rf"\1 {_UNCLEAR}"),
        # "Saturday, not tomorrow, the one after": the weekday is said once
        (
            rf"\b({_WEEKDAY})\b(.*) , (?:but )?the (?:following 1|1 after(?: that)?)(?= ?(?:$|,|please\b))",
            r"\1\2 , following \1",
        ),
        # "how about four" names a time, and does not say that it is about four
        (_OFFERED_HOUR, r"at \1"),
        (_HALF_OF_DAY, lambda match: f"{match[1]} {'morning' if match[2] == 'a' else 'afternoon'}"),
        # "the second Wednesday" is not Wednesday the second
        (rf"\b[1-5]th (?=(?:{_WEEKDAY})\b(?! (?:in|of) (?:{_MONTH})\b))", f"{_UNCLEAR} "),
        (rf"\b(\d{{1,2}}th) in (?=(?:{_MONTH})\b)", r"\1 of "),
        (_TWO_HOURS, _share_half),
        (r"(?<!between )\b(\d{1,2}(?:[:.]\d\d)? [ap]m) ?(?:to|till|-) ?(?=\d|noon\b|midday\b)", r"between \1 and "),
        (
            rf"\bbetween (?:the )?(\d{{1,2}})(?:th)? and (?:the )?(\d{{1,2}})(?:th)? (?:of )?({_MONTH})\b",
            r"between \1 \3 and \2 \3",
        ),
        (
            rf"\b(?P<days>\d{{1,2}}th(?: , (?:the )?\d{{1,2}}th)*{_LIST_END}) (?:of )?(?P<month>{_MONTH})\b",
            _share_month,
        ),
        (
            rf"\b(?P<month>{_MONTH}) (?P<days>(?:the )?\d{{1,2}}(?:th)?(?: , (?:the )?\d{{1,2}}th)*{_LIST_END})\b{_NO_MONTH}",
            _share_month,
        ),
        (rf"(?<!between )\b({_NAMED_DATE}) ?(?:to|till|-) ?(?:the )?({_NAMED_DATE})\b", r"between \1 and \2"),
        (
            rf"\b(\d{{1,2}})(?:th)? ?{_TO} ?(?:the )?(\d{{1,2}})(?:th)? (?:of )?({_MONTH})\b",
            r"between \1 \3 and \2 \3",
        ),
        (
            rf"(?<!of )(?<!\dth )\b({_MONTH}) (?:the )?(\d{{1,2}})(?:th)? ?{_TO} ?(?:the )?(\d{{1,2}})(?:th)?\b",
            r"between \2 \1 and \3 \1",
        ),
        # "in the evening at eight or nine": both are in the evening
        (
            r"\b(morning|afternoon|evening|night) at (\d{1,2}) or (?:at )?(\d{1,2})\b(?![:.\d]| ?[ap]m)",
            r"\1 at \2 or \1 at \3",
        ),
        (
            r"\bat (\d{1,2}) or (?:at )?(\d{1,2}) ((?:in the|at) (?:morning|afternoon|evening|night))\b",
            r"at \1 \3 or at \2 \3",
        ),
        (rf"\bat (\d{{1,2}}) or (\d{{1,2}})\b(?![:.\d]){_NO_MONTH}", r"at \1 or at \2"),
        (r"\s+", " "),
    )
)
_WORD = re.compile(r"[a-z]+(?:_[a-z]+)?")


@lru_cache(maxsize=1024)  # as in German
def normalize(text: str) -> str:
    """Return the phrase in the form for which the rules are written: `on the third of March at ten` → `… 3th of march at 10`."""
    folded = " ".join(text.lower().replace("_", " ").split())  # `next_week`; our own mark in `twenty_one` comes later
    for pattern, replacement in _BEFORE_NUMBERS:
        folded = pattern.sub(replacement, folded)
    folded = _WORD.sub(_digits, folded)
    for pattern, replacement in _AFTER_NUMBERS:
        folded = pattern.sub(replacement, folded)
    return folded.strip(" ,")


def _digits(match: re.Match[str]) -> str:
    tens, _, unit = match[0].partition("_")
    if unit:
        return f"{TENS[tens] + ORDINALS[unit]}th" if unit in ORDINALS else str(TENS[tens] + NUMBERS[unit])
    if (number := NUMBERS.get(tens)) is not None and number:
        return str(number)
    return f"{ORDINALS[tens]}th" if tens in ORDINALS else tens
