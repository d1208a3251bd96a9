"""Decide which people of a group a request is for: the caller's words lead to one question, and its reply settles it. Pure."""

import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any, Final

from askproai_core.languages import Language
from askproai_runtime.calls.payload import OngoingCall
from askproai_runtime.conversation.arguments.reading import Arguments
from askproai_runtime.conversation.transcript import WRITES, Exchange, is_done, read_exchanges, read_utterances
from askproai_runtime.language.answer_words import ONLY_YES, words_of
from askproai_runtime.language.company import comes_alone, list_company_clauses, names_relative, speaks_of_company
from askproai_runtime.language.customer_names import read_customer_name
from askproai_runtime.language.declines import NUMBER
from askproai_runtime.language.name_words import BESIDE_ALONE, POSSESSIVES, RELATIVES
from askproai_runtime.person_names import fold
from askproai_runtime.sentences import SENTENCES
from askproai_runtime.understood import UNDERSTOOD

_WORDS: Final = UNDERSTOOD.companions
_PAIR: Final = 2
_MAY_LEAVE_OUT: Final = re.compile(rf"\b(?:{_WORDS.may_leave_out})\b")  # "nur Otto"
_NEEDS_ONE: Final = re.compile(rf" (?:{_WORDS.needs_one})$")  # "nur Otto braucht einen Termin"
_BESIDE_ONE: Final = _WORDS.for_whom | UNDERSTOOD.known_people.beside
_CALLER: Final = re.compile(rf"(?:{_WORDS.names_caller})")
_ALL: Final = re.compile(rf"\b(?:{_WORDS.all_of_them}|{UNDERSTOOD.one_more.several})\b")
_AND: Final = UNDERSTOOD.links.and_words
_AND_CALLER: Final = re.compile(rf"\b(?:{_WORDS.names_caller}) (?:{_AND})\b|\b(?:{_AND}) (?:{_WORDS.names_caller})\b")
_APART: Final = re.compile(rf"\b(?:{_WORDS.may_leave_out}|{_WORDS.rather_one})\b")
_HOUR: Final = re.compile(
    rf"\b(?:{UNDERSTOOD.kept_times.before_hour}) {NUMBER}\b(?: (?:{UNDERSTOOD.kept_times.behind_hour})\b)?"
)
_NO: Final = re.compile(rf"\s*(?:{UNDERSTOOD.declines.no})\s*")
_WITHOUT: Final = re.compile(rf"\b(?:{_WORDS.without})\b")
_DENIES: Final = re.compile(rf"\b(?:{_WORDS.denies})\b")


def is_for_one(read: Arguments, call: OngoingCall, *, are_kept: bool) -> bool:
    """Return whether a request is for people with names, and the caller has just said to mean not all of them: "nur Otto", "nur
    ich". `are_kept`: the companions are those of an earlier request, so that words which may drop one count, too.
    """
    names, exchanges = _list_names(read.values), read_exchanges(call)
    if not names[1:] or not all(names):
        return False
    said = exchanges[-1].said if exchanges else "\n".join(read_utterances(call))
    clauses = list_company_clauses(said)
    if not are_kept:
        return any(_means_one(fold(each), names) for each in clauses) and not speaks_of_company(said)
    named = [_find_people(each, names) for each in clauses]
    is_for_all = any(len(each) == len(names) for each in named) or _ALL.search(words_of(said))
    is_caller_out = any(
        0 in people and _DENIES.search(words_of(each)) for each, people in zip(clauses, named, strict=True)
    )
    may_drop = is_caller_out or set[int]().union(*named) - {0} or _WITHOUT.search(words_of(said)) or comes_alone(said)
    return bool(may_drop) and not is_for_all


def _list_names(values: dict[str, Any]) -> list[str]:
    people = (values, *(values.get("companions") or ()))
    return [fold(read_customer_name(each.get("customer_name"))) for each in people]


def _means_one(clause: str, names: Sequence[str]) -> bool:
    """Return whether a clause says that a request is only for the caller, or for one with these names."""
    behind = [_NEEDS_ONE.sub("", clause[only.end() :]).split() for only in _MAY_LEAVE_OUT.finditer(clause)]
    ones = [" ".join(word for word in each if word not in _BESIDE_ONE) for each in behind]
    return any(_CALLER.fullmatch(one) or any(f"{name} ".startswith(f"{one} ") for name in names) for one in ones)


