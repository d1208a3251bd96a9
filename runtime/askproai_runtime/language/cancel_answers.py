"""Read a caller's answer to the question whether to cancel an appointment. A reason beside the answer neither refuses nor names
another appointment. Pure.
"""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from askproai_core.languages import Language
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
    YES_WORD,
    Reply,
    asks,
    is_question,
    words_of,
)
from askproai_runtime.language.plain_yes import drop_hours
from askproai_runtime.sentences import SENTENCES
from askproai_runtime.spoken_times.mentions import list_days_of_month
from askproai_runtime.understood import UNDERSTOOD, not_behind

_WORDS: Final = UNDERSTOOD.cancellations
# A clause about not coming is a reason. "Ich kann nicht." is one unless it is about cancelling: "absagen, das kann ich nicht".
_HINDRANCE: Final = re.compile(
    rf"{not_behind(_WORDS.refers_back)}(?:(?:\b(?:{_WORDS.subject}))\s+){{0,4}}+\b"
    rf"(?:{_WORDS.not_coming}|(?:{_WORDS.cannot})(?=\s*(?:[,.;!]|$)|\s+(?:{_WORDS.before_request})\b))"
)
_REASON: Final = " leider "  # an apology in place of the clause: no answer by itself
# A caller who asks to cancel means it, whatever the other words are: "nicht verschieben, sondern absagen".
_CANCEL = re.compile(rf"\b(?:{_WORDS.cancel})\b")
_NOT_CANCEL = re.compile(rf"\b(?:{_WORDS.not_cancel})\b")
_ANOTHER_APPOINTMENT = re.compile(rf"\b(?:{_WORDS.another_appointment})\b")
_FURTHER: Final = re.compile(rf"\b(?:{_WORDS.further})\b")
_ALL: Final = re.compile(rf"\b(?:{_WORDS.all})\b")
_EXCEPT: Final = re.compile(rf"\b(?:{_WORDS.exceptions})\b")
# Words for a day, a service or a person: if the question has not named it, another appointment is meant.
_NAMED = (
    re.compile(rf"\b({_WORDS.weekday})"),
    re.compile(rf"\b({_WORDS.day}|\d+)\b"),
    re.compile(rf"\b(?:{_WORDS.of_whom})(\w+)"),
)
_CANCELLED = (
    re.compile(rf"\b(?:{_WORDS.own}) (\w+)"),
    re.compile(rf"\b(?:{_WORDS.before_cancelling}) (\w+)(?:{_WORDS.to_cancel})\b"),
    re.compile(rf"\b(?:{_WORDS.cancels_that}) (\w+)"),
)
_TAG = re.compile(rf"\b(?:{_WORDS.tag})\s*\?", re.IGNORECASE)
# Negations beside which the cancellation may be meant all the same; any other one is a no.
_HARMLESS = re.compile(_WORDS.harmless)
_NEGATION = re.compile(rf"\b(?:{_WORDS.negation})\b")
# A no before a cancellation may be one to the move that the question mentions, and so may a refused move. The "no" of "no need
# to cancel" is none: an English "no" needs a sign after it.
_FIRST_NO: Final = re.compile(rf"(?:(?:{_WORDS.hesitation})\W+)*(?:(?:{_WORDS.first_no})\W*)+")
_NO_MOVE: Final = re.compile(rf"\b(?:{_WORDS.no_move})(?=\s*(?:[,.;!]|$)|\s+(?:{_WORDS.goes_on})\b)")
_KEEPS: Final = re.compile(rf"\b(?:{UNDERSTOOD.answers.keep_firmly}|{_WORDS.keeps})\b(?!.*\b(?:{_WORDS.negation})\b)")
_THAT_ONE: Final = re.compile(rf"\b(?:{_WORDS.that_one})\b")
# "Danke, passt" and "der Termin ist okay" may be about the appointment: without a word for the cancellation they are no agreement.
_STRONG_YES = re.compile(rf"\b{STRONG_YES_WORD}\b")
# "Ja, alles richtig" and "genau, alles gut so" approve of something, and that may be the appointment.
_APPROVES = re.compile(rf"\b(?:{_WORDS.approves})\b")
# A yes at the beginning agrees whatever is said behind it, unless that may keep the appointment or mean another one.
_YES_FIRST = re.compile(rf"^(?:{UNDERSTOOD.answers.before_yes}|) ?(?:(?:{STRONG_YES_WORD}|{_WORDS.decides})(?: |$))+")
_KEEPS_OPEN = re.compile(rf"\b(?:{_WORDS.keeps_open})\b")
_HINDERS = re.compile(rf"\b(?:{_WORDS.hinders})\b")
# Beside an agreement these change nothing: an apology, whether it costs anything, and that the caller had wanted to ask it.
_BESIDE = re.compile(rf"\b(?:{_WORDS.apology})\b(?: (?:{_WORDS.after_apology})\b)?")
_NEW_ONE: Final = re.compile(rf"\b(?:{_WORDS.new_one})\b")
_NEXT_REQUEST: Final = re.compile(_WORDS.next_request)
_ADDS_ANOTHER: Final = re.compile(rf" (?:{_WORDS.adds_another})$")
_SAYS_YES: Final = re.compile(rf"\b(?:{YES_WORD})\b")
_BUT: Final = re.compile(rf"\b(?:{_WORDS.after_apology})\b")
_SENTENCES: Final = re.compile(r"[.!?]\s+")
_COSTS = re.compile(rf"\b(?:{_WORDS.costs})\b")
_GO_ON = re.compile(rf"(?:{_WORDS.go_on})")
_STAYING: Final = re.compile(
    "|".join(
        rf"{re.escape(before.strip())} .*?{re.escape(after)} ?"
        for before, _, after in (SENTENCES[language].other_stays.partition("{when}") for language in Language)
    )
)
_ANY_WEEKDAY: Final = "|".join(each.casefold() for language in Language for each in SENTENCES[language].weekdays)
_ALSO: Final = re.compile(rf"\b(?:{UNDERSTOOD.one_more.also})\b")
CANCELLATION = re.compile(rf"\b{CANCELLATION_WORD}\b")


