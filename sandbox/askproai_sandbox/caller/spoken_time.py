"""The words for days, clock times and parts of the day in a German sentence, and those among them that it rejects. Pure.

Times are found, never interpreted: a function gets them as they were said.
"""

import re
from functools import cache

DAY_NAMES = "Montag|Dienstag|Mittwoch|Donnerstag|Freitag|Samstag|Sonnabend|Sonntag"
MONTHS = "Januar|Februar|März|April|Mai|Juni|Juli|August|September|Oktober|November|Dezember"
_COUNTED = """
    null eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn siebzehn achtzehn
    neunzehn zwanzig einundzwanzig zweiundzwanzig dreiundzwanzig vierundzwanzig fünfundzwanzig
"""
NUMBERS = {word: number for number, word in enumerate(_COUNTED.split())} | {
    "ein": 1, "dreißig": 30, "fünfunddreißig": 35, "vierzig": 40, "fünfundvierzig": 45, "fünfzig": 50, "fünfundfünfzig": 55,
}  # fmt: skip
_HOURS = "|".join(word for word in NUMBERS if word != "ein")
_NUMBERS = f"{_HOURS}|einem|einer|ein"
_DAY = rf"(?:{DAY_NAMES})(?:vormittag|nachmittag|mittag|abend|früh)?s?"
_WEEK = r"(?:nächste|kommende|diese|übernächste)[rn]?\s+Woche"
_MONTH_DAY = rf"\d{{1,2}}\.\s*(?:(?:{MONTHS})\b(?:\s+\d{{4}})?|\d{{1,2}}\.(?:\d{{4}}|\d{{2}})?)"
_ONE_DATE = (
    rf"\b{_WEEK}(?:\s+(?:am\s+)?{_DAY}\b)?|\b{_DAY}\s+(?:in\s+(?:der\s+)?)?{_WEEK}"
    rf"|\b(?:(?:ab|bis|vor|nach)\s+(?:dem\s+)?)?(?:(?:nächste|kommende|diese|übernächste)[nrsm]?\s+)?{_DAY}\b"
    rf"(?:,?\s+de[nm]\s+{_MONTH_DAY})?|\b(?:(?:ab|bis|vor|nach)\s+dem\s+)?{_MONTH_DAY}|(?<=\bam )\d{{1,2}}\.(?!\d)"
    rf"|\b(?:Anfang|Mitte|Ende|im)\s+(?:{MONTHS})\b|\b(?:Anfang|Mitte|Ende)\s+(?:der|{_WEEK})(?:\s+Woche)?\b"
    rf"|\bin\s+(?:\d+|{_NUMBERS})\s+(?:Tag|Woche|Monat)e?n?\b|\bübermorgen\b|\bheute\b|(?<!guten )\bmorgen\b"
    r"|\b\d{4}-\d{2}-\d{2}\b|\b(?:nächste[sn]?\s+)?Wochenende\b"
    r"|\b(?:Heiligabend|Silvester|Neujahr|Rosenmontag|Karfreitag|Ostermontag|Pfingstmontag|Fronleichnam)\b"
    r"|\b(?:(?:ersten|zweiten)\s+)?Weihnachts(?:feier)?tag\b|\b(?:KW|Kalenderwoche)\s+\d{1,2}\b"
    r"|\b(?:so\s+(?:bald|schnell|früh)\s+wie\s+möglich|möglichst\s+(?:bald|schnell|früh)|baldmöglichst)\b"
)
_AND = r",?\s+(?:oder|und|außer|aber\s+nicht|bis(?:\s+zum)?)\s+(?:am\s+)?"
DATE = re.compile(rf"(?:{_ONE_DATE})(?:{_AND}(?:{_ONE_DATE}))*", re.IGNORECASE)
_CLOCK = (
    rf"(?:\d{{1,2}}(?::\d{{2}}(?:\s*Uhr)?|\.\d{{2}}\s*Uhr)|(?:\d{{1,2}}|{_NUMBERS})\s+Uhr(?:\s+(?:\d{{1,2}}|{_HOURS}))?\b"
    rf"|(?:halb|dreiviertel|viertel(?:\s+(?:vor|nach))?)\s+(?:\d{{1,2}}|{_NUMBERS})\b)"
)
_HOUR = rf"(?:{_CLOCK}|(?:\d{{1,2}}(?!\.\s*[\dA-ZÄÖÜ])|{_HOURS})\b(?!\s+(?:Tag|Woche|Monat|Minute|Stunde)))"
TIME = re.compile(
    rf"\bzwischen\s+{_HOUR}\s+und\s+{_HOUR}|\b(?:nicht\s+)?(?:ab|bis|gegen|(?:kurz\s+)?(?:vor|nach)|frühestens|spätestens)\s+(?:um\s+)?{_HOUR}"
    rf"|\b{_CLOCK}|(?<=\bum )(?:\d{{1,2}}|{_HOURS})\b",
    re.IGNORECASE,
)
PART = re.compile(r"\b(?:früh|vormittag|mittag|nachmittag|abend|morgens)(?=s?\b)", re.IGNORECASE)

