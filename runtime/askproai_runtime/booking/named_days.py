"""Words for a time without a date: they are on a day of the last answer of the call that has named days.

Offers name days, readings that were asked about, an appointment that was booked, moved or cancelled, and listed appointments. Where
another day fits as well the day is asked for.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from askproai_runtime.booking.answer_words import NO, Reply, words_of
from askproai_runtime.booking.answers import candidate_fields, candidate_question
from askproai_runtime.booking.declines import find_named_times
from askproai_runtime.booking.kept_times import DOUBTS
from askproai_runtime.booking.replies import Question, answers_nothing, read_reply
from askproai_runtime.booking.request import (
    ServiceRequest,
    first_day,
    holds_iso_day,
    keep_open_readings,
    minute_before,
    names_day,
    put_on_day,
    read_parts,
    read_text,
)
from askproai_runtime.booking.said_days import SaidDays, read_said_days
from askproai_runtime.booking.store.appointments import Appointment
from askproai_runtime.booking.types import CallContext, ClarificationNeeded, NamedTimes, Naming
from askproai_runtime.german_dates import (
    WEEKDAYS,
    Argument,
    Candidate,
    Grain,
    Refusal,
    UnclearMention,
    Understanding,
    count_from,
    counts_time,
    find_mention,
    find_open_span,
    find_part_argument,
    fold,
    is_relative_day,
    names_next_weekday,
    understand_parts,
)
from askproai_runtime.sentences import format_spoken
from askproai_runtime.visits import same_services

_Parts = tuple[str | None, str | None, str | None]
_NO_TIME: Final[Mapping[str, None]] = {"start": None, "date": None, "time": None, "part_of_day": None}
PLACES: Final[Mapping[str, int]] = {
    "erst": 0, "first": 0, "zweit": 1, "second": 1, "dritt": 2, "third": 2, "viert": 3, "fourth": 3, "letzt": -1, "last": -1,
    "frueher": 0, "earlier": 0, "spaeter": -1, "later": -1,
}  # fmt: skip
_COMPARED = "frueher(?=e)|spaeter(?=e)|earlier(?= one)|later(?= one)"  # "lieber später" is no place
_PLACED = "|".join([*(each for each in PLACES if each not in _COMPARED), _COMPARED])
# "Am zweiten" is a day of the month.
_OF_THEM = r"davon|(?:der|von|von den) (?:beiden|tagen?|drei(?:en)?)|of (?:them|those|these|the (?:two|days))"
_OFFER = rf" (?:termin|vorschlag|zeit|uhrzeit|moeglichkeit|tag|option|one|slot|time|day|appointment|{_OF_THEM})"
_WEEKDAY = "|".join(WEEKDAYS)
_PLACE = re.compile(
    rf"(?:(?:am )?(?P<before>{_WEEKDAY}),? )?(?:(?:der|die|das|den|the) )?(?P<place>{_PLACED})(?:e[nrms]?)?"
    rf"(?:{_OFFER}| (?P<after>{_WEEKDAY}))?(?:,? (?:bitte|please))?"
)
_MONTH = r"(?:januar|februar|maerz|april|mai|ju\w+|august|\w+ber)"
_SAID_PLACE = re.compile(rf"\b(?:der|die|das|den|dem|the) (?P<place>{_PLACED})(?:e[nrms]?)?\b(?! (?:of )?{_MONTH}\b)")
_PLACE_OF_DAY = re.compile(
    r"(?P<before>(?:(?:ja|yes|gleich|direkt|dann|then|lieber|rather|gerne?|doch|also),? )*)(?P<on>(?:am|an dem|on the) )?"
    rf"(?:(?:der|die|das|den|the) )?(?:(?P<place>{_PLACED})(?:e[nrms]?)?\b|(?P<digit>[1-9])\.)"
    rf"(?: (?:(?P<day>(?:(?:moegliche|freie)[nr]? )?tag|day|{_OF_THEM})|(?P<weekday>{_WEEKDAY})))?"
    r"(?:,? (?:bitte|please))?(?P<behind>.*)"
)
_SHOWN_WEEKDAY = re.compile(
    rf"^(?:(?:ja|genau|yes|an|am|dann|gleich|gern|on),? )*(?:diese[mnrs]?|this) (?P<weekday>{_WEEKDAY})\b"
)
_DIGIT = re.compile(r"([1-9])\.?")
_LONGEST_DAY: Final = timedelta(hours=25)
OF_OWN: Final = frozenset({Naming.CHANGED, Naming.LISTED})  # days of the caller's appointments


@dataclass(frozen=True, slots=True)
class _Words:
    """A request whose words for a time have no date, and the times that were named before it."""

    named: NamedTimes
    call: CallContext
    args: Mapping[str, Any]
    zone: ZoneInfo
    find_service: Callable[[], ServiceRequest]
    searches: bool
    own: Appointment | None

    @property
    def parts(self) -> _Parts:
        return read_parts(self.args)

    @property
    def day(self) -> str:
        """The words that may name a day."""
        day, clock, _ = self.parts
        return day or clock or ""

    @property
    def named_days(self) -> list[date]:
        return _days_of(self.named.starts, self.zone)

    def understand(self, *parts: str | None) -> tuple[Candidate, ...]:
        """Return the readings of a day, a time and a part of a day, as of the beginning of the call."""
        return understand_parts(*parts, at=self.call.started_at, zone=self.zone).candidates

    @property
    def own_day(self) -> date | None:
        """The day of the appointment that is moved."""
        return None if self.own is None else _day(self.own.starts_at, self.zone)

    @property
    def is_of_other_service(self) -> bool:
        """Whether the appointment that is moved is of another service than the named times."""
        return self.own is not None and offers_other_service(self.call, self.own.service)

    def at(self, days: Collection[date]) -> set[datetime]:
        """Return the starts that a time alone means on days."""
        return exact_starts(read_on(days, self.parts, self.call, self.zone))

    def on_days(self, days: Collection[date]) -> Mapping[str, Any]:
        """Return the arguments of a time alone on any of these days."""
        return name_time(self.args, any_of(sorted(days)), *put_on_day(min(days), self.parts)[1:])

    def at_own(self) -> set[datetime]:
        """Return the starts that a time alone means on the day of the appointment which is moved, but its own one."""
        if self.own is None or self.own_day is None:
            return set()
        found = Understanding(tuple(read_on({self.own_day}, self.parts, self.call, self.zone)), ambiguous=True)
        return exact_starts(keep_open_readings(found, self.find_service()).candidates) - {self.own.starts_at}

    @property
    def is_refused(self) -> bool:
        """Whether the time alone is that of the refused start, and was not offered with another person at that start."""
        refused = self.named.refused
        if refused is None or refused in self.named.starts:
            return False
        return refused in self.at({_day(refused, self.zone)})

    def ask_which(self, meant: Collection[datetime]) -> ClarificationNeeded:
        """Return the question which of the starts is meant."""
        return _ask_which(meant, self.call, self.zone)

    def with_days(self, meant: Collection[date], *, asks: bool) -> Mapping[str, Any]:
        return name_days(self.args, self.call, self.zone, self.find_service, meant, asks=asks)

    def with_start(self, meant: Collection[datetime]) -> Mapping[str, Any]:
        return _with_start(self.args, self.call, self.zone, meant)


def put_on_named_day(
    call: CallContext,
    args: Mapping[str, Any],
    zone: ZoneInfo,
    find_service: Callable[[], ServiceRequest],
    *,
    searches: bool = False,
    own: Appointment | None = None,
) -> Mapping[str, Any]:
    """Return the arguments with the day, or the `start`, of the last answer with days that they mean; as they are without one.

    Raises `ClarificationNeeded` where several days may be meant. A caller who `searches` hears the times of all of them. `own` is
    the appointment that is moved.
    """
    if not searches and (last := call.named_last) is not None:
        meant = _find_repeated(last, call, args, zone, None if own is None else own.starts_at)
        if meant is not None and last.is_exact:
            return name_start(args, meant.astimezone(zone))
        if meant is not None:
            return name_days(args, call, zone, find_service, {_day(meant, zone)}, asks=False)
    named = _find_named(call, zone)
    if named is None:
        return args
    if not searches:
        args = _put_on_shown_weekday(named, args, zone)
    args = _put_on_place(named, call, _put_on_place_of_days(named, call, args, zone), zone)
    args = _count_from(named, call, args, zone, books=not searches)
    parts = read_parts(args)
    if not any(parts) or holds_iso_day(parts):
        return args
    if named.naming is Naming.ASKED and named.is_exact and len(named.starts) == 1:
        return _with_start(args, call, zone, named.starts) if _may_mean(parts, named.starts[0], call, zone) else args
    words = _Words(named, call, args, zone, find_service, searches, own)
    if not names_day(parts) or _needs_day(words):
        return _put_time(words)
    if find_open_span(words.day) is None:
        return _put_relative_day(words)
    return _put_weekday(words)


def keep_offered_days(call: CallContext, args: Mapping[str, Any], request: ServiceRequest) -> Mapping[str, Any]:
    """Return the arguments of a search as `put_on_named_day` does, or with the days of the last offers where they say nothing of a
    time, and are about another person or another service than these ("und bei Julia?").
    """
    zone = request.rules.zone
    args = put_on_named_day(after_request(call, zone), args, zone, lambda: request, searches=True)
    days = _days_of(call.offered_last, zone)
    is_other = request.rules.service.name not in _services_at(call, call.offered_last)
    if any(read_parts(args)) or not days or not (read_text(args, "staff") or is_other):
        return args
    return name_time(args, any_of(days))


def list_days_since(call: CallContext, zone: ZoneInfo) -> list[date]:
    """Return the days that the call was offered, or asked about, since its last change and the last list of appointments."""
    named = _find_named(call, zone)
    if named is None or named.naming in OF_OWN or named.lists_since:
        return []
    return _days_of(named.starts, zone)


def is_after_list(call: CallContext) -> bool:
    """Return whether the last answer with days has listed the caller's appointments."""
    return call.named_last is not None and call.named_last.naming is Naming.LISTED


