"""Compare the time of a request with the times that the caller's words can mean: models miscalculate dates. Pure."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from functools import partial, reduce
from itertools import islice
from typing import Any, Final
from zoneinfo import ZoneInfo

from askproai_runtime.conversation.arguments.texts import read_text
from askproai_runtime.conversation.corrected_times import BARE_WORDS, TAKEN_BACK, find_hour, find_set_hour, list_settled
from askproai_runtime.conversation.day_readings import ask_which, days_of
from askproai_runtime.conversation.last_days import (
    REJECTED_DAY,
    find_only_times,
    find_settled,
    list_choices,
    list_services_at,
    list_weekdays,
    names_time,
)
from askproai_runtime.conversation.named_appointments import names_known, says_it_stays, split_new_time
from askproai_runtime.conversation.said_appointments import IN_WORDS, PICKING, find_place
from askproai_runtime.conversation.time_arguments import read_parts
from askproai_runtime.conversation.types import CallContext, NamedTimes, Naming
from askproai_runtime.language.answer_words import words_of
from askproai_runtime.language.birth_dates import list_birth_dates
from askproai_runtime.language.declines import SAYS_HOUR, agrees_to_offer, list_clauses, rejects_times
from askproai_runtime.language.introductions import drop_name
from askproai_runtime.language.places_among import ENDING, PLACE, PLACES, holds_place
from askproai_runtime.language.replies import holds_yes
from askproai_runtime.spoken_times import (
    ALL_MONTHS,
    ALL_WEEKDAYS,
    Days,
    Grain,
    count_day,
    counts_time,
    fold,
    names_date,
)
from askproai_runtime.spoken_times.arguments import find_open_span, holds_day
from askproai_runtime.spoken_times.mentioned_days import MentionedDays, excludes_time, read_mentioned_days
from askproai_runtime.spoken_times.mentions import list_days_of_month, list_only_hour
from askproai_runtime.understood import UNDERSTOOD

_WORDS: Final = UNDERSTOOD.places
_RELATIVE_DAY: Final = re.compile(rf"\b(?:{_WORDS.other_day})\b")
_MONTH: Final = f"(?:{'|'.join(ALL_MONTHS)})"
_NUMBER: Final = rf"(?:\d{{1,2}}\b|\w+(?:{_WORDS.ordinal})\b)"
_NUMBERED: Final = re.compile(rf"\b(?:(?:{_WORDS.before_number}|{_MONTH}) (?:\w+ )?{_NUMBER}|{_NUMBER}\.? {_MONTH}\b)")
_CORRECTS: Final = re.compile(rf"\b(?:{_WORDS.corrects})\b")
_ASIDE: Final = re.compile(rf"\b(?:{_WORDS.aside_day})\b")
# "mein Name ist Freitag", "ich habe am Freitag einen Termin"
_NO_WISH: Final = re.compile(
    rf"\b(?:(?:{_WORDS.before_name})(?: (?!(?:{_WORDS.behind_name})\b)\w+){{1,2}}|{_WORDS.has_appointment})"
)
_RESTRICTS: Final = re.compile(rf"\b(?:{_WORDS.restricts})\b")
_BOUND: Final = re.compile(rf"\b(?:{_WORDS.bounds})\b")
_ADDS: Final = re.compile(rf"\b(?:{UNDERSTOOD.one_more.adds})")
_ASKS: Final = re.compile(rf"\b(?:{_WORDS.asks_for_times})\b")
# "am vierten um elf"
_BARE_PLACE: Final = re.compile(rf"\b(?:{_WORDS.on_place}) (?P<place>{PLACE}){ENDING}(?= (?:{_WORDS.behind_name})\b|$)")
_MOST_MEANT: Final = 2
_MOST_READ: Final = 8  # utterances
_LINKS: Final = re.compile(rf"(?:{UNDERSTOOD.links.or_words}|{UNDERSTOOD.links.and_words})\b")
_FEW_WORDS: Final = 4  # they are no remark
_BY_DAY: Final = (time(7), time(20))


@dataclass(frozen=True, slots=True)
class _Heard:
    """An utterance, the days and spans that its sentences want (`days`), and its last words with an hour (`hour`)."""

    words: str
    days: Sequence[MentionedDays]
    hour: str

    @property
    def with_days(self) -> Sequence[MentionedDays]:
        return [each for each in self.days if each.has_day]

    @property
    def corrects(self) -> bool:
        return _CORRECTS.search(fold(self.words)) is not None


def require_wanted_time(
    call: CallContext,
    args: Mapping[str, Any],
    start: datetime,
    own: Collection[datetime] = (),
    *,
    moves: bool = False,
    is_exact: bool = True,
    has_hour: bool = True,
) -> None:
    """Raise the question which day, or else which hour, is meant if the caller's words cannot mean that of a local start: the model
    has calculated it. The last utterance since the last answer with days that names one counts; for an offered `start`, the
    last words. After a question between readings they have to choose one. `own` are present starts of the caller's
    appointments, and that of the one to move if it `moves` one. Unless `is_exact`, only the day is compared; if it `has_hour`,
    the question names the hour.
    """
    said, is_start, parts = call.said_without_days, read_text(args, "start") is not None, read_parts(args)
    zone, last = ZoneInfo(str(start.tzinfo)), call.named_last
    if is_start and any(offer[0].start == start for offer in call.offered):
        said = (call.said_since or "",)
    if last is not None and start in last.starts:
        said = tuple(_drop_remarks(words, last, start, call) for words in said)
    if is_exact and last is not None and start in last.starts:
        _require_reading(last, call, start, zone)
    is_picked = any(read_text(args, name) for name in PICKING)
    names = [name for name in (read_text(args, "customer_name"), call.named) if name]
    now = call.started_at.astimezone(zone)
    hear = partial(_hear, call=call, now=now, own=own, names=names, moves=moves, is_picked=is_picked)
    heard = [hear(words) for words in said]
    if births := list_birth_dates(read_text(args, "birth_date") or "", call.started_at.date()):
        heard = [replace(each, days=[days for days in each.days if not _are_births(days, births)]) for each in heard]
    readings = {start, *((chosen.astimezone(zone),) if is_exact and (chosen := _find_chosen(call, start, own)) else ())}
    span = find_open_span(parts[0] or parts[1] or "")
    is_date = is_start or any(_begins_with_day(each, now) for each in parts[:2] if each)
    if moves and not any(parts[:1]):  # the words may move it to another day: "auf Mittwoch um drei"
        new_times = [split_new_time(fold(words))[1] for words in said]
        is_date = is_date or any(each and holds_day(each) for each in new_times)
    if is_date or span is not None:
        is_named = last is not None and start.date() in days_of(last.starts, zone)
        before = () if span is None or is_named else call.utterances[-_MOST_READ:]
        earlier = [hear(words) for words in before if words not in said]
        days = _list_other_days(call, start, heard, earlier, own, None if is_date else span, moves=moves)
        present = own if moves else ()  # nobody moves an appointment to its own start
        readings |= {datetime.combine(day, start.timetz()) for day in days}.difference(present)
    if is_exact and len(readings) == 1:
        hours = _list_other_hours(call, start, heard, own)
        readings |= {datetime.combine(start.date(), hour, start.tzinfo) for hour in hours}
    if len(readings) > 1:
        raise ask_which([each for each in readings if each > call.started_at], call, zone, is_exact=has_hour)


def _begins_with_day(text: str, now: datetime) -> bool:
    """Return whether an argument is a date or a weekday, maybe with an hour behind it: "2026-12-04 14:00", "Freitag um zehn"."""
    words = [text.strip(), *text.split(maxsplit=1)[:1]]
    return any(fold(each) in ALL_WEEKDAYS or names_date(each, now, ZoneInfo(str(now.tzinfo))) for each in words)


def _are_births(days: MentionedDays, births: Collection[date]) -> bool:
    """Return whether words name nothing but the day of a birth date: "ja, Gustav Hellwig, vierzehnter Februar achtundsechzig"."""
    known = {(each.month, each.day) for each in births}
    return bool(days.dates) and not days.weekdays and {(each.month, each.day) for each in days.dates} <= known


def _drop_remarks(words: str, named: NamedTimes, start: datetime, call: CallContext) -> str:
    """Return an utterance that agrees to an offer, or chooses `start` from it, with its first clause and those that correct it or
    are nothing but a time: "ja, aber erst um drei", "ja, um drei". Other clauses are remarks: "ja, am Samstag ist Hochzeit".
    After a question between several starts, all are remarks that are not nothing but a time.
    """
    first, *others = clauses = [each for each, _ in list_clauses(words)] or [""]
    now = call.started_at.astimezone(start.tzinfo)
    if named.naming is Naming.ASKED and len(named.starts) > 1:
        return ", ".join(each for each in clauses if find_only_times(each, (), now) is not None)
    place = find_place(fold(first), len(named.starts), IN_WORDS)
    agrees = holds_yes(first) or agrees_to_offer(first) or (place is not None and named.starts[place] == start)
    if not (agrees or find_only_times(first, [start], now)):
        return words
    if _ADDS.search(words_of(words)):
        return ""
    only = (each for each in others if not _BOUND.search(each) and find_only_times(each, (), now) is not None)
    kept = [each for each in others if _CORRECTS.search(fold(each)) or _RESTRICTS.search(fold(each))]
    return ", ".join([first, *kept, *only])


def _require_reading(named: NamedTimes, call: CallContext, start: datetime, zone: ZoneInfo) -> None:
    """Raise the question again if the last answer asked which reading of a time is meant, and the caller has spoken since and
    chosen none, unless only words had raised it. After a question without an offer, words with a time are compared with the
    other rules.
    """
    is_asked = named.are_readings or named.naming is Naming.ASKED
    if not (is_asked and named.is_exact and len(named.starts) > 1 and named.said_since):
        return
    texts = next((each.times for each in reversed(call.earlier) if each.times), frozenset[str]())
    if named.naming is Naming.ASKED and find_settled(named, call, texts, zone) == start:
        return
    said = list_choices(named, call, zone)
    is_named = any(names_time(words, call, zone) or counts_time(words) for words in named.said_since)
    if said != {start} and (named.are_readings or not is_named):
        is_yes = any(map(holds_yes, named.said_since))  # to two readings: the next question is one that a yes answers
        raise ask_which(said or ([start] if is_yes else named.starts), call, zone)


def _find_chosen(call: CallContext, start: datetime, own: Collection[datetime]) -> datetime | None:
    """Return the offered start that the caller's last words choose by a mere yes or by its position, if it is not `start`."""
    last, said = call.named_last, call.said_since or ""
    if (
        last is None
        or last.naming is not Naming.OFFERED
        or not last.is_exact
        or call.asked_choices
        or _asks_which(call)
    ):
        return None
    now = call.started_at.astimezone(start.tzinfo)
    is_named = SAYS_HOUR.search(words_of(said)) or counts_time(said) or any(_list_wanted(call, said, own, now))
    if not (own or is_named or rejects_times(words_of(said))):  # else a place may be that of an appointment
        place = find_place(fold(said), len(last.starts), IN_WORDS)
        if place is not None and start.day != place + 1:
            return None if last.starts[place] == start else last.starts[place]
    services = list_services_at(call, [start])  # a yes to two services means both
    is_of_other = bool(services) and services.isdisjoint(list_services_at(call, last.starts))
    is_agreed = (
        len(last.starts) == 1 and holds_yes(said) and not (is_named or is_of_other or _ADDS.search(words_of(said)))
    )
    return last.starts[0] if is_agreed and last.starts[0] != start else None


