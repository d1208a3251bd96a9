"""The German grammar: its tables of days and times, and the words that change or connect them."""

from typing import Final

from askproai_runtime.german_dates.atoms import Op
from askproai_runtime.german_dates.days import DAY_RULES
from askproai_runtime.german_dates.grammar import Grammar
from askproai_runtime.german_dates.preferences import VAGUE_PARTS
from askproai_runtime.german_dates.spans import SPANS
from askproai_runtime.german_dates.times import BARE_HOUR, TIME_RULES, bare_hour
from askproai_runtime.german_dates.tokens import normalize
from askproai_runtime.german_dates.vocabulary import FILLERS, NUMBERS

_BUT_NOT = r"(?:(?:aber|bloss|nur|bitte|jedoch|allerdings|jedenfalls|und|auch) )*(?:nicht|keinesfalls|auf keinen fall|keineswegs)"
_CLOSELY = r"(?:auch )?(?:gerne? )?(?:(?:ein )?(?:direkt|gleich|unmittelbar|kurz|etwas|bisschen|wenig) )?"
_OPS: tuple[tuple[str, Op], ...] = (
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

GERMAN: Final = Grammar.of(
    days=DAY_RULES,
    times=(*TIME_RULES, *SPANS, *VAGUE_PARTS),
    operators=_OPS,
    # Phrases around a time, with words that have a meaning inside a time.
    noise=(
        r"(?:schoenen )?guten (?:morgen|tag|abend|nachmittag)|auf jeden fall|(?:wenn|falls) (?:das |es |irgend |irgendwie )*"
        r"(?:geht|ginge|passt|moeglich(?: ist| waere)?)(?! nicht)|(?:wenn|falls) (?:sie|ihr) (?:da |dann |noch )*"
        r"(?:offen|auf|geoeffnet) (?:haben|habt)|(?:die )?uhrzeit ueberlasse? ich (?:ganz )?(?:ihnen|euch)"
        r"|(?:einen )?moment ?,? ?(?:bitte ?,? )?ich (?:schaue?|gucke?|sehe) (?:mal |kurz |eben |schnell )*(?:in den|im) kalender"
        r"|(?:was |der |das )?(?:noch )?moeglich(?: ist| waere)?|verfuegbar"
        r"|erst(?= im (?:neuen|naechsten|januar|februar)\b)"
    ),
    normalize=normalize,
    fillers=FILLERS,
    bare_hour=BARE_HOUR,
    build_hour=bare_hour,
    numbers=NUMBERS,
    hour_prefix="um",
)
