"""The old and the new time of a move, as language models name them: `{from, to}`, `{old: {…}, new: {…}}`, `{date, new_date}`."""

import re
from collections.abc import KeysView, Mapping
from typing import Any, Final

from askproai_runtime.conversation.arguments.table import fold_key, rules_of
from askproai_runtime.spoken_times import Argument
from askproai_runtime.spoken_times.arguments import find_part_argument, holds_day, says_nothing
from askproai_runtime.spoken_times.mentions import list_replaced
from askproai_runtime.understood import UNDERSTOOD

_KEYS: Final = UNDERSTOOD.time_names
_KINDS = _KEYS.appointment | {""}
_STARTS = {"appointmentstart", "appointmentstarttime", "bookingstart", "bookingstarttime"}
_OLD = _STARTS | _KEYS.bounds | _KEYS.old | {f"{word}{kind}" for word in _KEYS.old_appointment for kind in _KINDS}
_NEW = _KEYS.new | {f"{word}{kind}" for word in _KEYS.new_appointment for kind in _KINDS}
_PLAIN_DATES = _KEYS.date | _KEYS.day
_PLAIN_STARTS = frozenset({"start", "datetime", "starttime"})
_TIMES = _PLAIN_DATES | _KEYS.time | _PLAIN_STARTS | _KEYS.new_date | _KEYS.new_time
_OF_APPOINTMENT = frozenset({"appointment_date", "appointment_time"})
_OF_NEW = re.compile(rf"(?:{_KEYS.of_new})(?P<name>.+)")
_INSTANT = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)")


def name_old_and_new(members: Mapping[str, Any]) -> dict[str, Any]:
    """Return a move's arguments with the old time as `appointment_date` and `appointment_time`, which only identify the
    appointment, and the new time as `date`, `time` or `start`.
    """
    members = _split_replaced(members)
    keys = {fold_key(key): key for key in members}
    old, new = _OLD & keys.keys(), _NEW & keys.keys()
    if new or not _TIMES.isdisjoint(keys):
        old |= {key for key in _KEYS.booked & keys.keys() if _holds_other_time(members[keys[key]], members)}
    values = {members[keys[key]] for key in old | new if isinstance(members[keys[key]], str)}
    if len(values) > 1 and all(find_part_argument(value) is Argument.TIME for value in values):  # a range
        return dict(members)
    named_new = bool(new) or not (_KEYS.new_date | _KEYS.new_time).isdisjoint(keys)
    is_date_old, is_time_old = _find_old(keys.keys(), {side for key in new for side in _list_sides(members[keys[key]])})
    found = dict[str, Any]()
    for key, value in members.items():
        folded = fold_key(key)
        if folded in old and (named_new or folded not in _KEYS.bounds):
            found |= _read_moment(key, value, is_old=True)
        elif folded in new:
            found |= _read_moment(key, value, is_old=False)
        elif (folded in _PLAIN_DATES and is_date_old) or (folded in _KEYS.time and is_time_old):
            found[_name_of_old(folded) or key] = value
        elif folded in _PLAIN_STARTS and is_date_old and is_time_old:
            found |= _read_moment(key, value, is_old=True)
        else:
            found[_name_of_new(folded) or key] = value
    return found


def list_replaced_times(text: str) -> list[tuple[str, str]]:
    """Return each way to read a text as an old time and its replacement: "von zehn auf elf", "Freitag statt Donnerstag"."""
    pairs = ((_drop_fillers(old), _drop_fillers(new)) for old, new in list_replaced(text))
    return [pair for pair in pairs if all(map(_names_time, pair))]


def _drop_fillers(text: str) -> str:
    """Return a text without words before its time: "lieber elf" names no time, since a lone number is an hour only by itself."""
    first, _, rest = text.partition(" ")
    return _drop_fillers(rest) if rest and not _names_time(text) and says_nothing(first) else text


def _names_time(text: str) -> bool:
    return find_part_argument(text) is not None or holds_day(text)


