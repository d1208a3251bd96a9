"""Rewrites of a folded phrase: words as a region speaks them, and words that a caller takes back or leaves unsaid.

Only unambiguous forms are here: "no" is "noch" beside a Bavarian word, and else no word of a time.
"""

from typing import Final

from askproai_runtime.german_dates.vocabulary import ANY_WEEKDAY
from askproai_runtime.german_dates.written_forms import Replacement

# In Bavaria, Swabia and Franconia; "auf d'Nacht" is the evening.
_WEEKDAYS: Final = (
    ("montag", r"mondaa?g|mondog"), ("dienstag", r"diensda?a?g|dienschda?a?g|dienstog"),
    ("mittwoch", r"middwoch|mittwuch|mittwoach"), ("donnerstag", r"dunn?erschda?a?g|donn?erschda?a?g|dunnersda?a?g|donnersdag"),
    ("freitag", r"freida?a?g|freitog"), ("samstag", r"samschda?a?g|samsda?a?g|samstog"), ("sonntag", r"sonnda?a?g|sonntog"),
)  # fmt: skip
SPOKEN_FORMS: Final[tuple[tuple[str, str], ...]] = (
    *((rf"\b(?:{forms})\b", weekday) for weekday, forms in _WEEKDAYS),
    (r"\bheit\b", "heute"),
    (r"\b(heute?) no\b", r"\1 noch"),
    (r"\bmorgn\b", "morgen"),
    (r"\bauf d' ?nacht\b", "abend"),
    (r"\bdreie\b", "drei"),
    (r"\bfuemfe?\b", "fuenf"),
    (r"\bin (?:a|ana|ner) halben stunde?\b", "in einer halben stunde"),
)

_NO = r"(?:(?:ach )?(?:nein|nee|ne))"
_CANNOT = r"da (?:kann ich|geht es|geht's|gehts|passt es|passt's|bin ich)(?: (?:leider|gar|ja|doch))* nicht(?: da)?"
_WORK = "(?:arbeite ich|muss ich arbeiten)"
_BUT_NEXT = rf"sondern (?:am )?(?=(?:ueber)?naechste[nrms] (?:{ANY_WEEKDAY})\b)"
WHAT_DENIES_ITSELF: Final[tuple[tuple[str, str], ...]] = (
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
COMPOUNDS: Final[tuple[tuple[str, Replacement], ...]] = (
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
    (r"\b(?:an )?einem (?=(?:vormittag|nachmittag|abend)\b)", ""),
    (rf"\b({ANY_WEEKDAY}) (?:drauf|darauf|danach|im anschluss)\b", r"darauffolgenden \1"),
    (r"\b(\d{1,2}) ?- ?(\d{1,2}) (tagen?|wochen?)\b", r"\1 bis \2 \3"),
)  # fmt: skip
