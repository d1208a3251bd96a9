"""The English words for dates and times that are understood, and words without a meaning for them."""

from askproai_core.tenant_config import Language
from askproai_runtime.spoken_times.atoms import Op
from askproai_runtime.spoken_times.grammar import WORDS_IN

WEEKDAYS: dict[str, int] = {
    **WORDS_IN[Language.EN].counted.weekdays,
    "mon": 0, "tue": 1, "tues": 1, "wed": 2, "weds": 2, "thu": 3, "thur": 3, "thurs": 3, "fri": 4, "sat": 5, "sun": 6,
}  # fmt: skip
MONTHS = {
    "january": 1, "february": 2, "march": 3, "april": 4, "may": 5, "june": 6, "july": 7, "august": 8, "september": 9,
    "october": 10, "november": 11, "december": 12, "jan": 1, "feb": 2, "mar": 3, "apr": 4, "jun": 6, "jul": 7, "aug": 8,
    "sep": 9, "sept": 9, "oct": 10, "nov": 11, "dec": 12,
}  # fmt: skip
_UNITS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen",
    "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
TENS = {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50}
NUMBERS = {word: number for number, word in enumerate(_UNITS)} | TENS
ORDINALS = {
    "first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8, "ninth": 9, "tenth": 10,
    "eleventh": 11, "twelfth": 12, "thirteenth": 13, "fourteenth": 14, "fifteenth": 15, "sixteenth": 16, "seventeenth": 17,
    "eighteenth": 18, "nineteenth": 19, "twentieth": 20, "thirtieth": 30,
}  # fmt: skip

# Words that say nothing about when. Any word beyond these makes the phrase not understood.
_FILLERS = """
    on at in the a an of for to with please i i'd i'll i'm we we'd me us my you your it it's its that that's is are be
    would like could can might should want need have has got get do does let let's say maybe perhaps possibly preferably ideally
    rather better best good great fine perfect lovely ok okay yes yeah yep well so then just also either some something anything
    appointment slot come book make take fit fits works work suits suit prefer free available there how what about um uh er
    what what's straight
    hmm likewise again oh thanks thank instead still really only sharp exactly see there's right cool excellent super wonderful
"""
FILLERS = frozenset(_FILLERS.split())
# Groups of words whose words have a meaning elsewhere.
NOISE = (
    r"good (?:morning|afternoon|evening|day)|for me|fit me in|would be|do you have|works for me"
    r"|(?:come|stop|drop|pop|swing) by|come (?:over|round)|(?:how|what) about|(?:just )?(?:a|1) (?:2th|moment|minute)"
    r"|at the latest possible(?! (?:time|slot|appointment|date))|in that case|1th thing(?= after\b)|for sure|if possible"
    r"|(?:too|as well)(?= ?(?:$|,|please\b|at\b|on\b))"
)

_BUT_NOT = r"(?:(?:but|just|only|and|please|definitely|certainly|absolutely|really|though) )*(?:no|not|never)"
_CLOSELY = (
    r"(?:any ?time )?(?:(?:right|just|straight|immediately|directly|shortly|soon|slightly|a (?:little|bit)|somewhat) )?"
)
OPERATORS: tuple[tuple[str, Op], ...] = (
    (r"from|starting(?: from| on)?|as of|as from|since|beginning|(?:but )?only after", Op.FROM),
    (rf"{_BUT_NOT} (?:before|earlier than|until)", Op.FROM),
    (r"after", Op.AFTER),
    (r"later than", Op.LATER_THAN),
    (r"until|till|through|up to|by|at the latest(?: by)?", Op.UNTIL),
    (rf"{_BUT_NOT} (?:after|later than)", Op.UNTIL),
    (r"before|earlier than|prior to", Op.BEFORE),
    (r"between", Op.BETWEEN),
    (r"(?:at|on) or after", Op.FROM),
    (r"(?:at|on) or before", Op.UNTIL),
    (rf"(?:or|and) {_CLOSELY}(?:later|after(?:wards)?)(?: on)?(?= ?(?:$|,|please\b))|(?:and )?onwards?", Op.OR_LATER),
    (rf"(?:or|and) {_CLOSELY}(?:earlier|sooner|before)(?= ?(?:$|,|please\b))", Op.OR_EARLIER),
    (r"and|as well as", Op.AND),
    (r"or|otherwise|alternatively", Op.OR),
    (r",", Op.COMMA),
    (r"~", Op.END),
    (r"not(?: on)?", Op.NOT),
    (r"except(?: for)?|but not|apart from|just not|only not|(?:but )?definitely not|excluding|without|anything but", Op.EXCEPT),
    (r"but", Op.BUT),
    (r"instead of|rather than", Op.INSTEAD),
    (r"no|nope|sorry|wait|i mean|i meant|make that|pardon|excuse me|hold on|scratch that|correction", Op.CORRECT),
    (r"around|about|approximately|roughly|circa|some time around|at around|at about", Op.ABOUT),
    (r"shortly after|just after", Op.SOON_AFTER),
    (r"shortly before|just before", Op.SOON_BEFORE),
)  # fmt: skip
