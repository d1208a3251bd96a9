"""The German words for dates and times that are understood. The words for a time in an answer are in `sentences`.

Keys are folded (`grammar.fold`): lower case, ä ö ü ß as ae oe ue ss.
"""

import re

from askproai_core.tenant_config import Language
from askproai_runtime.spoken_times.atoms import Op, Third
from askproai_runtime.spoken_times.grammar import WORDS_IN

WEEKDAYS: dict[str, int] = WORDS_IN[Language.DE].counted.weekdays

MONTHS = {
    "januar": 1, "jaenner": 1, "februar": 2, "feber": 2, "maerz": 3, "april": 4, "mai": 5, "juni": 6, "juno": 6, "juli": 7,
    "julei": 7, "august": 8, "september": 9, "oktober": 10, "november": 11, "dezember": 12,
}  # fmt: skip

# Regular expressions of any of these words; abbreviations of weekdays are no words of a rewritten phrase.
ANY_WEEKDAY = "|".join(name for name in WEEKDAYS if len(name) > 2)  # noqa: PLR2004
ANY_MONTH = "|".join(MONTHS)

COUNT = r"(?P<count>\d{1,3}|eine[rmn]?|ein)"
WEEKDAY = rf"(?P<weekday>{'|'.join(WEEKDAYS)})"
MONTH = rf"(?P<month>{'|'.join(MONTHS)})"
NEXT = r"(?:naechste[rnms]?|kommende[rnms]?)"
OVERNEXT = r"uebernaechste[rnms]?"
LAST = r"(?:letzte[rnms]?|vorige[rnms]?|vergangene[rnms]?)"
THIRDS = {
    "anfang": Third.BEGIN,
    "zu beginn": Third.BEGIN,
    "beginn": Third.BEGIN,
    "mitte": Third.MIDDLE,
    "ende": Third.END,
}
THIRD = rf"(?P<third>{'|'.join(THIRDS)})"

# Words and groups of words that say nothing about when. Any word beyond these makes the phrase not understood.
_FILLERS = """
    am um an im in den der dem des die das zum zu mit bitte gern gerne ein eine einen einem einer fuer so ja also hm moin hallo
    gruess gott vielleicht noch was etwas frei haette haetten sie ich mir mich uns ihnen ihr es auch denn mal dann halt eben na
    gut ok okay waere ginge geht gehts geht's wenn's wenns passt passen wuerde wuerden kommen koennen koennte koennten eintragen
    vereinbaren termin machen wir sagen super prima toll schoen zeit beispiel da kann nur hab habe haben s lieber moeglichst
    liebsten besten gleich direkt eher nehmen nehme buchen moecht moechte will wollen vorbei vorbeikommen bei tag wie ist ganz
    doch aber mehr nun irgendwas irgendwo waer recht jeweils auf koennt sein braeucht brauch brauche braeuchte braeuchten
    haett wollt servus danke genau wunderbar perfekt hauptsache laufe punkt schlag zur nehm allerliebsten gesagt
    jedoch allerdings jedenfalls wirklich unbedingt ebenfalls ebenso gleichfalls genauso wieder erneut
"""
FILLERS = frozenset(_FILLERS.split())
# Phrases around a time, with words that have a meaning inside a time.
NOISE = (
    r"(?:schoenen )?guten (?:morgen|tag|abend|nachmittag)|auf jeden fall|(?:wenn|falls) (?:das |es |irgend |irgendwie )*"
    r"(?:geht|ginge|passt|moeglich(?: ist| waere)?)(?! nicht)|(?:wenn|falls) (?:sie|ihr) (?:da |dann |noch )*"
    r"(?:offen|auf|geoeffnet) (?:haben|habt)|(?:die )?uhrzeit ueberlasse? ich (?:ganz )?(?:ihnen|euch)"
    r"|(?:einen )?moment ?,? ?(?:bitte ?,? )?ich (?:schaue?|gucke?|sehe) (?:mal |kurz |eben |schnell )*(?:in den|im) kalender"
    r"|(?:was |der |das )?(?:noch )?moeglich(?: ist| waere)?|verfuegbar"
    r"|erst(?= im (?:neuen|naechsten|januar|februar)\b)"
)

