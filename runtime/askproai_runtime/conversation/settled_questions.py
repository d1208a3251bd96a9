"""Settle what a request repeats although its question is answered, or is worth no third one: companions without a name of a
caller who has replied to come alone, and arguments that no booking needs. Pure.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from askproai_core.languages import Language
from askproai_core.tenant_config import Function
from askproai_runtime.calls.payload import OngoingCall
from askproai_runtime.conversation.arguments.companions import is_unfilled
from askproai_runtime.conversation.arguments.known_names import KnownNames
from askproai_runtime.conversation.arguments.reading import Arguments
from askproai_runtime.conversation.arguments.table import TIMES, fold_key, rules_of
from askproai_runtime.conversation.email_address import leaves_out_email, read_email
from askproai_runtime.conversation.named_people import names_one
from askproai_runtime.conversation.repeated_questions import MOST_ASKED
from askproai_runtime.conversation.transcript import WRITES, Exchange, is_done, read_exchanges, read_since
from askproai_runtime.language.answer_words import (
    ANYBODY,
    ONLY_NO,
    ONLY_YES,
    YES,
    Reply,
    is_question,
    says_nothing_beside,
    words_of,
)
from askproai_runtime.language.cancel_answers import only_thanks
from askproai_runtime.language.company import (
    list_company_clauses,
    may_come_alone,
    names_relative,
    read_company,
    speaks_of_company,
)
from askproai_runtime.language.customer_names import is_unknown_word, read_customer_name
from askproai_runtime.language.declines import list_clauses
from askproai_runtime.language.kept_times import RATHER
from askproai_runtime.language.placeholders import leaves_open
from askproai_runtime.language.plain_yes import is_plain_yes
from askproai_runtime.language.replies import NAMES, ONE_BY_ONE, ONE_NAME, Question, read_reply
from askproai_runtime.person_names import fold
from askproai_runtime.sentences import SENTENCES, present_language
from askproai_runtime.spoken_times import Argument, Grain
from askproai_runtime.spoken_times.agreement import may_agree
from askproai_runtime.understood import UNDERSTOOD, UNDERSTOOD_IN

_REFUSING: Final = UNDERSTOOD.answers.refusing
_BEFORE_PERSON: Final = UNDERSTOOD.answers.before_person
_NO_WORD: Final = "|".join(sorted(_REFUSING))
_IN_DOUBT: Final = re.compile(
    rf"\b(?:{UNDERSTOOD.answers.conditions})\b|\b(?:{_NO_WORD})$|\b(?:{_NO_WORD})\b.* (?:{_NO_WORD})\b"
)
UNCLEAR: Final = "?"  # in place of a person
_BEFORE: Final = {"staff": _BEFORE_PERSON, "recipient": _BEFORE_PERSON | UNDERSTOOD.answers.before_recipient}


@dataclass(frozen=True, slots=True)
class _Optional:
    """An argument that no booking needs. `is_about` decides whether an answer asks about its present value, and `is_left_out`
    whether the caller's words since give it up. Unless it `needs_reply`, it is given up after `MOST_ASKED` questions, too.
    """

    is_about: Callable[[Mapping[str, Any], str, KnownNames], bool]
    is_left_out: Callable[[Sequence[str], KnownNames], bool] = lambda _said, _known: False
    needs_reply: bool = False


def _asks_about_phone(answer: Mapping[str, Any], value: str, _known: KnownNames) -> bool:
    return not value and answer.get("unclear") == "phone"


def _asks_about_email(answer: Mapping[str, Any], value: str, _known: KnownNames) -> bool:
    address = read_email(value)
    return answer.get("unclear") == "email" if address is None else answer.get("email") == address


def _asks_about_staff(answer: Mapping[str, Any], value: str, known: KnownNames) -> bool:
    if not value:  # two that disagree
        return answer.get("unclear") == "staff"
    return isinstance(answer.get("staff"), list) and "staff" not in known.find_mentioned(value)


def _leaves_email(said: Sequence[str], _known: KnownNames) -> bool:
    return any(map(leaves_out_email, said))


def leaves_staff(said: Sequence[str], known: KnownNames) -> bool:
    """Return whether a caller's utterances leave open who does an appointment: "egal bei wem", "bei wem anders"."""
    words = "\n".join(said)
    is_open = ANYBODY.search(words_of(words)) or any(leaves_open(clause) for clause, _ in list_clauses(words))
    return bool(is_open) and "staff" not in known.find_mentioned(words)


