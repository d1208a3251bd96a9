"""Find the days that a caller excludes ("mittwochs vormittags kann ich nicht"), and leave them out of the text of a date."""

import re
from collections.abc import Sequence
from datetime import datetime, time, timedelta
from itertools import takewhile
from typing import TypeAlias
from zoneinfo import ZoneInfo

from askproai_runtime.sentences import present_language
from askproai_runtime.spoken_times.arguments import read_in_languages
from askproai_runtime.spoken_times.atoms import PARTS_OF_DAY, Clock, Day, Days, Op, Part, Period, Weekday
from askproai_runtime.spoken_times.grammar import fold
from askproai_runtime.spoken_times.grammars import present_grammar
from askproai_runtime.spoken_times.intervals import spell_out
from askproai_runtime.spoken_times.phrase import place_atoms
from askproai_runtime.spoken_times.scan import scan
from askproai_runtime.spoken_times.times import expand, hours_of, shifted
from askproai_runtime.spoken_times.types import Daily, Understanding
from askproai_runtime.understood import UNDERSTOOD, UNDERSTOOD_IN

ExcludedDay: TypeAlias = int | Days  # a weekday (0 is Monday), or a span of days
Excluded: TypeAlias = dict[ExcludedDay, Part | Clock | None]  # the excluded hours of each day; None: all
_ZONE = ZoneInfo("UTC")
_AT = datetime(2026, 1, 1, tzinfo=_ZONE)
# Words that are searched for excluded days, words of one exclusion, and exclusions: the event loop waits for them.
_MOST_WORDS, _LONGEST_EXCLUSION, _MOST_EXCLUSIONS = 30, 10, 4
_EXCLUSIONS = frozenset({Op.EXCEPT, Op.NOT})
_LINKS, _RANGE = frozenset({Op.AND, Op.OR, Op.COMMA}), frozenset({Op.BETWEEN, Op.FROM, Op.AFTER, Op.UNTIL, Op.BEFORE})
_ENDS, _MOMENT, _OPEN_END = 2, timedelta(microseconds=1), timedelta(days=300)  # of a range of days
_WORDS = UNDERSTOOD.excluded_days
_NOT_DENIED = re.compile(rf"\b(?:{_WORDS.not_denied})\b")
_SENTENCE_END = re.compile(r"[.!?;](?= |$)(?<!\d\.)")
_NEITHER = re.compile(rf"\b(?:{_WORDS.neither}) (.*?),? (?:{_WORDS.nor})\b")
_DENIED_BEFORE = re.compile(rf"(\b(?:{_WORDS.denials})) ?, ?(?=(?:{_WORDS.exceptions})\b)")
_DENIAL = re.compile(rf"(?:^|(?<=\s))(?:{_WORDS.denials})(?= *(?:$|(?:{_WORDS.exceptions})\b))")
_EXCEPTION = re.compile(rf"\b(?:{_WORDS.exceptions})\b")
_CONDITION = re.compile(rf"\b(?:{_WORDS.conditions})\b")
_ALWAYS = re.compile(rf"^(?!.*\b(?:{_WORDS.never})\b).*\b(?:{_WORDS.always})\b")
_WANTED = re.compile(rf"\b(?:{_WORDS.wanted})\b")
_REASON = re.compile(rf"(?:{_WORDS.reasons})\b")
_STATEMENT = re.compile(rf"(\b(?:{_WORDS.statements})) (?:{_WORDS.links})\b")
_ENDS_STATEMENT = re.compile(rf"\b(?:{_WORDS.statements})$")
_APPOINTMENT = re.compile(rf"\b(?:{_WORDS.appointments})\b")


def find_excluded_days(text: str, now: datetime = _AT) -> Excluded:
    """Return the weekdays (0 is Monday) and the spans of days that words exclude, each with its excluded hours (None: all).

    "Aber nicht am Montag", "heute geht es nicht" and "mittwochs vormittags kann ich nicht" exclude a day. Other words may be
    unknown. `now` is the local time of the call.
    """
    return read_in_languages(lambda: _find_excluded_days(fold(text), now), {})


