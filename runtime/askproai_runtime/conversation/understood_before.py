"""Complete a request with the arguments of earlier ones, since the request after a question often has only the answer. Pure."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from askproai_core.tenant_config import CallerVerification, Function
from askproai_runtime.calls.payload import OngoingCall
from askproai_runtime.conversation.arguments.companions import settle_caller
from askproai_runtime.conversation.arguments.contradictions import find_answer
from askproai_runtime.conversation.arguments.known_names import KnownNames
from askproai_runtime.conversation.arguments.reading import Arguments, read_arguments
from askproai_runtime.conversation.arguments.table import TIMES, rules_of
from askproai_runtime.conversation.counted_people import count_people
from askproai_runtime.conversation.email_address import read_named_email
from askproai_runtime.conversation.for_whom import is_for_one, read_people_meant, settle_whom
from askproai_runtime.conversation.kept_arguments import (
    APPOINTMENT,
    Agreement,
    drop_repeated,
    keep_beside,
    list_replaced,
    read_kept_stance,
    spells_name,
)
from askproai_runtime.conversation.settled_questions import (
    UNCLEAR,
    name_just_booked,
    read_staff_beside,
    replace_argument,
    settle_company,
    settle_optional,
    settle_part_of_day,
    settle_staff,
    take_next,
)
from askproai_runtime.conversation.taken_back import ADDS_SERVICE, doubt_name, doubt_service
from askproai_runtime.conversation.transcript import WRITES, Exchange, is_done, read_exchanges, read_utterances
from askproai_runtime.conversation.unread_fields import note_unread
from askproai_runtime.language.answer_words import ONLY_YES, Reply, words_of
from askproai_runtime.language.company import speaks_of_company
from askproai_runtime.language.kept_times import Stance
from askproai_runtime.language.replies import ONE_BY_ONE, ONE_NAME, Replies, companions_key
from askproai_runtime.language.spoken_services import find_named, read_services
from askproai_runtime.person_names import fold, may_be_same, same_name
from askproai_runtime.spoken_times import Grain
from askproai_runtime.spoken_times.arguments import holds_day
from askproai_runtime.understood import UNDERSTOOD

# Each of these replaces all of them: they say which appointment is meant.
# A request of these is complete with these arguments, or with one of a set: else it is a part of a request.
_COMPLETE: Final[Mapping[Function, Sequence[frozenset[str]]]] = {
    **dict.fromkeys(
        (Function.BOOK_APPOINTMENT, Function.JOIN_WAITLIST, Function.CHECK_AVAILABILITY),
        (frozenset({"service"}), TIMES),
    ),
    Function.RESCHEDULE_APPOINTMENT: (frozenset({"date", "start"}), TIMES - {"date"}, APPOINTMENT),
    Function.LEAVE_MESSAGE: (frozenset({"message"}), frozenset({"customer_name"})),
}
# A question about these has not understood them.
_ASKED_ABOUT: Final[Mapping[str, frozenset[str]]] = {
    "services": frozenset({"service"}),
    "needs_phone": frozenset({"phone"}),
    "staff": frozenset({"staff"}),
    "branches": frozenset({"branch"}),
    **dict.fromkeys(("slots", "alternatives", "candidates", "refused"), TIMES),
}
_ANSWERS: Final = frozenset({"confirmed"})
# The reply to a question with one of these chooses an appointment or a time.
_CHOSEN: Final = frozenset(
    {"alternatives", "appointments", "candidates", "choices", "needs_answer", "refused", "slots"}
)
_FOR_ONE: Final = re.compile(rf"\b(?:{UNDERSTOOD.asked_services.only})\b")  # "nur einen Haarschnitt"
_MOST_REQUESTS: Final = 4  # that are read: no question is asked more often

_MESSAGE: Final = frozenset({"call_back", "message", "recipient"})
_CONFIRMED: Final = frozenset({Function.BOOK_APPOINTMENT, Function.RESCHEDULE_APPOINTMENT})
_COUNTS_IN: Final = frozenset({Function.CHECK_AVAILABILITY, Function.BOOK_APPOINTMENT, Function.JOIN_WAITLIST})


def read_request(
    function: Function, args: Any, call: OngoingCall, replies: Replies | None, known: KnownNames, now: datetime
) -> Arguments:
    """Return the arguments of a request, completed from the call's earlier requests. People who are only counted become
    companions, and unread fields are added to the notes or message.
    """
    read = settle_part_of_day(_read_arguments(function, args, call, known), call)
    read = name_just_booked(read, function, call)
    given = {*read.values, *read.unclear}
    read = _add_understood(read, function, call, replies, known, now)
    if function is Function.BOOK_APPOINTMENT:
        read = settle_staff(read, call, known)
        read = _add_caller(doubt_name(read, call), call, replies or {}, known)
    elif function is Function.LEAVE_MESSAGE:
        read = settle_staff(read, call, known, "recipient")
    read = take_next(settle_whom(read, given, call), function, call)
    was_asked = _read_answer_to(call, "companions")[0] != ""
    is_single = not was_asked and is_for_one(read, call, are_kept="companions" not in given)
    may_be_caller = is_single or companions_key(ONE_NAME) in (replies or {})
    read = replace(read, values=settle_caller(read.values, is_for_one=may_be_caller))
    if is_single and not same_name(read.values["companions"][0]["customer_name"], read.values["customer_name"]):
        read = replace(read, unclear=(*read.unclear, "companions"))
    if function in _COUNTS_IN:
        read = settle_company(count_people(read, function, was_asked=was_asked), function, call, args)
    return note_unread(read, function, known)


def _read_arguments(function: Function, args: Any, call: OngoingCall, known: KnownNames) -> Arguments:
    """Return a request's arguments; of two values that disagree the one that the caller has chosen. A list of names
    ("Kai & Lorenz") is one person's name if the caller has said it in one.
    """

    def choose(argument: str, values: Sequence[Any]) -> Any:
        if argument in {"date", "time"}:
            last = [each.said for each in read_exchanges(call)[-1:] if "candidates" in (each.answer or {})]
            return find_answer(argument, values, known, "", last)
        return find_answer(argument, values, known, *_read_answer_to(call, argument))

    read = settle_optional(read_arguments(function.name.lower(), args, known, choose), function, call, known)
    read = _settle_service(read, function, call, known)
    name = str(read.values.get("customer_name", ""))
    joined = name.replace(" & ", " ")
    clauses = re.split(r"[,;.!?]", ".".join(read_utterances(call))) if joined != name else []
    is_one = any(f" {fold(joined)} " in f" {fold(clause)} " for clause in clauses)
    return replace(read, values=read.values | {"customer_name": joined}) if is_one else read


def _settle_service(read: Arguments, function: Function, call: OngoingCall, known: KnownNames) -> Arguments:
    """Return the arguments. A service that is unclear, or named twice, is the only one that the caller has named in reply to the
    question about it, whatever the model repeats: what contradicts it is dropped.
    """
    asked, turns = _read_answer_to(call, "service")
    said, services = " ".join(turns), known.config.services
    if not asked:
        return doubt_service(read, function, call, known)
    if speaks_of_company(said) or ADDS_SERVICE.search(words_of(said)):
        return read
    is_twice = read_services(str(read.values.get("service", "")), services).repeated and _FOR_ONE.search(fold(said))
    is_open = "service" in {*read.unclear, *known.find_undecided(function, read.values, read.unread)}
    named = dict.fromkeys(each.display_name for each in find_named(services, said))
    chosen = find_answer("service", [*named], known, asked, turns) if is_open or is_twice else None
    if chosen is None:
        return read
    names = {fold(each.display_name) for each in services}
    read = replace_argument(read, function, "service", service=chosen)
    return replace(read, unread={path: text for path, text in read.unread.items() if fold(text) not in names})


def _read_answer_to(call: OngoingCall, argument: str) -> tuple[str, list[str]]:
    """Return the last question about an unclear argument, and the caller's words since, turn by turn. Empty if there was none, or
    if something was booked, changed or noted since: what comes after it is another request.
    """
    said = list[str]()
    for each in reversed(read_exchanges(call)):
        said, answer = [*each.said.splitlines(), *said], each.answer or {}
        if answer.get("unclear") == argument:
            return str(answer.get("message")), said
        if is_done(each, WRITES):
            break
    return "", []


def _add_understood(
    read: Arguments, function: Function, call: OngoingCall, replies: Replies | None, known: KnownNames, now: datetime
) -> Arguments:
    """Return the arguments, completed from the call's last requests if these were answered by questions: a model may pass the
    answer alone. To a complete request only the person and the staff member are added, and nothing to a change of an appointment
    or to a request for another person. A search without a service is one for the service that was searched for last.
    """
    moves = function is Function.RESCHEDULE_APPOINTMENT
    is_whole = all(not names.isdisjoint(read.values) for names in _COMPLETE.get(function, ()))
    if read.is_several or ("appointment_id" in read.values and not moves):
        return read
    understood, unread, in_doubt = _read_understood(read, function, call, known, now)
    if function is Function.LEAVE_MESSAGE and in_doubt and _repeats_message(read, call):
        read = replace(read, values={name: each for name, each in read.values.items() if name not in _MESSAGE})
    elif is_whole:
        understood, unread = keep_beside(understood, read, call), {}
    if not understood and function is Function.CHECK_AVAILABILITY and "service" not in read.unclear:
        return replace(read, values=_find_searched(call, known) | read.values)
    names = [str(each.get("customer_name", "")) for each in (read.values, understood)]
    if all(names) and not same_name(*names) and not (moves or spells_name(read, call)):
        return read
    if read.values.get("email_confirmed") is False or not _is_usable(understood, replies):
        understood.pop("email", None)
    named = {*read.values, *read.unclear}
    if moves:  # the service and the notes of a request belong to it alone
        of_move = TIMES | APPOINTMENT if APPOINTMENT.isdisjoint(named) else TIMES
        understood, unread = {name: each for name, each in understood.items() if name in of_move}, {}
    without = named | list_replaced(read)
    kept = {name: each for name, each in understood.items() if name not in without}
    unclear = [name for name, each in kept.items() if each == UNCLEAR]
    values = {name: each for name, each in kept.items() if name not in unclear} | read.values
    return replace(
        read, values=values, unread=unread | read.unread, unclear=(*read.unclear, *unclear), in_doubt=in_doubt
    )


def _repeats_message(read: Arguments, call: OngoingCall) -> bool:
    asked = next(reversed(read_exchanges(call))).request
    return asked is not None and asked.read_arguments().get("message") == read.values.get("message")


def _find_searched(call: OngoingCall, known: KnownNames) -> dict[str, Any]:
    """Return the service of the call's last search, unless something was booked or changed since."""
    for each in reversed(read_exchanges(call)):
        if is_done(each, WRITES) or each.request is None:
            break
        if each.request.name == Function.CHECK_AVAILABILITY.name.lower():
            before = read_arguments("check_availability", each.request.arguments, known).values
            if "service" in before:
                return {"service": before["service"]}
    return {}


