"""Read a caller's answer to a yes-or-no question. If the transcript is clear, no model decides."""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from enum import StrEnum
from typing import Any, Final

from askproai_runtime.language.answer_words import (
    FILLER,
    KEEP,
    NO,
    ONLY_YES,
    SAYING,
    STRONG_YES_WORD,
    WAIT,
    YES,
    YES_WORD,
    Reply,
    asks,
    is_question,
    words_of,
)
from askproai_runtime.language.cancel_answers import CANCELLATION, read_cancellation
from askproai_runtime.language.company import read_company
from askproai_runtime.language.plain_yes import is_plain_yes
from askproai_runtime.person_names import fold
from askproai_runtime.understood import UNDERSTOOD

_WORDS: Final = UNDERSTOOD.replies
# Reports of a model: "caller confirmed", "noch nicht bestätigt".
# Any further word may change it: "to be confirmed".
_CLAIM_WORD = rf"(?:1|{_WORDS.claim})"
_REPORTING = rf"(?:{_WORDS.reporting})"
_ONLY_CLAIM = re.compile(rf"(?:(?:{YES_WORD}|{FILLER}|{_CLAIM_WORD}|{_REPORTING})(?: |$))++")
_APPOINTMENT = re.compile(rf"\b(?:{_WORDS.appointment})\b")
_CLEARLY = re.compile(rf"\b(?:{STRONG_YES_WORD}|{_CLAIM_WORD})\b")
_AGREEMENT = re.compile(rf"\b(?:{YES_WORD}|{_CLAIM_WORD})\b")
_DENIAL = re.compile(rf"^(?:n|0|false)$|\b(?:{_WORDS.denial})\b")
# Words that choose none of several offered times. "Egal bei wem" is about the person.
_NO_PREFERENCE = re.compile(rf"\b(?:{_WORDS.no_preference})\b")


# The keys are the questions: whether to cancel an appointment (its id), whether it is meant (`meant_key`), whether details or a
# name are of it (`details_key`), whether an e-mail address is right (the address without differences of case), whether words
# mean a service or a staff member (`heard_key`), for a number (`PhoneQuestion.key`), who comes along (`companions_key`), for the
# full name of an appointment (`name_key`), or whether a waiting-list entry stays (`kept_key`).
Replies = Mapping[str, Reply]


def meant_key(appointment_id: str) -> str:
    """Return the key in `Replies` of our question whether the caller means this appointment."""
    return f"meant {appointment_id}"


def details_key(appointment_id: str) -> str:
    """Return the key in `Replies` of our question whether an uncertain name or detail belongs to this appointment."""
    return f"details {appointment_id}"


def kept_key(waitlist_id: str) -> str:
    """Return the key in `Replies` of our question whether this waiting-list entry stays beside a new one."""
    return f"kept {waitlist_id}"


def rename_key(appointment_id: str) -> str:
    """Return the marker of our question whether this appointment or waiting-list entry gets another name."""
    return f"rename {appointment_id}"


def name_key(appointment_id: str) -> str:
    """Return the key in `Replies` of our question for the full name of an appointment's customer."""
    return f"name {appointment_id}"


def heard_key(said: str, meant: str) -> str:
    """Return the key in `Replies` of the question whether words mean `meant`: a service's name in the config, or a staff id."""
    return f"heard {meant} {words_of(said)}"


def companions_key(start: str) -> str:
    """Return the key in `Replies` of the question who comes along at the time `start`, or whether the caller comes alone."""
    return f"companions {start}"


# In place of a time, since these questions are for no other time once they were asked:
ONE_NAME: Final = "one name"  # whether one person has several appointments
NAMES: Final = "names"  # of the companions
COMPANY: Final = "company"  # whether anybody comes along
ONE_BY_ONE: Final = "one_by_one"  # whether to book the first of several people alone


class PhoneQuestion(StrEnum):
    """The reasons to ask a caller for a telephone number. The value is the field `needs_phone` of our answer."""

    MISSING = "missing"
    UNCLEAR = "unclear"
    HALF = "half"  # too few digits
    CALL_BACK = "call_back"  # of a withheld caller who asks to be called back

    @property
    def key(self) -> str:
        """Return the key of this question in `Replies`."""
        return f"phone {self.value}"


class Question(StrEnum):
    """The kind of a question, which decides which words answer it."""

    CANCEL = "cancel"  # a no is final: a later yes may answer something else
    MEANT = "meant"
    ADDRESS = "address"  # the first answer is final: a later no refuses something else
    HEARD = "heard"  # as well
    PHONE = "phone"  # any answer is final: it is asked once
    NAME = "name"  # as well, also those of companions
    SEVERAL = "several"  # two appointments, or only one: a no
    COMPANY = "company"  # who comes along, or nobody: a no


_FIRST_COUNTS = frozenset({Question.ADDRESS, Question.HEARD, Question.SEVERAL, Question.COMPANY})
_ONE: Final = UNDERSTOOD.companions.one
_SEVERAL: Final = UNDERSTOOD.companions.several_appointments