_KINDS = {"time": TIME, "date": DATE, "part_of_day": PART}

_ORDINAL = r"(?:erste|zweite|dritte|vierte|fünfte|letzte)[nrsm]?\b"
_WHEN = rf"(?:(?:{DATE.pattern}|{TIME.pattern}|{PART.pattern})s?)"
_LINK = r"(?:mehr|noch|schon|erst|gleich|gerade|unbedingt|gern|am|um|im|in|der|die|den|das|dem|auf)"
_WHO = r"(?:bei|zu|mit)\s+(?:(?:Frau|Herrn?|Doktor(?:in)?|Dr\.?)\s+)*(?-i:[A-ZÄÖÜ][\w'’-]+)"
_REJECTED = (  # "nicht um zehn", "um zehn geht es nicht", "keine Kontrolle"
    rf"\b(?:nicht|weder)\s+(?!(?:kurz|ab|bis|vor|nach|gegen)\b)(?:{_LINK}\s+)*(?:{_WHO}|{_ORDINAL}|{_WHEN}(?:\s+(?:{_LINK}\s+)*{_WHEN})*)"
    rf"|(?:\b{_LINK}\s+)?{_WHEN}(?:\s+(?:{_LINK}\s+)*{_WHEN})*\s+(?:ist|wäre|passt|geht|ginge|kann|klappt|habe|schaffe)\b[^,.;!?]*?"
    r"\b(?:nicht|schlecht|ungünstig|zu\s+(?:früh|spät)|keine\s+Zeit)\b"
    r"|\bkeine?[nmrs]?\s+(?-i:[A-ZÄÖÜ])\w+"
)
# Without one of these words nothing is rejected.
_REJECTS = re.compile(r"\b(?:nicht|weder|schlecht|ungünstig|zu\s+(?:früh|spät)|kein)", re.IGNORECASE)
_NEGATIVE_QUESTION = re.compile(
    r"^\W*(?:(?:Ja|Und|Aber|Oder)\W+)*(?:Geht|Ginge|Haben|Hätten|Habt|Kann|Könnte[nt]?|Können|Gibt|Passt|Warum)\b[^?]*\?",
    re.IGNORECASE,
)
_CORRECTION = re.compile(  # "am Freitag, nein, doch am Donnerstag"
    rf"(?<=\w)\W+(?:ach\W+)?(?:nein|nee|quatsch|entschuldigung|verzeihung|ich\s+meine|besser\s+gesagt)\b(?=[^.;!?]*?{_WHEN})",
    re.IGNORECASE,
)
_TOO = re.compile(r"\b(?:zu|nicht\s+(?:ganz\s+|gern\s+)?so)\s+(früh|spät)\b", re.IGNORECASE)
_SPAN = rf"\b(?:\d+|{_NUMBERS}|eine|paar)\s+(?:halbe\s+|viertel)?(?:Minute|Stunde|Viertelstunde|Tag|Woche)[en]*\b"
_SHIFT = re.compile(rf"\bum\s+{_SPAN}|{_SPAN}\s+(?:nach\s+(?:hinten|vorn)|später|früher|eher)\b", re.IGNORECASE)


def cut_rejections(text: str) -> tuple[str, frozenset[str]]:
    """Return the text without what it rejects, and which of `date`, `time` and `part_of_day` that had.

    A question such as "Geht es nicht um elf?" asks for eleven and rejects nothing.
    """
    if _NEGATIVE_QUESTION.search(text):
        return _TOO.sub(" , ", text), frozenset()
    text, found = _cut_corrected(text)
    if not _REJECTS.search(text):
        return _TOO.sub(" , ", text), frozenset(found)
    rejected = _compile_rejected()
    cut = " , ".join(match[0] for match in rejected.finditer(text))
    for kind, pattern in _KINDS.items():
        if pattern.search(cut):
            found.add(kind)
            cut = pattern.sub(" , ", cut)
    return _TOO.sub(" , ", rejected.sub(" , ", text)), frozenset(found)


@cache  # it takes 0.1 s, and most sentences reject nothing
def _compile_rejected() -> re.Pattern[str]:
    return re.compile(_REJECTED, re.IGNORECASE)


def _cut_corrected(text: str) -> tuple[str, set[str]]:
    """Return the text without the times that the caller corrects in the same sentence, and which kinds of them there were."""
    correction = _CORRECTION.search(text)
    if correction is None:
        return text, set()
    before, after, found = text[: correction.start()], text[correction.end() :], set[str]()
    for kind, pattern in _KINDS.items():
        if pattern.search(before) and pattern.search(after):
            found.add(kind)
            before = pattern.sub(" , ", before)
    return f"{before} , {after}", found


def find_too(text: str) -> str | None:
    """Return "früh" or "spät" if a sentence says that a time is too early or too late."""
    match = _TOO.search(text)
    return match[1].casefold() if match else None


def is_shift(text: str) -> bool:
    """Return whether a sentence says by how much a time is to change ("eine Stunde nach hinten"), not to which time."""
    return bool(_SHIFT.search(text))