def _add_caller(read: Arguments, call: OngoingCall, replies: Replies, known: KnownNames) -> Arguments:
    """Return the arguments of a booking. If it is only for another person than the one for whom we asked who else comes, it is
    unclear once whether it is for both: nobody is booked yet. If the caller replies so, that person is the companion of the first.
    """
    exchanges = read_exchanges(call)
    before = [each for each in exchanges if (each.answer or {}).get("unclear") != "companions"]
    asked = (before[-1].answer or {}).get("needs_companions") if before else None
    is_open = replies.get(companions_key(str(asked))) in {None, Reply.ASIDE}
    if (
        is_open
        or asked in {ONE_BY_ONE, ONE_NAME}
        or before[-1].request is None
        or before[-1].request.name != "book_appointment"
    ):
        return read
    first = read_arguments("book_appointment", before[-1].request.arguments, known)
    was_unclear, said = before[-1] is not exchanges[-1], exchanges[-1].said
    names = [fold(str(each.values.get("customer_name"))) for each in (first, read)]
    is_with_caller = 0 in (read_people_meant(said, names) or ()) or ONLY_YES.fullmatch(words_of(said))
    if (was_unclear and not is_with_caller) or not _joins(read, first, before, known):
        return read
    own = {key: read.values[key] for key in ("customer_name", "service", "staff") if key in read.values}
    kept = {key: each for key, each in first.values.items() if key in {*TIMES, "customer_name", "service", "staff"}}
    values = {key: each for key, each in read.values.items() if key not in {"another", "choice", *own}}
    unclear = read.unclear if was_unclear else (*read.unclear, "companions")
    return replace(read, values=values | kept | {"companions": [own]}, unclear=unclear)