def read_reply(
    utterances: Sequence[str],
    question: Question,
    later: Sequence[str] = (),
    about: str = "",
    today: date | None = None,
    function: str = "",
    request: Mapping[str, Any] | None = None,
) -> Reply:
    """Return the caller's reply to our yes-or-no question, by the `utterances` since it, oldest first.

    A question back and "Moment" are no reply; if the caller says nothing else, the question is asked again. The words `later`,
    said after another answer or question, may still refuse. `about` is the text of the question: words about a cancellation
    that name another day, service or person refuse this one. `today` is the day of the call. The call `function` asked the
    question instead of carrying out the `request`.
    """
    if question is Question.CANCEL:
        about = f"{about} {(request or {}).get('customer_name') or ''}"
    read = [_read(utterance, question, about, today) for utterance in utterances]
    if question is Question.MEANT:
        is_plain = [
            reply is Reply.UNCLEAR and holds_yes(utterance) and is_plain_yes(utterance, about, function, request)
            for utterance, reply in zip(utterances, read, strict=True)
        ]
        read = [Reply.YES if plain else reply for plain, reply in zip(is_plain, read, strict=True)]
    refused = (*read, *(_read(utterance, question, about, today) for utterance in later))
    if question not in _FIRST_COUNTS and Reply.NO in refused:
        return Reply.NO
    for reply in read:
        if reply in {Reply.YES, Reply.NO}:
            return reply
    if read and read[-1] is None:
        return Reply.ASIDE if question in {Question.MEANT, *_FIRST_COUNTS} else Reply.NO
    return Reply.UNCLEAR


def read_claim(text: str, agreement: re.Pattern[str] | None = None, *, cancels: bool = False) -> bool | None:
    """Return True if the model's words for a boolean argument say that the caller agreed, False if they say that the caller
    refused, and None if they say neither or both.

    `agreement` matches further words that are an agreement to this question. With `cancels`, the question is about a
    cancellation: words that approve of the appointment are then no agreement.
    """
    said = words_of(text)
    if text.rstrip().endswith("?"):
        return None
    if agreement and agreement.fullmatch(said):
        return True
    denies = bool((NO.search(said) or _DENIAL.search(said) or KEEP.search(said)) and not SAYING.search(said))
    if denies:
        return None if YES.search(NO.sub(" ", said).strip()) else False
    if cancels and not CANCELLATION.search(said) and (_APPOINTMENT.search(said) or not _CLEARLY.search(said)):
        return None
    claims = bool(_ONLY_CLAIM.fullmatch(said) and _AGREEMENT.search(said)) or bool(SAYING.search(said))
    return True if claims else None


def has_no_preference(utterance: str) -> bool:
    """Return whether a caller who was offered a choice of times leaves the choice to the agent."""
    return bool(_NO_PREFERENCE.search(words_of(utterance)))


def answers_nothing(utterance: str) -> bool:
    """Return whether an utterance after an offer is only a question or "Moment"."""
    return _read(utterance, Question.MEANT) is None


def asks_or_waits(utterance: str) -> bool:
    """Return whether an utterance is a question or "Moment", and has no yes."""
    said = words_of(utterance)
    return (is_question(utterance) or bool(WAIT.search(said))) and not YES.search(said)


def holds_yes(utterance: str) -> bool:
    """Return True if an utterance contains a yes, but no "nein", no question and no "Moment"."""
    said = words_of(utterance)
    return bool(YES.search(said)) and not NO.search(said) and not is_question(utterance) and not WAIT.search(said)


def _read(utterance: str, question: Question, about: str = "", today: date | None = None) -> Reply | None:
    """Return the reply that one utterance gives to a question; None if it does not answer the question."""
    if question is Question.CANCEL:
        return read_cancellation(utterance, about, today)
    said = words_of(utterance)
    if question is Question.SEVERAL:
        return _read_several(utterance)
    if question is Question.COMPANY:
        return read_company(utterance)
    if question is Question.HEARD:  # "Ja, Haarschnitt." repeats a word of the question
        asked = words_of(about).split()
        said = " ".join(word for word in said.split() if word not in asked)
    is_yes = bool(YES.search(NO.sub(" ", said).strip()))
    is_aside = is_question(utterance) or bool(WAIT.search(said))
    if asks(said) and not is_yes:
        return None
    if NO.search(said):
        return Reply.UNCLEAR if is_yes else Reply.NO
    if is_yes and not is_aside and (question is Question.HEARD or ONLY_YES.fullmatch(said)):
        return Reply.YES
    return None if is_aside and not is_yes else Reply.UNCLEAR


def _read_several(utterance: str) -> Reply | None:
    """Return the reply to the question whether a person has two appointments or one: "Nur einen" without further words."""
    said = {*fold(words_of(utterance)).split()} - UNDERSTOOD.companions.beside_count
    if is_question(utterance):
        return None
    if not said <= _ONE | _SEVERAL:
        return Reply.NO if read_company(utterance) is Reply.NO else Reply.UNCLEAR
    if not said:
        is_no = NO.search(words_of(utterance))
        return Reply.NO if is_no else Reply.YES if holds_yes(utterance) else Reply.UNCLEAR
    return Reply.NO if said <= _ONE else Reply.YES if said <= _SEVERAL else Reply.UNCLEAR