def rejects_day(call: CallContext, words: str, start: datetime) -> bool:
    """Return whether words reject the day of a local start and do not also want it: "nein, heute geht es nicht"."""
    now, day = call.started_at.astimezone(start.tzinfo), start.date()
    clauses = [clause for clause, _ in list_clauses(words)]
    weekdays = (list_weekdays(found[0]) for clause in clauses for found in REJECTED_DAY.finditer(clause))
    named = (_read_days(fold(clause), call, now) for clause in clauses if rejects_times(clause))
    rejects = any(day.weekday() in each for each in weekdays) or any(
        each is not None and each.may_mean(day) for each in named
    )
    return rejects and not any(each.may_mean(day) for each in _list_wanted(call, words, (), now))


def _list_other_days(
    call: CallContext,
    start: datetime,
    heard: Sequence[_Heard],
    earlier: Sequence[_Heard],
    own: Collection[datetime],
    span: Grain | None,
    *,
    moves: bool,
) -> Iterator[date]:
    """Yield the days nearest to a start that the words with a day can mean; none if they can mean the start's day. A weekday is in
    the week, and a day of a month in the month, asked about before, also `earlier`: "Haben Sie übernächste Woche offen? Dann am
    Mittwoch". With `span` only this is compared: the request repeats the caller's words.
    """
    now = call.started_at.astimezone(start.tzinfo)
    words = heard[-1].words if heard else ""
    if _RELATIVE_DAY.search(fold(words)) or (counts_time(words) and not heard[-1].with_days):
        yield from _list_counted(words, start, own)
        return
    days, spans = _find_wanted(heard[::-1], earlier[::-1], start.date())
    is_offered = call.named_last is not None and start in call.named_last.starts
    is_told_apart = is_offered and bool(split_new_time(fold(words))[1])  # "den vom Mittwoch auf elf"
    # "der vom Samstag, geht der um elf?"
    if moves and not (days or spans or is_told_apart) and heard and heard[-1].hour:
        weekdays = list_weekdays(REJECTED_DAY.sub(" ", fold(words)))
        days_then = days_of(own, ZoneInfo(str(start.tzinfo)))
        yield from {day for day in days_then if day.weekday() in weekdays} - {start.date()}
    if span is not None:  # of the words of the request, whatever the caller has said
        weekday, number = frozenset({start.weekday()}), frozenset({start.day})
        days = [MentionedDays(numbers=number) if span is Grain.MONTH else MentionedDays(weekday)] if spans else []
    if spans:
        within = [each if each.spans or each.dates else each.within(spans) for each in days]
        days = within or [MentionedDays(spans=spans)]
    if not any(each.may_mean(start.date()) for each in days):
        yield from (day for each in days for day in islice(each.find_near(start.date(), now.date()), _MOST_MEANT))


