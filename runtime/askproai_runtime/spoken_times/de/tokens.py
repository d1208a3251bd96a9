"""Normalize a phrase, so that the rules meet one spelling: numbers as digits, compounds in two words, a comma as a word."""

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Final

from askproai_runtime.spoken_times.de.full_stops import drop_full_stops
from askproai_runtime.spoken_times.de.vocabulary import ANY_MONTH, ANY_WEEKDAY, NUMBERS, ORDINALS, WEEKDAYS
from askproai_runtime.spoken_times.grammar import fold
from askproai_runtime.spoken_times.written_forms import BEFORE, HOUR, WRITTEN_FORMS, Replacement

_CAN = r"(?:geht|gehen|passt|passen|klappt|kann ich|geht es|geht's|passt es|passt's)"
_IS_NOT = rf"{_CAN}(?: (?:leider|mir|uns|bei mir|da|gar|ueberhaupt|auch))* nicht(?: mehr)?"
# At the end of a phrase "passt mir nicht mehr" can be about an appointment that is to be moved.
_AWAY = r"bin ich (?:(?:leider|da|schon|auch) )*(?:weg|nicht da|verreist|unterwegs|im urlaub)"
_IS_NOT_POSSIBLE = (
    rf"(?:(?:{_IS_NOT}|{_AWAY})(?= ?,)"
    rf"|(?:{_CAN} (?:(?:leider|bei mir|gar|ueberhaupt) )*(?:nicht|nie)|{_AWAY})(?= *(?:bitte *)?$))"
)
# Behind a weekday, at the end of a part: "ich kann mittwochs leider nicht", "mittwochs habe ich keine Zeit".
_NEVER = r"(?:(?:leider|lieber|eher|bitte|aber) )*(?:nicht|nie|(?:habe? ich )?(?:nie |leider )?keine zeit)(?= *(?:,|$|bitte *$))"
_ANY_DAY = rf"(?:(?:am|der|den|dem|jetzt|gleich|eher) )*(?:{ANY_WEEKDAY}|heute|morgen|uebermorgen|\d{{1,2}}\.)"
# Words after which the day before them suits. Nothing may be denied there once more.
_SUITS = (
    r"(?:(?!\bnicht\b)[^,])*"
    r"\b(?:waere|waer|ginge|geht|gehts|passt|wuerde|koennte|kann|schon|besser|lieber|dafuer|gut|super|prima|gern|gerne)\b"
    r"(?![^,]*\bnicht\b)"
)
_DAY_THAT_SUITS = rf"(?:(?:aber|lieber|dafuer) {_ANY_DAY}\b|{_ANY_DAY}\b{_SUITS})"
# Why the day before a correction does not suit: "ach nein, da muss ich arbeiten".
_WHY_NOT = (
    r"\b(?P<no>nein|nee|ne|quatsch|schmarrn)(?: *, *| +)(?:"
    r"(?:da|dann|das) (?:(?:geht|ginge|passt|klappt|schaffe?)(?:'s| es| ich| ich's)?|kann ich)"
    r"(?: (?:ja|doch|leider|bei|mir|uns))* nicht"
    r"|da (?:muss ich|hab(?:e)? ich|bin ich)(?: (?:ja|doch|leider|schon|noch))*"
    r" (?:arbeiten|zur arbeit|keine zeit|was vor|was|etwas vor|einen (?:anderen )?termin|weg|nicht da|verreist|unterwegs|im urlaub)"
    r")(?= *(?:,|$))"
)
_UNCLEAR = "unklar"  # no rule knows this word: a phrase that can mean one thing and its opposite is asked about
_UNITS = ("ein", "zwei", "drei", "vier", "fuenf", "sechs", "sieben", "acht", "neun")
_TENS = ("zwanzig", "dreissig", "vierzig", "fuenfzig")

_HOUR_WORDS = "|".join(word for word, number in NUMBERS.items() if 0 < number < 24)  # noqa: PLR2004
_MINUTE_WORDS = "|".join(word for word, number in NUMBERS.items() if 24 < number < 60)  # noqa: PLR2004

_SEVERAL_WEEKDAYS = rf"(?:{ANY_WEEKDAY})s?(?:(?: ?, *| )(?:(?:und|oder) )?(?:auch )?(?:am )?(?:{ANY_WEEKDAY})s?)+"
_GROUPS: Final = (
    (r"(?:(?:am|an|an den|das|kein) )?wochenende[ns]?", "samstag und sonntag"),
    (r"(?:(?:an|an den) )?(?:werktage?[ns]?|wochentage?[ns]?|unter der woche)", " und ".join(list(WEEKDAYS)[:5])),
)  # fmt: skip
_BESIDE_ONLY = re.compile(rf"\b(?:{ANY_WEEKDAY})s? (?:auch )?(?:am )?(?:{ANY_WEEKDAY})")