def read_staff_beside(said: str, values: Mapping[str, Any], known: KnownNames, argument: str = "staff") -> str | None:
    """Return the `staff`, or another `argument` with a person, that a reply asks for beside the answer to another question: the
    person whom it prefers, "nicht Anna" for one whom it refuses, "" if it does not matter; None if it says nothing of that, or
    leaves the person of the request's `values`; `UNCLEAR` if it may give up that person in other words. Only a negation, or a
    word such as "bei", directly before a name counts, and nothing in a clause about a relative.
    """
    named, refused, is_rather, open_to = list[str](), list[str](), False, set[str]()
    own = known.list_people(values.get(argument))
    customer = fold(str(values.get("customer_name", ""))).split()
    preferring = _BEFORE[argument] | UNDERSTOOD.answers.preferring
    for clause in (words_of(each) for each in list_company_clauses(said) if not names_relative(each)):
        # "bei Mehmet lieber nicht", "wenn nicht Julia, dann Mehmet"
        people = {each for word in clause.split() if fold(word) not in customer for each in known.list_people(word)}
        if is_question(clause):
            continue
        if _IN_DOUBT.search(clause):
            open_to |= people
            continue
        open_to |= people - {*own}
        before, is_alone = "", sum(not says_nothing_beside(word) for word in clause.split()) == 1
        for word in clause.split():
            here = [] if fold(word) in customer else known.list_people(word)
            refused += here if before in _REFUSING else []
            named += here if before in preferring or is_alone else []
            is_rather |= bool(here) and RATHER.search(clause) is not None
            before = before if fold(word) in _BEFORE[argument] and before in _REFUSING else word
    wanted = {*named} - {*refused}
    if len(wanted) == 1 and (is_rather or refused):
        return wanted.pop()
    if own and open_to - {*refused} and argument == "staff":  # a message may speak of anybody
        return UNCLEAR
    if refused:
        exclude = UNDERSTOOD_IN[present_language()].arguments.exclude
        is_kept = bool(own) and {*own}.isdisjoint(refused)
        return None if is_kept else ", ".join(f"{exclude} {each}" for each in dict.fromkeys(refused))
    return "" if ANYBODY.search(words_of(said)) else None


def settle_staff(read: Arguments, call: OngoingCall, known: KnownNames, argument: str = "staff") -> Arguments:
    """Return the arguments. A `staff`, or another `argument` with a person, that the request repeats is unclear if the reply to our
    last question prefers somebody else or refuses that person; the one whom the reply to that question names is meant. A
    recipient may be anybody: if the reply names nobody of the business, it is asked again.
    """
    last, staff = next(reversed(read_exchanges(call)), None), str(read.values.get(argument) or "")
    if last is None or last.request is None or (last.answer or {}).get("success") is not False or not staff:
        return read
    own, heard = known.list_people(staff), read_staff_beside(last.said, read.values, known, argument)
    named = known.list_people(last.said)
    was_asked = (last.answer or {}).get("unclear") == argument
    if was_asked and len(named) == 1 and heard in {None, UNCLEAR, named[0]}:
        return replace(read, values=read.values | {argument: named[0]})
    if len(own) != 1 or last.request.read_arguments().get(argument) != staff:
        return read
    if was_asked and argument == "recipient" and own[0] not in named:
        return replace(read, unclear=(*read.unclear, argument))
    if heard and heard != own[0] and (named == own or heard in named or heard == UNCLEAR):
        others = [heard] if heard in named else [each for each in named if each != own[0]]
        between = {argument: [*own, *others]} if len(others) == 1 else {}
        return replace(read, unclear=(*read.unclear, argument), readings=dict(read.readings) | between)
    return read


_OPTIONAL: Final[Mapping[str, _Optional]] = {
    "phone": _Optional(_asks_about_phone),
    "email": _Optional(_asks_about_email, _leaves_email),
    "staff": _Optional(_asks_about_staff, leaves_staff, needs_reply=True),
}


