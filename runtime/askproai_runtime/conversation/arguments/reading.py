"""Read the arguments of a call function from the values of a language model, by the table of `table.py`."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from askproai_runtime.conversation.arguments.companions import read_companions
from askproai_runtime.conversation.arguments.known_names import KnownNames
from askproai_runtime.conversation.arguments.members import (
    Member,
    find_lost,
    join_path,
    list_members,
    names_time,
    set_apart,
)
from askproai_runtime.conversation.arguments.table import (
    ADDED_SERVICES,
    DECIDING,
    DESCRIPTIONS,
    NOT_NEEDED,
    PARTIES,
    PREFERENCES,
    TIMES,
    ArgumentRule,
    fold_key,
    rules_of,
)
from askproai_runtime.conversation.arguments.texts import NOTES_LIMIT
from askproai_runtime.conversation.arguments.values import (
    MAX_CHARACTERS,
    decode_each,
    is_empty,
    is_nothing_for,
    join_texts,
    merge_values,
    read_value,
    says_nothing,
)
from askproai_runtime.conversation.phone_argument import has_digits
from askproai_runtime.language.placeholders import leaves_open
from askproai_runtime.language.service_texts import ServicePart, cut_parts, drop_catalogue, find_rest
from askproai_runtime.language.spoken_numbers import read_spoken_number
from askproai_runtime.person_names import fold
from askproai_runtime.spoken_times import Argument
from askproai_runtime.spoken_times.agreement import may_agree
from askproai_runtime.understood import UNDERSTOOD

_LONGEST_UNREAD = NOTES_LIMIT + 1  # one that is cut fits nowhere: nothing is noted in part
_MOST_UNREAD = 10 * _LONGEST_UNREAD  # characters of unread values with their names
BEYOND = "…"  # the place of the values that are not even named
_NEW = frozenset({"book_appointment", "check_availability", "join_waitlist"})  # appointments
_START = re.compile(r"(?P<date>\d{4}-\d\d-\d\d)[T ](?P<time>\d\d:\d\d)")
_PIECE = re.compile(r"[^(),;]+")
# An e-mail address in the text for a number, with the word or sign between the two.
_JOINS = rf"(?:\b(?:{UNDERSTOOD.arguments.and_or})\b|[,;/|])?"
_ADDRESS = re.compile(rf"{_JOINS}\s*(?P<address>[^\s,;/|()<>:]+@[^\s,;/|()<>]+)\s*{_JOINS}", re.IGNORECASE)
_ON = re.compile(rf"^(?:{UNDERSTOOD.arguments.on_day})\s+", re.IGNORECASE)
Choose = Callable[[str, Sequence[Any]], Any]
_PERSON = frozenset({"customer_name", "phone"})  # what else an object says of a person decides nothing


@dataclass(frozen=True, slots=True)
class Arguments:
    """The arguments of a request that have a value, by the names of the table, and the `unread` values by the model's own keys.

    `noted` are the unread values that were added to the notes or message. `unclear` are the deciding arguments that are
    not in `values`, since a part was unread or two values disagree; `readings` are the values that disagree. `is_several`: the
    arguments contain several requests. `in_doubt`: the caller may have declined the time.
    """

    values: dict[str, Any]
    unread: dict[str, str]
    unclear: tuple[str, ...] = ()
    is_several: bool = False
    noted: Mapping[str, str] = field(default_factory=dict)
    readings: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    in_doubt: bool = False


def read_arguments(
    function: str, args: Any, known: KnownNames | None = None, choose: Choose | None = None
) -> Arguments:
    """Return the arguments of a function: trimmed and bounded texts, booleans, and `companions`. Placeholders count as absent.

    A language model may send numbers for texts, nulls, blanks, JSON in texts, other names, nested objects, or no object at all.
    No value is dropped silently: a value that the function does not read is in `unread`. A deciding argument counts only if all
    its values were read and agree. With `known` names, an id and a name of the same staff member or service agree. `choose`
    returns the value of an argument that the caller has chosen among those that disagree, else None.
    """
    values, unread, unclear = dict[str, Any](), dict[str, list[Any]](), set[str]()
    contradicted = dict[str, dict[str, Any]]()
    rules, several = rules_of(function), list[str]()
    paths = dict[str, str]()
    args = decode_each(args)
    listed = [each for each in list_members(args, rules, several) if not _names_business(each, known)]
    members = sorted(set_apart(listed), key=lambda member: (not member.is_own, member.depth, member.is_alias))
    # With companions an additional service may be another person's.
    adds = function in _NEW and not any(member.value and _is_of_companions(member) for member in members)
    for member in members:
        read, rest = _read_member(member)
        for path, value in rest:
            unread.setdefault(path, []).append(value)
        unclear |= _find_unclear(member, rest, function)
        if member.rule is None or read is None:
            continue
        name = member.rule.name
        merged = read
        if name in values:
            merged = _merge(member.rule, (paths[name], values[name]), (member.path, read), known, adds=adds)
        if merged is None:
            unread.setdefault(member.path, []).append(member.value)
            readings = contradicted.get(name, {paths[name]: values[name]}) | {member.path: read}
            contradicted |= {name: readings} if member.is_own else {}
        else:
            values[name] = merged
            paths.setdefault(name, member.path)
    of_companions = [member for member in members if _is_of_companions(member)]
    if "companions" in values and all(_is_with_caller(member, values) for member in of_companions):
        unclear.discard("companions")
    chosen = _choose(contradicted, choose, values, unread)
    unclear |= (contradicted.keys() & DECIDING) - chosen
    unclear |= _find_unclear_day(members, values, rules) | find_lost(members, values, rules)
    unclear |= TIMES & _names_of_rules(rules) if unclear & {"date", "start"} else set()
    for member in members:
        if member.rule and member.rule.name in unclear and not is_empty(member.value):
            values.pop(member.rule.name, None)
            named = unread.setdefault(member.path, [])
            named += [member.value] if member.value not in named else []
    for path in several:
        unread.setdefault(path, [True])
    disagreeing = {name: [*each.values()] for name, each in contradicted.items() if name in unclear}
    read = Arguments(values, _name_unread(unread), tuple(sorted(unclear)), bool(several), readings=disagreeing)
    read = _split_contacts(read, rules)
    read = _with_any_day(read, function, members)
    return read if known is None or "staff" not in rules else _read_names(read, function, known, choose)


def _with_any_day(read: Arguments, function: str, members: list[Member]) -> Arguments:
    """Return the arguments; if a request for the waiting list names no day, with the model's "no matter" as `date`."""
    if function != "join_waitlist" or not {"date", "start"}.isdisjoint({*read.values, *read.unclear}):
        return read
    days = [str(each.value) for each in members if each.rule is not None and each.rule.name == "date"]
    found = next(filter(leaves_open, days), None)
    return read if found is None else replace(read, values=read.values | {"date": found})


