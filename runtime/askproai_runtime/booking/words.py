"""What the agent says, and when two spellings are the same name."""

import re
import unicodedata
from collections.abc import Sequence
from datetime import date
from zoneinfo import ZoneInfo

from babel.dates import format_date

from askproai_runtime.booking.availability import Obstacle, Slot
from askproai_runtime.speech import Refusal, spoken

_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ı": "i"})
_TITLES = frozenset({"herr", "herrn", "frau", "dr", "doktor", "prof", "professor"})
_SOUND = ((re.compile("ph"), "f"), (re.compile("dt|d"), "t"), (re.compile("z"), "s"), (re.compile("ck|c"), "k"))

NOT_UNDERSTOOD = {
    Refusal.PAST: "Dieser Zeitpunkt ist schon vorbei. Welchen Tag und welche Uhrzeit meinen Sie?",
    Refusal.IMPOSSIBLE: "Diesen Tag oder diese Uhrzeit gibt es nicht. Welches Datum meinen Sie genau?",
    Refusal.NOT_UNDERSTOOD: "Das habe ich nicht verstanden. An welchem Tag und um wie viel Uhr möchten Sie kommen?",
}


def fold(text: str) -> str:
    """Bring spellings together: case, umlauts, accents, punctuation."""
    composed = unicodedata.normalize("NFKC", text).casefold()
    plain = unicodedata.normalize("NFKD", composed.translate(_UMLAUTS))
    return " ".join(re.sub(r"[^\w\s]|_", " ", "".join(c for c in plain if not unicodedata.combining(c))).split())


def same_name(one: str, other: str) -> bool:
    """Say whether both can be one person, misheard or misspelt: each word of the shorter one sounds like one of the
    longer one. Only to tell a repetition from a second person within a call, never to merge customers.
    """
    short, long = sorted((_name_words(one), _name_words(other)), key=len)
    return bool(short) and all(any(_sound(a) == _sound(b) for b in long) for a in short)


def _name_words(name: str) -> list[str]:
    words = fold(name).split()
    return [word for word in words if word not in _TITLES] or words


def _sound(word: str) -> str:
    """Give the consonants as they are heard: Meyer and Maier, Schmidt and Schmitt, Sofie and Sophie fall together."""
    for pattern, heard in _SOUND:
        word = pattern.sub(heard, word)
    skeleton = re.sub(r"(.)\1+", r"\1", re.sub("[aeiouyjh]", "", word))
    return skeleton or word


def listed(parts: Sequence[str], last: str = "oder") -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} {last} {parts[-1]}"


def day_in_words(day: date) -> str:
    return format_date(day, "EEEE, 'den' d. MMMM", locale="de_DE")


def with_person(slot: Slot, person: str, zone: ZoneInfo) -> str:
    return f"{spoken(slot.start, zone)} bei {person}"


def obstacle_in_words(obstacle: Obstacle, when: str, holiday: str | None, last_day: date) -> str:
    """Say why `when` (a day or a full date and time, in words) cannot be had."""
    match obstacle:
        case Obstacle.PAST:
            return NOT_UNDERSTOOD[Refusal.PAST]
        case Obstacle.TOO_SOON:
            return f"{when} ist leider zu kurzfristig."
        case Obstacle.TOO_FAR:
            return f"So weit im Voraus vergeben wir keine Termine, nur bis {day_in_words(last_day)}."
        case Obstacle.CLOSED_DAY:
            return f"{when}: Da ist nicht geöffnet{f', es ist {holiday}' if holiday else ''}."
        case Obstacle.OUTSIDE_HOURS:
            return f"{when} liegt außerhalb der Zeiten, zu denen das möglich ist."
        case Obstacle.OFF_GRID:
            return f"{when} vergeben wir nicht genau zu dieser Minute."
        case Obstacle.TAKEN:
            return f"{when} ist leider nichts mehr frei."