def speaks_of_cancelling(text: str) -> bool:
    """Return whether a text has a word for a cancellation."""
    words = words_of(text)
    return bool(CANCELLATION.search(words) or _CANCEL.search(words))


def may_add_another(said: str) -> bool:
    """Return whether a caller's words may ask for one more cancellation: "das Färben auch"."""
    return bool(_ALSO.search(words_of(said)))


def says_more(utterance: str, answered: Sequence[str], question: str) -> bool:
    """Return True if the agent's utterance asks something or says more than courtesies. False if the caller has `answered`
    nothing but "hm" before it.

    The agent's words before the caller's answer are the `question` itself, unless they end with another appointment than that of
    a question which says that this one stays. Words after the answer may be about another appointment, and so may the caller's
    yes to them: "Okay, den am Samstag also."
    """
    if _STAYING.search(question) and names_another(re.split(r"[.!?:]\s", utterance)[-1], question, None):
        return True
    if not any({*words_of(each).split()} - _WORDS.backchannel for each in answered):
        return False
    return "?" in utterance or not {*words_of(utterance).split()} <= _WORDS.courtesy


def means_all(said: str) -> bool:
    """Return whether words ask to cancel all the named appointments, without an exception: "beide", "alle drei"."""
    words = words_of(said)
    return bool(_ALL.search(words)) and not _EXCEPT.search(words)


def speaks_of_cost(said: str) -> bool:
    """Return whether words ask for the cost of a cancellation, or make it a condition: "wenn es nichts kostet, ja"."""
    return bool(_COSTS.search(words_of(said)))


def only_thanks(said: str) -> bool:
    """Return whether the words after a cancellation are only thanks or a goodbye, or there are none."""
    return bool(set(words_of(said).split()) <= _WORDS.thanks)


def refuses(said: str, *, claimed: bool) -> bool:
    """Return whether words refuse a cancellation: they are only a no, say "nicht absagen" or "lassen Sie ihn drin" or ask to move
    the appointment, or contain a no and the model has `claimed` one. A no to the move itself refuses nothing.
    """
    words = words_of(_NO_MOVE.sub(_REASON, said.casefold()))
    if read_cancellation(said) is not Reply.NO or YES.search(NO.sub(" ", words).strip()):
        return False
    if claimed or (not is_question(said) and _NOT_CANCEL.search(words)):
        return True
    keeps = not is_question(said) and ((MOVE.search(words) and NO.search(words)) or _KEEPS.search(words))
    return bool(keeps or ONLY_NO.fullmatch(WAIT.sub(" ", words).strip())) and not _CANCEL.search(words)


def _words_of_question(about: str) -> str:
    """Return the words of a question (`about`) without the sentence on another appointment that stays."""
    return words_of(_STAYING.sub("", about))