def offers_other_service(call: CallContext, service: str) -> bool:
    """Return whether the last answer with days has offered other services only."""
    named = call.named_last
    if named is None or named.naming is not Naming.OFFERED:
        return False
    return not any(same_services(each, service) for each in _services_at(call, named.starts))


def _services_at(call: CallContext, starts: Iterable[datetime]) -> set[str]:
    """Return the services that were offered last at these starts."""
    latest = {offer[0].start: offer[0].service for offer in call.offered}
    return {latest[start] for start in starts if start in latest}


def _find_named(call: CallContext, zone: ZoneInfo) -> NamedTimes | None:
    """Return the times that were named last and are not over; a single one that was asked about only after a yes or its day."""
    named = call.named_last
    if named is None:
        return None
    named = replace(
        named, starts=tuple(start for start in named.starts if start >= call.started_at or not named.is_exact)
    )
    if named.naming is Naming.ASKED and named.is_exact and len(named.starts) == 1:
        reply = read_reply(named.said_since, Question.MEANT)
        asked = [named.starts[0].astimezone(zone)]
        said = read_said_days(named.said_since, asked, call.started_at.astimezone(zone))
        is_agreed = _is_agreed_time(named) or (reply is Reply.UNCLEAR and said.chosen and not said.elsewhere)
        return named if is_agreed else _without_asked(named, reply)
    return named if named.starts else None