# In Bavaria, Swabia and Franconia; "auf d'Nacht" is the evening.
_WEEKDAYS: Final = (
    ("montag", r"mondaa?g|mondog"), ("dienstag", r"diensda?a?g|diensch[dt]a?a?g|dienstog"),
    ("mittwoch", r"middwoch|mittwuch|mittwoach"), ("donnerstag", r"d[uo]nn?ersch[dt]a?a?g|dunnersda?a?g|donnersdag"),
    ("freitag", r"freida?a?g|freitog"), ("samstag", r"samsch[dt]a?a?g|samsda?a?g|samstog"), ("sonntag", r"sonnda?a?g|sonntog"),
)  # fmt: skip
_SPOKEN_FORMS: Final[tuple[tuple[str, str], ...]] = (
    *((rf"\b(?:{forms})\b", weekday) for weekday, forms in _WEEKDAYS),
    (r"\bheit\b", "heute"),
    (r"\b(heute?) no\b", r"\1 noch"),
    (r"\bmorgn\b", "morgen"),
    (r"\bauf d' ?nacht\b", "abend"),
    (r"\bde (?=(?:\d{1,2}|[a-z]+te)\b)", "der "),  # "dienstag de achte"
    (r"\bdreie\b", "drei"),
    (r"\bfuemfe?\b", "fuenf"),
    (r"\bin (?:a|ana|ner) halben stunde?\b", "in einer halben stunde"),
)

_NO = r"(?:(?:ach )?(?:nein|nee|ne))"
_CANNOT = r"da (?:kann ich|geht es|geht's|gehts|passt es|passt's|bin ich)(?: (?:leider|gar|ja|doch))* nicht(?: da)?"
_WORK = "(?:arbeite ich|muss ich arbeiten)"
_BUT_NEXT = rf"sondern (?:am )?(?=(?:ueber)?naechste[nrms] (?:{ANY_WEEKDAY})\b)"
_WHAT_DENIES_ITSELF: Final[tuple[tuple[str, str], ...]] = (
    # "Montag, nee warten Sie, da kann ich nicht, Mittwoch": the day before it is meant, since a no comes between.
    (rf"\b{_NO}(?: ,)?(?: (?:warten sie|moment|stopp))?\s*,?\s*{_CANNOT}\s*,", "nein "),
    # "nicht nächsten, sondern übernächsten Mittwoch": the weekday is said once
    (rf"\bnicht (?:am )?(?:diese|naechste|kommende)[nrms]\s*,?\s*{_BUT_NEXT}", ""),
    # "nächsten Dienstag, nicht diesen"
    (rf"\b({ANY_WEEKDAY})\b(.*\bnicht (?:am |an )?(?:diese|kommende)[nrms])(?= ?(?:$|,|sondern))", r"\1\2 \1"),
    # "Samstag, nicht morgen, den drauf"
    (rf"\b({ANY_WEEKDAY})\b(.*?)\s*,\s*(sondern )?(?:am |auf )?(?:den|dem|der) (?:drauf|darauf|danach)(?=\s*(?:$|,|bitte\b))",
     r"\1\2 , \3darauffolgenden \1"),
    # "nein, im Januar mein ich" corrects nothing a second time
    (r"\b(verzeihung|entschuldigung|pardon|nein|nee|quatsch)\b(.*\w)\s*,?\s*(?:meine? ich|ich meine)(?:\s+bitte)?\s*$", r"\1\2"),
    # "nur samstags, unter der Woche arbeite ich" says why
    (rf"\b(nur (?:am )?(?:(?:samstag|sonntag|sonnabend)s?|wochenende)) ?, +unter der woche {_WORK}\b", r"\1"),
)  # fmt: skip

