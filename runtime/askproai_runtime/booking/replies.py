"""What a caller has said to a question that is answered with yes or no: where the transcript settles it, no model decides."""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from enum import StrEnum

from askproai_runtime.booking.cancel_reasons import drop_hindrances, drop_illness, is_day_of
from askproai_runtime.booking.name_choices import corrects_name
from askproai_runtime.booking.phrases import fold

_STRONG_YES_WORD = (
    r"(?:ja|jaja|jawo(?:hl|ll)|jo|j[aeu]pp?|genau(?: der(?= bitte|$))?|gerne?|klar|natürlich|freilich|unbedingt|selbstverständlich"
    r"|einverstanden|definitiv|yes|yeah|y[aeu]p|sure|exactly|absolutely|definitely|certainly|of course|go ahead|please do)"
)
_YES_WORD = (
    rf"(?:{_STRONG_YES_WORD}|richtig|stimmt|korrekt|okay|ok|sicher|passt|right|correct"
    r"|that s the one|i m afraid so|mhm|mm ?hmm?|uh huh)"
)
# In a longer sentence "ja" and "sicher" agree only at its beginning: "Sie sind ja ein Computer".
_YES = re.compile(rf"^(?:\w+ ){{0,3}}{_YES_WORD}(?: \w+)?$|^(?:(?:äh|ähm|ach|na|oh|also|aber|well|oh) )*{_YES_WORD}\b")
_NO = re.compile(
    r"\b(?:nein|nee|nö|falsch|auf keinen fall|(?:den|die|das) andere[mnrs]?)\b"
    r"|\b(?:doch|lieber|bitte|besser|noch|stimmt|passt|ist) nicht$|^(?:ne|nicht|not|halt|stopp?)\b"
    r"|\b(?:no|nope|nah|wrong|rather not|the other|never ?mind|changed my mind"
    r"|(?:absolutely|definitely|certainly|of course|please) not)\b"
)
_KEEP = re.compile(
    r"\b(?:lass\w* (?:sie )?(?:ihn|es|den|das|it) (?:drin|stehen|so)|(?:ich|wir) komm\w*|komm\w* ich|stattfinden"
    r"|i (?:ll|will) (?:be there|come)"
    r"|(?:termin|appointment)(?: (?:ist|is|der|doch|so))* (?:passt|stimmt|okay|ok|richtig|right|fine|good)"
    r"|behalten?|(?:der|er|es|termin) (?:soll )?bleib(?:t|en)|keep|don.?t|do not|leave it)\b"
)
# "Ja, lieber verschieben" agrees to the move that the question offers beside the cancellation.
_MOVE = re.compile(
    r"\b(?:(?:ver|um)(?:schieb|leg|buch)\w*|(?:um|vor)zu(?:verlegen|verschieben|legen|buchen)|vor(?:verleg|zieh)\w*|verschoben"
    r"|(?:move|mov|reschedul|postpon|rebook)(?:e|ed|ing)?|change (?:it|the (?:time|day|date))"
    r"|(?:ander(?:e[mnrs]?)?|neue[mnrs]?) (?:tag|termin|zeit|uhrzeit|datum|woche|mal)|(?:an)?other (?:day|time|date|slot|week)"
    r"|(?:different|new) (?:day|time|date|slot))\b"
)
# Whoever asks for the cancellation itself means it, whatever else the words are: "nicht verschieben, sondern absagen".
_CANCEL = re.compile(
    r"\b(?:absagen|stornieren|streichen|löschen|weg damit|(?:sag|sagen sie)\b.{0,25}\bab|nichts anderes (?:mehr )?übrig|cancel"
    r"|get rid of (?:it|that|this))\b"
)
_CANCELLATION_WORD = r"(?:ab(?:zu)?sag\w*|storn\w*|streich\w*|lösch\w*|cancel\w*)"
_TO_CANCEL = rf"(?:(?:zu )?{_CANCELLATION_WORD}|ab)"
_NOT_CANCEL = re.compile(
    r"\b(?:(?:nicht|not|(?:don|can|couldn|won|didn).?t|anstatt|statt|instead of|rather than|ohne|without)(?: to)?"
    rf" (?:(?!sondern|sonst|but|kommen|verschieben|bitte|please)\w+ )?{_TO_CANCEL}"
    rf"|{_TO_CANCEL} (?:muss|will|möchte|wollte|soll\w*|brauch\w*) (?:(?:ich|sie|man|wir|ihn|es|das) )*(?:\w+ )?nicht)\b"
)
_ANOTHER_APPOINTMENT = re.compile(r"\b(?:(?:den|die|das) andere[mnrs]?|(?:sein|ihr)e[nms]?|his|hers?|theirs?)\b")
# Whoever agrees for the case of something else has not agreed yet: "ja, wenn Sie was anderes haben".
_CONDITION = re.compile(
    r"\b(?:wenn|falls|sofern|bevor|vorher|zuerst|erst mal|erst (?:einen?|den|das)|if|unless|only|before|first)\b"
)
# A caller who speaks about cancelling, or reports it, has not asked for it: "warum wollen Sie absagen", "vielleicht absagen".
_SPEAKS_OF_IT = re.compile(
    r"\b(?:wäre|vielleicht|eventuell|womöglich|kaum|ob|überleg\w*|frag\w*|wissen|gesagt|gemeint|gehört|später|irgendwann|mal sehen"
    r"|immer noch|(?:noch|habe?|hat) zeit|wer|why|warum(?! nicht)|wieso|weshalb|maybe|perhaps|might|hardly|whether|wonder\w*|ask\w*"
    r"|think\w*|said|told|heard|later|would i|thought|(?:sie|er|man|jemand) (?:will|wollen|wollten|möchte|möchten|müssen)"
    r"|(?:will|wollte|möchte|muss) (?:er|man|jemand)|(?:he|she|they|you|someone|somebody) (?:wants?|has|have|had|needs?|said)"
    r"|i (?:m|am) coming|(?:absagen|stornieren|streichen|löschen) (?:kann|könnte|schaffe?|mache?|tue?|werde?) (?:ich|man|wir)"
    r"|ich sage? (?:\w+ )*(?:heute|morgen|übermorgen)|ich (?:kann|könnte|werde) (?:\w+ ){0,2}(?:absagen|stornieren)"
    r"|i (?:ll|will|can|could) cancel (?:it )?(?:today|tomorrow|later|then))\b"
)
_AS_SAID = re.compile(r"\bwie (?:ich )?(?:schon )?gesagt\b|\bas i said\b")
# A day, a service or a person: where the question has not named it, another appointment is meant.
_WEEKDAY = r"(montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonntag|sonnabend|(?:mon|tues|wednes|thurs|fri|satur|sun)day)"
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
# A request in the form of a question, and a word at the end of one that asks for nothing.
_REQUEST = re.compile(
    r"^(?:(?:ja|gut|okay|dann|also|bitte|well|so) )*(?:können|könnten|würden|can|could|would|will) (?:sie|you)\b"
)
_TAG = re.compile(r"\b(?:ne|oder|gell|gelt|nicht wahr|okay|bitte|please|right)\s*\?", re.IGNORECASE)
# Negations beside which the cancellation may be meant all the same; any other one is a no.
_HARMLESS = re.compile(
    r"\b(?:kann|könnte?|schaffe?|can|could)(?: (?:ich|es|den|da|doch|leider|i))*"
    r" (?:nicht|not|t)(?: (?:kommen|hin|wahrnehmen|make it|come))?\b"
    r"|\b(?:nein |no )?(?:kein|no) problem\w*|\bnicht (?:verschieben|mehr)\b|\bnichts anderes (?:mehr )?übrig\b|\bwarum nicht\b"
)
_NEGATION = re.compile(
    r"\b(?:nein|nee|nö|nicht|nichts|kein\w*|nie|niemals|ohne|willen"
    r"|no|nope|nah|not|never|without|(?:don|didn|won|can|couldn|doesn|isn) t)\b"
)
# "Danke, passt" and "der Termin ist okay" may be about the appointment: without a word for the cancellation they are no agreement.
_STRONG_YES = re.compile(rf"\b{_STRONG_YES_WORD}\b")
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
    r"|wie sie wollen|von mir aus|meinetwegen|warum nicht|(?:hm |na )?bitte)"
)
# "Ja, ich komme" and "ja, mit zwei n" begin as an agreement does: where more is said than these, a model has to decide.
_FILLER = (
    r"(?:äh|ähm|ach|na|oh|also|bitte|danke|vielen|dank|sehr|ganz|doch|mal|gut|super|so|dann|alles|das|die|den|ihn|es|ist|termin|adresse"
    r"|machen|tun|sagen|sag|mach|sie|ab|absagen|stornieren|streichen|löschen|auf jeden fall"
    r"|well|please|thanks|thank you|very|it|that|this|is|s|the|thing|appointment|address|do|cancel|get rid of|fine|good)"
)
# Possessive: "please do" is one phrase or two words, and each way to read thirty of them would be tried, for minutes.
_ONLY_YES = re.compile(rf"(?:(?:{_YES_WORD}|{_FILLER})(?: |$))++")
# Of a model that reports what was said: "caller confirmed", "noch nicht bestätigt".
# Any further word may change it: "to be confirmed".
_CLAIM_WORD = r"(?:y|j|1|true|wahr|confirm(?:ed|s)?|bestätigt?|zugestimmt|zugesagt|agree[ds]?|accept(?:ed|s)?)"
_REPORTING = (
    r"(?:caller|customer|client|user|patient(?:in)?|kundin|kunde|anrufer(?:in)?|he|she|er|hat|has|have|was|wurde|by|vom|von|der|i|ich"
    r"|ausdrücklich|explicitly|clearly|cancellation|absage|stornierung|email|e|mail|wants? to|möchte|will|jetzt|now|thank you)"
)
_ONLY_CLAIM = re.compile(rf"(?:(?:{_YES_WORD}|{_FILLER}|{_CLAIM_WORD}|{_REPORTING})(?: |$))++")
_CANCELLATION = re.compile(rf"\b{_CANCELLATION_WORD}\b")
_APPOINTMENT = re.compile(r"\b(?:termin|appointment|booking|buchung)\b")
_CLEARLY = re.compile(rf"\b(?:{_STRONG_YES_WORD}|{_CLAIM_WORD})\b")
_AGREEMENT = re.compile(rf"\b(?:{_YES_WORD}|{_CLAIM_WORD})\b")
_DENIAL = re.compile(
    r"^(?:n|0|false)$|\b(?:nicht|not|nie|never|kein\w*|un(?:bestätigt|confirmed)|abgelehnt|refuse[ds]?|declined?)\b"
)
# "Wie bitte?" and "Was kostet das?" answer nothing, with or without the sign that a speech recognizer puts at their end.
_QUESTION = re.compile(
    r"^(?:und |aber |also |äh |ähm |and |but |so |um |uh )*"
    r"(?:was|wann|wo|wie|wer|wem|wen|warum|wieso|weshalb|welche[nmrs]?|kostet|kann|könnte|muss|soll|darf|geht|gibt|ist|hat|haben"
    r"|what|when|where|who|how|why|which|can|could|must|do(?! (?:it|that)\b)|does|is)\b"
)
_SAYING = re.compile(
    r"^(?:wie (?:gesagt|sie|denn sonst)|warum (?:denn )?nicht|was solls?|was soll s|ist (?:gut|recht|richtig|korrekt|okay|ok))\b"
)
_WAIT = re.compile(r"\b(?:moment|augenblick|sekunde|warten?|hallo|hello|wait|hold on|just a second)\b")
# Said to several times, these choose none of them. "Egal bei wem" speaks of the person.
_NO_PREFERENCE = re.compile(
    r"\b(?:egal(?! (?:bei |zu |von |mit )?(?:we[rm]|welche[rm]?)\b)|(?:mir|uns|völlig|ganz) gleich"
    r"|wurs(?:ch)?t|schnuppe|irgendeine[nrs]?"
    r"|such\w* (?:sie|du) (?:\w+ ){0,2}aus|entscheiden sie|wie (?:es ihnen|sie) (?:\w+ )?(?:passt|wollen|möchten|meinen)"
    r"|whatever|whichever|either (?:one )?(?:is|works)|any of (?:them|those)|you (?:choose|decide|pick)"
    r"|(?:don t|do not|doesn t|does not) (?:really )?(?:mind|matter|care)|no preference)\b"
)