def _split_replaced(members: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a move's arguments with the new time taken out of the text for the appointment's time, if that names both: "von
    Donnerstag auf Freitag". A new time in another argument is kept.
    """
    rules, found = rules_of("reschedule_appointment"), dict(members)
    names = {rules[key].name for key in map(fold_key, members) if key in rules}
    given = names & {"start", "date", "time", "part_of_day"}
    for key, value in members.items():
        rule = rules.get(fold_key(key))
        if rule is None or rule.name not in _OF_APPOINTMENT or not isinstance(value, str):
            continue
        pairs = list_replaced_times(value)
        if not pairs or (given and _is_range(value, pairs[0])):
            continue
        found[key], new = min(pairs, key=lambda pair: abs(len(pair[0].split()) - len(pair[1].split())))
        moment = _read_moment(key, new, is_old=False)
        found |= {name: text for name, text in moment.items() if not {name, "start"} & given}
    return found


def _is_range(text: str, bounds: tuple[str, str]) -> bool:
    """Return whether a text with two hours may be the appointment's beginning and end: "from ten to eleven"."""
    return find_part_argument(text) is not None and not any(map(holds_day, bounds))


def _holds_other_time(value: Any, members: Mapping[str, Any]) -> bool:
    """Return True if a value is an object with a time that the other arguments lack: `{appointment: {date: …}, date: …}`."""
    times = [each for key, each in value.items() if fold_key(key) in _TIMES] if isinstance(value, dict) else []
    return any(each not in members.values() for each in times)


def _name_of_new(key: str) -> str | None:
    """Return `staff`, `service` or `branch` for a key such as `new_staff` or `neuer_mitarbeiter`; None for any other key."""
    said = _OF_NEW.fullmatch(key)
    rule = rules_of("reschedule_appointment").get(said["name"]) if said else None
    return rule.name if rule is not None and rule.name in {"staff", "service", "branch"} else None


def _list_sides(value: Any) -> set[str]:
    """Return "date", "time" or both: the parts of a moment that a move's new time has."""
    if isinstance(value, dict):
        names = {_name_of_old(fold_key(key)) for key in value}
        return {side for side in ("date", "time") if f"appointment_{side}" in names} or {"date", "time"}
    argument = find_part_argument(value) if isinstance(value, str) else None
    return {"date", "time"} if argument is None else {"date" if argument is Argument.DATE else "time"}


def _find_old(keys: KeysView[str], new: set[str]) -> tuple[bool, bool]:
    """Return whether a move's `date`, and its `time`, are the appointment's old ones, since other keys hold the new moment."""
    is_date_old = "date" in new or not _KEYS.new_date.isdisjoint(keys)
    is_time_old = "time" in new or not _KEYS.new_time.isdisjoint(keys)
    if not (_PLAIN_DATES.isdisjoint(keys) or _KEYS.time.isdisjoint(keys)):
        is_date_old = is_time_old = is_date_old or is_time_old
    return is_date_old, is_time_old


def _read_moment(key: str, value: Any, *, is_old: bool) -> dict[str, Any]:
    """Return the arguments for the old or the new moment. An unreadable new text becomes `date`, so that the caller is asked."""
    if isinstance(value, dict):
        side = "old" if is_old else "new"
        return {side: _as_appointment(value) if is_old else value}
    if not isinstance(value, str):
        return {key: value}
    if found := _INSTANT.match(value):
        return {"appointment_date": found[1], "appointment_time": found[2]} if is_old else {"start": value}
    argument = find_part_argument(value)
    if argument is Argument.PART_OF_DAY and not is_old:
        return {"part_of_day": value}
    name = "date" if argument in {Argument.DATE, None} else "time"
    return {f"appointment_{name}" if is_old else name: value}


def _as_appointment(members: Mapping[str, Any]) -> dict[str, Any]:
    """Return the object of the old time with its keys renamed to `appointment_date` and `appointment_time`."""
    found = dict[str, Any]()
    for key, value in members.items():
        folded = fold_key(key)
        if folded in _PLAIN_STARTS and isinstance(value, str):
            found |= _read_moment(key, value, is_old=True)
        else:
            found[_name_of_old(folded) or key] = value
    return found


def _name_of_old(key: str) -> str | None:
    return "appointment_date" if key in _PLAIN_DATES else "appointment_time" if key in _KEYS.time else None
