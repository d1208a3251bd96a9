"""Read words that choose a time or day of the last answer by its position: "der zweite", "am letzten Tag", "diesen Donnerstag"."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any, Final

from askproai_runtime.conversation.day_readings import (
    ask_readings,
    ask_which,
    choose_start,
    dates_of,
    read_near,
    read_on,
)
from askproai_runtime.conversation.last_days import OF_OWN
from askproai_runtime.conversation.open_days import TimeWords
from askproai_runtime.conversation.requested_times import names_day
from askproai_runtime.conversation.time_arguments import Parts, read_parts
from askproai_runtime.language.places_among import ENDING, OF_THEM, PLACE, PLACES
from askproai_runtime.spoken_times import ALL_WEEKDAYS, Argument, Grain, fold
from askproai_runtime.spoken_times.arguments import find_part_argument
from askproai_runtime.understood import UNDERSTOOD

_WORDS: Final = UNDERSTOOD.places
_WEEKDAY: Final = "|".join(ALL_WEEKDAYS)
_PLEASE: Final = rf"(?:,? (?:{UNDERSTOOD.arguments.please}))?"
_STEM: Final = rf"(?P<place>{PLACE}){ENDING}"
# "Am zweiten" is a day of the month.
_PLACE: Final = re.compile(
    rf"(?:(?:(?:{UNDERSTOOD.arguments.on_day}) )?(?P<before>{_WEEKDAY}),? )?(?:(?:{_WORDS.article}) )?{_STEM}"
    rf"(?: (?:{_WORDS.offer}|{OF_THEM})| (?P<after>{_WEEKDAY}))?{_PLEASE}"
)
_PLACE_OF_DAY: Final = re.compile(
    rf"(?P<before>(?:(?:{_WORDS.before_place}),? )*)(?P<on>(?:{_WORDS.on_place}) )?"
    rf"(?:(?:{_WORDS.article}) )?(?:{_STEM}|(?P<digit>[1-9])\.)"
    rf"(?: (?:(?P<day>{_WORDS.day}|{OF_THEM})|(?P<weekday>{_WEEKDAY})))?{_PLEASE}(?P<behind>.*)"
)
_SHOWN_WEEKDAY: Final = re.compile(rf"^(?:(?:{_WORDS.before_this}),? )*(?:{_WORDS.this}) (?P<weekday>{_WEEKDAY})\b")
_DIGIT: Final = re.compile(r"([1-9])\.?")


def put_on_shown_weekday(words: TimeWords) -> Mapping[str, Any]:
    """Return the arguments with "diesen Donnerstag" replaced by the only named Thursday; unchanged if that is not unique."""
    for name in () if words.named.naming in OF_OWN else ("date", "time"):
        text = fold(words.said.get(name, ""))
        if found := _SHOWN_WEEKDAY.search(text):
            days = [day for day in words.named_days if day.weekday() == ALL_WEEKDAYS[found["weekday"]]]
            if len(days) == 1:
                return {**words.args, name: f"{days[0].isoformat()} {text[found.end() :]}".strip()}
    return words.args


def put_on_place(words: TimeWords) -> Mapping[str, Any]:
    """Return the arguments with a time in place of a position ("der zweite"): the time at this position in the last answer.

    Raises `ClarificationNeeded` if that answer named fewer times, or if a digit or a day of the month may be meant instead.
    """
    words = replace(words, args=_put_on_place_of_days(words))
    named, args, said = words.named, words.args, words.said
    if named.naming in OF_OWN or (len(named.starts) == 1 and "start" not in said):
        return args
    if _DIGIT.fullmatch(said.get("start", "")):  # of an offer, or an hour
        raise words.ask_named()
    for name, text in said.items():
        found, digit = _PLACE.fullmatch(fold(text)), _DIGIT.fullmatch(text)
        if digit and name == "time" and text.endswith(".") and int(digit[1]) <= len(named.starts):
            raise words.ask_named()
        if found is None or len(named.starts) == 1:
            continue
        rest = {**args, name: found["before"] or found["after"]}
        fitting, place, parts = _list_fitting(words, rest), PLACES[found["place"]], read_parts(rest)
        if not fitting and names_day(parts):
            return args if rest[name] else rest
        if place >= len(fitting) > 0 and name == "date" and not rest[name]:
            continue
        if place >= len(fitting) or (name == "date" and not _is_on_place(words, fitting[place], place, parts)):
            raise words.ask_named()
        local = [start.astimezone(words.zone) for start in fitting]
        meant = {fitting[place], *(start for start, at in zip(fitting, local, strict=True) if at.day == place + 1)}
        if named.is_exact or len(meant) > 1:
            return choose_start(args, words.call, words.zone, meant, is_exact=named.is_exact)
        return {**args, name: None, "date": local[place].date().isoformat()}
    return args


def _is_on_place(words: TimeWords, start: datetime, place: int, parts: Parts) -> bool:
    """Return True if a start is on the day at this position (from 0), for words with a time: "der letzte Tag", "nachmittags"."""
    days = words.named_days
    if not any(parts) or names_day(parts):
        return True
    return place < len(days) and days[place] == start.astimezone(words.zone).date()


def _list_fitting(words: TimeWords, args: Mapping[str, Any]) -> Sequence[datetime]:
    """Return the named starts that the arguments' day and time include, a weekday in any week. Named days are compared by day."""
    parts = read_parts(args) if words.named.is_exact else (read_parts(args)[0], None, None)
    return _list_named(words, parts)