class Reply(StrEnum):
    """`UNCLEAR` settles nothing: the argument counts in which the model says what it has understood."""

    YES = "yes"
    NO = "no"  # or nothing but a question of the caller: the model's word for an agreement does not count
    UNCLEAR = "unclear"

    def agrees(self, claimed: object) -> bool:
        """Return whether the caller has agreed. `claimed` is the model's argument for that: true, false, or absent."""
        return claimed is not False and (self is Reply.YES or (self is Reply.UNCLEAR and claimed is True))


# By what was asked: whether to cancel an appointment (its id), whether it is the one that is meant (`meant_key`), whether details
# or a name are of it (`details_key`), whether an e-mail address is right (the address without differences of case), for a number
# (`PhoneQuestion.key`), for the full name of an appointment (`name_key`), or whether it gets another name (`rename_key`).
Replies = Mapping[str, Reply]


def meant_key(appointment_id: str) -> str:
    """Return the key in `Replies` of the question whether the caller means this appointment."""
    return f"meant {appointment_id}"


def details_key(appointment_id: str) -> str:
    """Return the key in `Replies` of the question whether this appointment is meant by a detail or a name that may be another's."""
    return f"details {appointment_id}"


def name_key(appointment_id: str) -> str:
    """Return the key in `Replies` of the question for the full name of an appointment."""
    return f"name {appointment_id}"