_THIRDS: Final = {
    **dict.fromkeys(("ende", "schluss"), "ende"), **dict.fromkeys(("anfang", "beginn", "start"), "anfang"), "mitte": "mitte",
}  # fmt: skip
_GENITIVES: Final = {"monat": "monats", "jahr": "jahres"}
_PART = r"vormittag|nachmittag|mittag|abend"
# One word for a part of the day, or for the end of a month: in two words, which the rules know.
_COMPOUNDS: Final[tuple[tuple[str, Replacement], ...]] = (
    (rf"\b({ANY_WEEKDAY})(spaet|frueh)({_PART})s?\b", r"\1 \2\3"),
    (rf"\b(?:am |im )?(spaet|frueh)({_PART})s?\b", r"\1er \2"),
    (r"\bfruehmorgens?\b", "frueh morgens"),
    (r"\b(?:zur|zu|in der|um die|ueber die) (vormittag|nachmittag|mittag|abend)s?(?:zeit|stunde)\b", r"\1"),
    (rf"\b(?:in|zu|waehrend) (?:den|der) (?:(frueh|spaet)en )?({_PART})s?stunden\b", r"\1 \2"),
    (r"\b(?:in|zu|waehrend) (?:den|der) (?:fruehen )?morgenstunden?\b", "am morgen"),
    (r"\b(?:zu|zur) (?:frueher|frueherer) stunde\b", "am morgen"),
    (r"\b(?:am |zum |zur |zu |in der |gegen |der |die |das )*(monat|jahr)e?s(ende|schluss|anfang|beginn|start|mitte)\b",
     lambda match: f"{_THIRDS[match[2]]} des {_GENITIVES[match[1]]}"),
    (r"\b(?:am |zum |zur |zu |in der |gegen |der |die |das )*wochen(anfang|beginn|start|mitte)\b",
     lambda match: f"{_THIRDS[match[1]]} der woche"),
    # "vor dem Ende des Monats" is in it
    (r"\bvor (?:dem )?(?=ende (?:des|dieses|der|dieser) )", "bis "),
    (
        r"\begal welche[nrs]? (?!tag\b)|\b(?:ein|an einem|einen) (?:x )?beliebige[nrm] |\birgend ?ein(?:e[nrms]?|s)? ",
        "irgendein ",
    ),
    (rf"\b(?:an )?irgendein (?=(?:{ANY_WEEKDAY})(?:\b|frueh|morgen|(?:vor|nach)?mittag|abend))", "jeden "),
    (rf"\b(?:an |am )?irgendein (?=(?:(?:frueh|spaet)e[nr]? )?(?:{_PART}|morgen|tag)\b)", "irgendwann "),
    (r"\b(?:an )?irgendein (?=(?:wochentag|werktag|wochenende|freien)\b)", ""),
    (r"\birgendwann tag\b", "irgendwann"),
    (rf"\ban (?:den )?({ANY_WEEKDAY})en\b", r"\1s"),
    (r"\b(?:an )?einem (?=(?:vormittag|nachmittag|abend)\b)", ""),
    (rf"\b({ANY_WEEKDAY}) (?:drauf|darauf|danach|im anschluss)\b", r"darauffolgenden \1"),
    (r"\b(\d{1,2}) ?- ?(\d{1,2}) (tagen?|wochen?)\b", r"\1 bis \2 \3"),
)  # fmt: skip


def _is_ascending(days: Sequence[str]) -> bool:
    """Return whether weekdays are in the order of a list: "Samstag, Sonntag und Montag", not "Mittwoch, Montag oder Dienstag"."""
    numbers = [WEEKDAYS[day] for day in days]
    return all(first < second or (second - first) % 7 == 1 for first, second in pairwise(numbers))


def _exclude(match: re.Match[str]) -> str:
    """Return `ausser montag und dienstag ~` for a list of weekdays that do not suit.

    In "Montag, Dienstag kann ich nicht" Monday may suit; in "Montag und Dienstag, Mittwoch kann ich nicht" both may.
    """
    _, *parts = re.split(rf"\b({ANY_WEEKDAY})s?\b", match[0])  # a day, what is between it and the next one, and so on
    days, links = parts[::2], [bool(re.search(r"\b(?:und|oder)\b", link)) for link in parts[1:-1:2]]
    is_one_list = links[-1] and (all(links) or not any(links[:-1]))
    # "Dienstag. Montag oder Mittwoch kann ich nicht": the full stop is no longer there, and commas are not heard
    if not is_one_list or (not all(links) and (_BESIDE_ONLY.search(match[0]) or not _is_ascending(days))):
        return f"{_UNCLEAR} {match[0]}"
    return f"ausser {' und '.join(days)} ~"


_NOON = 12