def names_another(utterance: str, about: str, today: date | None) -> bool:
    """Return True if words, or a request to cancel, name a day, service or person that the question (`about`) has not."""
    said, asked = words_of(utterance), _words_of_question(about)
    patterns = (*_NAMED, *_CANCELLED) if _CANCEL.search(said) else _NAMED
    known = _WORDS.names_none | _WORDS.thanks | set(asked.split())
    named = {word for each in patterns for found in each.finditer(said) for word in found.groups() if word}
    return any(word not in known and not _is_day_of(word, asked, today) for word in named)


def asks_the_same(utterance: str, about: str) -> bool:
    """Return whether an agent's utterance only repeats words of the question (`about`), or asks in own words whether to cancel
    and names no other day, service or person.
    """
    said = words_of(utterance)
    if {*said.split()} <= {*_words_of_question(about).split()}:
        return True
    is_of_it = bool(_CANCEL.search(said)) and not (_ANOTHER_APPOINTMENT.search(said) or _FURTHER.search(said))
    return is_of_it and not names_another(utterance, about, None)


def asks_again(utterance: str, said: Sequence[str], about: str) -> bool:
    """Return whether an agent's utterance ends with the question whether to cancel, after the caller has `said` nothing but
    "Moment" or a question for the cost since the question `about`.
    """
    last, before = words_of(re.split(r"[.!?:]\s", utterance)[-1]), [words_of(each) for each in said]
    is_aside = all(
        (WAIT.search(each) or _COSTS.search(each)) and not names_another(each, about, None) for each in before
    )
    is_plain = {*last.split()} <= _WORDS.asks_again | {*_words_of_question(about).split()}
    return bool(about) and utterance.endswith("?") and bool(_CANCEL.search(last)) and is_plain and is_aside


def name_questions(words: str, questions: Sequence[str]) -> Sequence[bool]:
    """Return which of several `questions` whether to cancel an agent asks in own `words`, by a day, person or service that only
    one of them names; all of them if the words repeat a question or mean all, and none if they name none.
    """
    texts, said = [{*_words_of_question(each).split()} for each in questions], {*words_of(words).split()}
    named = [bool(said & text.difference(*texts[:at], *texts[at + 1 :])) for at, text in enumerate(texts)]
    is_of_all = means_all(words) or any(each.rpartition(". ")[2] in words for each in questions)
    return [True] * len(texts) if is_of_all else named


def _speaks_of_it(said: str, utterance: str) -> bool:
    """Return True if a caller mentions cancelling without requesting it: in a question ("Kostet das etwas?") or as a mere idea."""
    is_asked = "?" in _TAG.sub(" ", utterance) or asks(said)
    return bool(SPEAKS_OF_IT.search(said)) or (is_asked and not REQUEST.search(said))


def _drop_asked(said: str, about: str, today: date | None) -> str | None:
    """Return the caller's words beside a yes without courtesies and the words, day and hours of our question whether to cancel,
    whose text is `about`. None if they name any other appointment, or may keep this one.
    """
    sentences = [SENTENCES[language] for language in Language]
    removes = any(each.shall_i_remove_place.partition("{")[0] in about for each in sentences)
    questions = (
        q for each in sentences for q in (each.shall_i_cancel, each.shall_i_cancel_other, each.shall_i_remove_place)
    )
    beginnings = (each.partition("{")[0] for each in questions)
    question = next((about[about.rindex(each) :] for each in beginnings if each in about), "")
    asked = {*words_of(question).split()} | _WORDS.beside_asked | _WORDS.thanks  # "den von Erna"
    if removes:
        asked |= _WORDS.off_the_list
    left = drop_hours(said, question)
    if left is None or _KEEPS_OPEN.search(said) or names_another(said, about, today):
        return None
    text, words = _words_of_question(about), _THAT_ONE.sub(" ", left).split()
    rest = (word for word in words if asked.isdisjoint({word, word.removesuffix("s")}))
    return " ".join(word for word in rest if not _is_day_of(word, text, today))


def read_cancellation(utterance: str, about: str = "", today: date | None = None) -> Reply | None:
    """Return the reply that an utterance gives to the question whether to cancel an appointment (`about` is its text); None if
    the utterance does not answer. `today` is the day of the call.

    The reply is `UNCLEAR`, so that the model's argument counts, if the caller mentions cancelling, agrees in words that may only
    approve of the appointment, gives a reason beside a yes, or says other sentences before a plain yes. It is also `UNCLEAR`
    after a no that may refuse the move that the question mentions.
    """
    reply = _read_at_once(utterance, about, today)
    *before, last = [each for each in _SENTENCES.split(utterance) if each.strip()] or [""]
    if reply not in {Reply.NO, None} or not before or _may_refuse(". ".join(before), about, today):
        return reply
    is_yes = _SAYS_YES.search(words_of(last)) and _read_at_once(last, about, today) not in {Reply.NO, None}
    return Reply.UNCLEAR if is_yes else reply


