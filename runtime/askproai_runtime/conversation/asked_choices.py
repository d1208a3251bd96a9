"""What becomes of an appointment that another request is asked for beside: the caller chooses, and the model passes the choice on.

A question for one of several has `choices` in its answer. A model understands the caller's words, and any list of words turns some
of them around (docs/decisions/0100-a-second-time-for-one-person-is-asked-for.md): only a whole answer that is "verschieben" is
read where the model passes nothing on, and words about a move in the arguments make a booking a question.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from askproai_runtime.book.appointments import Appointment
from askproai_runtime.conversation.arguments.texts import read_text
from askproai_runtime.conversation.types import AskedChoice, CallContext, Choice, ClarificationNeeded
from askproai_runtime.language.answer_words import CANCELLATION_WORD, MOVE, YES_WORD, words_of
from askproai_runtime.language.understood import UNDERSTOOD
from askproai_runtime.person_names import fold, may_be_same, same_name

_WORDS: Final = UNDERSTOOD.choices
_ONLY_MOVE: Final = re.compile(rf"(?:(?:{_WORDS.no_further})(?: |$))*+(?:(?:{YES_WORD}|{_WORDS.only_move})(?: |$))++")
# What models write for a value, whatever language they speak.
_SAID: Final = {said: Choice(choice) for said, choice in _WORDS.said.items()} | {each.value: each for each in Choice}
_NAME: Final = re.compile(rf"\b(?:{_WORDS.about_name})\b")
_KEEPS: Final = re.compile(rf"\b(?:{_WORDS.further})")
_REPLACES: Final = re.compile(rf"\b(?:{_WORDS.replacing})")
_DENIED: Final = re.compile(rf"\b(?:{_WORDS.denied})(?: \w+){{0,2}}? (?:{_WORDS.further}|{_WORDS.replacing})\w*")
_CHANGES: Final = re.compile(rf"{_WORDS.changes}|\b{CANCELLATION_WORD}\b")
_NAMES: Final = frozenset({"branch", "customer_name", "email", "phone", "service", "staff"})


@dataclass(frozen=True, slots=True)
class Chosen:
    """A choice, and the id of what it is about; where the question was about several, it is `among` these."""

    choice: Choice
    about: str
    among: frozenset[str] = frozenset()


def read_choice(args: Mapping[str, Any]) -> Choice | None:
    """Return the argument `choice`; None for any other text."""
    return _SAID.get(fold(str(args.get("choice") or "")))


def read_move(args: Mapping[str, Any], chosen: Chosen | None) -> tuple[bool, bool]:
    """Return `moves` and `chooses_move` of a booking: whether any text of its arguments, or just its `choice`, says that another
    appointment is moved or cancelled for it, where the caller has not `chosen`.
    """
    chooses_move = chosen is None and read_choice(args) is Choice.MOVE
    return chooses_move or (chosen is None and _speaks_of_move(args)), chooses_move


def _speaks_of_move(args: Mapping[str, Any]) -> bool:
    texts = [words_of(each) for name, each in args.items() if isinstance(each, str) and name not in _NAMES]
    return any(MOVE.search(each) or _CHANGES.search(each) for each in texts)


def _read_plain(call: CallContext) -> Choice | None:
    """Return the choice that a whole answer of the caller is: a model may have filled in another one before it was asked."""
    said = words_of(call.said_since or "")
    if "?" in (call.said_since or ""):
        return None
    return Choice.MOVE if MOVE.search(said) and _ONLY_MOVE.fullmatch(said) else _SAID.get(fold(said))


def _contradicts(choice: Choice, said: str) -> bool:
    """Return whether the caller's words speak of the other choice alone."""
    said = _DENIED.sub(" ", said)
    replaces, adds = bool(_REPLACES.search(said)), bool(_KEEPS.search(said))
    if choice is Choice.FURTHER:
        return replaces and not adds
    return choice is not Choice.CANCEL and adds and not replaces


def read_chosen(
    call: CallContext, args: Mapping[str, Any], name: str, appointments: Iterable[Appointment] = ()
) -> Chosen | None:
    """Return what a request for `name` says that the caller has chosen; None where the call was not asked, or asked for something
    else. A model that fills each argument chooses nothing by that before it was asked.

    Of several questions the last one for this person is answered. Another name is a correction, unless the call has one of its
    `appointments` for it. Without a transcript the id of the appointment says that it was asked about.
    """
    choice, named = _read_plain(call) or read_choice(args), read_text(args, "appointment_id")
    if choice is None:
        return None
    if call.replies is None and named:
        return Chosen(choice, named)
    said = words_of(call.said_since or "")
    if _contradicts(choice, said):
        return None
    asked = [each for each in call.asked_choices if choice in each.choices]
    asked = [each for each in asked if _is_answered(each, choice, name, args, said)]
    own = [each for each in asked if same_name(each.name, name)]
    if not asked or (not own and any(each.live and same_name(each.customer_name, name) for each in appointments)):
        return None
    question = [*asked, *own][-1]
    is_own = any(each.live and str(each.id) == named for each in appointments)
    is_named = named is not None and (is_own or named in question.among)  # of two of one person
    return Chosen(choice, named if named and is_named else question.about, question.among)


def _is_answered(question: AskedChoice, choice: Choice, name: str, args: Mapping[str, Any], said: str) -> bool:
    """Return whether a request may answer a question: a move or a cancellation is for the same person, whose name may be corrected,
    and for the same service unless the caller's words speak of the change.
    """
    if choice not in {Choice.MOVE, Choice.CANCEL}:
        return True
    asked, service = fold(question.service), fold(str(args.get("service") or ""))
    is_same_service = not (asked and service) or asked in service or service in asked or bool(_REPLACES.search(said))
    return is_same_service and (not question.name or may_be_same(question.name, name) or bool(_NAME.search(said)))


def read_renames(
    call: CallContext, args: Mapping[str, Any], names: Iterable[str], appointments: Sequence[Appointment]
) -> dict[str, str | None]:
    """Return what a request for a group says that the caller has chosen for those of the `names` who were asked about: the id of
    the appointment that gets the name, or None for a further one.
    """
    chosen = {name: read_chosen(call, args, name, appointments) for name in names}
    return {
        name: each.about if each.choice is Choice.RENAME else None
        for name, each in chosen.items()
        if each is not None and each.choice in {Choice.RENAME, Choice.FURTHER}
    }


def ask_choice(question: str, appointment: Appointment, name: str, *choices: Choice) -> ClarificationNeeded:
    """Return the question what becomes of an appointment beside a request for `name`; the next request has one of the `choices`."""
    return ClarificationNeeded(question, appointment_id=str(appointment.id), customer_name=name, choices=[*choices])
