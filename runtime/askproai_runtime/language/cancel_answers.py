"""Read a caller's answer to the question whether to cancel an appointment. A reason that is said with it is no refusal, and
names no other appointment. Pure.
"""

import re
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

from askproai_core.tenant_config import Language
from askproai_runtime.language.answer_words import (
    CANCELLATION_WORD,
    CONDITION,
    KEEP,
    MOVE,
    NO,
    ONLY_NO,
    ONLY_YES,
    REQUEST,
    SPEAKS_OF_IT,
    STRONG_YES_WORD,
    WAIT,
    YES,
    Reply,
    asks,
    is_question,
    words_of,
)
from askproai_runtime.language.plain_yes import drop_hours
from askproai_runtime.sentences import SENTENCES

_BETWEEN = (
    r"(?:\s+(?:es|da|doch|leider|heute|morgen|übermorgen|dann|nun|jetzt|aber|auch|so|am\s+\w+|um\s+\w+(?:\s+uhr)?|den\s+termin"
    r"|zu[mr]?\s+termin|an\s+dem\s+tag))*"
)
_CANNOT = rf"\b(?:kann|könnte|schaffe?|komme?)(?:\s+(?:ich|wir|er|sie))?{_BETWEEN}\s+nicht(?:\s+mehr)?"
_CANNOT_IN_ENGLISH = r"\b(?:can['’]?t|cannot|can\s+not|won['’]?t|couldn['’]?t|(?:am|['’]m)\s+not\s+able\s+to)"
_ATTEND = r"(?:\s+(?:kommen|hinkommen|hin|erscheinen|da\s+sein|dabei\s+sein|wahrnehmen|einhalten))+"
_SUBJECT = r"(?:(?:\b(?:denn|weil|da|dann|ich|wir|er|sie|i|we|he|she|because|as))\s+){0,4}+"
# A clause about coming is a reason in any place.
_NOT_COMING: Final = re.compile(
    rf"{_SUBJECT}(?:{_CANNOT}{_ATTEND}\b|\b(?:bin|sind)(?:\s+(?:ich|wir))?{_BETWEEN}\s+nicht\s+(?:da|hier|dabei)\b|\b(?:habe?|haben)(?:\s+(?:ich|wir))?{_BETWEEN}\s+keine\s+zeit\b(?!\s+zu)"
    rf"|{_CANNOT_IN_ENGLISH}\s+(?:make\s+(?:it|that)|come|be\s+there|attend)(?:\s+(?:tomorrow|today|then|that\s+day|on\s+\w+))?\b"
    r"|\bbrauchen?(?:\s+(?:ich|wir|ihn|das|es|den|diesen|termin|platz))*\s+nicht\s+mehr\b"
    r"|\b(?:don['’]?t|do\s+not)\s+need\s+(?:it|that)\s+any\s?more\b"
    r"|\b(?:no|don['’]?t\s+have)(?:\s+the)?\s+time\b(?!\s+to))"
)
# "Ich kann nicht." is a reason only before a request, or without one: "absagen, das kann ich nicht" refuses it.
_NOT_ABLE: Final = re.compile(
    rf"(?<!\bdas\s){_SUBJECT}(?:{_CANNOT}|{_CANNOT_IN_ENGLISH}(?:\s+then)?)"
    r"(?=\s*(?:[,.;!]|$)|\s+(?:bitte|please|sagen\s+sie|deshalb|deswegen|darum|so)\b)"
)
_REASON: Final = " leider "  # an apology in place of the clause: no answer by itself
_REQUESTED: Final = re.compile(r"\b(?:ab(?:zu)?sag\w*|sagen?\b.{0,25}\bab|storn\w*|streich\w*|lösch\w*|cancel\w*)")
_ILLNESS: Final = re.compile(
    r"\b(?:(?:mein|unser|my|our)\w*\s+\w+|ich|wir|er|sie|i|we|he|she)"
    r"(?:\s+(?:ist|bin|sind|liegt|hat|habe?|is|am|are|has|have|got)|['’][sm])"
    r"(?:\s+(?:leider|plötzlich|sehr|so|heute|gerade|wieder|auch|really|very|a|an|ein|eine|einen|im|in|the))*"
    r"\s+(?:krank|erkältet|kaputt|defekt|krankenhaus|fieber|grippe|verletzt|gestorben|verstorben|unfall"
    r"|ill|sick|unwell|fever|flu|broken|hurt|injured|hospital|died)\b"
)
_BECAUSE_OF: Final = re.compile(r"\b(?:wegen|because\s+of)\s+(?:mein|unser|my|our)\w*\s+\w+")
_OF_CUSTOMER: Final = re.compile(r"\b(?:für|for)\b")  # a question names the customer where there are several
_DAYS_AHEAD: Final = {"heute": 0, "today": 0, "morgen": 1, "tomorrow": 1, "übermorgen": 2}
# A caller who asks for the cancellation itself means it, whatever else the words are: "nicht verschieben, sondern absagen".
_CANCEL = re.compile(
    r"\b(?:absagen|stornieren|streichen|löschen|weg damit"
    r"|(?:^|(?:nee|nein|der|er|den|termin|bitte|einfach|also) )(?:ganz|komplett) weg"
    r"|(?:sag|sagen sie)\b.{0,25}\bab|nichts anderes (?:mehr )?übrig|cancel"
    r"|get rid of (?:it|that|this))\b"
)
_TO_CANCEL = rf"(?:(?:zu )?{CANCELLATION_WORD}|ab)"
_NOT_CANCEL = re.compile(
    r"\b(?:(?:nicht|not|(?:don|can|couldn|won|didn).?t|anstatt|statt|instead of|rather than|ohne|without)(?: to)?"
    rf" (?:(?!sondern|sonst|but|kommen|verschieben|bitte|please)\w+ )?{_TO_CANCEL}"
    rf"|{_TO_CANCEL} (?:muss|will|möchte|wollte|soll\w*|brauch\w*) (?:(?:ich|sie|man|wir|ihn|es|das) )*(?:\w+ )?nicht)\b"
)
_ANOTHER_APPOINTMENT = re.compile(r"\b(?:(?:den|die|das) andere[mnrs]?|(?:sein|ihr)e[nms]?|his|hers?|theirs?)\b")
_OFF_THE_LIST: Final = frozenset({
    "entfernen", "herunter", "liste", "me", "mich", "nehmen", "off", "platz", "raus", "rausnehmen", "remove", "runter",
    "runternehmen", "take",
})  # fmt: skip
_ALL: Final = re.compile(r"\b(?:alle|beide[ns]?|sämtliche|both|all(?! right))\b")
_EXCEPT: Final = re.compile(r"\b(?:nein|nee|no|nicht|außer|ausser|bis auf|nur|kein\w*|aber|not|except|but|only)\b")
_AS_SAID = re.compile(r"\bwie (?:ich )?(?:schon )?gesagt\b|\bas i said\b")
# A day, a service or a person: where the question has not named it, another appointment is meant.
_WEEKDAY = r"(montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonntag|sonnabend|(?:mon|tues|wednes|thurs|fri|satur|sun)day)"
# Words of a caller when a cancellation is done. Any further word may be about another appointment.
_THANKS: Final = frozenset({
    "a", "abend", "all", "alles", "also", "auf", "besten", "bis", "bye", "dank", "danke", "dann", "das", "day", "es",
    "für", "genau", "goodbye", "great", "gut", "have", "help", "herzlichen", "hilfe", "hören", "ihnen", "ihre", "im",
    "it", "ja", "jo", "klar", "lovely", "moment", "much", "nein", "nice", "no", "noch", "ok", "okay", "passt",
    "perfect", "perfekt", "prima", "s", "schon", "schön", "schöne", "schönen", "sehr", "so", "super", "tag", "thank",
    "thanks", "that", "the", "then", "tschau", "tschüs", "tschüss", "very", "vielen", "war", "wars", "was",
    "wiederhören", "wiedersehen", "woche", "wochenende", "wär", "wäre", "yes", "you", "your",
})  # fmt: skip
_NAMED = (
    re.compile(rf"\b{_WEEKDAY}"),
    re.compile(r"\b(heute|morgen|übermorgen|today|tomorrow|\d+)\b"),
    re.compile(r"\b(?:bei|von|für|with|for) (?:(?:de[rmn]|die|das|frau|herrn?|mein\w*|the|my) )*(\w+)"),
    re.compile(r"\b(?:mein|unser)(?:e[nmrs]?)? (\w+)|\b(?:my|our|his|her) (\w+)"),
    re.compile(
        r"\b(?:de[nm]|das|die|the) (\w+)(?: (?:bitte|doch|auch|leider|dann))*(?: (?:one|appointment|termin))?"
        r" (?:ab|absagen|stornieren|streichen|löschen)\b"
    ),
    re.compile(r"\b(?:stornieren|streichen|löschen|cancel)(?: (?:sie|bitte))* (?:de[nm]|das|die|the) (\w+)"),
)
_NAMES_NONE = frozenset({
    "termin", "appointment", "booking", "buchung", "bitte", "doch", "auch", "leider", "dann", "halt", "mal", "mir", "mich", "uns",
    "me", "us", "now", "jetzt", "one", "lieber", "gern", "gerne", "wohl", "muss", "ihnen", "besser", "einfach", "ruhig", "so",
})  # fmt: skip
_TAG = re.compile(r"\b(?:ne|oder|gell|gelt|nicht wahr|okay|bitte|please|right)\s*\?", re.IGNORECASE)
# Negations beside which the cancellation may be meant all the same; any other one is a no.
_HARMLESS = re.compile(
    r"\b(?:kann|könnte?|schaffe?|can|could)(?: (?:ich|es|den|da|doch|leider|i))*"
    r" (?:nicht|not|t)(?: (?:kommen|hin|wahrnehmen|make it|come))?\b"
    r"|\b(?:nein |no )?(?:kein|no) problem\w*|\bnicht (?:verschieben|mehr)\b|\bnichts anderes (?:mehr )?übrig\b|\bwarum nicht\b"
)
_NEGATION = re.compile(
    r"\b(?:nein|nee|nö|nicht|nichts|kein\w*|nie|niemals|ohne|weder|willen"
    r"|no|nope|nah|not|never|neither|nor|without|(?:don|didn|won|can|couldn|doesn|isn) t)\b"
)
# A no before a cancellation may be one to the move that the question mentions, and so may a refused move. "No need to cancel" has
# no such no: the English one needs a sign behind it.
_FIRST_NO: Final = re.compile(
    r"(?:(?:äh|ähm|also|uh|um|well|oh)\W+)*"
    r"(?:(?:(?:nein|nee|nö|nope|nah)(?:\W+(?:danke|thanks|thank you))?\b|no(?:\W+(?:thanks|thank you)\b|(?=\s*[,.;!])))\W*)+"
)
_NO_MOVE: Final = re.compile(
    r"\b(?:verschieben (?:geht|klappt|hilft|bringt)(?: (?:leider|mir|da|auch|es))* (?:nicht|nichts)"
    r"|(?:no need to|(?:don.?t|do not)(?: (?:want|need) to)?) (?:move|reschedule)(?: it)?)"
    r"(?=\s*[,.;!]|\s+(?:but|just|sondern)\b)"
)
# "Danke, passt" and "der Termin ist okay" may be about the appointment: without a word for the cancellation they are no agreement.
_STRONG_YES = re.compile(rf"\b{STRONG_YES_WORD}\b")
# "Ja, alles richtig" and "genau, alles gut so" approve of something, and that may be the appointment.
_APPROVES = re.compile(
    r"\balles\b|\bso\b.*\b(?:gut|richtig|passt|okay|ok|stimmt|korrekt)\b|\b(?:gut|richtig|passt|okay|ok|stimmt|korrekt)\b.*\bso\b"
)
# Beside an agreement these change nothing: an apology, and whether it costs anything.
_BESIDE = re.compile(
    r"\b(?:(?:(?:es|das) )?tut (?:mir|uns)(?: (?:wirklich|sehr|echt|so|auch|ja))* leid|entschuldigung|verzeihung|leider|schade"
    r"|(?:i (?:m|am) )?(?:(?:so|very|really|terribly) )*sorry(?: about (?:it|that|this))?|unfortunately"
    r"|(?:(?:und|and) )?(?:(?:das|es|it) )?(?:kostet|costs?)(?: (?:mich|me|dann|jetzt|ja|doch))*"
    r" (?:nix|nichts|was|nothing|anything))\b"
)
_GO_ON = re.compile(
    r"(?:(?:na |dann |bitte |ja )*(?:machen sie|mach|tun sie|do)(?: (?:das|es|it|that|so|mal|bitte|ruhig|please))*"
    r"|(?:alle )?beide(?: bitte)?|(?:ja )?alle(?: zwei| drei| vier)?(?: bitte)?|both(?: of them)?(?: please)?"
    r"|wie sie wollen|von mir aus|meinetwegen|warum nicht|(?:hm |na )?bitte)"
)
# Words of an agent who waits or is polite, which name no appointment.
_COURTESY: Final = frozenset({
    "alles", "besserung", "course", "danke", "das", "die", "entschuldigung", "gern", "gerne", "gut", "gute", "ich",
    "in", "ja", "kein", "klar", "leid", "mir", "moment", "natürlich", "nehmen", "no", "of", "oh", "okay", "problem",
    "ruhe", "schade", "selbstverständlich", "sich", "sie", "sorry", "sure", "take", "thanks", "time", "tut",
    "understood", "verstanden", "verstehe", "warte", "your", "zeit",
})  # fmt: skip
_BACKCHANNEL: Final = frozenset({"aha", "äh", "ähm", "hm", "hmm", "mhm", "mm", "uh", "um"})
CANCELLATION = re.compile(rf"\b{CANCELLATION_WORD}\b")