def _list_named(words: TimeWords, parts: Parts) -> Sequence[datetime]:
    if not any(parts):
        return words.named.starts
    fitting = list[datetime]()
    for start in words.named.starts:
        at, call, zone = start.astimezone(words.zone), words.call, words.zone
        is_day = names_day(parts)
        read = (
            read_near([at.date()], Grain.WEEK, parts, call, zone) if is_day else read_on([at.date()], parts, call, zone)
        )
        if any(each.contains(at) for each in read):
            fitting.append(start)
    return fitting


def _put_on_place_of_days(words: TimeWords) -> Mapping[str, Any]:
    """Return the arguments with the day of the last answer that their words choose by position: "am zweiten Tag".

    Raises `ClarificationNeeded` if a day of the month may be meant instead.
    """
    days, args = words.named_days, words.args
    needed = ("before", "on", "day", "weekday", "behind") if days[1:] else ("weekday",)
    for name, text in words.said.items():
        found = _PLACE_OF_DAY.fullmatch(fold(text))
        if found is None or not any(found[each] for each in needed):
            continue
        is_day = found["day"] and not re.fullmatch(OF_THEM, found["day"])
        is_of_days = found["on"] or (days[1:] and found["weekday"]) or is_day
        if _PLACE.fullmatch(fold(text)) and not is_of_days:  # "the second one"
            continue
        place = PLACES[found["place"]] if found["place"] else int(found["digit"]) - 1
        weekday, behind = found["weekday"], found["behind"].strip(" ,.()")
        among = [day for day in days if not weekday or day.weekday() == ALL_WEEKDAYS[weekday]]
        if behind and place < len(among) and ALL_WEEKDAYS.get(behind) == among[place].weekday():
            behind = ""  # "am ersten Tag (Dienstag)"
        others = {**args, name: None, **_read_clock(behind)}
        if names_day(read_parts(others)) or (behind and not _read_clock(behind)):
            continue
        if place < len(among):
            of_month = {(each.day, each.weekday()) for each in dates_of(words.understand(text, None, None))}
            is_date = (place + 1, among[place].weekday()) in of_month  # the 1st is a Tuesday, in "am ersten Dienstag"
            is_certain = bool(found["day"] or (weekday and (len(among) > 1 or not is_date)))
            return _put_on_day(words, {**others, "date": text}, among[place], is_certain=is_certain)
        if found["day"]:
            raise ask_which(words.named.starts, words.call, words.zone, is_exact=False)
    return args


def _read_clock(text: str) -> Mapping[str, Any]:
    """Return {"time": text} or {"part_of_day": text} for a text that is one of these; {} for any other text."""
    argument = find_part_argument(text) if text else None
    names = {Argument.TIME: "time", Argument.PART_OF_DAY: "part_of_day"}
    return {names[argument]: text} if argument in names else {}


def _put_on_day(words: TimeWords, args: Mapping[str, Any], day: date, *, is_certain: bool) -> Mapping[str, Any]:
    """Return the arguments with a named day as `date`, or as `start` if exactly one named time on this day fits. Unless
    `is_certain`, they are unchanged if the same words led to the answer, and `ClarificationNeeded` is raised if the words
    may be a day of the month.
    """
    text, call, zone = str(args["date"]), words.call, words.zone
    if not is_certain:
        if any(text in each.texts for each in call.earlier):
            return args  # the model repeats them
        of_month = dates_of(words.understand(text, None, None))
        if of_month - {day}:
            raise ask_readings(read_on(sorted({day, *of_month}), (None, None, None), call, zone), call, zone)
    fitting = _list_named(words, read_parts({**args, "date": None}))
    starts = {start for start in fitting if start.astimezone(zone).date() == day}
    if fitting and not starts:
        raise words.ask_named()
    if words.named.is_exact and len(starts) == 1:
        return choose_start(args, call, zone, starts)
    return {**args, "date": day.isoformat()}