def settle_optional(read: Arguments, function: Function, call: OngoingCall, known: KnownNames) -> Arguments:
    """Return the arguments without the optional ones that the caller has been asked about twice, or has given up. A value that the
    caller has not given up is kept as unread words for a note; those for a number are one unclear text.
    """
    named = [name for name in _OPTIONAL if name in {*read.values, *read.unclear}]
    exchanges = read_exchanges(call) if named else []
    for name in named:
        rule, value = _OPTIONAL[name], str(read.values.get(name, ""))
        asking = [at for at, each in enumerate(exchanges) if rule.is_about(each.answer or {}, value, known)]
        said = [line for each in exchanges[asking[-1] :] for line in each.said.splitlines()] if asking else []
        is_agreed = name == "email" and read_email(value) is not None and _agrees(said, read)
        is_left_out = not is_agreed and rule.is_left_out(said, known)
        if is_left_out or not (rule.needs_reply or is_agreed or len(asking) < MOST_ASKED):
            read = _without(read, function, name, is_left_out=is_left_out)
    return read


def _agrees(said: Sequence[str], read: Arguments) -> bool:
    return read_reply(said, Question.ADDRESS).agrees(read.values.get("email_confirmed"))


def _without(read: Arguments, function: Function, name: str, *, is_left_out: bool) -> Arguments:
    dropped = replace_argument(read, function, name, {name, f"{name}_confirmed"})
    if is_left_out:
        return dropped
    if name == "phone":
        heard = _list_unread_of(name, read, function)
        number = ", ".join(read.unread[path] for path in heard).replace(",", " ?")  # no number
        return replace(dropped, values=dropped.values | {name: number})
    return replace(dropped, unread=read.unread | {name: str(read.values[name])})


def replace_argument(
    read: Arguments, function: Function, argument: str, without: Collection[str] = (), **values: Any
) -> Arguments:
    """Return the arguments with new `values`, those in `without` dropped, and nothing of an argument unread or unclear."""
    heard = _list_unread_of(argument, read, function)
    return replace(
        read,
        values={key: each for key, each in read.values.items() if key not in without} | values,
        unread={path: each for path, each in read.unread.items() if path not in heard},
        unclear=tuple(each for each in read.unclear if each != argument),
    )


def _list_unread_of(argument: str, read: Arguments, function: Function) -> list[str]:
    """Return the paths of the unread values that an argument has under any of its names, sorted."""
    keys = {key for key, rule in rules_of(function.name.lower()).items() if rule.name == argument}
    return sorted(path for path in read.unread if fold_key(path.partition(".")[0]) in keys)


def settle_company(read: Arguments, function: Function, call: OngoingCall, args: Any) -> Arguments:
    """Return the arguments of a request with `args` without the companions that have no name, if the caller has replied to our
    question about them that nobody else comes. The request follows that reply or repeats the asked one: its companions, and after
    a booking all of it. After any other reply each entry is a person.

    The only entry, with fields that are all empty, is nobody unless the caller speaks of company. After a mere yes or no to the
    question for a name "or do you come alone", or a word for "alone" beside others, it is asked once whether it is only one.
    """
    exchanges = read_exchanges(call)
    changed = max((at for at, each in enumerate(exchanges) if is_done(each, WRITES)), default=-1)
    if read.values.get("companions") == [] and _has_only_unfilled(args):
        was_asked = any(map(_asks_who_comes, exchanges[changed + 1 :]))
        comes = was_asked or speaks_of_company(read_since(call)["said_since_change"] or "")
        read = replace(read, values=read.values | {"companions": [{}] if comes else []})
    asking = [each for each in exchanges if _asks_who_comes(each)]
    if not asking or asking[-1].request is None or not isinstance(args, dict):
        return read
    since = exchanges[exchanges.index(asking[-1]) :]
    requests = [each.request.read_arguments() for each in since if each.request]
    people = [[each.get(name) for name in ("companions", "party_size")] for each in (args, *requests)]
    is_written = any(is_done(each, WRITES) for each in since)
    is_same = requests[0] == args if is_written else all(each == people[0] for each in people)  # none left out
    said = _read_reply(asking[-1])
    if not said and asking[-1] is exchanges[-1] and _asks_for_only_one(asking[-1]) and read.values.get("companions"):
        return replace(read, unclear=(*read.unclear, "companions"))
    if not (said and (is_same or asking[-1] is exchanges[-1])):
        return read
    companions = read.values.get("companions") or ()
    named = [each for each in companions if _is_named(each.get("customer_name", ""))]
    if _says_nobody(said, asking[-1]):
        return replace_argument(read, function, "companions", companions=named if _asks_for_name(asking[-1]) else [])
    is_bare = ONLY_YES.fullmatch(words_of(said)) or ONLY_NO.fullmatch(words_of(said))
    is_open = companions and not named and (is_bare or may_come_alone(said))
    if not is_open or _asks_for_only_one(asking[-1]):
        return read
    return replace(
        read, values=read.values | {"companions": [{}] * len(companions)}, unclear=(*read.unclear, "companions")
    )