def _is_agreed_time(named: NamedTimes) -> bool:
    """Return whether the caller has said yes to the only asked time, and no no at the end: other questions may have come since."""
    said = named.said_since
    if named.naming is not Naming.ASKED or not named.is_exact or len(named.starts) != 1 or not said:
        return False
    replies = [read_reply(said[: at + 1], Question.MEANT) for at in range(len(said))]
    return Reply.YES in replies and not NO.search(words_of(said[-1]))


def _without_asked(named: NamedTimes, reply: Reply) -> NamedTimes | None:
    """Return the times before a question that the caller has not agreed to, if they were offered for a refused start."""
    before = named.before
    if before is None or before.refused is None:
        return None
    starts = tuple(each for each in before.starts if reply is not Reply.NO or each not in named.starts)
    return replace(before, starts=starts, said_since=named.said_since) if starts else None


def _may_mean(parts: _Parts, start: datetime, call: CallContext, zone: ZoneInfo) -> bool:
    """Return whether words may mean a time that the caller has agreed to: they name another day or another time else."""
    day = start.astimezone(zone).date()
    if names_day(parts):
        readings = [*understand_parts(*parts, at=call.started_at, zone=zone).candidates]
    else:
        readings = read_on([day], parts, call, zone)
    return any(each.contains(start.astimezone(zone)) for each in readings)


def find_repeated_start(
    call: CallContext, args: Mapping[str, Any], zone: ZoneInfo, own: datetime | None = None
) -> datetime | None:
    """Return the start of the last answer that a request means which has the same words for its time as an earlier one.

    It is the one that the call was asked about, that of an appointment which it has just changed, or the one that was offered for
    counted words ("eine Stunde später") where the caller counts none since. Raises the question again where the caller has chosen
    none of several. `own` is the start of the appointment that is moved: the same words for another one mean another time.
    """
    named = call.named_last
    if named is None or not named.is_exact:
        return None
    return _find_repeated(named, call, args, zone, own)


def _find_repeated(
    named: NamedTimes, call: CallContext, args: Mapping[str, Any], zone: ZoneInfo, own: datetime | None
) -> datetime | None:
    """Return the start, or the beginning of the day, that a repeated request means, as `find_repeated_start` does."""
    parts = {*filter(None, read_parts(args))}
    if not parts or read_text(args, "start"):
        return None
    if named.naming is Naming.ASKED:
        return _find_asked(named, call, parts, zone) if any(parts <= each.texts for each in call.earlier) else None
    if named.naming is Naming.CHANGED:
        if own not in {None, named.starts[0]}:
            return None
        is_same = any(parts <= each.times for each in call.earlier if named.starts[0] in each.starts)
        is_again = is_same and may_repeat_change(call, zone) and not any(map(counts_time, named.said_since))
        return named.starts[0] if is_again else None
    led = next((each for each in reversed(call.earlier) if each.starts), None)
    if named.naming is not Naming.OFFERED or len(named.starts) != 1 or led is None or not parts <= led.texts:
        return None
    old = datetime.combine(_day(named.starts[0], zone), time(12), zone)
    is_counted = count_from(*read_parts(args)[:2], old) is not None
    return named.starts[0] if is_counted and not any(map(counts_time, named.said_since)) else None


def _find_asked(named: NamedTimes, call: CallContext, parts: Collection[str], zone: ZoneInfo) -> datetime | None:
    """Return which asked time is meant: the only one unless the caller declines it, or the chosen one of several.

    Without a transcript a model that repeats itself after the question means the only one.
    """
    if len(named.starts) > 1:
        said = list_said_starts(named, call, zone, surely=True)
        if len(said) != 1 and len(said := list_said_starts(named, call, zone, surely=False)) != 1:
            raise _ask_which(said or named.starts, call, zone, is_exact=named.is_exact)
        return said.pop()
    if not named.is_exact or (
        call.replies is not None and not _is_agreed_time(named) and _declines(named, call, parts, zone)
    ):
        return None
    if call.replies is None or _is_agreed_time(named) or not all(map(_is_aside, named.said_since)):
        return named.starts[0]
    raise _ask_which(named.starts, call, zone)


def _is_aside(words: str) -> bool:
    """Return whether words are no answer to a question for a time, or one that counts another time from it."""
    return not words.strip() or answers_nothing(words) or counts_time(words) or bool(DOUBTS.search(words_of(words)))


def _declines(named: NamedTimes, call: CallContext, parts: Collection[str], zone: ZoneInfo) -> bool:
    """Return whether the caller has said no to the only asked time, or named another one; what is unclear may."""
    asked, now = named.starts[0].astimezone(zone), call.started_at.astimezone(zone)
    for words in named.said_since:
        if NO.search(words_of(words)):
            return True
        if answers_nothing(words) or any(fold(part) in fold(words) for part in parts):  # the asked words
            continue
        try:
            mention = find_mention(words, now, ())
        except UnclearMention:
            return not counts_time(words)
        if mention is not None and not mention.find_in([asked], surely=False):
            return True
    return False


