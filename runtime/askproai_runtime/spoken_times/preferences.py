"""The families of a caller's preferences: the latest possible time, the earliest one, and rather early or late on a day."""

import re
from collections.abc import Callable
from datetime import date, datetime, time

from askproai_runtime.spoken_times.atoms import Part, Soon
from askproai_runtime.spoken_times.rules import Rule
from askproai_runtime.spoken_times.times import Rule as TimeRule

TEN, NOON, FOUR, FIVE = (
    time(10),
    time(12),
    time(16),
    time(17),
)  # bounds of: not too early, in the second half of the day, late, not too late


def vague_part(opens: time | None, closes: time | None, spoken: str) -> Callable[[re.Match[str], datetime], Part]:
    """Return a rule for a part of the day that only narrows a named day."""
    return lambda _match, _now: Part("", opens, closes, spoken, is_vague=True)


def latest(_match: re.Match[str], _today: date) -> Soon:
    """Return the preference for the last of the possible times."""
    return Soon(latest=True)


def latest_of_named(_match: re.Match[str], _today: date) -> Soon:
    """Return the same preference for `der letzte`: the last time of a day or time that the phrase names."""
    return Soon(latest=True, is_of_named=True)


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
