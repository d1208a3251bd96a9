"""Which of several offers or appointments a caller means. Pure."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from askproai_sandbox.caller.sentence import Sentence
from askproai_sandbox.caller.spoken_time import NUMBERS

Item = Mapping[str, Any]  # of `slots`, `alternatives` or `appointments`: `start`, `spoken`, and more

_ORDINALS = {"erste": 0, "zweite": 1, "dritte": 2, "vierte": 3, "fünfte": 4, "letzte": -1}
_NOON = 12
_LATER = (("Nachmittag", _NOON), ("Abend", 17))  # each begins at that hour for the product's grammar
_FIRST = re.compile(r"\begal\b(?!,? (?:bei |zu )?we[mr]\b)|\bfrüheste|\bnächstbeste", re.IGNORECASE)
_DAYS = ["montag", "dienstag", "mittwoch", "donnerstag", "freitag", "samstag", "sonntag"]
_MONTHS = [
    "januar",
    "februar",
    "märz",
    "april",
    "mai",
    "juni",
    "juli",
    "august",
    "september",
    "oktober",
    "november",
    "dezember",
]


def choose(items: Sequence[Item], sentence: Sentence) -> Item | None:
    """Return the only item that a sentence names, by ordinal, time, day, staff member or service; else None."""
    words = sentence.wanted.casefold()
    for ordinal, index in _ORDINALS.items():
        if re.search(rf"\b{ordinal}[nrsm]?\b", words):
            return items[min(index, len(items) - 1)] if items else None
    if items and _FIRST.search(words):
        return items[0]
    if sentence.any_staff and not sentence.when and len({item.get("start") for item in items}) == 1:
        return items[0]
    criteria = [
        *(["time"] if "time" in sentence.when else []), *(["date"] if "date" in sentence.when else []),
        *(["staff"] if sentence.staff else []), *(["services"] if sentence.services else []),
    ]  # fmt: skip
    found = [item for item in items if criteria and all(_fits(item, each, sentence) for each in criteria)]
    starts = {item.get("start") for item in found}
    return found[0] if len(found) == 1 or (found and len(starts) == 1) else None


def _fits(item: Item, criterion: str, sentence: Sentence) -> bool:
    spoken = str(item.get("spoken", ""))
    if criterion == "staff":
        return str(sentence.staff) in spoken
    if criterion == "services":
        return any(service in spoken for service in sentence.services)
    try:
        start = datetime.fromisoformat(str(item.get("start")))
    except ValueError:
        return False
    said = sentence.when[criterion].casefold()
    return _is_time(said, start) if criterion == "time" else _is_day(said, start)


def _is_time(said: str, start: datetime) -> bool:
    """Return whether this clock time is meant; hours up to 12 may be of the morning or the afternoon."""
    clock = _clock(said)
    if clock is None:
        return False
    hour, minute = clock
    return minute == start.minute and (hour == start.hour or (hour <= 12 and hour % 12 == start.hour % 12))


def _clock(said: str) -> tuple[int, int] | None:
    """Return hour and minute of a clock time, None for a span such as "nach drei"."""
    if match := re.fullmatch(r"(\d{1,2})[:.](\d{2})(?:\s*uhr)?", said):
        return int(match[1]), int(match[2])
    match = re.fullmatch(r"(halb|dreiviertel|viertel vor|viertel nach|viertel)?\s*(\w+)(?:\s+uhr)?(?:\s+(\w+))?", said)
    hour, minute = (_number(match[2]), _number(match[3] or "0")) if match else (None, None)
    if match is None or hour is None or minute is None:
        return None
    before = {"halb": 30, "dreiviertel": 15, "viertel vor": 15, "viertel": 45}.get(match[1] or "")
    if before is not None:
        return (hour - 1) % 24, 60 - before
    return hour, 15 if match[1] else minute


def _number(word: str) -> int | None:
    return int(word) if word.isdigit() else NUMBERS.get(word)


def _is_day(said: str, start: datetime) -> bool:
    """Return whether a weekday, or a day of a month, is that of the start."""
    if match := re.search(r"(\d{1,2})\.\s*(\w*)", said):
        names_another_month = match[2] not in {"", str(start.month), f"{start.month:02}", _MONTHS[start.month - 1]}
        return int(match[1]) == start.day and not names_another_month
    weekday = next((day for day in _DAYS if day in said.replace("sonnabend", "samstag")), None)
    return weekday is not None and _DAYS.index(weekday) == start.weekday()


def ask_which(offers: Sequence[Item]) -> str:
    """Return the question which of several offers is meant."""
    spoken = [str(offer.get("spoken", offer["start"])) for offer in offers]
    return f"Welcher Termin passt Ihnen: {', '.join(spoken[:-1])} oder {spoken[-1]}?"


def is_one_of_several(offer: Item, offers: Sequence[Item]) -> bool:
    """Return whether the staff member says which of the offers is meant."""
    return [other["start"] for other in offers].count(offer["start"]) > 1


def find_other_part(offers: Sequence[Item], sentence: Sentence, date: str | None) -> dict[str, str]:
    """Return the part of the offered day before or after all offers, if they are too late or too early; else nothing.

    `date` is the day in the caller's words, None if none was said.
    """
    if sentence.is_too is None or sentence.when or not offers:
        return {}
    starts = sorted(datetime.fromisoformat(offer["start"]) for offer in offers)
    if sentence.is_too == "früh":
        day, part = starts[-1], next((name for name, hour in _LATER if starts[-1].hour < hour), None)
    else:
        day, part = starts[0], "Vormittag" if starts[0].hour >= _NOON else None
    return {"date": date or f"{day:%Y-%m-%d}", "part_of_day": part} if part else {}