def _put_on_place(named: NamedTimes, call: CallContext, args: Mapping[str, Any], zone: ZoneInfo) -> Mapping[str, Any]:
    """Return the arguments with the time that they number among several that were named: "der zweite", "the first one".

    Raises `ClarificationNeeded` where fewer were named, or a digit or a day of the month may be meant as well.
    """
    starts, said = named.starts, {name: text for name in _NO_TIME if (text := read_text(args, name))}
    if named.naming in OF_OWN or (len(starts) == 1 and "start" not in said):
        return args
    if _DIGIT.fullmatch(said.get("start", "")):  # of an offer, or an hour
        raise _ask_which(starts, call, zone, is_exact=named.is_exact)
    for name, text in said.items():
        found, digit = _PLACE.fullmatch(fold(text)), _DIGIT.fullmatch(text)
        if digit and name == "time" and (text.endswith(".") and int(digit[1]) <= len(starts)):
            raise _ask_which(starts, call, zone, is_exact=named.is_exact)
        if found is None or len(starts) == 1:
            continue
        rest = {**args, name: found["before"] or found["after"]}
        fitting, place = _list_fitting(named, rest, call, zone), PLACES[found["place"]]
        if not fitting and names_day(read_parts(rest)):
            return args if rest[name] else rest
        if place >= len(fitting) > 0 and name == "date" and not rest[name]:
            continue
        if place >= len(fitting) or (name == "date" and not _is_on_place(fitting[place], place, named, rest, zone)):
            raise _ask_which(starts, call, zone, is_exact=named.is_exact)
        local = [start.astimezone(zone) for start in fitting]
        meant = {fitting[place], *(start for start, at in zip(fitting, local, strict=True) if at.day == place + 1)}
        if named.is_exact or len(meant) > 1:
            return _with_start(args, call, zone, meant, is_exact=named.is_exact)
        return {**args, name: None, "date": local[place].date().isoformat()}
    return args


def _put_on_place_of_days(
    named: NamedTimes, call: CallContext, args: Mapping[str, Any], zone: ZoneInfo
) -> Mapping[str, Any]:
    """Return the arguments with the day that they number among several named days: "am zweiten Tag", "der erste Dienstag".

    Raises `ClarificationNeeded` where a day of the month may be meant as well.
    """
    days, said = _days_of(named.starts, zone), {name: text for name in _NO_TIME if (text := read_text(args, name))}
    if len(days) == 1:
        return args
    for name, text in said.items():
        found = _PLACE_OF_DAY.fullmatch(fold(text))
        if found is None or not any(found[each] for each in ("before", "on", "day", "weekday", "behind")):
            continue
        is_of_days = found["on"] or found["weekday"] or (found["day"] and not re.fullmatch(_OF_THEM, found["day"]))
        if _PLACE.fullmatch(fold(text)) and not is_of_days:  # "the second one"
            continue
        place = PLACES[found["place"]] if found["place"] else int(found["digit"]) - 1
        weekday, behind = found["weekday"], found["behind"].strip(" ,.()")
        among = [day for day in days if not weekday or day.weekday() == WEEKDAYS[weekday]]
        if behind and place < len(among) and WEEKDAYS.get(behind) == among[place].weekday():
            behind = ""  # "am ersten Tag (Dienstag)"
        others = {**args, name: None, **_read_clock(behind)}
        if names_day(read_parts(others)) or (behind and not _read_clock(behind)):
            continue
        if place < len(among):
            is_certain = bool(found["day"] or (weekday and len(among) > 1))
            return _put_on_day(named, call, {**others, "date": text}, zone, among[place], is_certain=is_certain)
        if found["day"]:
            raise _ask_which(named.starts, call, zone, is_exact=False)
    return args


def _put_on_shown_weekday(named: NamedTimes, args: Mapping[str, Any], zone: ZoneInfo) -> Mapping[str, Any]:
    """Return the arguments with the only named day that "diesen Donnerstag" can mean in place of these words."""
    for name in () if named.naming in OF_OWN else ("date", "time"):
        text = fold(read_text(args, name) or "")
        if found := _SHOWN_WEEKDAY.search(text):
            days = [day for day in _days_of(named.starts, zone) if day.weekday() == WEEKDAYS[found["weekday"]]]
            if len(days) == 1:
                return {**args, name: f"{days[0].isoformat()} {text[found.end() :]}".strip()}
    return args


def _read_clock(text: str) -> Mapping[str, Any]:
    """Return the argument that a text is which names an hour or a part of the day, and no day."""
    argument = find_part_argument(text) if text else None
    names = {Argument.TIME: "time", Argument.PART_OF_DAY: "part_of_day"}
    return {names[argument]: text} if argument in names else {}


def _put_on_day(
    named: NamedTimes, call: CallContext, args: Mapping[str, Any], zone: ZoneInfo, day: date, *, is_certain: bool
) -> Mapping[str, Any]:
    """Return the arguments with a named day in place of their date, as its `start` where one is at their time; where it is not
    certain and the words led to the answer, as they are. Raises `ClarificationNeeded`.
    """
    words, parts = str(args["date"]), read_parts({**args, "date": None})
    if not is_certain:
        if any(words in each.texts for each in call.earlier):
            return args  # the model repeats them
        of_month = _dates(understand_parts(words, None, None, at=call.started_at, zone=zone).candidates)
        if of_month - {day}:
            raise ask_readings(read_on(sorted({day, *of_month}), (None, None, None), call, zone), call, zone)
    fitting = _list_at_time(named, parts, call, zone)
    starts = {start for start in fitting if start.astimezone(zone).date() == day}
    if fitting and not starts:
        raise _ask_which(named.starts, call, zone, is_exact=named.is_exact)
    if named.is_exact and len(starts) == 1:
        return _with_start(args, call, zone, starts)
    return {**args, "date": day.isoformat()}