def _joins(read: Arguments, first: Arguments, before: Sequence[Exchange], known: KnownNames) -> bool:
    """Return whether a request may be for the companion of the `first` one: one other person at its time, whom no request of the
    call has named. Each request is one person's if callers are verified by birth date, or if it has one.
    """
    if known.config.caller_verification is CallerVerification.NAME_AND_BIRTH_DATE or "birth_date" in read.values:
        return False
    names = [str(each.values.get("customer_name", "")) for each in (read, first)]
    named = [str(each.request.read_arguments().get("customer_name", "")) for each in before if each.request]
    times = [{key: each for key, each in one.values.items() if key in TIMES} for one in (first, read)]
    is_one = not (read.values.get("companions") or read.is_several) and len(first.values.get("companions") or ()) <= 1
    is_other = all(names) and not any(may_be_same(names[0], each) for each in (names[1], *named))
    return is_one and is_other and times[1] in ({}, times[0])


def _read_understood(
    read: Arguments, function: Function, call: OngoingCall, known: KnownNames, now: datetime
) -> tuple[dict[str, Any], dict[str, str], bool]:
    """Return the understood arguments and the unread fields of the call's last requests before `read`, if all are of this
    function and were answered by questions, and whether the caller's last words leave their time in doubt: also one that `read`
    repeats. A later value replaces an earlier one. A time that the caller has since declined is dropped.
    """
    asked_back = list[Exchange]()
    for each in read_exchanges(call):
        if each.request is not None and each.request.name == Function.BUSINESS_INFORMATION.name.lower():
            asked_back = [*asked_back[:-1], *(replace(last, said=last.said + each.said) for last in asked_back[-1:])]
            continue
        is_asked = each.request is not None and each.request.name == function.name.lower()
        asked_back = [*asked_back, each] if is_asked and (each.answer or {}).get("success") is False else []
    asked_back = asked_back[-_MOST_REQUESTS:]
    requests = [_read_arguments(function, each.request.arguments, call, known) for each in asked_back if each.request]
    zone = ZoneInfo(known.config.time_zone)
    understood, asked, unread = dict[str, Any](), dict[str, Any](), dict[str, str]()
    asked_about = {None, *(rule.name for rule in rules_of(function.name.lower()).values())}
    in_doubt = is_asked = was_declined = False
    for exchange, request, answering in zip(asked_back, requests, [*requests, read][1:], strict=True):
        answer = exchange.answer or {}
        unclear = {name for field, names in _ASKED_ABOUT.items() if answer.get(field) for name in names}
        if _asks_only_for_day(answer) and not holds_day(str(request.values.get("time", ""))):
            unclear -= {"time"}
        before = list_replaced(request)
        is_new_address = request.values.get("email", understood.get("email")) != understood.get("email")
        understood, asked = (
            {name: each for name, each in values.items() if name not in before} | request.values
            for values in (understood, asked)
        )
        if is_new_address:
            understood.pop("email_confirmed", None)  # a False beside it refuses the former one
        added = drop_repeated(answering, asked, now, zone)
        was_asked, is_asked = is_asked, answer.get("unclear") == "confirmed"
        is_to_agree = was_declined or is_asked
        times = {name: each for name, each in asked.items() if name in TIMES}
        agreement = Agreement.AGAIN if was_asked and is_asked else Agreement.ONCE if is_to_agree else Agreement.NONE
        stance = read_kept_stance(exchange, understood | times, added, now, zone, agreement)
        is_given = not TIMES.isdisjoint({*answering.values, *answering.unclear})
        is_new = not TIMES.isdisjoint(added.values)
        doubts = _list_doubts(answer, unclear, asked_about, is_given=is_given and not is_to_agree, is_new=is_new)
        in_doubt = function in _CONFIRMED and (stance in doubts or (is_to_agree and stance is not Stance.LEFT))
        in_doubt |= _withdraws(function, stance)
        was_declined = stance >= Stance.DECLINED and answer.keys().isdisjoint(_CHOSEN)
        if stance >= Stance.DECLINED or (stance is Stance.WITHDRAWN and function not in _CONFIRMED):
            unclear |= TIMES
        unclear |= _MESSAGE if _withdraws(function, stance) else set()
        person = "recipient" if function is Function.LEAVE_MESSAGE else "staff"
        staff = read_staff_beside(exchange.said, understood | added.values, known, person)
        unclear |= {person} if staff is not None else set()
        understood = {name: each for name, each in understood.items() if name not in unclear | _ANSWERS}
        is_kept = function in _CONFIRMED or (person == "recipient" and staff in {UNCLEAR, *known.list_people(staff)})
        understood |= {person: staff} if staff and is_kept else {}
        unread |= request.unread if "unclear" not in answer else {}
    return understood, unread, in_doubt