def speaks_of_cancelling(text: str) -> bool:
    """Return whether a text has a word for a cancellation."""
    return bool(CANCELLATION.search(words_of(text)))


def says_more_than_courtesies(utterance: str, answered: Sequence[str]) -> bool:
    """Return whether an agent's utterance about a change of an appointment says more than courtesies once it was `answered`.

    Words before an answer are the question itself. Words after it may be about another appointment, and so may the yes to them:
    "Okay, den am Samstag also."
    """
    if not any({*words_of(each).split()} - _BACKCHANNEL for each in answered):
        return False
    return "?" in utterance or not {*words_of(utterance).split()} <= _COURTESY


def means_all(said: str) -> bool:
    """Return whether words ask to cancel all the named appointments, without an exception: "beide", "alle drei"."""
    words = words_of(said)
    return bool(_ALL.search(words)) and not _EXCEPT.search(words)


def only_thanks(said: str) -> bool:
    """Return whether the words after a cancellation are only thanks or a goodbye, or there are none."""
    return set(words_of(said).split()) <= _THANKS


def refuses(said: str, *, claimed: bool) -> bool:
    """Return whether words refuse a cancellation: they are only a no, or contain a no and the model has `claimed` one."""
    words = words_of(said)
    if read_cancellation(said) is not Reply.NO or YES.search(NO.sub(" ", words).strip()):
        return False
    return claimed or bool(ONLY_NO.fullmatch(words) and not _CANCEL.search(words))