def _find_wanted(
    turns: Sequence[_Heard], earlier: Sequence[_Heard], day: date
) -> tuple[Sequence[MentionedDays], Sequence[Days]]:
    """Return the wanted days of a call's turns (the last one first), and the spans that were named just before them. A turn that
    can mean `day` counts, unless a later one corrects it ("nein, lieber am Freitag"): a remark may name another day. Else the
    last turn with a day counts. Only the spans of turns `earlier` than these count.
    """
    with_days = [at for at, each in enumerate(turns) if each.with_days]
    fitting = [at for at in with_days if any(each.may_mean(day) for each in turns[at].with_days)]
    last = next((at for at in with_days if turns[at].corrects), len(turns))
    chosen = (fitting if fitting and fitting[0] <= last else [*with_days, -1])[0]
    days = turns[chosen].days if with_days else ()
    first = next((n for n, each in enumerate(days) if each.has_day), 0)
    named = [*days[:first][::-1], *(each for turn in (*turns[chosen + 1 :], *earlier) for each in turn.days[::-1])]
    return [each for each in days if each.has_day], () if not named or named[0].has_day else named[0].spans


def _list_counted(words: str, start: datetime, own: Collection[datetime]) -> Iterator[date]:
    """Yield the day that words count from the appointment to move ("einen Tag später"), if `start` is in the other direction."""
    if len(own) != 1:
        return
    (old,) = (each.astimezone(start.tzinfo) for each in own)
    day = count_day(words, old)
    if day is not None and day != old.date() and (day > old.date()) != (start > old):
        yield day


