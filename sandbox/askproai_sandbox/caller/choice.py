"""Which of several offers or appointments a caller means. Pure."""

import re
from calendar import monthrange
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from askproai_runtime.german_dates import WEEKDAYS, Grain, fold, understand_parts
from askproai_sandbox.caller import phrases
from askproai_sandbox.caller.rejections import names_one_day
from askproai_sandbox.caller.sentence import Sentence

Item = Mapping[str, Any]  # of `slots`, `alternatives` or `appointments`: `start`, `spoken`, and more

_THE = r"(?:der|die|das|den|dem)"
_ORDINALS = {  # the first that is found counts
    rf"{_THE} früheren?": 0, rf"{_THE} späteren?": -1, r"nummer (?:eins|1)": 0, r"nummer (?:zwei|2)": 1, r"nummer (?:drei|3)": 2,
    "erste[nrsm]?": 0, "zweite[nrsm]?": 1, "dritte[nrsm]?": 2, "vierte[nrsm]?": 3, "fünfte[nrsm]?": 4, "letzte[nrsm]?": -1,
    "mittlere[nrsm]?": 1,
}  # fmt: skip
_NOON = 12
_LATER = (("Nachmittag", _NOON), ("Abend", 17))  # each begins at that hour for the product's grammar
_FIRST = re.compile(r"\begal\b(?!,? (?:bei |zu )?we[mr]\b)|\bfrüheste|\bnächstbeste", re.IGNORECASE)
_UTC = ZoneInfo("UTC")
# In both the next 28th is in this month, but "morgen" and "Freitag" are other days of it.
_JANUARY, _MARCH = datetime(2026, 1, 1, tzinfo=_UTC), datetime(2026, 3, 2, tzinfo=_UTC)


def choose(items: Sequence[Item], sentence: Sentence, now: datetime | None = None) -> Item | None:
    """Return the only item with which all agrees that a sentence names: ordinal, time, day, staff member, service; else None.

    Days count from `now` (aware); without it from the day before the first item.
    """
    names_time = "time" in sentence.when or names_one_day(sentence.when.get("date"))  # "nächste Woche" names no offer
    names_some = names_time or bool(sentence.staff or sentence.services)
    index = find_ordinal(sentence)
    if index is not None:
        found = list(items[index:][:1])
    elif not sentence.when and (_takes_first(sentence) or (sentence.any_staff and _begin_together(items))):
        found = list(items[:1])
    else:
        found = list(items) if names_some else []
    found = [item for item in found if _agrees(item, sentence, _first_day(items, now))]
    if (named := _find_customer(items, sentence.text)) and (not found or named in found):
        return named
    same = {(item.get("start"), item.get("customer_name")) for item in found}
    return found[0] if found and len(same) == 1 else None


def find_at_time(items: Sequence[Item], sentence: Sentence, now: datetime | None = None) -> tuple[Item, ...]:
    """Return the items at the clock time that a sentence names without a day: "Um zehn" may be that of several days."""
    if sentence.when.keys() != {"time"} or find_ordinal(sentence) is not None:
        return ()
    return tuple(item for item in items if _agrees(item, sentence, _first_day(items, now)))


def _find_customer(items: Sequence[Item], text: str) -> Item | None:
    """Return the only item of a customer whose name, or the part of it that no other one has, is said."""
    said, names = _words(text), [_words(str(item.get("customer_name", ""))) for item in items]
    own = [name - set().union(*(other for other in names if other != name)) for name in names]
    found = [item for item, words in zip(items, own, strict=True) if words & said]
    return found[0] if len(found) == 1 else None


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.casefold()))


def _takes_first(sentence: Sentence) -> bool:
    return not sentence.rejected and bool(_FIRST.search(sentence.wanted))


def _begin_together(items: Sequence[Item]) -> bool:
    return len({item.get("start") for item in items}) == 1


def find_ordinal(sentence: Sentence) -> int | None:
    """Return the index that an ordinal of a sentence names, -1 for the last; None without one. A date is none."""
    words = sentence.wanted.casefold()
    return next((index for ordinal, index in _ORDINALS.items() if re.search(rf"\b{ordinal}\b", words)), None)


