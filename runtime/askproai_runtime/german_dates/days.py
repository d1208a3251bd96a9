"""All rules of days, and those that name a day by its name or no day at all."""

from askproai_runtime.german_dates import named_days
from askproai_runtime.german_dates.atoms import Soon
from askproai_runtime.german_dates.counted_days import COUNTED_DAYS
from askproai_runtime.german_dates.dates import DATES
from askproai_runtime.german_dates.day_ranges import DAY_RANGES
from askproai_runtime.german_dates.months import MONTH_RULES
from askproai_runtime.german_dates.preferences import LATEST
from askproai_runtime.german_dates.rules import WEEKDAY, Rule
from askproai_runtime.german_dates.vocabulary import WEEKDAYS
from askproai_runtime.german_dates.weeks import WEEK_RULES, WEEKDAY_RULES

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

DAY_RULES: tuple[Rule, ...] = (
    *DAY_RANGES, *DATES, *COUNTED_DAYS, *WEEKDAY_RULES, *WEEK_RULES, *MONTH_RULES, *_NAMED_DAYS, *_WHENEVER, *LATEST
)  # fmt: skip