def names_another(utterance: str, about: str, today: date | None) -> bool:
    """Return whether a request to cancel names a day, a service or a person that the question `about` it does not name."""
    said = words_of(utterance)
    if not _CANCEL.search(said):
        return False
    asked = words_of(about)
    known = _NAMES_NONE | set(asked.split())
    named = {word for each in _NAMED for found in each.finditer(said) for word in found.groups() if word}
    return any(word not in known and not _is_day_of(word, asked, today) for word in named)


def _speaks_of_it(said: str, utterance: str) -> bool:
    """Return whether a caller only speaks about cancelling, in a question that is no request or as something to consider."""
    is_asked = "?" in _TAG.sub(" ", utterance) or asks(said)
    return bool(SPEAKS_OF_IT.search(_AS_SAID.sub(" ", said))) or (is_asked and not REQUEST.search(said))


def _drop_asked(said: str, about: str) -> str:
    """Return words without the words of the question `about` a cancellation."""
    sentences = [SENTENCES[language] for language in Language]
    removes = any(each.shall_i_remove_place.partition("{")[0] in about for each in sentences)
    questions = (
        q for each in sentences for q in (each.shall_i_cancel, each.shall_i_cancel_other, each.shall_i_remove_place)
    )
    beginnings = (each.partition("{")[0] for each in questions)
    question = next((about[about.rindex(each) :] for each in beginnings if each in about), "")
    asked = {*words_of(question).split(), "von", "nur", "den", "only"} | (
        _OFF_THE_LIST if removes else set()
    )  # "den von Erna"
    said = drop_hours(said, question) or said
    return " ".join(word for word in said.split() if word not in asked and word.removesuffix("s") not in asked)