def _first_day(items: Sequence[Item], now: datetime | None) -> datetime | None:
    starts = [start for item in items if (start := _start(item))]
    return now or (min(starts) - timedelta(days=1) if starts else None)


def _start(item: Item) -> datetime | None:
    try:
        return datetime.fromisoformat(str(item.get("start")))
    except ValueError:
        return None


def _agrees(item: Item, sentence: Sentence, now: datetime | None) -> bool:
    """Return whether an item has the staff member, the service, and all of the time that a sentence names."""
    spoken, start = str(item.get("spoken", "")), _start(item)
    if sentence.staff and not names_person(spoken, sentence.staff):
        return False
    if sentence.services and not any(service in spoken for service in sentence.services):
        return False
    return not sentence.when or (start is not None and now is not None and _is_at(start, sentence.when, now))


def names_person(spoken: str, staff: str) -> bool:
    """Return whether spoken words name somebody of the team, who is "Herr Krause", but "bei Herrn Krause"."""
    return staff in spoken or staff.replace("Herr ", "Herrn ", 1) in spoken


def _is_at(start: datetime, when: Mapping[str, str], now: datetime) -> bool:
    """Return whether words mean this start, by the pods' grammar; a clock time must name it exactly."""
    local = start.replace(tzinfo=_UTC)  # its offset is that of the branch, and a day's clock needs no more
    words = when.get("date")
    is_weekday = words is not None and WEEKDAYS.get(fold(words)) == local.weekday()
    if words is None or is_weekday or _day_of_month(words) == local.day:
        words = local.date().isoformat()
    at = now.astimezone(start.tzinfo).replace(tzinfo=_UTC)
    understood = understand_parts(words, when.get("time"), when.get("part_of_day"), at=at, zone=_UTC)
    return any(
        candidate.contains(local) and ("time" not in when or candidate.end is None)
        for candidate in understood.candidates
    )


def is_on_day(item: Item, words: str, now: datetime | None) -> bool:
    """Return whether an offer is on a day that words name; also where they name none that is known."""
    start = _start(item)
    return not words or start is None or now is None or _is_at(start, {"date": words}, now)


def _day_of_month(words: str) -> int | None:
    """Return the day of words that name a day of any month ("am 28."); None for all others."""
    found = [understand_parts(words, None, None, at=at, zone=_UTC).candidates for at in (_JANUARY, _MARCH)]
    if not all(found) or any(each[0].grain is not Grain.DAY for each in found) or "monat" in fold(words):
        return None
    january, march = (each[0].start for each in found)
    return january.day if (january.month, march.month) in {(1, 3), (1, 4)} and january.day == march.day else None


def ask_which(offers: Sequence[Item]) -> str:
    """Return the question which of several offers is meant."""
    spoken = [str(offer.get("spoken", offer["start"])) for offer in offers]
    return f"Welcher Termin passt Ihnen: {', '.join(spoken[:-1])} oder {spoken[-1]}?"


def ask_again(offers: Sequence[Item]) -> str:
    """Return the question for a yes to what is on offer, after a question of the caller, which is none."""
    return (
        phrases.ASK_YES.format(offers[0].get("spoken", offers[0]["start"])) if len(offers) == 1 else ask_which(offers)
    )


def leave_out_days(offers: Sequence[Item], days: Iterable[str]) -> tuple[Item, ...]:
    """Return the offers that are on none of these days, of which the grammar knows the weekday."""
    weekdays = {WEEKDAYS.get(fold(word).removesuffix("s")) for day in days for word in re.findall(r"\w+", day)}
    return tuple(offer for offer in offers if (start := _start(offer)) is None or start.weekday() not in weekdays)


def is_one_of_several(offer: Item, offers: Sequence[Item]) -> bool:
    """Return whether the staff member says which of the offers is meant."""
    return [other["start"] for other in offers].count(offer["start"]) > 1