def _merge(
    rule: ArgumentRule, first: tuple[str, Any], second: tuple[str, Any], known: KnownNames | None, *, adds: bool
) -> Any:
    """Return one value for two (path, value) pairs; None if they disagree. `adds`: an "additional service" is one more service."""
    merged = merge_values(rule, first[1], second[1])
    if merged is None and known is not None:
        merged = known.agree(rule.name, first, second)
    if merged is None and adds and fold_key(second[0].rpartition(".")[2]) in ADDED_SERVICES:
        names = {fold(name): name.strip() for name in (*first[1].split(","), *second[1].split(","))}
        merged = ", ".join(names.values())
    return merged


def _choose(
    contradicted: Mapping[str, Mapping[str, Any]],
    choose: Choose | None,
    values: dict[str, Any],
    unread: dict[str, list[Any]],
) -> set[str]:
    """Set each argument whose values (by path) disagree to the one that the caller has chosen. Return these arguments' names."""
    chosen = {name: choose(name, [*each.values()]) for name, each in contradicted.items()} if choose else {}
    chosen = {name: value for name, value in chosen.items() if value is not None}
    values.update(chosen)
    for path in (path for name in chosen for path in contradicted[name]):
        unread.pop(path, None)
    return set(chosen)


def _split_contacts(read: Arguments, rules: Mapping[str, ArgumentRule]) -> Arguments:
    """Return the arguments; an e-mail address in `phone` is moved to `email`, and a number in `email` to `phone`. If that has
    another value, they are moved to `unread`.
    """
    text, email = (str(read.values.get(name, "")) for name in ("phone", "email"))
    found, number = _ADDRESS.search(text), _ADDRESS.sub(" ", text).strip()
    if found is not None and has_digits(number):
        moved, said, values = "email", found["address"].rstrip("."), read.values | {"phone": number}
    elif read_spoken_number(email) is not None:
        moved, said, values = "phone", email, {name: each for name, each in read.values.items() if name != "email"}
    else:
        return read
    is_clear = moved in rules and moved not in read.unclear
    if is_clear and merge_values(rules[moved], values.setdefault(moved, said), said) is not None:
        return replace(read, values=values)
    return replace(read, values=values, unread={moved: said} | read.unread)


