"""Find the times that an answer has just named and a caller does not want. Pure; decides only on words that leave no doubt.

An accepting phrase or a chosen time anywhere wins over a no. Unclear words decline nothing, and the times are named again:
nobody waits for a free time because a word was misread. A no about some times ("vormittags kann ich nicht") declines those.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from askproai_runtime.language.answer_words import is_question, words_of
from askproai_runtime.language.replies import answers_nothing
from askproai_runtime.spoken_times import Mention, UnclearMention, find_mention

NUMBER = (
    r"(?:[01]?\d|2[0-4]|eins?|zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn|elf|zwölf|dreizehn|vierzehn|fünfzehn|sechzehn"
    r"|siebzehn|achtzehn|neunzehn|zwanzig|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)"
)
_TIME = (
    rf"(?:(?:um|gegen|at|halb|half past|viertel (?:vor|nach)) {NUMBER}\b"
    rf"|\b{NUMBER} (?:uhr|o clock|am|pm|a m|p m)\b|\b[012]?\d[ :.][0-5]\d\b)"
)
_ORDINAL = (
    r"\b(?:de[nrm]|die|das|the) (?:erste[nrms]?|zweite[nrms]?|dritte[nrms]?|letzte[nrms]?|frühere[nrms]?|spätere[nrms]?"
    r"|andere[nrms]?|first|second|third|last|earlier|later|other)\b"
)
_PLACE = re.compile(_ORDINAL)
_POLITE = r"(?:bitte|dann|also|doch|lieber|gern|gerne|ja|na|gut|okay|ok|äh|ähm|please|then|well|oh|uh|um|yes|let s (?:do|say|take))"

# A no in them says nothing about the times: it agrees, doubts, asks for a moment, or speaks of the waiting list.
_WAITING = r"(?:warteliste|waiting ?list|wait ?list)"
_NEUTRAL = re.compile(
    r"\b(?:gar )?keine?[nrms]? (?:probleme?|thema|sorge|ursache|frage|einwand|einwände|zweifel|ahnung|eile|stress|umstände)\b"
    r"|\bnicht (?:so |ganz )?(?:schlecht|schlimm|verkehrt|übel|wahr|schnell|sicher|eilig)\b|\b(?:warum|wieso) (?:denn )?nicht\b"
    r"|\bnichts (?:dagegen|gegen|einzuwenden|zu meckern)\b|\b(?:macht|dagegen spricht|dagegen habe? ich) nichts\b|\bleider nur\b"
    r"|\bweiss (?:ich )?(?:es )?(?:noch )?nicht\b|\bnicht (?:\w+ )?verstanden\b"
    r"|\bnicht (?:\w+ ){0,2}sagen\b|\b(?:can t|cannot) (?:\w+ )?say\b|\b(?:don t|do not) see why not\b"
    r"|\bversteh\w* (?:\w+ ){0,2}nicht\b"
    r"|\b(?:nicht|not) (?:(?:vor|nach|before|after|until|bei|mit|with) \w+|später|früher|(?:\w+ ){0,2}later|(?:any )?earlier)\b"
    r"|\b(?:no|not a|not any) (?:problems?|worries|rush|doubt|idea|objections?)\b|\bcan t (?:wait|complain)\b"
    r"|\bnot (?:bad|sure|so fast|at all)\b|\bwhy not\b"
    r"|\b(?:don t|do not|wouldn t|would not) (?:mind|know|care)\b|\b(?:didn t|did not|don t) (?:\w+ )?(?:catch|understand|hear)\b"
    rf"|\bnicht (?:(?:mehr|unbedingt|länger|lange|so|auf|in|die|eine|der) )*(?:{_WAITING}|warten)\b"
    rf"|\bkeine (?:\w+ )?{_WAITING}\b|\bohne {_WAITING}\b"
    rf"|\b{_WAITING} (?:will|möchte|muss|brauche?|soll) (?:ich |wir |es )?nicht\b"
    r"|\b(?:no|not|don t|do not|without|no need)(?: (?:want|need|like|have|put|add|me|to|be|go|on|in|wait|for|a|the|any))*"
    rf" (?:{_WAITING}|wait)\b"
)
_WAITS = re.compile(
    rf"\b(?:{_WAITING}|warte lieber|lieber (?:\w+ )?warten|wait for|rather wait"
    r"|(?:auf|on) (?:die|der|ihre|the|your) (?:liste|list))\b"
)
_ASKS_TO_WAIT = re.compile(
    r"\b(?:(?:kann|könnte|können|könnten|würden|darf) (?:ich|sie|wir|mich)|(?:can|could|may|would) (?:i|you|we)"
    r"|setzen|schreiben|tragen|nehmen|put|add)\b"
)
REJECTS = re.compile(
    r"\b(?:keine?[mnrs]?|nicht|nichts|nie|niemals|weder|leider|schlecht|ungünstig"
    r"|zu (?:früh|spät|kurzfristig|bald|weit weg)"
    r"|none|neither|nothing|never|not|cannot|(?:can|don|doesn|didn|won|isn|aren) t|unfortunately"
    r"|no (?:times?|slots?|appointments?|days?|dates?|way|good|one)|too (?:early|late|soon|far))\b"
)
_NO = re.compile(r"\b(?:nein|nee|nö|no|nope|nah)\b")

_TAKES = re.compile(  # "nehme ich keinen" and "nehme ich nicht" take nothing; "nehme ich, nicht den anderen" does
    r"\bnehm(?:e|en) (?:wir |ich )?(?!(?:\w+ ){0,3}(?:keine?[nrms]?|nichts)\b)(?!(?:\w+ ){0,3}nicht$)"
    r"|\b(?:i ll|i will|we ll|i d|let s) (?:take|have|do|go with)\b(?! (?:none|neither|nothing))"
)
_SUITS = re.compile(
    r"\b(?:passt|passen|geht|ginge|klappt|reicht|(?:ist|wäre|klingt) (?:\w+ )?(?:gut|okay|ok|super|prima|perfekt|recht|ideal)"
    r"|in ordnung|einverstanden|machen wir|works|fits|suits|sounds"
    r"|(?:is|s|are|be) (?:\w+ )?(?:fine|good|great|ok|okay|perfect)"
    r"|(?:that|this|the first|the second) one)\b"
)
_CHOSEN = re.compile(
    rf"(?<!ab )(?<!bis )(?<!nach )(?<!vor )(?<!after )(?<!before )(?<!until )(?<!till )(?:{_TIME}|{_ORDINAL})"
    rf"|\b(?:do|say|make it|then|dann) {NUMBER}\b|\b{NUMBER} (?:bitte|please|it is|would be|wäre)\b"
    rf"|^(?:{_POLITE} )*{NUMBER}(?: {_POLITE})*$"
)
_AGREES = re.compile(
    r"^(?:(?:äh|ähm|ach|na|oh|also|doch|nein|nee|no|well) )*"
    r"(?:ja|jawohl|jo|genau|gern|gerne|einverstanden|yes|yeah|yep|sure|absolutely)\b"
)
_AGREES_LAST = re.compile(r"\b(?:okay|ok|super|prima|perfekt|klar|perfect|great|fine|please do)$")

# The dot of "am 24. kann ich nicht" ends no sentence, nor does the "so" of "nicht so gut am Montag".
_SENTENCE = re.compile(
    r"[;!?\n]|(?<!\d)\.(?!\d)|(?<=\d)\.(?=\s*$)|\s[-–—]\s|\b(?:aber|sondern|sonst|but|otherwise|instead)\b"
    r"|(?<!\bnicht )(?<!\bganz )(?<!\bnot )\bso\b"
    r"(?! (?:gut|recht|toll|günstig|gern|gerne|richtig|früh|spät|good|well|great|early|late)\b)"
)
_COMMA = re.compile(r"[,:](?!\d)")
_WORD = re.compile(r"\d{1,2}(?:[.:]\d{1,4})*\.?(?!\d)|\w+")
_OTHER_TIME = re.compile(  # "ten not eleven", as a speech recognizer without commas writes it
    rf" (?=(?:nicht|not) (?:um |at |die |den |der |the )?(?:{NUMBER}|erste|zweite|first|second)\b)"
)
_OTHERS = re.compile(  # "was gibt es sonst noch?"
    r"\b(?:was|etwas|sonst|noch) (?:\w+ ){0,3}(?:sonst|ander\w*|weitere\w*)\b|\bwas gibt es (?:sonst|noch)\b|\bsonst noch\b"
    r"|\b(?:andere|weitere)\w* (?:\w+ )?(?:zeit|uhrzeit|termin|möglichkeit|vorschl)\w*|\bwelche (?:\w+ ){1,3}noch\b"
    r"|\b(?:what|any\w*|something|nothing) else\b"
    r"|\b(?:other|different) (?:\w+ )?(?:time|slot|option)s?\b|\bmore (?:times|slots|options)\b"
)
_CONDITION = re.compile(r"^(?:und |and )?(?:falls|wenn|sobald|bis|if|when|until|in case)\b")

_LONGEST = 500  # characters that are read: the event loop waits for it, and nobody declines a time in more
_MOST_CLAUSES = 12

_NEITHER = re.compile(r"\b(?:weder|neither)\b(.*?)\b(?:noch|nor)\b")

# A caller who is busy at a time does not want it, though no word of these is a no by itself.
_BUSY = re.compile(r"\b(?:arbeite|arbeiten|schule|unterricht|verreist|unterwegs|i work|at work|working|busy|away)\b")
# With these the days or times that are named beside a no may be those that suit: "nicht nur vormittags".
_TURNS = re.compile(
    r"\b(?:nur|bloss|lediglich|erst|only|just|nicht immer|not always|nichts vor|nothing (?:on|planned)"
    r"|(?:nichts?|nie|weder|not|never|neither|nothing|(?:is|are)n t) (?:\w+ )?(?:zu|too)"
    r"|muss (?:\w+ ){0,2}(?:nicht|nie)|ha(?:be?|ben|ve) (?:\w+ ){0,4}(?:nichts|nothing|anything)"
    r"|(?:i|we) (?:don t|do not|never|won t) (?:\w+ )?work"
    r"|(?:keine?[nr]?|no) (?:\w+ )?(?:termine?|pläne|verpflichtung(?:en)?|schule|unterricht|appointments?|plans?))\b"
)
# "No mornings" rejects them; "no, mornings" asks for them, and not every recognizer writes the comma.
_NO_COMMA = re.compile(
    r"\bno (?:mornings?|afternoons?|evenings?|weekends?|(?:mon|tues|wednes|thurs|fri|satur|sun)days?)\b"
)
# "Freitag, nein" rejects Friday; "nein, Freitag" asks for it. The grammar knows no "Vormittage" that "keine" could reject.
_NO_LAST = re.compile(rf"{_NO.pattern}$")
_SEVERAL = re.compile(r"\b(?:(?:(?:vor|nach)?mit|mon|diens|donners|frei|sams|sonn)tagen?|abenden?|mittwochen?)\b")
# Questions that `is_question` does not know, because only with a no they may be taken for something else.
_ASKS_BACK = re.compile(
    r"^(?:und |aber |also |äh |and |but |so |uh )*(?:(?:können|könnten|hätten|würden|dürfen|dürften|sollen) (?:wir|sie|ich)"
    r"|(?:ginge|passte?|wäre) (?:\w+ )?nicht auch|passt (?:es )?ihnen"
    r"|(?:won|wouldn|isn|couldn|can|don|aren|doesn|haven) t (?:you|i|we|there|(?:mon|tues|wednes|thurs|fri|satur|sun)day))\b"
    r"|\boder$"
)
# "Montag kann ich nicht und Dienstag kann ich": after the "und" it may be another statement.
_AND = re.compile(r"\b(?:und|oder|and|or)\b")
_STATES = re.compile(r"\b(?:kann|könnte|können|ginge|habe?|bin|can|could|have|i a?m)\b")
# Words that may stand beside a rejected time and change nothing, beyond those of the grammar. Folded, as it reads them.
_WORDS_BESIDE = """
    gar ueberhaupt immer wirklich leider eigentlich generell grundsaetzlich sehr muss arbeite arbeiten schule unterricht bin
    unterwegs verreist verhindert davon zeiten uhrzeiten weder neither nor nie und all mine always work working busy away times
    any every really generally though