def rename_key(appointment_id: str, name: str) -> str:
    """Return the key in `Replies` of the question whether an appointment gets this name, or is another person's."""
    return f"rename {appointment_id} {fold(name)}"


class PhoneQuestion(StrEnum):
    """Why a caller is asked for a telephone number: `needs_phone` of the answer."""

    MISSING = "missing"
    UNCLEAR = "unclear"
    HALF = "half"  # too few digits
    CALL_BACK = "call_back"  # of a withheld caller who asks to be called back

    @property
    def key(self) -> str:
        """The key in `Replies`."""
        return f"phone {self.value}"


class Question(StrEnum):
    """What is asked, and so what counts as an answer."""

    CANCEL = "cancel"  # a no is final: a later yes may be one to something else
    MEANT = "meant"
    ADDRESS = "address"  # the first answer is: what is refused later is something else
    PHONE = "phone"  # whatever is said: it is asked once
    NAME = "name"  # as well
    RENAME = "rename"  # yes: the name is corrected; no: it is a second appointment


def read_reply(
    utterances: Sequence[str],
    question: Question,
    later: Sequence[str] = (),
    about: str = "",
    today: date | None = None,
) -> Reply:
    """Return what the caller's `utterances` since a question, the first one first, say to it.

    A question back and "Moment" are no answer; if there is nothing else, the question is asked again. What was said `later`, to
    something else, may still refuse. `about` is the sentence of the question: a cancellation that names more than it is of another
    appointment. `today` is the day of the call.
    """
    if question is Question.RENAME:
        corrects = corrects_name(utterances)
        return Reply.UNCLEAR if corrects is None else Reply.YES if corrects else Reply.NO
    if question is Question.CANCEL:
        utterances = [drop_illness(utterance, about) for utterance in utterances]
        if any(_names_another(words_of(each), about, today) for each in utterances):
            return Reply.NO
    read = [_read(utterance, question) for utterance in utterances]
    if question is not Question.ADDRESS and Reply.NO in (*read, *(_read(utterance, question) for utterance in later)):
        return Reply.NO
    for reply in read:
        if reply in {Reply.YES, Reply.NO}:
            return reply
    return Reply.NO if read and read[-1] is None else Reply.UNCLEAR