def find_other_part(
    offers: Sequence[Item], sentence: Sentence, words: str | None, now: datetime | None = None
) -> dict[str, str]:
    """Return the part of the offered day before or after all offers, if they are too late or too early; else nothing.

    `words` are the day in the caller's words, None if none was said; it is kept as it is where it means one day from `now` (aware).
    """
    if sentence.is_too is None or sentence.when or not offers:
        return {}
    starts = sorted(datetime.fromisoformat(offer["start"]) for offer in offers)
    if sentence.is_too == "früh":
        day, part = starts[-1], next((name for name, hour in _LATER if starts[-1].hour < hour), None)
    else:
        day, part = starts[0], "Vormittag" if starts[0].hour >= _NOON else None
    at = now and now.replace(tzinfo=_UTC)
    understood = understand_parts(words, None, None, at=at, zone=_UTC).candidates if words and at else ()
    is_clear = len(understood) < 2  # "Dienstag", said on a Tuesday, may be today
    return {"date": words if words and is_clear else f"{day:%Y-%m-%d}", "part_of_day": part} if part else {}


def name_offered_day(
    offers: Sequence[Item], words: str | None, asked_for: str, now: datetime | None, dated: str = ""
) -> dict[str, str]:
    """Return the date that a weekday alone ("Dann Montag"), or a day without a month ("am 29."), means by what was offered.

    A weekday is that of the offers, if they have one on it, else of the week of the date that was asked for before (`dated`:
    "am 17. Dezember", no weekday). A day of the month is the one that is nearest to the offers, or
    without any to the day that was `asked_for`. Nothing where that is what the pods understand from `now` (aware).
    """
    at = now and now.replace(tzinfo=_UTC)
    if words is None:
        return {}
    weekday, day_of_month = WEEKDAYS.get(fold(words)), _day_of_month(words)
    offered = {start.date() for offer in offers if (start := _start(offer))}
    if weekday is not None:
        days = [day for day in offered if day.weekday() == weekday] or _day_of_week(weekday, dated, at)
    elif day_of_month is not None and at:
        asked = (
            understand_parts(asked_for, None, None, at=at, zone=_UTC).candidates if asked_for and not offered else ()
        )
        days = _nearest_day(day_of_month, offered or {each.start.date() for each in asked}, at.date())
    else:
        return {}
    if len(days) != 1:
        return {}
    understood = understand_parts(words, None, None, at=at, zone=_UTC).candidates if at else ()
    return {} if [each.start.date() for each in understood] == days else {"date": f"{days[0]:%Y-%m-%d}"}


def _day_of_week(weekday: int, dated: str, at: datetime | None) -> list[date]:
    """Return the weekday of the week of a date that words name, if it is not over; nothing where they name none."""
    if not (dated and at) or WEEKDAYS.get(fold(dated)) is not None or "woche" in fold(dated):  # a week is no date
        return []
    candidates = understand_parts(dated, None, None, at=at, zone=_UTC).candidates
    if len(candidates) != 1 or not names_one_day(dated):
        return []
    day = candidates[0].start.date()
    meant = day + timedelta(days=weekday - day.weekday())
    return [meant] if meant >= at.date() else []


def _nearest_day(number: int, near: Collection[date], today: date) -> list[date]:
    """Return the day of any month that is nearest to some days, and not over."""
    months = {
        (day.year + (day.month + apart - 1) // 12, (day.month + apart - 1) % 12 + 1)
        for day in near
        for apart in (-1, 0, 1)
    }
    days = [date(year, month, number) for year, month in months if number <= monthrange(year, month)[1]]
    return sorted((day for day in days if day >= today), key=lambda day: (min(abs(day - each) for each in near), day))[
        :1
    ]


def find_common_time(offers: Sequence[Item]) -> str:
    """Return the clock time that all offers have, as the pods understand it; "" where they differ, or there is none."""
    times = {f"{start:um %H:%M Uhr}" for offer in offers if (start := _start(offer))}
    return times.pop() if len(times) == 1 else ""


def time_after(end: str) -> dict[str, str]:
    """Return the day of a local time in ISO 8601, and the time from then on, as the pods understand them."""
    local = datetime.fromisoformat(end)
    return {"date": f"{local:%Y-%m-%d}", "time": f"ab {local:%H:%M} Uhr"}