def _half(match: re.Match[str]) -> str:
    """Return `14:30` for `2:30 pm`, `14:30 pm` and `2.30pm`; the text unchanged if no clock shows that time."""
    hour, half = int(match["hour"]), match["half"]
    if hour == 0 or (half == "a" and hour > _NOON):
        return match[0]
    if hour <= _NOON:
        hour = hour % _NOON + (_NOON if half == "p" else 0)
    return f"{hour}:{match['minute'] or '00'}"


# German has a word "am": "um 10 am Montag". Only where nothing can follow it, or where it is joined to a number, it is a half.
_HALVES_OF_DAY: Final[tuple[tuple[str, Replacement], ...]] = tuple(
    (rf"{BEFORE}(?P<hour>{HOUR})(?:[:.](?P<minute>[0-5]\d))?{half}", _half)
    for half in (
        r" ?(?P<half>p)\.? ?m\b\.?",
        r"(?P<half>a)m\b",
        r" ?(?P<half>a)\. ?m\b\.?",
        r" (?P<half>a)m(?= ?(?:$|,|\.(?: |$)))",
    )
)

# In this order. Each is (pattern, replacement) on the folded text.
_REWRITES: Final[tuple[tuple[str, Replacement], ...]] = (
    (r"[?!\"„“()]|\.{2,}", " "),
    *_HALVES_OF_DAY,
    *WRITTEN_FORMS,
    (r"^.*\d\..*$", lambda match: drop_full_stops(match[0], _UNCLEAR)),
    (r"(?<=[a-z])[.;]|(?<!\d)\.|(?<=:)\s|;", " "),  # "Do." and the end of a sentence; the dot of "27." stays
    (r",", " , "),
    (_WHY_NOT, r"\g<no> ,"),
    *_SPOKEN_FORMS,
    *_WHAT_DENIES_ITSELF,
    *_COMPOUNDS,
    (rf"\b({ANY_WEEKDAY})(morgen|frueh|vormittag|mittag|nachmittag|abend|nacht)(s?)\b", r"\1 \2\3"),
    (rf"\b({ANY_WEEKDAY}|heute|morgen) morgens?\b(?! frueh)", r"\1 frueh"),
    (r"\bgestern (?:frueh|morgen)\b", "gestern"),
    (rf"\b({ANY_MONTH})(woche|haelfte)\b", r"\2 im \1"),
    (r"\bdrei viertel\b|\bdreiviertl\b", "dreiviertel"),
    (r"\bhalber\b", "halb"),
    (r"\bheut\b", "heute"),
    (r"\bueber (morgen|naechste)", r"ueber\1"),
    (r"\b(um|punkt) ([01]?\d|2[0-3])\.(05|10)\b(?!\.)", r"\1 \2:\3"),
    # 14.30: there is no such month
    (r"(?<!\.)(?<!\bam )(?<!\bden )(?<!\bdem )\b([01]?\d|2[0-4])\.(00|1[3-9]|[2-5]\d)\b(?!\.)", r"\1:\2"),
    (r"\b(\d{1,2})te[nrm]?\b", r"\1."),
    (rf"\b({'|'.join(_UNITS)}) und ((?:{'|'.join(_TENS)})(?:ste[nrm]?)?)\b", r"\1und\2"),
    # "elf-dreißig": the second number is no hour
    (rf"\b({_HOUR_WORDS})-({_MINUTE_WORDS})\b(?: uhr\b)?(?!-| (?:minuten?|stunden?|tagen?|wochen?)\b)", r"\1 uhr \2"),
    (rf"\b({ANY_WEEKDAY}) ausgenommen\b", r"ausser \1"),
    (rf"\bnur ({ANY_WEEKDAY})s? nicht\b", r"ausser \1"),
    # "Dienstag kann ich nicht und Samstag bin ich weg"
    (rf"\b({_IS_NOT}|{_AWAY}) und (?=(?:am )?(?:{ANY_WEEKDAY})s? (?:{_IS_NOT}|{_AWAY}))", r"\1 , "),
    # "Dienstag passt nicht Mittwoch wäre gut": the comma is heard and not written. Where nothing says that the second day
    # suits, it may be the one that does not: "Dienstag geht, nicht Mittwoch".
    (rf"\b({_IS_NOT}) (?={_DAY_THAT_SUITS})", r"\1 , "),
    (rf"\b({_IS_NOT}) (?={_ANY_DAY}\b)", rf"\1 {_UNCLEAR} "),
    (rf"\b({ANY_WEEKDAY}) (?:leider )?nicht (?={_DAY_THAT_SUITS})", r"ausser \1 ~ , "),
    (rf"\b({ANY_WEEKDAY}) nicht (?=(?:{ANY_WEEKDAY})\b)", rf"\1 {_UNCLEAR} "),
    *((rf"\b(nicht|ausser|bis auf|kein) {group}\b", rf"\1 {days}") for group, days in _GROUPS),
    *((rf"\b{group} (?={_IS_NOT_POSSIBLE}|{_NEVER})", f"{days} ") for group, days in _GROUPS),
    (
        r"\b(?:nicht (?:mehr )?diese woche|diese woche nicht(?: mehr)?)(?= *(?:$|bitte *$|, (?!sondern)))",
        "nach diese woche",
    ),
    # "um vier Montag nicht" can be about the time.
    (
        rf"\b({_SEVERAL_WEEKDAYS}|(?:{ANY_WEEKDAY})s|(?:kann (?:ich )?|(?<=,  ))(?:am )?(?:{ANY_WEEKDAY})) {_NEVER}",
        r"ausser \1 ~",
    ),
    # "Montag geht nicht, Dienstag um drei": only at the end of a part, for "Montag geht nicht um drei" is about the time
    (rf"\b{_SEVERAL_WEEKDAYS} {_IS_NOT_POSSIBLE}", _exclude),
    (rf"\b((?:{ANY_WEEKDAY})s?) {_IS_NOT_POSSIBLE}", r"ausser \1 ~"),
    (rf"\b(?:heute|morgen) (?:{_IS_NOT}|(?:leider )?nicht(?: mehr)?) ?(?=,)", " "),
    (r"\bals (?:am )?(?:vormittags?|nachmittags?|abends?|morgens|mittags?)\b", " "),
    (r"\b(kalender)?woche kw\b", "kw"),
    (r"\bkalenderwoche\b", "kw"),
    (r"\bkw (\d{1,2}) (oder|und|bis) (\d{1,2})\b(?![.:]| uhr)", r"kw \1 \2 kw \3"),
    (r"\bwerktage?s?\b", "werktag"),
    (r"\b(?:das|zum|beim|ein) (?:\d{1,2}\.|[a-z]+te[ns]?) mal\b", " "),  # how often, and no day of the month
    (r"\s+", " "),
)
_COMPILED: Final = tuple((re.compile(pattern), replacement) for pattern, replacement in _REWRITES)
_WORD = re.compile(r"[a-z]+")
_ORDINAL_DIGITS = re.compile(r"\b(\d{1,2})\. ?(?=[a-z,]|$)")
# "am 7. oder 8. Dezember": the month belongs to both.
_CONNECTED = r" ?(?:,|oder|bis|und)(?: zum)?(?: den| dem| am)? "
_SHARED_MONTH = re.compile(rf"\b(\d{{1,2}}\.(?:{_CONNECTED}\d{{1,2}}\.)+) ({ANY_MONTH})\b")
_DAY_NUMBER = re.compile(r"\d{1,2}\.")
_YEAR = re.compile(r"\bzweitausend([a-z]+)\b")
_THREE_QUARTERS = re.compile(r"\b3 viertel\b")