def read_cancellation(utterance: str, about: str = "") -> Reply | None:
    """Return an utterance's answer to the question whether to cancel an appointment; None if it answers nothing. An agreement
    with further words is no answer, but the words of the question `about` it are allowed.

    `UNCLEAR`, which lets the model's argument count, needs a word for the cancellation, or an agreement that may be about the
    appointment. It is also returned after a no that may refuse the move that the question mentions.
    """
    if _CANCEL.search(words_of(utterance)):
        utterance = _NO_MOVE.sub(_REASON, utterance.casefold())
    if (no := _FIRST_NO.match(utterance.casefold())) is not None:
        rest = utterance[no.end() :]
        is_meant = _CANCEL.search(words_of(rest)) and read_cancellation(rest, about) in {Reply.YES, Reply.UNCLEAR}
        return Reply.UNCLEAR if is_meant else Reply.NO
    words = words_of(_drop_hindrances(utterance))
    said = " ".join(_BESIDE.sub(" ", words).split())
    is_yes = bool(YES.search(NO.sub(" ", said).strip()))
    is_aside = is_question(utterance) or bool(WAIT.search(words_of(utterance)))
    if _NOT_CANCEL.search(said) or _NEGATION.search(_HARMLESS.sub(" ", said)) or KEEP.search(said):
        return Reply.NO
    cancels = bool(_CANCEL.search(said)) and not _ANOTHER_APPOINTMENT.search(said)
    if not cancels and (MOVE.search(said) or NO.search(said)):
        return Reply.NO
    if CONDITION.search(said) or (is_aside and not cancels) or (cancels and _speaks_of_it(words, utterance)):
        return None
    if is_yes and not is_aside and ONLY_YES.fullmatch(_drop_asked(said, about)):
        is_clear = cancels or (_STRONG_YES.search(said) and not _APPROVES.search(said))
        return Reply.YES if is_clear else Reply.UNCLEAR
    is_key = not words  # a pressed key says something, but not what
    return Reply.UNCLEAR if cancels or is_key or _GO_ON.fullmatch(said) else None


def _drop_hindrances(utterance: str) -> str:
    """Return an utterance in lower case, with an apology in place of each clause that says that the caller cannot come."""
    said = _NOT_COMING.sub(_REASON, utterance.casefold())
    request = _REQUESTED.search(said)
    first = request.start() if request else len(said)
    return _NOT_ABLE.sub(lambda found: _REASON if found.start() < first else found[0], said)


def drop_illness(utterance: str, about: str) -> str:
    """Return an utterance in lower case without the clauses about an ill person, unless the question `about` names a customer."""
    said = utterance.casefold()
    if _OF_CUSTOMER.search(about.casefold()):
        return said
    return _ILLNESS.sub(" ", _BECAUSE_OF.sub("deshalb", said))  # "deshalb muss ich" asks nothing, "muss ich" does


def _is_day_of(word: str, about: str, today: date | None) -> bool:
    """Return whether a word such as `morgen` is the day that the words of a question name."""
    if today is None or word not in _DAYS_AHEAD:
        return False
    day = today + timedelta(days=_DAYS_AHEAD[word])
    names = "|".join(SENTENCES[language].weekdays[day.weekday()].casefold() for language in Language)
    return bool(re.search(rf"\b(?:{names}) (?:den )?{day.day}\b", about))
