"""The German families of a caller's preferences: any time, the latest possible time, and rather early or late on a day."""

from askproai_runtime.spoken_times.atoms import Soon
from askproai_runtime.spoken_times.rules import Rule, latest, latest_of_named
from askproai_runtime.spoken_times.times import FIVE, FOUR, NOON, TEN, vague_part
from askproai_runtime.spoken_times.times import Rule as TimeRule

_MOMENT = r"(?:termin|zeitpunkt|datum|zeit|moeglichkeit|slot)"
_FREE_ONE = r"(?:freie|moegliche|verfuegbare|buchbare)[nrsm]?"
WHENEVER: tuple[Rule, ...] = tuple(
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
        rf"(?:aller)?(?:naechste|naechstbeste|frueheste)[nrsm]? (?:{_FREE_ONE} )*{_MOMENT}|1\. (?:{_FREE_ONE} )*{_MOMENT}",
        rf"(?:aller)?(?:naechste|frueheste)[nrs]? {_FREE_ONE}|(?:aller)?frueheste[nrs]?(?= ?(?:,|was|$))",
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

_AS_CAN_BE = (
    r"(?:nur |irgend |ueberhaupt )*"
    r"(?:moeglich(?: ist)?|(?:es |das |'s )?(?:nur |irgend )?(?:geht|ginge)|(?:sie|ihr) (?:koennen|koennt))"
)
_NOUN = r"(?:termin|terminen|zeitpunkt|uhrzeit|zeit|moeglichkeit|slot|platz|terminslot)"
_FREE = r"(?:(?:noch )?(?:moegliche|freie|verfuegbare|buchbare|machbare)[nrs]? )*"
_LAST = r"(?:aller)?(?:letzte|spaeteste)[nrs]?"
# Words after "last" without a noun: "das Letzte, was vor Weihnachten geht", "der letzte am Freitag". "Letztes Mal" is over.
_BEHIND_LAST = (
    r"(?= ?(?:$|, |bitte|was |den |vor |am |an |im |in der |diese|naechste|heute|uebermorgen|der (?:noch )?frei))"
)
_END_OF_DAY = (
    r"(?:am |zum |gegen )?ende des (?:arbeits|geschaefts)?tage?s|(?:am |zum |gegen )?tagesende|zum feierabend"
    r"|(?:kurz |direkt |unmittelbar )?(?:vor|bei|zum|zu) (?:laden|geschaefts|praxis|salon)schluss"
    r"|(?:kurz )?bevor (?:sie|ihr) (?:zumachen|zumacht|schliessen|schliesst|zu macht|zu machen)"
)
_LATEST_OF_NAMED: tuple[Rule, ...] = tuple(
    (pattern, latest_of_named)
    for pattern in (
        rf"{_LAST} {_FREE}{_NOUN}(?: (?:des|vom) tages?)?",
        rf"{_LAST} (?:noch )?(?:moegliche|freie|verfuegbare)[nrs]?{_BEHIND_LAST}",
        rf"{_LAST}{_BEHIND_LAST}",
    )
)
LATEST: tuple[Rule, ...] = _LATEST_OF_NAMED + tuple(
    (pattern, latest)
    for pattern in (
        rf"so spaet (?:wie|als) {_AS_CAN_BE}|so spaet {_AS_CAN_BE}|so spaet wie's(?: nur)? geht",
        r"(?:moeglichst|am liebsten ganz|ganz) spaet(?:er? termin)?|(?:einen )?moeglichst spaeten termin",
        r"je spaeter(?: ,)? (?:desto|umso) (?:besser|lieber)",
        rf"(?:aller)?(?:letzt|spaetest)moeglich(?:e[nrsm]?)? ?{_FREE}{_NOUN}?",
        r"am (?:aller)?spaetesten|als (?:aller)?letzte[rs]?|zuallerletzt|zuletzt|(?:ganz )?zum schluss",
        _END_OF_DAY,
    )
)  # fmt: skip

_EARLY, _LATE = r"(?:frueh|zeitig)", r"spaet"
_TOO = r"(?:(?:ganz |gar |all)?(?:zu|so)|ganz so|gerade)"
_NOT = r"(?:aber |nur |bloss |bitte )*nicht"
_SOMEWHAT = r"(?:(?:ein|a) (?:bisschen|bissl|bisserl|wenig|stueck|tick)|etwas|bisschen|eher|lieber|ruhig|gerne?)"
VAGUE_PARTS: tuple[TimeRule, ...] = (
    (rf"{_NOT} (?:{_TOO}|gleich|schon) (?:so |ganz )?{_EARLY}(?: am tag| morgens| am morgen)?",
     vague_part(TEN, None, "nicht zu früh")),
    (rf"{_NOT} (?:gleich |schon )?in (?:der|aller) frueh?e?", vague_part(TEN, None, "nicht zu früh")),
    (rf"{_NOT} {_TOO} {_LATE}(?: am tag)?", vague_part(None, FIVE, "nicht zu spät")),
    (rf"(?:(?:{_SOMEWHAT} )*spaeter|(?:{_SOMEWHAT} )+spaet)(?: am tag)?(?: als frueher)?",
     vague_part(NOON, None, "eher später")),
    (r"(?:sehr |ziemlich )?spaet(?: am tag)?", vague_part(FOUR, None, "spät")),
    (rf"(?:{_SOMEWHAT} )*(?:frueher|zeitiger)(?: am tag)?(?: als spaeter)?", vague_part(None, NOON, "eher früher")),
)  # fmt: skip