def _list_other_hours(
    call: CallContext, start: datetime, heard: Sequence[_Heard], own: Collection[datetime]
) -> Iterator[time]:
    """Yield the hours by day that the words with an hour can mean; none if they can mean the start's. An hour that is rejected or
    taken back ("um zehn, nein, um elf") does not count; words such as "den um zehn" name one of the appointments at `own`.
    """
    last = ""
    for each in reversed(heard):
        words = each.hour
        is_own = bool(call.asked_choices) or (own and (_asks_which(call) or names_known(fold(words))))
        if words and (is_own or counts_time(words) or not excludes_time(words, start.time(), call.started_at)):
            return
        if not words and start.time() in list_only_hour(each.words, call.started_at):  # "elf ist besser"
            return
        last = last or words
        if words and each.corrects:
            break
    hours = list_only_hour(last, call.started_at) if last else []
    yield from (each for each in hours if _BY_DAY[0] <= each < _BY_DAY[1])


def _hear(
    words: str, call: CallContext, now: datetime, own: Collection[datetime], names: Sequence[str], **named: bool
) -> _Heard:
    """Return an utterance with its times. A day beside "am selben Tag" is a remark, and one in a full name none: "Jan Sommer"."""
    said, is_relative = reduce(drop_name, names, words), _RELATIVE_DAY.search(fold(words)) is not None
    hour = find_hour(words, now) or find_set_hour(said, now)
    return _Heard(words, [] if is_relative else [*_list_wanted(call, said, own, now, **named)], hour)


