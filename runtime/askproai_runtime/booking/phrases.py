"""What the agent says, and when two spellings are the same name."""

import re
import unicodedata
from collections.abc import Sequence
from datetime import date
from zoneinfo import ZoneInfo

from babel.dates import format_date

from askproai_runtime.booking.availability import Obstacle, Slot
from askproai_runtime.german_dates import Refusal, spoken

_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ı": "i"})
_TITLES = frozenset({"herr", "herrn", "frau", "dr", "doktor", "prof", "professor"})
# Spellings that a listener cannot tell apart, in this order. Vowels stay: Peter and Petra are two people.
_SOUNDS_LIKE = tuple(
    (re.compile(spelling), heard)
    for spelling, heard in (
        (r"([aou])e", r"\1"),  # Müller, Mueller, Muller
        (r"ph", "f"),
        (r"th|dt|d$", "t"),
        (r"c(?!h)|ch(?=[rl])", "k"),
        (r"tz", "z"),
        (r"[ae][iy]", "ei"),
        (r"eier$", "eir"),  # Maier, Mayr
        (r"ie|y", "i"),
        (r"(?<=[aeiou])h(?![aeiou])", ""),
        (r"(.)\1+", r"\1"),
    )
)

NOT_UNDERSTOOD = {
    Refusal.PAST: "Dieser Zeitpunkt ist schon vorbei. Welchen Tag und welche Uhrzeit meinen Sie?",
    Refusal.IMPOSSIBLE: "Diesen Tag oder diese Uhrzeit gibt es nicht. Welches Datum meinen Sie genau?",
    Refusal.NOT_UNDERSTOOD: "Das habe ich nicht verstanden. An welchem Tag und um wie viel Uhr möchten Sie kommen?",
}

# `when` is a full date and time in words, or a longer span as it was read.
OBSTACLES = {
    Obstacle.PAST: NOT_UNDERSTOOD[Refusal.PAST],
    Obstacle.TOO_SOON: "{when} ist leider zu kurzfristig.",
    Obstacle.TOO_FAR: "So weit im Voraus vergeben wir keine Termine, nur bis {last_day}.",
    Obstacle.CLOSED_DAY: "{day}: Da ist nicht geöffnet{holiday}.",
    Obstacle.OUTSIDE_HOURS: "{when} liegt außerhalb der Zeiten, zu denen das möglich ist.",
    Obstacle.OFF_GRID: "{when} vergeben wir nicht genau zu dieser Minute.",
    Obstacle.TAKEN: "{when} ist leider nichts mehr frei.",
}


def fold(text: str) -> str:
    """Bring spellings together: case, umlauts, accents, punctuation."""
    composed = unicodedata.normalize("NFKC", text).casefold()
    plain = unicodedata.normalize("NFKD", composed.translate(_UMLAUTS))
    return " ".join(re.sub(r"[^\w\s]|_", " ", "".join(c for c in plain if not unicodedata.combining(c))).split())


def same_name(one: str, other: str) -> bool:
    """Say whether both are one person's name (contract §4), spelt a little differently, or with a part left out.

    Only to tell a repetition from a second person within a call, never to merge customers. In doubt it is False, since then
    somebody is asked.
    """
    folded = fold(one).split(), fold(other).split()
    his, hers = ({word.replace("herrn", "herr") for word in words} & {"herr", "frau"} for words in folded)
    if his and hers and his.isdisjoint(hers):
        return False
    short, long = sorted(([_sound(w) for w in words if w not in _TITLES] or words for words in folded), key=len)
    missing = [word for word in short if not any(_alike(word, heard) for heard in long)]
    return bool(short) and (not missing or "".join(short) == "".join(long))


def _sound(word: str) -> str:
    for spelling, heard in _SOUNDS_LIKE:
        word = spelling.sub(heard, word)
    return word


def _alike(one: str, other: str) -> bool:
    initial = 1 in {len(one), len(other)}
    return one[0] == other[0] if initial else one == other


def listed(parts: Sequence[str], last: str = "oder") -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} {last} {parts[-1]}"


def day_in_words(day: date) -> str:
    return format_date(day, "EEEE, 'den' d. MMMM", locale="de_DE")


def with_person(slot: Slot, person: str, zone: ZoneInfo) -> str:
    return f"{spoken(slot.start, zone)} bei {person}"