@lru_cache(maxsize=1024)  # each request reads what was said before it again
def normalize(text: str) -> str:
    """Return the phrase in the form for which the rules are written: `am siebten Zwölften, um drei` → `am 7. 12. , um 3`."""
    folded = fold(text.replace("_", " "))
    for pattern, replacement in _COMPILED:
        folded = pattern.sub(replacement, folded)
    folded = _YEAR.sub(lambda match: str(2000 + NUMBERS[match[1]]) if match[1] in NUMBERS else match[0], folded)
    folded = _THREE_QUARTERS.sub("dreiviertel", _WORD.sub(_digits, folded))
    folded = _ORDINAL_DIGITS.sub(r"\1. ", folded)
    folded = _SHARED_MONTH.sub(_share_month, folded)
    return " ".join(folded.split()).strip(" ,")


def _share_month(match: re.Match[str]) -> str:
    """Return `7. dezember oder 8. dezember` for days with one month. The 28th before "3. Januar" is a day of December."""
    days = [int(day) for day in re.findall(r"\d+", match[1])]
    return _DAY_NUMBER.sub(rf"\g<0> {match[2]}", match[1]) if days == sorted(days) else match[0]


def _digits(match: re.Match[str]) -> str:
    word = match[0]
    if (number := NUMBERS.get(word)) is not None:
        return str(number)
    if (ordinal := ORDINALS.get(word)) is not None:
        return f"{ordinal}."
    return word