def _list_wanted(
    call: CallContext,
    words: str,
    own: Collection[datetime],
    now: datetime,
    *,
    moves: bool = False,
    is_picked: bool = False,
) -> Iterator[MentionedDays]:
    """Yield the days that each sentence of an utterance wants: without those that are rejected, taken back ("am Freitag, nein, am
    Samstag"), or name an appointment that stays or is moved. `is_picked`: the request names this appointment.
    """
    own_dates, is_asked = {each.astimezone(now.tzinfo).date() for each in own}, is_picked or _asks_which(call)
    own_days, own_numbers = {each.weekday() for each in own_dates}, {each.day for each in own_dates}
    wanted = list[str]()
    for clause in list_settled(words, now):
        pieces = TAKEN_BACK.split(_NO_WISH.sub(" ", fold(REJECTED_DAY.sub(" ", clause))))
        kept = " nein ".join("" if rejects_times(piece) else piece for piece in pieces)
        is_own_day = moves or list_weekdays(clause) <= own_days
        stays = own and is_own_day and says_it_stays(clause) and not SAYS_HOUR.search(clause)
        if stays or _ASIDE.search(fold(clause)):
            continue
        *before, last = TAKEN_BACK.split(wanted[-1]) if wanted else [""]
        is_correction = len(pieces) > 1 and _read_days(pieces[0], call, now) is None
        if wanted and not _LINKS.match(kept) and (is_correction or not last.strip()):
            wanted[-1] += f", {kept}"
        elif both := _join_date(last, kept, now):
            wanted[-1] = " nein ".join([*before, both])
        elif len(kept.split()) > BARE_WORDS or _read_days(kept, call, now) or len(pieces) > 1:
            wanted.append(kept)
    for clause in wanted:
        for said in reversed(TAKEN_BACK.split(clause)):
            known, new = split_new_time(said)
            named = (own and new and _read_days(new, call, now)) or _read_days(known + new, call, now)
            if named is None:
                continue
            is_own = (
                named.has_day
                and named.dates <= own_dates
                and named.weekdays <= own_days
                and named.numbers <= own_numbers
            )
            if not (is_own and not new and (is_asked or names_known(known))):
                yield named
                break


def _join_date(first: str, second: str, now: datetime) -> str:
    """Return a clause with a weekday and the next one, which is nothing but a time, if that names its date, or the other way
    round: "Dienstag um neun, den 8.", "am 8. um neun, das ist ein Dienstag"; else "".
    """
    is_date = bool(list_days_of_month(second, now))
    both = f"{first}, {second}" if is_date else f"{second}, {first}"
    is_pair = (
        len(list_weekdays(both)) == len(list_days_of_month(both, now)) == 1 and bool(list_weekdays(second)) != is_date
    )
    is_wish = SAYS_HOUR.search(first) or first.count(" ") < _FEW_WORDS
    return both if is_pair and is_wish and find_only_times(second, (), now) is not None else ""


def _asks_which(call: CallContext) -> bool:
    """Return whether the last answer asked about an appointment: the caller's words may name it."""
    return call.said_last.asks or any(call.said_last.about == each.about for each in call.asked_choices)


def _read_days(said: str, call: CallContext, now: datetime) -> MentionedDays | None:
    """Return the days that folded words name; None if they name none, or only a span in a remark."""
    days, bare = read_mentioned_days(said, now), _BARE_PLACE.search(said)
    count = 0 if call.named_last is None else len(call.named_last.starts)
    is_place = holds_place(said) if bare is None else PLACES[bare["place"]] < count  # "am zweiten (Tag)" of an offer
    days = days if _NUMBERED.search(said) and not is_place else replace(days, numbers=frozenset())
    asks = _ASKS.search(said) or said.count(" ") < _FEW_WORDS
    return days if days.has_day or (days.spans and asks) else None