def _read_names(read: Arguments, function: str, known: KnownNames, choose: Choose | None) -> Arguments:
    service, staff = (str(read.values.get(name, "")) for name in ("service", "staff"))
    if known.are_swapped(service, staff):
        read = replace(read, values=read.values | {"service": staff, "staff": service})
    elif (person := known.find_person_beside_place(staff)) is not None:
        read = replace(read, values=read.values | {"staff": person})
    read = _split_time(read, known) if function in _NEW else read
    return _with_staff(_split_staff(_split_service(read, function, known, choose), known), known)


def _split_time(read: Arguments, known: KnownNames) -> Arguments:
    """Return the arguments with a day or time without the service's name in it: "sechzehn Uhr einen Haarschnitt". The name is
    the service if there is none; another one stays, so that the caller is asked.
    """
    values = dict(read.values)
    for name in ("date", "time"):
        text, given = str(values.get(name, "")), values.get("service")
        parts = known.list_service_parts(text)
        service = cut_parts(text, parts)
        named = known.resolve("service", service)
        is_same = named == known.resolve("service", str(given)) if given else "service" not in read.unclear
        if named and parts and is_same and {part.argument for part in parts} <= TIMES:
            values = {"service": service} | values | {name: " ".join(part.text for part in parts)}
    return replace(read, values=values)


def _split_service(read: Arguments, function: str, known: KnownNames, choose: Choose | None) -> Arguments:
    """Return the arguments without the pieces of the service text that belong to other arguments: each piece is moved there if
    that argument is absent or has the same value. Another person or branch than the argument is asked about. Other words stay
    in the text, so that the caller is asked, and are in `unread`.
    """
    if function not in _NEW or not isinstance(read.values.get("service"), str):
        return read
    text = known.drop_length(_drop_given(drop_catalogue(read.values["service"]), read.values))
    values, unread, noted, parts = dict(read.values), dict(read.unread), list[str](), list[ServicePart]()
    readings = dict[str, Sequence[Any]]()
    for part in known.list_service_parts(text):
        value = _merge_part(part, read, known)
        if value is None and part.argument in {"branch", "staff"} & values.keys():
            both = values.pop(part.argument), part.text
            if (value := choose(part.argument, both) if choose else None) is None:
                parts.append(part)
                noted.append(part.text)
                readings[part.argument] = both
        if value is None:
            continue
        parts.append(part)
        if part.argument == "person":
            noted.append(part.text)
        elif part.argument == "quantity":
            unread |= {} if "companions" in values else {"service.quantity": part.text}
        elif "start" not in values or part.argument in {"branch", "staff"}:
            values[part.argument] = value
    values["service"] = cut_parts(text, parts)
    noted.append(find_rest(values["service"], known.config.services))
    rest = ", ".join(filter(None, noted)) if function != "check_availability" else ""  # a search notes nothing
    values = {name: value for name, value in values.items() if name != "service" or value}
    unclear = tuple(sorted({*read.unclear, *readings}))
    unread = ({"service": rest} if rest else {}) | unread
    return replace(read, values=values, unread=unread, unclear=unclear, readings=dict(read.readings) | readings)