def _list_at_time(named: NamedTimes, parts: _Parts, call: CallContext, zone: ZoneInfo) -> Sequence[datetime]:
    """Return the named starts at a time of day, whatever their days."""
    if not any(parts):
        return named.starts
    local = {start: start.astimezone(zone) for start in named.starts}
    return [s for s, at in local.items() if any(each.contains(at) for each in read_on([at.date()], parts, call, zone))]


def after_request(call: CallContext, zone: ZoneInfo) -> CallContext:
    """Return the call with the day of its last request as the one that was named last, where the answers since named none."""
    for args in call.requested:
        parts = read_parts(args)
        if not names_day(parts):
            continue
        understood = understand_parts(*parts, at=call.started_at, zone=zone)
        days = _dates(understood.candidates)
        if len(days) != 1 or any(each.grain is Grain.WEEK or _is_long(each) for each in understood.candidates):
            return call
        named = call.named_last
        if named is not None and (days <= set(_days_of(named.starts, zone)) or _is_agreed_time(named)):
            return call  # what was said of that day before counts, and what was agreed
        is_exact = all(each.end is None for each in understood.candidates)
        starts = tuple(each.start.astimezone(UTC) for each in understood.candidates)
        since = named.said_since if named else ()
        return replace(call, named_last=NamedTimes(Naming.REQUESTED, starts, is_exact=is_exact, said_since=since))
    return call


def _is_long(candidate: Candidate) -> bool:
    return candidate.end is not None and candidate.end - candidate.start > _LONGEST_DAY


def _is_on_place(start: datetime, place: int, named: NamedTimes, rest: Mapping[str, Any], zone: ZoneInfo) -> bool:
    """Return whether a start is on the day of this place, where a time is said beside it: "der letzte Tag", "nachmittags"."""
    days, parts = _days_of(named.starts, zone), read_parts(rest)
    if not any(parts) or names_day(parts):
        return True
    return place < len(days) and days[place] == start.astimezone(zone).date()


def _list_fitting(named: NamedTimes, args: Mapping[str, Any], call: CallContext, zone: ZoneInfo) -> Sequence[datetime]:
    """Return the named starts that the words may mean; a weekday is that of their week. A time fits each of named days."""
    parts = read_parts(args) if named.is_exact else (read_parts(args)[0], None, None)
    if not any(parts):
        return named.starts
    fitting = list[datetime]()
    for start in named.starts:
        local = start.astimezone(zone)
        if names_day(parts):
            readings = read_near([local.date()], Grain.WEEK, parts, call, zone)
        else:
            readings = read_on([local.date()], parts, call, zone)
        if any(each.contains(local) for each in readings):
            fitting.append(start)
    return fitting


def list_counted_days(call: CallContext, day: str | None, clock: str | None, own: datetime) -> list[date]:
    """Return the days of a counted day ("eine Woche später") of a move after offers to which the caller has answered; none where it
    is counted from the appointment.
    """
    zone = ZoneInfo(str(own.tzinfo))
    named = _find_named(call, zone)
    if named is None or named.naming is not Naming.OFFERED or named.lists_since:
        return []
    counted = [count_from(day, clock, datetime.combine(each, own.timetz())) for each in _days_of(named.starts, zone)]
    if any(counts_time(words) for words in named.said_since):
        return [date.fromisoformat(each[0]) for each in counted if each and each[0]]
    return _days_of(named.starts, zone) if _is_counted_before(named, call, zone) else []


def _is_counted_before(named: NamedTimes, call: CallContext, zone: ZoneInfo) -> bool:
    """Return whether the words of a counted day are those that led to the offers: the caller has named a time since, and counted
    none. A model repeats them beside it.
    """
    said = named.said_since
    is_chosen = named.naming is Naming.OFFERED and any(_names_time(words, call, zone) for words in said)
    return is_chosen and not any(map(counts_time, said))


def _count_from(
    named: NamedTimes, call: CallContext, args: Mapping[str, Any], zone: ZoneInfo, *, books: bool
) -> Mapping[str, Any]:
    """Return the arguments with a time that is counted from the named times ("am nächsten Tag") as it is without them.

    It is counted from each named day where that day itself is meant, or the caller `books`: who means one of several is asked.
    Else it is counted from the last one. Where it depends on which of several clock times is meant, it is left as it is.
    """
    starts = named.before.starts if named.before else named.starts
    if books and named.refused and named.naming is Naming.OFFERED:
        starts = (*starts, named.refused)
    (day, clock, part_of_day), days = read_parts(args), _days_of(starts, zone)
    if not (day or clock):
        return args
    clocks = {start.astimezone(zone).time() for start in starts}
    if named.naming is Naming.REQUESTED and not named.is_exact:
        clocks = {time(), time(12)}  # no hour was named
    counted = {each: {count_from(day, clock, datetime.combine(each, at, zone)) for at in clocks} for each in days}
    found = {each: next(iter(results)) for each, results in counted.items() if len(results) == 1}
    dates = {each: result[0] or "" for each, result in found.items() if result is not None}
    if dates.keys() != set(days):
        return args
    is_named = dates[days[-1]] in fold(f"{day} {clock}")  # "gleiche Zeit am Donnerstag" is on the day that it names
    is_shifted = dates[days[-1]] != days[-1].isoformat() and not is_named
    is_of_each = books or not is_shifted or named.naming is Naming.LISTED
    meant = [dates[each] for each in (days if is_of_each else days[-1:])]
    if is_shifted and _is_counted_before(named, call, zone):
        meant = [each.isoformat() for each in days]
    result = found[days[-1]]
    at = result[1] if result else None
    return name_time(args, " oder ".join(dict.fromkeys(meant)), at, part_of_day)


