"""The English families of a caller's preferences: the latest possible time, and rather early or late on a day."""

from askproai_runtime.spoken_times.rules import Rule, latest, latest_of_named
from askproai_runtime.spoken_times.times import FIVE, FOUR, NOON, TEN, vague_part
from askproai_runtime.spoken_times.times import Rule as TimeRule

_NOUN = r"(?:appointment|slot|date|opening|1|thing|availability|space)"
_FREE = r"(?:(?:possible|available|free|bookable) )*"
_YOU_HAVE = (
    r"(?: (?:(?:that )?you(?: have|'ve| can|'re)(?: got| do| offer| free)?"
    r"|(?:that is |that's )?(?:available|possible|going|left|free)))?"
)
# "My last appointment" and "the last time" are over.
_LAST = r"(?<!\bmy )(?<!\bour )(?:(?:the|your) )?(?:very )?(?:latest|last)"
_LATEST_OF_NAMED: tuple[Rule, ...] = tuple(
    (pattern, latest_of_named)
    for pattern in (
        rf"{_LAST} {_FREE}{_NOUN}(?: of the day)?{_YOU_HAVE}",
        rf"{_LAST} (?:possible|available|free)",
        rf"(?:at )?(?:(?:the|your) )?(?:very )?latest {_FREE}time{_YOU_HAVE}",
        r"(?:at )?(?:(?:the|your) )?last (?:(?:possible|available|free) )+time",
        r"(?:the|your) (?:very )?latest (?:(?:that )?you(?: have|'ve| can)(?: got| do| offer)?)",
        rf"{_LAST}(?= (?:before|by|until|till|in|this|next|on|of)\b)(?! (?:in|of) the)",
        rf"^{_LAST}$",
    )
)
LATEST: tuple[Rule, ...] = _LATEST_OF_NAMED + tuple(
    (pattern, latest)
    for pattern in (
        r"as late(?: in the day)? as (?:(?:at all )?possible|you can(?: do)?|it gets|you have|you've got|can be)",
        r"(?:the )?later(?: ,)? the better",
        r"(?:(?:at|towards?|near|around) )?(?:the )?(?:very )?end of (?:the )?(?:working |business )?day|(?:at )?eod",
        r"(?:at )?(?:the )?(?:(?:close|end) of (?:business|play)|cob|closing(?: time)?)",
        r"(?:around|just before|right before|shortly before) (?:closing(?: time)?|you close)",
    )
)  # fmt: skip

_SOMEWHAT = r"(?:(?:(?:a )?(?:little|bit|tad|touch)(?: bit)?|slightly|somewhat|rather|preferably|some time|any time) )"
_IN_THE_DAY = r"(?: (?:on )?(?:in|during) the day| on)?"
VAGUE_PARTS: tuple[TimeRule, ...] = (
    (r"(?:but |just |please )*not (?:too|so|that|very|quite so|quite that|all that) early(?: in the (?:day|morning))?",
     vague_part(TEN, None, "not too early")),
    (r"(?:but |just |please )*not (?:1th thing|at the crack of dawn)(?: in the morning)?",
     vague_part(TEN, None, "not too early")),
    (r"(?:but |just |please )*not (?:too|so|that|very|quite so|quite that|all that) late(?: in the (?:day|afternoon))?",
     vague_part(None, FIVE, "not too late")),
    (rf"(?:{_SOMEWHAT}*later{_IN_THE_DAY}|{_SOMEWHAT}+late|late(?:r)? (?:on )?in the day)(?: rather than (?:earlier|sooner))?",
     vague_part(NOON, None, "rather later")),
    (r"(?:very |quite )?late(?: on)?", vague_part(FOUR, None, "late")),
    (rf"(?:{_SOMEWHAT}*earlier{_IN_THE_DAY}|{_SOMEWHAT}+early|early in the day)(?: rather than later)?",
     vague_part(None, NOON, "rather earlier")),
)  # fmt: skip