def _drop_given(text: str, values: Mapping[str, Any]) -> str:
    """Return a service text without the pieces that repeat the other arguments (`values`): `haircut (before 11, Anna only)`."""
    given = {fold(value) for name in (*TIMES, "staff") if isinstance(value := values.get(name), str)} - {""}
    rest = _PIECE.sub(lambda piece: "" if fold(piece[0]) in given else piece[0], text)
    return text if rest == text else re.sub(r"\([\s,;]*\)", "", rest).strip(" ,;")


def _merge_part(part: ServicePart, read: Arguments, known: KnownNames) -> Any:
    """Return the value of an argument merged with a part of the service text; None if the two contradict each other."""
    name, said = part.argument, _ON.sub("", part.text)
    given = read.values.get(name)
    if name in TIMES and "start" in read.values:
        start = _START.match(str(read.values["start"]))
        is_known = start is not None and name in start.groupdict()
        return start[name] if start and is_known and may_agree(start[name], said, Argument(name)) else None
    if given is None:
        return None if name in read.unclear else part.text
    if name == "staff":
        return given if known.agrees_about_staff(str(given), part.text) else None
    if name == "branch":
        return known.agree(name, (name, str(given)), (name, part.text))
    return merge_values(rules_of("book_appointment")[fold_key(name)], given, said)


def _split_staff(read: Arguments, known: KnownNames) -> Arguments:
    """Return the arguments with a staff member's name moved to `staff` from the text of a day or time. If two staff members are
    named, `staff` is unclear.
    """
    values, named = dict(read.values), dict[str, str]()
    for name in ("date", "start", "time", "part_of_day"):
        if isinstance(text := values.get(name), str) and (found := known.split_staff(text)) is not None:
            values[name], named[name] = found
    if not named:
        return read
    people = {known.resolve("staff", each) for each in (*named.values(), values.get("staff")) if each is not None}
    if len(people) == 1:
        return replace(read, values={"staff": next(iter(named.values()))} | values)
    values.pop("staff", None)
    return replace(read, values=values, unread=read.unread | named, unclear=tuple(sorted({*read.unclear, "staff"})))


def _with_staff(read: Arguments, known: KnownNames) -> Arguments:
    """Return the arguments with the staff member from another key as `staff`, if `staff` is absent."""
    found = known.find_staff(read.unread)
    if found is None or "staff" in read.values or "staff" in read.unclear:
        return read
    place, said = found
    unread = {path: text for path, text in read.unread.items() if path != place}
    return replace(read, values=read.values | {"staff": said}, unread=unread)


def _is_with_caller(member: Member, values: dict[str, Any]) -> bool:
    """Return True if the companions' unread values only repeat the caller's day and time, or describe the companions."""
    _, rest = _read_member(member)
    own = {fold_key(name): join_texts(value) for name, value in values.items() if name in TIMES}
    parts = [(fold_key(path.rpartition(".")[2]), join_texts(value)) for path, value in rest]
    return all(key in DESCRIPTIONS or own.get(key) == said for key, said in parts)


def _names_of_rules(rules: Mapping[str, ArgumentRule]) -> set[str]:
    return {rule.name for rule in rules.values()}