def _needs_day(words: _Words) -> bool:
    """Return whether words mean a time on the offered days, and nothing alone: "lieber später"."""
    if words.named.naming is not Naming.OFFERED:
        return False
    alone = understand_parts(*words.parts, at=words.call.started_at, zone=words.zone)
    return alone.refused is Refusal.NOT_UNDERSTOOD and bool(
        read_on(words.named_days, words.parts, words.call, words.zone)
    )


def _put_time(words: _Words) -> Mapping[str, Any]:
    """Return the arguments of a time alone with the day that it means, or the days that are offered then.

    After a change it may be a time that was offered on another day.
    """
    call, zone, parts, days = words.call, words.zone, words.parts, words.named_days
    if words.searches:
        return name_time(words.args, any_of(days), *put_on_day(days[0], parts)[1:])
    if words.named.naming not in OF_OWN:
        return _put_open_day(words)
    on_days = read_on(days, parts, call, zone)
    if at_named := exact_starts(on_days) & set(words.named.starts):
        return words.with_start(at_named)
    others = set(_days_of(call.offered_last, zone)) - set(days)
    if offered := exact_starts(read_on(others, parts, call, zone)) & set(call.offered_last):
        kept = keep_open_readings(Understanding(tuple(on_days), ambiguous=True), words.find_service()).candidates
        raise _ask_which([*offered, *(each.start for each in kept if each.end is None)], call, zone)
    return name_time(words.args, any_of(days), *put_on_day(days[0], parts)[1:])


def _put_open_day(words: _Words) -> Mapping[str, Any]:
    """Return the arguments of a time alone with the only day on which it can be meant. Raises the question for the day.

    Just this time may have been named, or refused, on a day. It may be on the day of the appointment that is moved, too, where the
    caller has not agreed to the named one. The caller's words since count where they leave no doubt.
    """
    named, own = words.named, words.own_day
    exact = set[datetime]() if words.is_of_other_service else words.at(words.named_days) & {*named.starts}
    said = _read_said(words)
    if len(said.chosen) == 1 and not said.elsewhere:
        chosen = {each for each in exact if _day(each, words.zone) in said.chosen}
        return words.with_start(chosen) if chosen else words.on_days(said.chosen)
    exact = {each for each in exact if _day(each, words.zone) not in said.rejected}
    exact_days = _days_of(exact, words.zone)
    at_own = words.at_own() if own not in {*said.rejected, *exact_days} else set[datetime]()
    if named.refused and words.is_refused and exact_days != [own]:
        if meant := (exact | at_own) - {named.refused}:
            raise words.ask_which(meant)
        return words.on_days({_day(named.refused, words.zone)})  # for the same reason
    if not exact:
        return _put_other_time(words, said, is_at_own=bool(at_own))
    is_other = said.may_mean_another(exact_days)
    declines = said.keeps or not named.said_since or (said.objects and exact == {*named.starts})
    was_offered = not at_own.isdisjoint(offer[0].start for offer in words.call.offered)
    meant = exact | (at_own if is_other or declines or was_offered else set())
    if len(meant) > 1 or is_other:
        raise words.ask_which(meant)
    return words.with_start(meant)


def _put_other_time(words: _Words, said: SaidDays, *, is_at_own: bool) -> Mapping[str, Any]:
    """Return the arguments of a time alone that was not named with the days on which it can be meant.

    It may be on the day of the appointment that is moved (`is_at_own`), too: after offers of a move only where the caller objects.
    """
    named, days = words.named, set(words.named_days)
    if named.refused:
        days = {_day(named.refused, words.zone)} | (days if words.own is None else set())
    is_kept = said.keeps or said.may_mean_another(days)
    if words.own_day and is_at_own and (is_kept or not named.moves or words.is_of_other_service):
        days.add(words.own_day)
    left = days - said.rejected or ({words.own_day} if words.own_day else set())
    offered = {offer[0].start for offer in words.call.offered}
    earlier = {*_days_of(words.at(_days_of(offered, words.zone)) & offered, words.zone)} - said.rejected - left
    if earlier:  # just this time was offered before, on another day
        readings = Understanding.of(read_on(sorted(left | earlier), words.parts, words.call, words.zone))
        raise ask_readings(keep_open_readings(readings, words.find_service()).candidates, words.call, words.zone)
    if left and not (len(left) == 1 and said.may_mean_another(left)):
        return words.on_days(left)
    readings = Understanding.of(read_on(left or days, words.parts, words.call, words.zone))
    open_readings = keep_open_readings(readings, words.find_service()).candidates
    raise ask_readings(open_readings, words.call, words.zone)