def exclude_day(text: str, day: ExcludedDay, hours: Part | Clock | None) -> str:
    """Return a phrase ("": any day) that leaves out a day, in the present language: `nächste woche ≠ montag vormittag`.

    If the hours have no name, the phrase leaves out the whole day.
    """
    words = UNDERSTOOD_IN[present_language()]
    tables = words.counted.weekdays, words.values.parts
    weekdays, parts = ({each: word for word, each in reversed(table.items())} for table in tables)
    named = (
        weekdays[day] if isinstance(day, int) else f"≥ {day.first}" if day.last is None else f"{day.first}/{day.last}"
    )
    part = hours.name if isinstance(hours, Part) else ""
    said = parts.get(words.values.own_parts.get(part, part), "")
    return f"{spell_out(text)} ≠ {named} {said}".strip()


def includes_hours(understood: Understanding, hours: Part | Clock) -> bool:
    """Return whether a request for several days includes excluded hours. A time without a request for hours excludes nothing.

    An excluded morning begins with its day.
    """
    asked = [candidate.daily or Daily() for candidate in understood.candidates]
    spans: list[tuple[time | None, time | None]]
    if isinstance(hours, Clock):
        spans = [(at, shifted(at, 1)) for at in expand(hours)]
        asked = [each for each in asked if each.closes or each.opens > time()]
    else:
        opens, closes = hours_of(hours)
        spans = [(opens if opens and opens >= PARTS_OF_DAY["mittag"][0] else None, closes)]
    return any(
        (closes is None or each.opens < closes) and (opens is None or each.closes is None or opens < each.closes)
        for opens, closes in spans
        for each in asked
    )


def _find_excluded_days(said: str, now: datetime) -> Excluded:
    """Return what denials exclude before them, and then what words such as "außer" exclude behind them."""
    excluded, before, clauses = Excluded(), Excluded(), list[str]()
    said = _SENTENCE_END.sub(",", _NOT_DENIED.sub(" ", " ".join(said.split()[:_MOST_WORDS])))
    said = _STATEMENT.sub(r"\1,", _DENIED_BEFORE.sub(r"\1 ", _NEITHER.sub(r"≠ \1 ≠", said)))
    for clause in re.split(r" ?, ?", said):
        denial, exception = _DENIAL.search(clause), _EXCEPTION.search(clause)
        if _CONDITION.search(clause):
            continue
        if denial and exception and _ALWAYS.search(said):  # "immer, außer samstags nicht": two words for one no
            clauses.append(clause[: denial.start()] if exception.start() < denial.start() else clause)
        elif denial and exception and not _REASON.match(denial[0]):
            excluded |= _read_denied_exception(clause, denial, exception, now)
        elif denial and not _APPOINTMENT.search(clause):
            own = _read_ending(clause[: denial.start()], now)
            # no frame: "in der Woche vom 14., Dienstag und Donnerstag kann ich nicht"
            days = {day: hours for day, hours in before.items() if isinstance(day, int) or day.first == day.last}
            excluded |= (own or {}) | (days if _is_list(clause) else {})
            clauses.append(clause if own is None else clause[: denial.start()])  # a denial has days on one side of it
        else:
            clauses.append(clause)
        is_wanted = denial or _ENDS_STATEMENT.search(clause) or _WANTED.search(clause)
        alone = None if is_wanted else _read_days(clause.split(), now)
        before = {} if alone is None else before | alone
    said, patterns = present_grammar().normalize(", ".join(clauses)), present_grammar().operators
    texts = [said[word.start() :] for word in re.finditer(r"\S+", said)]
    ends = (((pattern.match(text), text, op) for pattern, op in patterns if op in _EXCLUSIONS) for text in texts)
    behind = [next(((text[match.end() :], op) for match, text, op in each if match), None) for each in ends]
    for text, op in [each for each in behind if each is not None][:_MOST_EXCLUSIONS]:
        named = text.split("~")[0]
        excluded |= _read_beginning(named if op is Op.EXCEPT else _end_exclusion(named), now) or {}
    return excluded