def _find_unclear(member: Member, rest: list[tuple[str, Any]], function: str) -> set[str]:
    """Return {name} of the deciding argument to which a value belongs, if a part of it (`rest`) was unread; else an empty set."""
    name = member.rule.name if member.rule else member.within
    if name not in DECIDING or (member.rule is None and name in _PERSON):
        is_other_number = name == "phone" and _last_key(member) not in DESCRIPTIONS | NOT_NEEDED
        return {"phone"} if is_other_number and not is_empty(member.value) else set()
    if member.rule is not None and name == "customer_name":
        return set()  # it is asked for where it is needed
    if name == "time" and function == "check_availability" and isinstance(member.value, bool):
        return set()  # the search offers the times of the day
    if member.rule is not None and name == "phone":
        return {"phone"} if rest and not isinstance(member.value, bool) else set()
    unread = {fold_key(path.rpartition(".")[2]) for path, _ in rest}
    return {name} if unread - DESCRIPTIONS - PREFERENCES - NOT_NEEDED else set()


def _find_unclear_day(members: list[Member], values: Mapping[str, Any], rules: Mapping[str, ArgumentRule]) -> set[str]:
    """Return {"date"} if the only named day is not the appointment's: by `inspection_date` alone, a wrong day would be booked."""
    if "date" not in _names_of_rules(rules) or not {"date", "start"}.isdisjoint(values):
        return set()
    return {"date"} if any(each.rule is None and names_time(_last_key(each), each.value) for each in members) else set()


def _is_of_companions(member: Member) -> bool:
    return member.rule is not None and member.rule.name == "companions"


def _names_business(member: Member, known: KnownNames | None) -> bool:
    """Return whether the argument `branch`, `staff` or `customer_name` only names the business itself, which is no choice."""
    if known is None or member.rule is None or member.rule.name not in {"branch", "customer_name", "staff"}:
        return False
    return isinstance(member.value, str) and known.is_business(member.rule.name, member.value)


def _last_key(member: Member) -> str:
    return fold_key(member.path.rpartition(".")[2])


def _name_unread(unread: Mapping[str, list[Any]]) -> dict[str, str]:
    """Return the unread values as bounded texts by path. The entry "…" has the number of paths that exceed the bound."""
    named, length = dict[str, str](), 0
    for path, values in unread.items():
        text = (join_texts(values) or str(values[0]).lower())[:_LONGEST_UNREAD]
        length += len(path) + len(text)
        if length > _MOST_UNREAD:
            return named | {BEYOND: str(len(unread) - len(named))}
        named[path] = text
    return named


def _read_member(member: Member) -> tuple[Any, list[tuple[str, Any]]]:
    """Return the value of an argument, or None, and the unread parts of it with their paths."""
    if member.rule is None:
        is_needed = fold_key(member.path.rpartition(".")[2]) not in NOT_NEEDED
        is_text = isinstance(member.value, str) and member.within not in DECIDING
        is_nothing = says_nothing(member.value) if is_text else is_empty(member.value)
        is_nothing = is_nothing and str(member.value).strip().casefold() != "true"  # which is said of the key
        is_said = not is_nothing or (member.within is not None and member.value is False)
        return None, [(member.path, member.value)] if is_needed and is_said else []
    if member.rule.name == "companions":
        read, rest = read_companions(member.value)
        is_count = (
            bool(read) and not any(any(each.values()) for each in read or ()) and isinstance(member.value, int | str)
        )
        if read and is_count and fold_key(member.path.rpartition(".")[2]) in PARTIES:  # the caller is one of them
            read, rest = ([], []) if len(read) == 1 else (None, [("", member.value)])
        return read, [(join_path(member.path, key), each) for key, each in rest if not is_empty(each)]
    value = read_value(member.rule, member.value)
    if isinstance(value, str) and len(value) > MAX_CHARACTERS:
        return value[:MAX_CHARACTERS].rstrip(), [(member.path, value[MAX_CHARACTERS:])]
    return value, [(member.path, member.value)] if value is None and not is_nothing_for(
        member.rule, member.value
    ) else []