def _read_said(words: _Words) -> SaidDays:
    """Return which of the days on which a time can be meant, or was offered before, the caller has chosen since."""
    call, zone = words.call, words.zone
    starts = {*words.named.starts, *call.offered_last, *(offer[0].start for offer in call.offered)}
    days = {*_days_of(starts, zone), *([words.own_day] if words.own_day else [])}
    if words.named.refused:
        days.add(_day(words.named.refused, zone))
    times = [each.astimezone(zone) for each in words.at(days)]
    return read_said_days(words.named.said_since, times, call.started_at.astimezone(zone))


def _put_weekday(words: _Words) -> Mapping[str, Any]:
    """Return the arguments of a weekday alone, or of a day of the month, with the named start or day of which it is.

    Another day in the week, or the month, of the named ones is searched, and else asked about beside the coming one.
    """
    call, zone, parts, days = words.call, words.zone, words.parts, words.named_days
    is_changed = words.named.naming is Naming.CHANGED
    span = find_open_span(words.day) or Grain.WEEK
    day = (words.day, None, None)  # the time may be one that is asked for
    plain, near = words.understand(*parts), read_near(days, span, parts, call, zone)
    offered = {offer[0].start for offer in call.offered if offer[0].branch == call.branch}
    if is_changed and exact_starts(plain) & {*words.named.starts}:
        return words.args  # the model repeats itself
    if words.named.naming is Naming.LISTED:
        return _put_listed_weekday(words, _dates(near or read_near(days, span, day, call, zone)), plain, offered)
    before = read_near(_days_of(offered, zone), span, parts, call, zone) if offered else []
    for readings, starts in ((near, offered & {*words.named.starts}), (near, offered), (before, offered)):
        if not words.searches and (meant := exact_starts([*plain, *readings]) & starts):
            return words.with_start(meant)
    coming = _dates(plain or words.understand(*day))
    close = _dates(near or read_near(days, span, day, call, zone))
    spans = {first_day(each, span) for each in days}
    if not is_changed and close & set(days):
        found = close & set(days)
    elif not is_changed and words.searches:
        found = close if len(spans) == len(close) == 1 else coming
    elif close <= coming or (not is_changed and not spans.isdisjoint(first_day(each, span) for each in coming)):
        found = coming
    else:
        found = coming | close
    if not words.searches:  # "Donnerstag" may be one that was offered before
        found = found | (_dates(read_near(_days_of(offered, zone), span, day, call, zone)) & {*_days_of(offered, zone)})
    if found == coming:
        return words.args
    return words.with_days(found, asks=is_changed or not words.searches)


def _put_listed_weekday(
    words: _Words, near: Collection[date], plain: Collection[Candidate], offered: Collection[datetime]
) -> Mapping[str, Any]:
    """Return the arguments of a weekday with the listed day that it means, else as they are. A time that was offered may be meant
    as well.
    """
    if not (listed := set(near) & set(words.named_days)):
        return words.args
    return words.with_days(
        listed | set(_days_of(exact_starts(plain) & {*offered}, words.zone)), asks=not words.searches
    )


def _put_relative_day(words: _Words) -> Mapping[str, Any]:
    """Return the arguments of "nächsten Freitag" or "in zwei Wochen" with the day that they mean after a change, or a question.

    After a change it is not the changed day, from which it may count, too. A caller who has named no day since may repeat the words
    by which it was booked. After a question which day it is, it is the one that the caller has named since.
    """
    call, zone, named = words.call, words.zone, words.named
    is_relative, days = not words.searches and is_relative_day(words.day), set(words.named_days)
    coming = _dates(words.understand(words.day, None, None))
    if named.naming is Naming.ASKED and is_relative:
        if len(days) == 1 or not coming <= days:
            return words.args
        is_new = len(coming) == 1 and all(words.day not in each.texts for each in call.earlier)
        return words.with_days(coming if is_new else _find_said(named, call, zone) or days, asks=True)
    is_new = _has_named_day(named, call, zone) or (any(named.said_since) and days.isdisjoint(coming))
    if named.naming is not Naming.CHANGED or not is_new or not (is_relative or names_next_weekday(words.day)):
        return words.args
    readings = {
        day
        for at in (call.started_at, *named.starts)
        for day in _dates(understand_parts(words.day, None, None, at=at, zone=zone).candidates)
    }
    others = readings - set(words.named_days)
    return words.with_days(others, asks=True) if others else words.args


def _find_said(named: NamedTimes, call: CallContext, zone: ZoneInfo) -> set[date]:
    """Return the one of the asked days that the caller has named since; nothing where none is certain."""
    days = set(_days_of(list_said_starts(named, call, zone, surely=True), zone))
    return days if len(days) == 1 else set()


def list_said_starts(named: NamedTimes, call: CallContext, zone: ZoneInfo, *, surely: bool) -> set[datetime]:
    """Return the named starts, in local time, that the caller has said since, or numbered: beyond doubt, or possibly."""
    starts, found = [start.astimezone(zone) for start in named.starts], set[datetime]()
    for words in named.said_since:
        declines = NO.search(words_of(words))
        places = {PLACES[each["place"]] for each in _SAID_PLACE.finditer(fold(words)) if not declines}
        found |= {starts[each] for each in places if each < len(starts)}
        with suppress(UnclearMention):
            if not declines or not find_named_times(words, call.started_at.astimezone(zone))[0]:
                mention = find_mention(words, call.started_at.astimezone(zone), ())
                found |= mention.find_in(starts, surely=surely) if mention else set()
    return found


def may_repeat_change(call: CallContext, zone: ZoneInfo) -> bool:
    """Return whether the last answer with days was a change, and the caller has named no day since."""
    named = call.named_last
    return named is not None and named.naming is Naming.CHANGED and not _has_named_day(named, call, zone)