def read_claim(text: str, agreement: re.Pattern[str] | None = None, *, cancels: bool = False) -> bool | None:
    """Return whether a model's words claim an agreement and nothing else; None where they say neither, both, or more.

    `agreement` has the whole answers that claim it for what was asked. With `cancels` it is a cancellation: words that approve of
    the appointment claim none.
    """
    said = words_of(text)
    if text.rstrip().endswith("?"):
        return None
    if agreement and agreement.fullmatch(said):
        return True
    denies = bool((_NO.search(said) or _DENIAL.search(said) or _KEEP.search(said)) and not _SAYING.search(said))
    if denies:
        return None if _YES.search(_NO.sub(" ", said).strip()) else False
    if cancels and not _CANCELLATION.search(said) and (_APPOINTMENT.search(said) or not _CLEARLY.search(said)):
        return None
    claims = bool(_ONLY_CLAIM.fullmatch(said) and _AGREEMENT.search(said)) or bool(_SAYING.search(said))
    return True if claims else None


def has_no_preference(utterance: str) -> bool:
    """Return whether somebody who was offered a choice of times leaves it to whoever offers them."""
    return bool(_NO_PREFERENCE.search(words_of(utterance)))


def words_of(utterance: str) -> str:
    """Return the words of an utterance in lower case, with one space between them and without signs."""
    return " ".join(re.findall(r"\w+", utterance.casefold()))