def _withdraws(function: Function, stance: Stance) -> bool:
    """Return whether the reply to a question about a message withdraws it."""
    return function is Function.LEAVE_MESSAGE and stance is Stance.WITHDRAWN


def _list_doubts(
    answer: Mapping[str, Any],
    unclear: Collection[str],
    arguments: Collection[str | None],
    *,
    is_given: bool,
    is_new: bool,
) -> Collection[Stance]:
    """Return the stances that leave the time in doubt. Words that nobody can list say nothing of a time that the request repeats
    (`is_given`), and most others are read where that is decided: no number may be given. Words that refuse the time count after
    a choice only if the request names it for the first time (`is_new`).
    """
    about = answer.get("unclear")
    is_choice = not answer.keys().isdisjoint(_CHOSEN)
    given_up = {Stance.WITHDRAWN, Stance.DECLINED, Stance.REFUSED}
    if not is_given:
        return {*Stance} - {Stance.LEFT} if TIMES.isdisjoint(unclear) else given_up
    if about not in arguments or not answer.keys().isdisjoint({"choices", "needs_answer"}):
        return ()
    return given_up - ({Stance.DECLINED} if is_new else {Stance.DECLINED, Stance.REFUSED}) if is_choice else given_up


def _asks_only_for_day(answer: Mapping[str, Any]) -> bool:
    """Return whether an answer asks which day is meant, of readings that are all at one time of day."""
    meant = answer.get("candidates") or ()
    clocks = {str(each["start"]).partition("T")[2] for each in meant if each.get("grain") == Grain.MINUTE}
    return len(clocks) == 1 and all(each.get("grain") == Grain.MINUTE for each in meant)


def _is_usable(understood: Mapping[str, Any], replies: Replies | None) -> bool:
    """Return True if the earlier requests (`understood`) have a valid e-mail address, and the caller has not refused it."""
    address = read_named_email(str(understood.get("email", "")))
    is_refused = understood.get("email_confirmed") is False or (
        address is not None and (replies or {}).get(address.casefold()) is Reply.NO
    )
    return address is not None and not is_refused