def _end_exclusion(text: str) -> str:
    """Return the beginning of a text up to the first comma, or in a list, which has an "oder", up to words for a wanted day: "nicht
    Montag oder Dienstag, lieber Mittwoch".
    """
    first, *others = text.split(" , ")
    listed = [*takewhile(lambda each: not _WANTED.search(each), others)]
    return " , ".join([first, *listed]) if listed and _is_list(listed[-1]) else first


def _is_list(text: str) -> bool:
    """Return whether words have an "und" or "oder"."""
    links = [pattern for pattern, op in present_grammar().operators if op in {Op.AND, Op.OR}]
    return any(pattern.match(text[word.start() :]) for pattern in links for word in re.finditer(r"\S+", text))


def _read_denied_exception(clause: str, denial: re.Match[str], exception: re.Match[str], now: datetime) -> Excluded:
    """Return all weekdays but those of an exception if nothing else is denied: "außer samstags kann ich nie". Else the exception
    excludes nothing: "mittwochs kann ich nicht, außer vormittags".
    """
    if denial.start() < exception.start() and (own := _read_ending(clause[: denial.start()], now)):
        return own
    only = _read_beginning(clause[exception.end() :].partition(denial[0])[0], now) or {}
    is_weekdays = all(isinstance(day, int) and hours is None for day, hours in only.items())
    return dict.fromkeys(set(range(7)) - only.keys()) if only and is_weekdays else {}


def _read_beginning(text: str, now: datetime) -> Excluded | None:
    """Return the days that the longest understood beginning of a text names; None if no beginning names any."""
    words = text.split()
    read = (_read_days(words[:end], now) for end in range(min(len(words), _LONGEST_EXCLUSION), 0, -1))
    return next((days for days in read if days is not None), None)


def _read_ending(text: str, now: datetime) -> Excluded | None:
    words = text.split()
    read = (_read_days(words[first:], now) for first in range(max(0, len(words) - _LONGEST_EXCLUSION), len(words)))
    return next((days for days in read if days is not None), None)


def _read_days(words: Sequence[str], now: datetime) -> Excluded | None:
    """Return the days that words name, {} if they name only hours or bound those of a day; None for other words."""
    try:
        atoms = scan(" ".join(words), now, present_grammar())
    except (ValueError, OverflowError):
        return None
    while atoms and atoms[-1] in _LINKS:
        atoms.pop()
    hours = [atom for atom in atoms if isinstance(atom, Part | Clock)]
    named = [atom for atom in atoms if atom not in hours]
    weekdays = [atom for atom in named if isinstance(atom, Weekday) and (atom.habit or atom.which is None)]
    if not named or not all(isinstance(atom, Day | Weekday | Period) or atom in _LINKS | _RANGE for atom in named):
        return {} if hours else None
    if len(hours) > 1 or (hours and not _RANGE.isdisjoint(named)):
        return {}
    part = hours[0] if hours else None
    if all(atom in weekdays or atom in _LINKS for atom in named):
        return {atom.weekday: part for atom in weekdays}
    if len(weekdays) == _ENDS and len(named) - len(weekdays) <= _ENDS and named[-2] is Op.UNTIL:
        first, last = (atom.weekday for atom in weekdays)
        return {(first + n) % 7: part for n in range((last - first) % 7 + 1)}
    if Op.COMMA in named:
        return None
    said = [Op.OR if atom is Op.AND and Op.BETWEEN not in named else atom for atom in named]
    zone = now.tzinfo
    understood = place_atoms(lambda: said, now, zone if isinstance(zone, ZoneInfo) else _ZONE).candidates
    ends = [(each.start, each.end - _MOMENT) for each in understood if each.end and not each.daily]
    return {Days(start.date(), end.date() if end - start < _OPEN_END else None): part for start, end in ends}
