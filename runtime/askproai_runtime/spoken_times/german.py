"""The German grammar: its tables of days and times, named days, and words that change or connect them."""

from typing import Final

from askproai_runtime.spoken_times import named_days
from askproai_runtime.spoken_times.atoms import Op, Soon
from askproai_runtime.spoken_times.counted_days import COUNTED_DAYS
from askproai_runtime.spoken_times.dates import DATES
from askproai_runtime.spoken_times.day_ranges import DAY_RANGES
from askproai_runtime.spoken_times.grammar import Grammar
from askproai_runtime.spoken_times.months import MONTH_RULES
from askproai_runtime.spoken_times.preferences import LATEST, VAGUE_PARTS
from askproai_runtime.spoken_times.rules import WEEKDAY, Rule
from askproai_runtime.spoken_times.spans import SPANS
from askproai_runtime.spoken_times.times import BARE_HOUR, TIME_RULES, bare_hour
from askproai_runtime.spoken_times.tokens import normalize
from askproai_runtime.spoken_times.vocabulary import FILLERS, NUMBERS, WEEKDAYS
from askproai_runtime.spoken_times.weekdays import WEEK_RULES, WEEKDAY_RULES

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

_NAMED = rf"(?P<named>{named_days.NAMED})"
_NAMED_DAYS: tuple[Rule, ...] = (
    (_NAMED, lambda m, today: named_days.named(m["named"], today)),
    (rf"(?:letzte[nr]? )?tag (?P<side>vor|nach) {_NAMED}", lambda m, today: named_days.beside_named(m["side"], m["named"], today)),
    (rf"(?:letzte[nr]? |1\. )?{WEEKDAY} (?P<side>vor|nach) {_NAMED}",
     lambda m, today: named_days.weekday_beside_named(WEEKDAYS[m["weekday"]], m["side"], m["named"], today)),
    (rf"woche (?P<side>vor|nach) {_NAMED}", lambda m, today: named_days.week_beside_named(m["side"], m["named"], today)),
    (rf"brueckentag nach {_NAMED}", lambda m, today: named_days.bridge_day(m["named"], today)),
)  # fmt: skip

_MOMENT = r"(?:termin|zeitpunkt|datum|zeit|moeglichkeit|slot)"
_FREE = r"(?:freie|moegliche|verfuegbare|buchbare)[nrsm]?"
_WHENEVER: tuple[Rule, ...] = tuple(
    (pattern, lambda _m, _today: Soon())
    for pattern in (
        r"so (?:bald|schnell|frueh|zeitig|zeitnah) (?:wie|als) (?:moeglich|es geht)",
        r"so (?:bald|frueh|schnell|zeitig) wie's(?: nur)? geht",
        r"je (?:eher|frueher|schneller)(?: ,)? desto besser|(?:das|den|die) erstbesten?",
        r"egal an welchem tag|egal welcher tag|an irgendeinem tag",
        r"moeglichst (?:bald|schnell|frueh|zeitnah)|(?:bald|schnellst|eh|ehe)moeglichst|zeitnah|bald|demnaechst|ehebaldigst",
        rf"(?:aller)?(?:naechst|schnellst|frueh(?:e?st)|ehest|baldigst)moegliche?[nrsm]?(?: freien?)?(?: {_MOMENT})?",
        r"so (?:bald|schnell|frueh|zeitnah) (?:es|'s)(?: nur| irgend)? geht|am (?:aller)?(?:fruehesten|ehesten|schnellsten)",
        r"(?:bei|zu) (?:der )?(?:naechste[nr]|naechstbeste[nr]|1\.) gelegenheit|umgehend|(?:zum )?ehesten termin",
        rf"(?:aller)?(?:naechste|naechstbeste|frueheste)[nrsm]? (?:{_FREE} )*{_MOMENT}|1\. (?:{_FREE} )*{_MOMENT}",
        rf"(?:aller)?(?:naechste|frueheste)[nrs]? {_FREE}|(?:aller)?frueheste[nrs]?(?= ?(?:,|was|$))",
        r"egal wann|irgendwann|jederzeit|wann (?:auch )?immer|wann sie wollen",
        r"mir ist alles recht|(?:ich bin )?(?:ganz |da )?flexibel",
        r"wann (?:haben|haetten|ist|waere|geht|ginge|koennen|koennten)",
        r"wann (?:geht|ging|ginge|gaenge|passt)(?: es|'s|s)? (?:denn |bei ihnen )*am (?:schnellsten|ehesten|fruehesten)",
        r"(?:da )?(?:richte ich mich|ich richte mich) (?:da )?(?:ganz )?nach (?:ihnen|euch)",
        r"jeden tag|taeglich|(?<!wie )immer",
        r"(?:die |der )?(?:uhrzeit|zeit|tag) ist (?:mir |uns )?egal|egal",
        r"jetzt(?: gleich)?|sofort|gleich jetzt",
    )
)

_DAY_RULES: tuple[Rule, ...] = (
    *DAY_RANGES, *DATES, *COUNTED_DAYS, *WEEKDAY_RULES, *WEEK_RULES, *MONTH_RULES, *_NAMED_DAYS, *_WHENEVER, *LATEST
)  # fmt: skip

GERMAN: Final = Grammar.of(
    days=_DAY_RULES,
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