"""
_BESIDE = frozenset(_WORDS_BESIDE.split())


@dataclass(frozen=True, slots=True)
class _Clause:
    """A part of an utterance in lower case without punctuation, and the number of its sentence."""

    said: str
    sentence: int

    @property
    def rejects(self) -> bool:
        return rejects_times(self.said)


@dataclass(slots=True)
class _Named:
    """The times that an utterance rejects, and the others that it names."""

    rejected: list[Mention] = field(default_factory=list)
    others: list[Mention] = field(default_factory=list)


def find_declined(utterance: str, named: Collection[datetime], now: datetime) -> frozenset[datetime]:
    """Return the local times in `named`, which an answer has just named, that a caller certainly does not want. `now` is the
    start of the call, in any zone.

    A no that names days or times ("dienstags kann ich nicht") declines these. A no without a time declines all but those that
    the caller asks for instead. If it is not clear which times are meant, none is declined.
    """
    if not named or len(utterance) > _LONGEST:
        return frozenset()
    clauses = _list_clauses(utterance)
    if not _declines(utterance, clauses):
        return frozenset()
    try:
        found = _find_named(clauses, now.astimezone(next(iter(named)).tzinfo))
        others = {at for mention in found.others for at in mention.find_in(named, surely=False)}
        rejected = {at for mention in found.rejected for at in mention.find_in(named, surely=True)}
    except UnclearMention:
        return frozenset()
    return frozenset((rejected if found.rejected else set(named)) - others)


def asks_for_others(utterance: str, named: Collection[datetime], now: datetime) -> bool:
    """Return whether a caller asks for other times than the just `named` ones, or declines all of these (`find_declined`)."""
    if len(utterance) > _LONGEST or any(_chooses(clause.said) for clause in _list_clauses(utterance)):
        return False
    return bool(_OTHERS.search(words_of(utterance))) or find_declined(utterance, named, now) == frozenset(named)


def find_named_times(utterance: str, now: datetime) -> tuple[Sequence[Mention], Sequence[Mention]]:
    """Return the times that an utterance rejects, and the others that it names. Raises `UnclearMention`."""
    if len(utterance) > _LONGEST:
        raise UnclearMention("more than anybody needs to name a time")
    named = _find_named(_list_clauses(utterance), now)
    return named.rejected, named.others


def rejects_times(said: str) -> bool:
    """Return whether words (lower case, no punctuation) reject times, or say that the caller is busy."""
    return bool(REJECTS.search(said) or _BUSY.search(said))


def drop_neutral(said: str) -> str:
    """Return words (lower case, no punctuation) without phrases whose no is not about times: "kein Problem"."""
    return " ".join(_NEUTRAL.sub(" ", said).split())


def declines_offer(utterance: str) -> bool:
    """Return whether a caller certainly declines the times that were just named, or some of them.

    A question back or "Moment" declines nothing, unless it asks for the waiting list.
    """
    return _declines(utterance, _list_clauses(utterance))


def _declines(utterance: str, parts: Sequence[_Clause]) -> bool:
    clauses = [part.said for part in parts]
    if any(_chooses(clause) for clause in clauses):
        return False
    if any(_WAITS.search(clause) for clause in clauses):
        return not is_question(utterance) or any(_ASKS_TO_WAIT.search(clause) for clause in clauses)
    if answers_nothing(utterance) or _ASKS_BACK.search(words_of(utterance.replace("'", " "))):
        return False
    if any(_AGREES.search(clause) for clause in clauses) or (clauses and _AGREES_LAST.search(clauses[-1])):
        return False
    return any(REJECTS.search(clause) or _NO.search(clause) for clause in clauses)


def _find_named(clauses: Sequence[_Clause], now: datetime) -> _Named:
    """Return the rejected and the other times in the clauses of a no. Raises `UnclearMention`.

    "Am Dienstag, da kann ich nicht" rejects the times that the same sentence has named before it.
    """
    found = _Named()
    if len(clauses) > _MOST_CLAUSES:
        raise UnclearMention("more parts than anybody needs to decline a time")
    before: list[tuple[int, Mention]] = []  # named so far, and not rejected
    for clause in clauses:
        if _WAITS.search(clause.said):
            continue
        mention = _read(clause, now)
        if before and _NO_LAST.search(clause.said):
            raise UnclearMention("a no that may speak of what was named before it")
        if clause.rejects and mention is None:
            if any(sentence != clause.sentence for sentence, _ in before):
                raise UnclearMention("what an earlier sentence has named may be what is rejected")
            found.rejected += [each for _, each in before]
            before = []
        elif mention is not None and clause.rejects:
            if not mention.has_day and any(sentence == clause.sentence and each.has_day for sentence, each in before):
                raise UnclearMention("a time that is rejected may be that of the day before it")
            found.rejected.append(mention)
        elif mention is not None:
            before.append((clause.sentence, mention))
    found.others = [each for _, each in before]
    return found


def _read(clause: _Clause, now: datetime) -> Mention | None:
    """Return the days and times that a clause names; None if it names none. Raises `UnclearMention`."""
    listed = _NEITHER.sub(r"\1,", clause.said)
    said = " ".join(REJECTS.sub(" ", _NO.sub(" ", listed)).split())
    mention = find_mention(said, now, _BESIDE)
    is_turned = _TURNS.search(clause.said) or (_BUSY.search(clause.said) and REJECTS.search(clause.said))
    if mention is not None and (
        (clause.rejects and is_turned) or _NO_COMMA.search(clause.said) or _NO_LAST.search(clause.said)
    ):
        raise UnclearMention("a word that may turn what is said")
    if mention is not None and clause.rejects and _may_state_two(listed, now):
        raise UnclearMention("what is said after the no may be true of what is named there")
    if clause.rejects and (_PLACE.search(clause.said) or _SEVERAL.search(clause.said)):
        raise UnclearMention("one of the named times, by its place among them, or a kind of them")
    return mention


def _may_state_two(said: str, now: datetime) -> bool:
    """Return whether a clause that rejects a time may accept another: "nicht Montag, und Dienstag passt". Raises
    `UnclearMention`.
    """
    *_, last = _AND.split(said)
    if last != said and _STATES.search(last) and not REJECTS.search(last):
        return True
    found = [no.span() for rule in (REJECTS, _BUSY) for no in rule.finditer(said)]
    if not found:  # "weder", which is not listed any more
        return False
    before, after = said[: min(begin for begin, _ in found)], said[max(end for _, end in found) :]
    return bool(_AND.search(after)) and all(find_mention(each, now, _BESIDE) for each in (before, after))


def _list_clauses(utterance: str) -> list[_Clause]:
    """Return the parts of an utterance that say something about the times."""
    clauses = list[_Clause]()
    for number, sentence in enumerate(_SENTENCE.split(utterance.casefold())):
        for part in _COMMA.split(sentence):
            said = " ".join(_WORD.findall(part))
            for each in _OTHER_TIME.split(_NEUTRAL.sub(" ", said)):
                if (clause := " ".join(each.split())) and not _CONDITION.search(clause):
                    clauses.append(_Clause(clause, number))
    return clauses


def _chooses(clause: str) -> bool:
    """Return whether a clause accepts a time. A clause that rejects something accepts none, unless it says "nehme"."""
    if _WAITS.search(clause):
        return False
    if _TAKES.search(clause):
        return True
    return not REJECTS.search(clause) and bool(_SUITS.search(clause) or _CHOSEN.search(clause))