def read_people_meant(reply: str, names: Sequence[str]) -> Collection[int] | None:
    """Return which of the people with these folded `names`, the caller first, a reply to "for whom" means, by place; None if it
    does not say, or says anything else: "Luis ist krank", "weder noch".
    """
    meant, left_out, is_all = set[int](), set[int](), False
    clauses = map(words_of, list_company_clauses(reply))
    for piece in (each for clause in clauses for each in _APART.split(clause) if each.strip()):
        if _NO.fullmatch(piece):
            continue
        people, denied, named_all = _find_people(piece, names), _DENIES.search(piece), _ALL.search(piece)
        if not _is_plain(_DENIES.sub(" ", piece), names):
            return None
        is_all |= named_all is not None and denied is None
        (meant if denied is None else left_out).update(people)
    everybody = set(range(len(names)))
    if is_all and not left_out:
        return everybody
    if not meant and not left_out:
        return {0} if comes_alone(reply) else None
    return None if meant & left_out else meant or everybody - left_out


def _is_plain(piece: str, names: Sequence[str]) -> bool:
    """Return whether a piece of a reply, without a word that denies, only says who comes: "für Luis", but not "Luis ist krank"."""
    beside = {
        *" ".join(names).split(),
        *_WORDS.caller,
        *_BESIDE_ONE,
        *BESIDE_ALONE,
        *RELATIVES,
        *_WORDS.small,
        *_WORDS.by_oneself,
        *_WORDS.beside_whom,
        "ich",
        "i",
    }
    left = _NEEDS_ONE.sub("", f" {_HOUR.sub(' ', _ALL.sub(' ', piece)) if _ALL.search(piece) else piece}").split()
    return all(fold(word) in beside or ONLY_YES.fullmatch(word) or POSSESSIVES.fullmatch(fold(word)) for word in left)


def _find_people(clause: str, names: Sequence[str]) -> set[int]:
    """Return the places of the people whom a clause names by a part of the name that nobody else has, by "mich", or as a relative.
    "Ich" is the caller if nobody else is named, or beside "und".
    """
    words = {*fold(clause).split()}
    parts = [{*name.split()} for name in names]
    others = [set[str]().union(*parts[:at], *parts[at + 1 :]) for at in range(len(parts))]
    found = {at for at, each in enumerate(parts) if (each - others[at]) & words}
    found |= {1} if names_relative(clause) and len(names) == _PAIR else set()
    is_caller = _WORDS.caller & words or _AND_CALLER.search(words_of(clause))
    return found | ({0} if is_caller or (not found and any(map(_CALLER.fullmatch, words))) else set())


def settle_whom(read: Arguments, given: Collection[str], call: OngoingCall) -> Arguments:
    """Return the arguments without the people whom the caller has left out in reply to our last question for whom to book. `given`
    are the arguments that the request names itself: a companion whom it names after a further question comes along again.
    """
    exchanges = read_exchanges(call)
    changed = max((at for at, each in enumerate(exchanges) if is_done(each, WRITES)), default=-1)
    asking = next((each for each in reversed(exchanges[changed + 1 :]) if _asks_for_whom(each)), None)
    if asking is None or (asking is not exchanges[-1] and "companions" in given):
        return read
    names = _list_names(read.values)
    meant = read_people_meant(asking.said, names) if len(names) > 1 else None
    if meant is None and len(names) > 1 and asking is exchanges[-1] and not ONLY_YES.fullmatch(words_of(asking.said)):
        return replace(read, unclear=(*read.unclear, "companions"))
    if not meant or len(meant) == len(names):
        return read
    first, *others = [each for at, each in enumerate((read.values, *read.values["companions"])) if at in meant]
    kept = {name: each for name, each in read.values.items() if name != "companions"}
    return replace(read, values={**kept, **first, "companions": others})


def _asks_for_whom(exchange: Exchange) -> bool:
    message = str((exchange.answer or {}).get("message", ""))
    return any(message.startswith(SENTENCES[language].only_for.partition("{")[0]) for language in Language)
