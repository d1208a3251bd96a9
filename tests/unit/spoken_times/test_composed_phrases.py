"""Phrases composed of a day, a time and filler words mean the same as their parts, by an independent calculation."""

import random
import re
import string
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest

from askproai_runtime.spoken_times import understand
from askproai_runtime.spoken_times.excluded_days import find_excluded_days
from tests.unit.spoken_times.notation import read_expected, read_understood
from tests.worlds.cases import cases
from tests.worlds.cpu_time import assert_takes_less
from tests.worlds.rows import each_row

BERLIN = ZoneInfo("Europe/Berlin")
CALL = datetime(2026, 11, 20, 10, tzinfo=BERLIN)  # a Friday
CASES = cases(1_000, 12_000)
LEAST_SHARE = 0.97  # right; the rest is asked back

WEEKDAYS = ("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag")
MONTHS = (
    "Januar",
    "Februar",
    "März",
    "April",
    "Mai",
    "Juni",
    "Juli",
    "August",
    "September",
    "Oktober",
    "November",
    "Dezember",
)
SMALL = ("null", "ein", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun", "zehn", "elf", "zwölf")
TENTH = ("dreizehn", "vierzehn", "fünfzehn", "sechzehn", "siebzehn", "achtzehn", "neunzehn", "zwanzig")
NUMBERS = (*SMALL, *TENTH, "einundzwanzig")
BEFORE = (
    "", "", "bitte ", "ja, ", "also ", "ähm, ", "ich hätte gern ", "ich bräuchte einen Termin ", "geht es ", "hätten Sie ",
    "haben Sie ", "Guten Tag, ich möchte ", "vielleicht ", "am liebsten ", "wenn es geht ", "mir würde ", "könnte ich ",
)  # fmt: skip
AFTER = (
    "", "", " bitte", ", bitte", ", wenn es geht", " passen", " kommen", " einen Termin", ", danke", ", das wäre super",
    " etwas frei", ", ginge das", " oder so", ", wenn möglich",
)  # fmt: skip


def write(number: int, choose: random.Random) -> str:
    """Return a number as digits or in words."""
    return choose.choice([str(number), NUMBERS[number]])


def compose_day(choose: random.Random) -> tuple[str, date]:
    today, ahead = CALL.date(), choose.randint(1, 90)
    day = today + timedelta(days=ahead)
    month = MONTHS[day.month - 1]
    forms = [
        f"am {day.day}. {month}",
        f"den {day.day}. {month}",
        f"am {day.day}.{day.month}.",
        f"{WEEKDAYS[day.weekday()]}, den {day.day}. {month}",
    ]
    if ahead <= 2:
        forms = ["morgen", f"morgen, {WEEKDAYS[day.weekday()]},"] if ahead == 1 else ["übermorgen"]
    elif ahead <= 6:
        forms += [
            f"am {WEEKDAYS[day.weekday()]}",
            f"kommenden {WEEKDAYS[day.weekday()]}",
            f"in {write(ahead, choose)} Tagen",
        ]
    elif today.isocalendar().week + 1 == day.isocalendar().week and day.year == today.year:
        forms += [f"nächste Woche {WEEKDAYS[day.weekday()]}", f"am {WEEKDAYS[day.weekday()]} nächster Woche"]
    elif ahead in {14, 21}:
        forms += [f"in {write(ahead // 7, choose)} Wochen"] if ahead == 14 or day.weekday() == 4 else []
    return choose.choice(forms), day


def compose_time(choose: random.Random) -> tuple[str, str]:
    """Return a time with its meaning in the notation of `phrases.txt`; every hour is said so that it is one of 24."""
    hour = choose.randint(8, 20)
    until = choose.randint(hour + 1, 21)
    quarter = choose.choice([15, 30, 45])
    small, part = (hour, "vormittags") if hour < 12 else (hour - 12, "nachmittags")
    forms: list[tuple[str, str]] = [
        ("", ""),
        (f"um {write(hour, choose)} Uhr", f"{hour}:00"),
        (f"um {hour} Uhr {quarter}", f"{hour}:{quarter}"),
        (f"um {hour}:{quarter}", f"{hour}:{quarter}"),
    ]
    if hour > 12:  # "ab 9" can be an evening
        forms += [
            (f"ab {write(hour, choose)} Uhr", f"{hour}:00-"),
            (f"nach {write(hour, choose)} Uhr", f"{hour}:00-"),
            (f"bis {write(hour, choose)} Uhr", f"-{hour}:00"),
            (f"vor {write(hour, choose)} Uhr", f"-{hour}:00"),
            (f"gegen {write(hour, choose)} Uhr", f"~{hour}:00"),
            (f"zwischen {write(hour, choose)} und {write(until, choose)} Uhr", f"{hour}:00-{until}:00"),
            (f"von {hour} bis {until} Uhr", f"{hour}:00-{until}:00"),
            (f"von {hour} Uhr bis {until} Uhr {quarter}", f"{hour}:00-{until}:{quarter}"),
        ]
    if 1 <= small <= 11 and 9 <= hour <= 16:
        named = SMALL[small] if small > 1 else "eins"
        after = SMALL[small + 1]
        forms += [
            (f"{part} um {named}", f"{hour}:00"),
            (f"{part} um halb {after}", f"{hour}:30"),
            (f"um Viertel nach {named} {part}", f"{hour}:15"),
            (f"um Viertel vor {after} {part}", f"{hour}:45"),
            (f"{part} um zehn nach {named}", f"{hour}:10"),
        ]
        if not (part == "vormittags" and hour == 11):  # "vormittags um halb zwölf" is clear, "… Viertel vor zwölf" too
            forms += [(part, part[:-1])]
    return choose.choice(forms)


def compose(seed: int) -> Iterator[tuple[str, str]]:
    choose = random.Random(seed)
    while True:
        (day, meant), (time, clock) = compose_day(choose), compose_time(choose)
        parts = [day, time] if choose.random() < 0.8 or not time or day.endswith(",") else [time, day]
        clock = re.sub(r"(?<!\d)(\d):", r"0\1:", clock)
        about, clock = ("~", clock[1:]) if clock.startswith("~") else ("", clock)
        said = f"{choose.choice(BEFORE)}{' '.join(filter(None, parts))}{choose.choice(AFTER)}"
        readings = [f"{about}{meant:%d.%m.} {each}".strip() for each in _list_halves(clock, time)]
        yield said, " / ".join(readings)


def _list_halves(clock: str, said: str) -> list[str]:
    """Return the possible times of a spoken clock time: eight and nine may be in the evening unless the phrase says which."""
    is_open = clock[:3] in {"08:", "09:"} and "-" not in clock and not re.search(r"\d:|vormittags", said)
    return [clock, f"{int(clock[:2]) + 12}{clock[2:]}"] if is_open else [clock]


@pytest.mark.random_cases
def test_composed_phrases_mean_what_their_parts_mean():
    seed = random.randrange(10**6)
    wrong, asked = [], []
    for phrase, meaning in islice(compose(seed), CASES):
        understood = understand(phrase, at=CALL, zone=BERLIN)
        answer = read_understood(understood)
        if answer == "?":
            asked.append(phrase)
        elif answer not in read_expected(meaning):
            wrong.append((phrase, meaning, [each.reading for each in understood.candidates] or understood.refused))
    assert wrong == [], f"seed {seed}"
    assert 1 - len(asked) / CASES >= LEAST_SHARE, (seed, asked[:20])


def hostile(choose: random.Random) -> str:
    """Return 500 characters that a model may pass: words of times over and over, letters, digits, brackets."""
    words = [
        *WEEKDAYS,
        *MONTHS,
        *NUMBERS,
        "um",
        "halb",
        "ab",
        "bis",
        "nach",
        "vor",
        "und",
        "oder",
        "zwischen",
        "nicht",
        "in",
        "den",
        "12.",
        "8:30",
    ]
    kinds = (
        lambda: " ".join(choose.choices(words, k=200)),
        lambda: "".join(choose.choices(string.ascii_letters + "äöüß ", k=500)),
        lambda: "".join(choose.choices(string.digits + ".:- ", k=500)),
        lambda: "".join(choose.choices("([{*+?\\.^$|)]} ", k=500)),
        lambda: " ".join([choose.choice(words)] * 250),
        lambda: "".join(chr(choose.randint(0x20, 0x2FFF)) for _ in range(500)),
        lambda: "einundzwanzig" * 40,
    )
    return choose.choice(kinds)()[:500]


@each_row("kind", range(60))
def test_any_500_characters_take_10_milliseconds_at_most(kind):
    text = hostile(random.Random(kind))
    assert_takes_less(0.010, lambda: understand(text, at=CALL, zone=BERLIN), text)


@pytest.mark.parametrize(
    "text", ["Freitag " * 62, "nicht " * 83, "aber nicht am Montag " * 23, "bis auf " * 62, "12. " * 125]
)
def test_finding_excluded_days_takes_20_milliseconds_at_most(text):
    assert_takes_less(0.020, lambda: find_excluded_days(text))