def _read_at_once(utterance: str, about: str, today: date | None) -> Reply | None:
    """Return the reply of an utterance as `read_cancellation` does, read as one sentence."""
    utterance = _find_yes_before_another(utterance) or _drop_next_request(utterance.casefold())
    if _CANCEL.search(words_of(utterance)):
        if about and names_another(utterance, about, today):
            return Reply.NO
        utterance = _NO_MOVE.sub(_REASON, utterance)
    if (no := _FIRST_NO.match(utterance)) is not None:
        rest = utterance[no.end() :]
        is_meant = _CANCEL.search(words_of(rest)) and read_cancellation(rest, about, today) not in {Reply.NO, None}
        return Reply.UNCLEAR if is_meant else Reply.NO
    words, is_hindered = words_of(_HINDRANCE.sub(_REASON, utterance)), _HINDRANCE.search(utterance) is not None
    said = " ".join(_BESIDE.sub(" ", words).split())
    is_yes = bool(YES.search(NO.sub(" ", said).strip()))
    is_aside = is_question(utterance) or bool(WAIT.search(words_of(utterance)))
    if _NOT_CANCEL.search(said) or _NEGATION.search(_HARMLESS.sub(" ", said)) or KEEP.search(said):
        return Reply.NO
    cancels = bool(_CANCEL.search(said)) and not _ANOTHER_APPOINTMENT.search(said)
    if not cancels and (MOVE.search(said) or NO.search(said)):
        return Reply.NO
    if CONDITION.search(said) or (is_aside and not cancels) or (cancels and _speaks_of_it(said, utterance)):
        return None
    if is_yes and not is_aside:
        beside, is_strong = _YES_FIRST.sub("", said), bool(_STRONG_YES.search(said))
        left = "" if ONLY_YES.fullmatch(said) else None if beside == said else _drop_asked(beside, about, today)
        if left == "" or ONLY_YES.fullmatch(left or ""):
            return Reply.YES if cancels or (is_strong and not _APPROVES.search(said)) else Reply.UNCLEAR
        if left and is_strong and (is_hindered or _HINDERS.search(beside)):
            return Reply.UNCLEAR
    is_key = not words  # a pressed key says something, but not what
    return Reply.UNCLEAR if cancels or is_key or _GO_ON.fullmatch(said) else None


def _may_refuse(said: str, about: str, today: date | None) -> bool:
    """Return whether sentences before a yes may refuse the cancellation, or be about another appointment."""
    words = words_of(said)
    refuses = any(each.search(words) for each in (KEEP, MOVE, CONDITION, _BUT)) or _FIRST_NO.match(said.casefold())
    return bool(refuses) or names_another(said, about, today)


def _find_yes_before_another(utterance: str) -> str:
    """Return the yes, without punctuation, before words that cancel another appointment, too ("ja, und den Freitag auch"); else
    "".
    """
    said = words_of(utterance)
    found = _ADDS_ANOTHER.search(said)
    return said[: found.start()] if found is not None and ONLY_YES.fullmatch(said, 0, found.start()) else ""


def _drop_next_request(utterance: str) -> str:
    """Return an utterance in lower case without the request for a new appointment behind its answer ("ja, und dann brauche ich
    einen neuen"). Other words there may change the answer.
    """
    found = _NEXT_REQUEST.search(utterance)
    if found is None or not utterance[: found.start()].strip() or utterance[found.end() :].strip(" ."):
        return utterance
    beside = words_of(_NEW_ONE.sub(" ", found[0]))  # "einen neuen Termin" alone is no move
    changes = any(each.search(beside) for each in (NO, KEEP, CONDITION, MOVE))
    return utterance if changes else utterance[: found.start()]


def _is_day_of(word: str, about: str, today: date | None) -> bool:
    """Return True if a word such as `morgen` or `neunten` means the day whose date is in the text of the question (`about`)."""
    if today is None:
        return False
    days = {(_ANY_WEEKDAY, day) for day in list_days_of_month(word, datetime.combine(today, time(), UTC))}
    if word in _WORDS.days_ahead:
        day = today + timedelta(days=_WORDS.days_ahead[word])
        names = "|".join(SENTENCES[language].weekdays[day.weekday()].casefold() for language in Language)
        days = {(names, day.day)}
    return any(re.search(rf"\b(?:{names}) (?:(?:{_WORDS.before_number}) )?{number}\b", about) for names, number in days)