def _has_named_day(named: NamedTimes, call: CallContext, zone: ZoneInfo) -> bool:
    """Return whether the caller has named a day since the last answer with days."""
    return any(_names_time(words, call, zone, is_day=True) for words in named.said_since)


def _names_time(words: str, call: CallContext, zone: ZoneInfo, *, is_day: bool = False) -> bool:
    """Return whether words name a time, or a day; what is unclear may."""
    try:
        mention = find_mention(words, call.started_at.astimezone(zone), ())
    except UnclearMention:
        return True
    return mention is not None and (mention.has_day or not is_day)


def name_days(
    args: Mapping[str, Any],
    call: CallContext,
    zone: ZoneInfo,
    find_service: Callable[[], ServiceRequest],
    meant: Collection[date],
    *,
    asks: bool,
) -> Mapping[str, Any]:
    """Return the arguments with the days that are meant. With `asks`, raises the question which of several it is."""
    parts = read_parts(args)
    if find_part_argument(parts[0] or "") is Argument.DATE:
        rest: Sequence[str | None] = parts[1:]
    else:  # the words with the day name a time, too
        rest = put_on_day(min(meant), parts)[1:]
    if len(meant) == 1 or not asks:
        return name_time(args, any_of(sorted(meant)), *rest)
    service, readings = find_service(), list[Candidate]()
    for day in sorted(meant):
        understood = understand_parts(day.isoformat(), *rest, at=call.started_at, zone=zone)
        if not understood.candidates:  # the time is asked for after the day
            understood = understand_parts(day.isoformat(), None, None, at=call.started_at, zone=zone)
        readings += keep_open_readings(understood, service).candidates
    open_readings = keep_open_readings(Understanding.of(readings), service).candidates
    if _dates(open_readings) == {min(meant)}:  # nobody works on the others
        return name_time(args, min(meant).isoformat(), *rest)
    raise ask_readings(open_readings, call, zone)


def _day(start: datetime, zone: ZoneInfo) -> date:
    return start.astimezone(zone).date()


def _days_of(starts: Iterable[datetime], zone: ZoneInfo) -> list[date]:
    return sorted({start.astimezone(zone).date() for start in starts})


def _dates(candidates: Iterable[Candidate]) -> set[date]:
    return {candidate.start.date() for candidate in candidates}


def any_of(days: Iterable[date]) -> str:
    return " oder ".join(map(date.isoformat, days))


def name_time(
    args: Mapping[str, Any], date: str | None, time: str | None = None, part_of_day: str | None = None
) -> Mapping[str, Any]:
    """Return the arguments with another time."""
    return {**args, **_NO_TIME, "date": date, "time": time, "part_of_day": part_of_day}


def name_start(args: Mapping[str, Any], start: datetime) -> Mapping[str, Any]:
    """Return the arguments with an exact local start as their time."""
    return {**args, **_NO_TIME, "start": start.isoformat()}


def _with_start(
    args: Mapping[str, Any],
    call: CallContext,
    zone: ZoneInfo,
    meant: Collection[datetime],
    *,
    is_exact: bool = True,
) -> Mapping[str, Any]:
    if len(meant) > 1:
        meant = set(meant) & set(call.offered_last) or meant
    if len(meant) == 1:
        (start,) = meant
        return name_start(args, start.astimezone(zone))
    raise _ask_which(meant, call, zone, is_exact=is_exact)


def _ask_which(
    meant: Iterable[datetime], call: CallContext, zone: ZoneInfo, *, is_exact: bool = True
) -> ClarificationNeeded:
    """Return the question which of the starts is meant; which of their days where these are no times."""
    if not is_exact:
        return ask_readings(read_on(_days_of(meant, zone), (None, None, None), call, zone), call, zone)
    readings = {start.astimezone(zone): format_spoken(start, zone, call.started_at) for start in sorted(meant)}
    return ask_readings(
        [Candidate(start, None, Grain.MINUTE, reading) for start, reading in readings.items()], call, zone
    )


def ask_readings(candidates: Iterable[Candidate], call: CallContext, zone: ZoneInfo) -> ClarificationNeeded:
    """Return the question which of the readings is meant."""
    readings, named = tuple(dict.fromkeys(candidates)), call.named_last
    again = named is not None and named.naming is Naming.ASKED and {*named.starts} == {each.start for each in readings}
    question = candidate_question(readings, zone, call.started_at, again=again)
    return ClarificationNeeded(question, candidates=candidate_fields(readings))


def exact_starts(candidates: Iterable[Candidate]) -> set[datetime]:
    """Return the starts, in UTC, of the candidates that are one minute."""
    return {candidate.start.astimezone(UTC) for candidate in candidates if candidate.end is None}


def read_on(days: Iterable[date], parts: _Parts, call: CallContext, zone: ZoneInfo) -> list[Candidate]:
    """Return what a time of day means on each of the days."""
    return [
        candidate
        for day in days
        for candidate in understand_parts(*put_on_day(day, parts), at=call.started_at, zone=zone).candidates
    ]


def read_near(
    days: Iterable[date],
    span: Grain,
    parts: _Parts,
    call: CallContext,
    zone: ZoneInfo,
) -> list[Candidate]:
    """Return what the words mean in the week, or the month, of each of the days."""
    anchors = sorted({minute_before(day, span, zone) for day in days})
    return [
        candidate
        for before in anchors
        for candidate in understand_parts(*parts, at=max(before, call.started_at), zone=zone).candidates
    ]