def is_question(utterance: str) -> bool:
    """Return whether a caller asks something."""
    return utterance.rstrip().endswith("?") or _asks(words_of(utterance))


def asks_something_else(utterance: str, answered: Sequence[str]) -> bool:
    """Return whether an agent, who has asked whether to cancel and was `answered`, asks another question.

    What is said before an answer is the question itself, in whatever words.
    """
    asked = [words_of(sentence) for sentence in re.split(r"(?<=[.!?])", utterance) if sentence.endswith("?")]
    return bool(answered and asked) and not (_CANCELLATION.search(asked[-1]) and not _MOVE.search(asked[-1]))


def answers_nothing(utterance: str) -> bool:
    """Return whether nothing but a question or "Moment" was said to what was offered."""
    return _read(utterance, Question.MEANT) is None


def _asks(said: str) -> bool:
    return bool(_QUESTION.search(said)) and not _SAYING.search(said)


def _read(utterance: str, question: Question) -> Reply | None:
    """Return what one utterance says; None if it answers nothing."""
    said = words_of(utterance)
    is_yes = bool(_YES.search(_NO.sub(" ", said).strip()))
    is_aside = _asks(said) or utterance.rstrip().endswith("?") or bool(_WAIT.search(said))
    if question is Question.CANCEL:
        said = words_of(drop_hindrances(utterance))
        asks = "?" in _TAG.sub(" ", utterance) or _asks(said)
        return _read_cancellation(said, is_aside, is_talk=_speaks_of_it(said, asks=asks))
    if _asks(said) and not is_yes:
        return None
    if _NO.search(said):
        return Reply.UNCLEAR if is_yes else Reply.NO
    if is_yes and not is_aside and _ONLY_YES.fullmatch(said):
        return Reply.YES
    return None if is_aside and not is_yes else Reply.UNCLEAR


def _names_another(said: str, about: str, today: date | None) -> bool:
    """Return whether a cancellation names a day, a service or a person that the sentence `about` the asked one does not."""
    if not _CANCEL.search(said):
        return False
    asked = words_of(about)
    known = _NAMES_NONE | set(asked.split())
    named = {word for each in _NAMED for found in each.finditer(said) for word in found.groups() if word}
    return any(word not in known and not is_day_of(word, asked, today) for word in named)


def _speaks_of_it(said: str, *, asks: bool) -> bool:
    """Return whether a cancellation is only spoken about: in a question that requests none, or as something to consider."""
    return bool(_SPEAKS_OF_IT.search(_AS_SAID.sub(" ", said))) or (asks and not _REQUEST.search(said))


def _read_cancellation(words: str, is_aside: bool, *, is_talk: bool) -> Reply | None:
    """Return what an answer says to whether an appointment is to be cancelled: what is more than an agreement is none.

    A model's word counts only where the caller names the cancellation, or agrees in words that may be about the appointment.
    """
    said = " ".join(_BESIDE.sub(" ", words).split())
    is_yes = bool(_YES.search(_NO.sub(" ", said).strip()))
    if _NOT_CANCEL.search(said) or _NEGATION.search(_HARMLESS.sub(" ", said)) or _KEEP.search(said):
        return Reply.NO
    cancels = bool(_CANCEL.search(said)) and not _ANOTHER_APPOINTMENT.search(said)
    if not cancels and (_MOVE.search(said) or _NO.search(said)):
        return Reply.NO
    if _CONDITION.search(said) or (is_aside and not cancels) or (cancels and is_talk):
        return None
    if is_yes and not is_aside and _ONLY_YES.fullmatch(said):
        is_clear = cancels or (_STRONG_YES.search(said) and not _APPROVES.search(said))
        return Reply.YES if is_clear else Reply.UNCLEAR
    is_key = not words  # a pressed key says something, but not what
    return Reply.UNCLEAR if cancels or is_key or _GO_ON.fullmatch(said) else None