def _says_nobody(said: str, asking: Exchange) -> bool:
    """Return whether a reply to our question who comes along says that nobody does."""
    words = words_of(said)
    if _asks_for_only_one(asking) and YES.search(words) and not speaks_of_company(said):
        return True
    is_no = read_company(said) is Reply.NO
    return is_no and not (ONLY_NO.fullmatch(words) and (_asks_for_name(asking) or _asks_for_only_one(asking)))


def _asks_for_only_one(asking: Exchange) -> bool:
    return (asking.answer or {}).get("message") in {SENTENCES[language].only_one for language in Language}


def _has_only_unfilled(args: Any) -> bool:
    entries = args.get("companions") if isinstance(args, dict) else None
    return isinstance(entries, list) and len(entries) == 1 and is_unfilled(entries[0])


def _asks_for_name(asking: Exchange) -> bool:
    """Return whether a question asks for a name, also "or do you come alone": a yes or a no to it says nothing."""
    return (asking.answer or {}).get("needs_companions") == NAMES


def _read_reply(asking: Exchange) -> str:
    return "\n".join(each for each in asking.said.splitlines() if read_company(each) is not None)


def _asks_who_comes(exchange: Exchange) -> bool:
    answer = exchange.answer or {}
    marker = answer.get("needs_companions", ONE_NAME)
    return answer.get("unclear") == "companions" or marker not in {ONE_BY_ONE, ONE_NAME}


def _is_named(name: str) -> bool:
    return bool(read_customer_name(name)) and names_one(name) and not is_unknown_word(name)


def settle_part_of_day(read: Arguments, call: OngoingCall) -> Arguments:
    """Return the arguments without the hour, or the part of the day, that contradicts it, if the caller has replied to our question
    between them with the other one: a model may repeat both.
    """
    last = next(reversed(read_exchanges(call)), None)
    grains = {each.get("grain") for each in (last.answer or {}).get("candidates") or ()} if last is not None else set()
    both = {"time": Argument.TIME, "part_of_day": Argument.PART_OF_DAY}
    if last is None or not grains >= {Grain.MINUTE, Grain.PART_OF_DAY} or not {*both} <= {*read.values}:
        return read
    clauses = [clause for clause, _ in list_clauses(last.said)]
    meant = {name for name, kind in both.items() if any(may_agree(each, read.values[name], kind) for each in clauses)}
    if len(meant) != 1:
        return read
    return replace(read, values={name: each for name, each in read.values.items() if name not in both or name in meant})


def name_just_booked(read: Arguments, function: Function, call: OngoingCall) -> Arguments:
    """Return a mere confirmation after our last answer, a booking, as a request about that booked appointment. Any
    other request is unchanged, and so is one after further words of the caller.
    """
    last = next(reversed(read_exchanges(call)), None)
    if function is not Function.BOOK_APPOINTMENT or read.values.get("confirmed") is not True or last is None:
        return read
    answer, before = last.answer or {}, last.request.read_arguments() if last.request else {}
    is_open = "next_requests" in answer or not is_done(last, {function.name.lower()})
    is_mere = all(name == "confirmed" or not each or before.get(name) == each for name, each in read.values.items())
    is_plain = only_thanks(last.said) or is_plain_yes(last.said, str(answer.get("message")), "book_appointment", before)
    if is_open or "appointments" in answer or read.unclear or read.unread or not (is_mere and is_plain):
        return read  # a group has several appointments
    return replace(read, values={"appointment_id": str(answer.get("appointment_id"))})


def take_next(read: Arguments, function: Function, call: OngoingCall) -> Arguments:
    """Return the arguments of the booking that our last answer asked about, if the caller has said only a yes to it and the
    request still names companions: they are booked one by one.
    """
    last = next(reversed(read_exchanges(call)), None)
    answer = (last.answer if last is not None else None) or {}
    following = answer.get("next_requests") or ()
    is_agreed = last is not None and ONLY_YES.fullmatch(words_of(last.said)) and YES.search(words_of(last.said))
    if function is not Function.BOOK_APPOINTMENT or answer.get("success") or not (following and is_agreed):
        return read
    if not read.values.get("companions") or not {"needs_companions", "needs_confirmation"}.isdisjoint(answer):
        return read
    left = {name: each for name, each in read.values.items() if name not in {*TIMES, "companions", "staff", "choice"}}
    return replace(read, values=left | following[0])