_BUT_NOT = r"(?:(?:aber|bloss|nur|bitte|jedoch|allerdings|jedenfalls|und|auch) )*(?:nicht|keinesfalls|auf keinen fall|keineswegs)"
_CLOSELY = r"(?:auch )?(?:gerne? )?(?:(?:ein )?(?:direkt|gleich|unmittelbar|kurz|etwas|bisschen|wenig) )?"
OPERATORS: tuple[tuple[str, Op], ...] = (
    (r"(?:erst )?(?:so )?(?:ab|(?:aller)?fruehestens|seit)(?: um)?|erst (?:so )?nach", Op.FROM),
    (rf"{_BUT_NOT} (?:vor|frueher als)", Op.FROM),
    (r"nach", Op.AFTER),
    (r"spaeter als(?: um)?", Op.LATER_THAN),
    (r"(?:bis|(?:aller)?spaetestens)(?: spaetestens)?(?: zum| um)?|hoechstens bis", Op.UNTIL),
    (rf"{_BUT_NOT} (?:nach|spaeter als)", Op.UNTIL),
    (r"(?:(?:noch|(?:aller)?spaetestens) )?vor|frueher als(?: um)?", Op.BEFORE),
    (r"zwischen|von|vom", Op.BETWEEN),
    (rf"(?:(?:oder|und) {_CLOSELY}(?:spaeter|danach|darueber|nachher)|aufwaerts)(?= ?(?:$|,|bitte\b))", Op.OR_LATER),
    (rf"(?:oder|und) {_CLOSELY}(?:frueher|davor|vorher|eher)(?= ?(?:$|,|bitte\b))", Op.OR_EARLIER),
    (r"rum|herum", Op.OR_SO),
    (r"und|sowie", Op.AND),
    (r"oder|beziehungsweise|bzw|entweder|sonst|ansonsten|notfalls|alternativ", Op.OR),
    (r",", Op.COMMA),
    (r"~", Op.END),  # written by `tokens.py`
    (r"nicht|kein|keinen", Op.NOT),
    (rf"ausser|ohne|bis auf|(?:aber|bloss|nur|jedoch|allerdings) {_BUT_NOT}", Op.EXCEPT),
    (r"sondern", Op.BUT),
    (r"statt|anstatt|anstelle", Op.INSTEAD),
    (r"(?:ach |oh |ae?h )?(?:nein|nee|ne|quatsch|schmarrn)|stopp|halt stopp|moment|stimmt nicht", Op.CORRECT),
    (r"aeh|aehm", Op.HESITATE),
    (r"verzeihung|entschuldigung|pardon|ich meine|mein ich|warten sie", Op.CORRECT),
    (r"(?:so )?(?:gegen|ungefaehr|circa|zirka|ca|etwa)(?: um)?|so um(?: den)?|rund um(?: den)?|um den(?= \d{1,2}\.)", Op.ABOUT),
    (r"kurz nach", Op.SOON_AFTER),
    (r"kurz vor", Op.SOON_BEFORE),
)  # fmt: skip

_UNITS = ["null", "eins", "zwei", "drei", "vier", "fuenf", "sechs", "sieben", "acht", "neun", "zehn", "elf", "zwoelf",
          "dreizehn", "vierzehn", "fuenfzehn", "sechzehn", "siebzehn", "achtzehn", "neunzehn"]  # fmt: skip
_TENS = {
    20: "zwanzig", 30: "dreissig", 40: "vierzig", 50: "fuenfzig", 60: "sechzig", 70: "siebzig", 80: "achtzig", 90: "neunzig",
}  # fmt: skip
_LAST_ORDINAL = 99


def _numbers() -> dict[str, int]:
    words = {word: value for value, word in enumerate(_UNITS)}
    words |= {"zwo": 2, "fuffzehn": 15, "fuffzig": 50}
    words |= {
        f"{word}e": words[word] for word in ("zwei", "drei", "vier", "fuenf", "sechs", "neun", "zehn", "elf", "zwoelf")
    }
    for tens, word in _TENS.items():
        words[word] = tens
        for unit in range(1, 10):
            words[f"{'ein' if unit == 1 else _UNITS[unit]}und{word}"] = tens + unit
    return words


# Without "ein": before a noun it is the article, and the rules that count name it themselves.
NUMBERS = _numbers()


def _ordinals() -> dict[str, int]:
    irregular = {1: "erst", 3: "dritt", 7: "siebt", 8: "acht"}
    by_value: dict[int, str] = {}
    for word, value in NUMBERS.items():
        by_value.setdefault(value, word)
    ordinals: dict[str, int] = {}
    for value in range(1, _LAST_ORDINAL + 1):
        stem = irregular.get(value, by_value[value] + ("t" if value < 20 else "st"))  # noqa: PLR2004 (zwanzigSTe)
        for ending in ("e", "en", "er", "em"):
            ordinals[stem + ending] = value
            ordinals["zwot" + ending] = 2
    return ordinals


ORDINALS = _ordinals()


def parse_number(word: str) -> int | None:
    """Return the value of a number in digits or words; None for any other word."""
    return int(word) if word.isdecimal() else NUMBERS.get(word)


def count(match: re.Match[str]) -> int:
    """Return the number that the pattern `COUNT` has matched, in digits or words; an article is one."""
    return int(match["count"]) if match["count"].isdecimal() else 1
