"""Days and clock times, as spoken or written in the present call's language."""

import re
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from askproai_core.languages import Language
from askproai_runtime.sentences.current import SENTENCES, present_language, say

_SAME_YEAR = timedelta(days=330)
_NOON = 12
_MAY_BE_PLURAL = re.compile(r"(?:n|s|er|[äöü]\w{1,3}el)$|[&+,/]|\b(?:und|and)\b", re.IGNORECASE)
_WRITTEN_CLOCK = re.compile(r"\b(\d\d):(\d\d)( Uhr|)")


def format_spoken(start: datetime, zone: ZoneInfo, now: datetime, *, as_subject: bool = False) -> str:
    """Return `Freitag, den 27. November, um 14 Uhr 30`: the full date, so that a caller notices a misheard day.

    In English `Friday, 27 November at 2:30 pm`. The year is added as in `format_day`. `as_subject` selects the nominative.
    """
    local = start.astimezone(zone)
    day = format_day(local.date(), now.astimezone(zone).date(), as_subject=as_subject)
    return say().spoken_time.format(day=day, clock=format_clock(local.time()))


def format_spoken_today(start: datetime, zone: ZoneInfo, now: datetime) -> str:
    """Return the text of `format_spoken`, preceded by `heute, ` if the day is today. No preposition may precede the text."""
    spoken = format_spoken(start, zone, now)
    is_today = start.astimezone(zone).date() == now.astimezone(zone).date()
    return say().spoken_time_today.format(when=spoken) if is_today else spoken


def format_day(day: date, today: date, *, as_subject: bool = False) -> str:
    """Return `Freitag, den 27. November`, with the year if it is over 330 days away: a month alone means this year's.

    With `as_subject` it is in the nominative, as after "ist": `Freitag, der 27. November`.
    """
    year = f" {day.year}" if abs(day - today) > _SAME_YEAR else ""
    weekday, month = say().weekdays[day.weekday()], say().months[day.month - 1]
    template = say().day_as_subject if as_subject else say().day
    return template.format(weekday=weekday, number=day.day, month=month, year=year)


def format_written_day(day: date, language: Language | None = None) -> str:
    """Return `Freitag, 27. November 2026` in a language, by default in the present call's."""
    words = SENTENCES[language or present_language()]
    weekday, month = words.weekdays[day.weekday()], words.months[day.month - 1]
    return words.written_day.format(weekday=weekday, number=day.day, month=month, year=day.year)


def decline_name(name: str, language: Language | None = None) -> str:
    """Return a person's name in the dative or accusative, as after `bei`, `zu`, `von` and `mit`: `Herrn Yilmaz`.

    Only German declines it. The language is by default the present call's.
    """
    is_declined = (language or present_language()) is Language.DE and name.startswith("Herr ")
    return f"Herrn {name.removeprefix('Herr ')}" if is_declined else name


def service_as_subject(name: str) -> str:
    """Return a service's name as the subject of a singular verb: `Haarschnitt`, but `Strähnen: das` if the name may be a
    plural.

    The name alone does not decide: "Färben" is a singular. So "das" is added wherever the ending may be a plural's.
    """
    return say().named_as_subject.format(name=name) if _MAY_BE_PLURAL.search(name.partition("(")[0].strip()) else name


def format_clock(at: time) -> str:
    """Return a time of day in spoken form: `14 Uhr 30`, `2:30 pm`."""
    words = say().clocks
    return _fill_clock(words.time if at.minute else words.full_hour, at)


def speak_written_clocks(text: str) -> str:
    """Return a text with its clock times in spoken form: `gegen 15 Uhr` for `gegen 15:00 Uhr`, `ab 9 Uhr 30` for `ab 09:30
    Uhr`. In other languages the text stays the same.
    """
    return _WRITTEN_CLOCK.sub(_speak_written, text) if present_language() is Language.DE else text


def _speak_written(match: re.Match[str]) -> str:
    hour, minute, unit = int(match[1]), int(match[2]), match[3]
    return f"{hour} Uhr {minute}" if minute else f"{hour}{unit}"


def write_clock(at: time) -> str:
    """Return a time of day in written form: `14:30`, `2:30 pm`."""
    words = say().clocks
    return _fill_clock(words.written_time if at.minute else words.written_full_hour, at)


def _fill_clock(template: str, at: time) -> str:
    half = "am" if at.hour < _NOON else "pm"
    return template.format(hour=at.hour, minute=at.minute, hour_of_12=at.hour % _NOON or _NOON, half=half)


def format_written_span(start: datetime, end: datetime | None, language: Language) -> str:
    """Return a time or span with its days: `Mittwoch, 25. November 2026, ab 17:00 Uhr`. `end` None: `start` is an exact time.

    `start` and `end` are in the reader's time zone. A span until midnight is written without its end.
    """
    patterns, day, first = SENTENCES[language].written_spans, format_written_day(start, language), f"{start:%H:%M}"
    if end is None:
        return patterns.at.format(day=day, first=first)
    last_day, last = end - timedelta(microseconds=1), f"{end:%H:%M}"
    from_midnight, to_midnight = start.time() == time(), end.time() == time()
    if start.date() != last_day.date():
        last_day_words = format_written_day(last_day, language)
        if not (from_midnight and to_midnight):
            day = patterns.at.format(day=day, first=first)
            last_day_words = patterns.at.format(day=last_day_words, first="24:00" if to_midnight else last)
        return patterns.of_days.format(first=day, last=last_day_words)
    if from_midnight:
        return day if to_midnight else patterns.until.format(day=day, last=last)
    return (patterns.since if to_midnight else patterns.between).format(day=day, first=first, last=last)


def format_call_back(said: str | None, start: datetime | None, end: datetime | None, language: Language) -> str:
    """Return the understood time to call back, then the caller's words in quotes; without such a time the words, or ""."""
    if start is None:
        return said or ""
    span = format_written_span(start, end, language)
    return SENTENCES[language].written_spans.said.format(span=span, said=said) if said else span
