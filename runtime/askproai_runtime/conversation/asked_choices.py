"""Read the caller's `choice` for an existing appointment beside a new request, and ask for it.

A question with a choice has `choices` in its answer; the model passes one of them on as the argument `choice`. A model
understands the caller's words better than any list of words, which reads some of them as their opposite
(docs/decisions/0100-a-second-time-for-one-person-is-asked-for.md). Therefore without a `choice` only a whole answer such as
"verschieben" is read, and words about a move in the arguments of a booking lead to a question.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from askproai_runtime.book.appointments import Appointment
from askproai_runtime.conversation.arguments.texts import read_text
from askproai_runtime.conversation.types import AskedChoice, CallContext, Choice, ClarificationNeeded
from askproai_runtime.language.answer_words import CANCELLATION_WORD, FILLER, MOVE, YES_WORD, words_of
from askproai_runtime.language.kept_times import UNFIT
from askproai_runtime.person_names import fold, may_be_same, same_name
from askproai_runtime.understood import UNDERSTOOD

_WORDS: Final = UNDERSTOOD.choices
_ONLY_MOVE: Final = re.compile(rf"(?:(?:{_WORDS.no_further})(?: |$))*+(?:(?:{YES_WORD}|{_WORDS.only_move})(?: |$))++")
# The words that models write for a value, whatever language they speak.
_SAID: Final = {said: Choice(choice) for said, choice in _WORDS.said.items()} | {each.value: each for each in Choice}
_POLITE: Final = re.compile(rf"^(?:(?:{YES_WORD}|{FILLER}) )++|(?: {FILLER})++$")
_NO_FURTHER: Final = re.compile(rf"\b(?:{_WORDS.no_further})\b")
_INSTEAD: Final = re.compile(rf"\b(?:{_WORDS.instead}|{CANCELLATION_WORD})\b")
_NOT_INSTEAD: Final = re.compile(rf"\b(?:{_WORDS.not_instead})\b|{UNFIT.pattern}")
_CHANGES: Final = re.compile(rf"{_WORDS.changes}|\b{CANCELLATION_WORD}\b")
_NAMES: Final = frozenset({"branch", "customer_name", "email", "phone", "service", "staff"})


@dataclass(frozen=True, slots=True)
class Chosen:
    """The caller's choice, and the id of the existing appointment it is about. `among` has the ids if several were in question."""

    choice: Choice
    about: str
    among: frozenset[str] = frozenset()


def read_choice(args: Mapping[str, Any]) -> Choice | None:
    """Return the argument `choice`; None for a text that is not a choice."""
    return _SAID.get(fold(str(args.get("choice") or "")))


def read_move(args: Mapping[str, Any], chosen: Chosen | None) -> tuple[bool, bool]:
    """Return (`moves`, `chooses_move`) of a booking request, both False if the caller has already `chosen`. `moves`: a text of
    the arguments, or the argument `choice`, says that an existing appointment is moved or cancelled. `chooses_move`: that
    text is the argument `choice`.
    """
    chooses_move = chosen is None and read_choice(args) is Choice.MOVE
    return chooses_move or (chosen is None and _speaks_of_move(args)), chooses_move


def _speaks_of_move(args: Mapping[str, Any]) -> bool:
    texts = [words_of(each) for name, each in args.items() if isinstance(each, str) and name not in _NAMES]
    return any(MOVE.search(each) or _CHANGES.search(each) for each in texts)


def _read_plain(call: CallContext) -> Choice | None:
    """Return the choice if the caller's words since the last answer are only a choice ("ja, ein weiterer bitte"), or say in the
    words of our question that the appointment is cancelled ("stattdessen Färben"); else None.
    """
    said = words_of(call.said_since or "")
    if "?" in (call.said_since or ""):
        return None
    if MOVE.search(said) and _ONLY_MOVE.fullmatch(said):
        return Choice.MOVE
    is_instead = _INSTEAD.search(said) and not _NOT_INSTEAD.search(_NO_FURTHER.sub("", said))
    return _SAID.get(fold(_POLITE.sub("", said)), Choice.CANCEL if is_instead else None)


def _read_for(question: AskedChoice, call: CallContext, args: Mapping[str, Any]) -> Choice | None:
    """Return the choice for a question, None if it does not have it: by the caller's words, else by the argument. A move that was
    not asked about is the cancellation with the booking instead.
    """
    plain, said = _read_plain(call), read_choice(args)
    if said is Choice.MOVE and {*question.choices} == {Choice.FURTHER, Choice.CANCEL}:
        said = None if MOVE.search(words_of(call.said_since or "")) else Choice.CANCEL
    if plain is Choice.CANCEL and said is Choice.FURTHER:  # a cancellation needs both
        return None
    return next((each for each in (plain, said) if each in question.choices), None)


def read_chosen(
    call: CallContext, args: Mapping[str, Any], name: str, appointments: Iterable[Appointment] = ()
) -> Chosen | None:
    """Return the choice that the caller made when asked about an existing appointment beside a request for the customer `name`;
    None if the call was not asked, or was asked something else. A `choice` that a model passed before any question does not
    count.

    The last question about this customer counts. Another name is a correction, unless one of the call's `appointments` has this
    name. Without a transcript, the appointment's id is the evidence that the caller was asked about it.
    """
    choice, named = _read_plain(call) or read_choice(args), read_text(args, "appointment_id")
    if choice is None:
        return None
    if call.replies is None and named:
        return Chosen(choice, named)
    read = {each: _read_for(each, call, args) for each in call.asked_choices}
    chosen = {each: choice for each, choice in read.items() if choice is not None and _is_answered(each, choice, name)}
    asked = [*chosen]
    own = [each for each in asked if same_name(each.name, name)]
    if not asked or (not own and any(each.live and same_name(each.customer_name, name) for each in appointments)):
        return None
    question = [*asked, *own][-1]
    is_own = any(each.live and str(each.id) == named for each in appointments)
    is_named = named is not None and (is_own or named in question.among)  # of two of one person
    return Chosen(chosen[question], named if named and is_named else question.about, question.among)


def _is_answered(question: AskedChoice, choice: Choice, name: str) -> bool:
    """Return True if a request may answer a question. A move or cancellation has to be for the same customer, whose name may be
    corrected: another one is asked about.
    """
    is_of_customer = not question.name or may_be_same(question.name, name)
    return choice not in {Choice.MOVE, Choice.CANCEL} or is_of_customer


def read_renames(
    call: CallContext, args: Mapping[str, Any], names: Iterable[str], appointments: Sequence[Appointment]
) -> dict[str, str | None]:
    """Return, by name, the choices for those of `names` in a group's request about whom the caller was asked: the id of the
    existing appointment that gets the name, or None for a further appointment. A name without such a choice is left out.
    """
    chosen = {name: read_chosen(call, args, name, appointments) for name in names}
    return {
        name: each.about if each.choice is Choice.RENAME else None
        for name, each in chosen.items()
        if each is not None and each.choice in {Choice.RENAME, Choice.FURTHER}
    }


def ask_choice(question: str, appointment: Appointment, name: str, *choices: Choice) -> ClarificationNeeded:
    """Return the question about an existing appointment beside a request for `name`. The next request passes one of `choices`."""
    return ClarificationNeeded(question, appointment_id=str(appointment.id), customer_name=name, choices=[*choices])
