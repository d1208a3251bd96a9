"""Phrases for the agent to say, and when two spellings are the same name."""

import re
import unicodedata
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from askproai_runtime.availability.obstacles import Obstacle
from askproai_runtime.availability.slots import Slot
from askproai_runtime.german_dates import Candidate, Refusal
from askproai_runtime.language.name_words import GENDERS, TITLES
from askproai_runtime.sentences import (
    decline_name,
    format_day,
    format_spoken,
    format_written_day,
    say,
    speak_written_clocks,
)

_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ı": "i"})
_BEFORE_A_NAME = frozenset({"bei", "beim", "dem", "den", "der", "die", "the", "to", "with", "zu", "zum", "zur"})
# Spellings that a listener cannot distinguish, applied in this order. Vowels stay: Peter and Petra are two people.
_SOUNDS_LIKE = tuple(
    (re.compile(spelling), sound)
    for spelling, sound in (
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

# Text that a listener can take in as somebody's own words: few, without markup, and no placeholder of a language of programs.
_SAYABLE = re.compile(r"(?=.*[^\W\d_])[^\W_][^\W_ .,'’&()+-]*(?:[ .,'’&()+-]+[^\W_]+)*[.)]?")
_LONGEST_SAYABLE = 40
PLACEHOLDER_WORDS = frozenset({"none", "null", "nan", "nil", "undefined", "unknown", "true", "false", "string"})


def refusal_sentence(refusal: Refusal) -> str:
    """Return why a time is not understood, with the question for another one."""
    words = say()
    return {
        Refusal.PAST: words.past_time,
        Refusal.IMPOSSIBLE: words.impossible_time,
        Refusal.NOT_UNDERSTOOD: words.time_not_understood,
    }[refusal]


def obstacle_template(obstacle: Obstacle) -> str:
    """Return why a time is not free; `when` is a full date and time in words, or a longer span as it was understood."""
    words = say()
    return {
        Obstacle.PAST: words.past_time,
        Obstacle.TOO_SOON: words.too_soon,
        Obstacle.TOO_FAR: words.too_far,
        Obstacle.CLOSED_DAY: words.closed_day,
        Obstacle.DAY_OFF: words.nobody_works,
        Obstacle.OUTSIDE_HOURS: words.outside_hours,
        Obstacle.OFF_GRID: words.off_grid,
        Obstacle.TAKEN: words.taken,
    }[obstacle]


@lru_cache(maxsize=2048)  # each request compares its words with all names of the config
def fold(text: str) -> str:
    """Return text without differences of case, umlauts, accents and punctuation, for comparison."""
    composed = unicodedata.normalize("NFKC", text).casefold()
    plain = unicodedata.normalize("NFKD", composed.translate(_UMLAUTS))
    return " ".join(re.sub(r"[^\w\s]|_", " ", "".join(c for c in plain if not unicodedata.combining(c))).split())


def same_name(first: str, second: str) -> bool:
    """Return whether both are one person's name, spelt a little differently, or with a part left out.

    Only to distinguish a repetition from a second person within a call, never to merge customers. In doubt False, since
    then the caller is asked.
    """
    words = fold(first).split(), fold(second).split()
    if addressed_differently(first, second):
        return False
    sounds = ([_sound(word) for word in name if word not in TITLES] or name for name in words)
    short, long = sorted(sounds, key=len)
    missing = [word for word in short if not any(_same_word(word, other) for other in long)]
    return bool(short) and (not missing or "".join(short) == "".join(long))


def is_other_person(name: str, known: str) -> bool:
    """Return whether two names are those of two people. A surname alone may be anybody's of the family, and one person may have two
    surnames.
    """
    words, others = (fold(" ".join(list_name_words(each))).split() for each in (name, known))
    if not words or not others or same_name(name, known):
        return False
    return min(len(words), len(others)) == 1 or words[0] != others[0]


def correct_name(known: str, said: str) -> str:
    """Return a known name as it is said now: each word in its new spelling. A word that is only left out, or cut to an initial,
    stays; a name with a new word replaces the known one.
    """
    spoken, words = list_name_words(said), known.split()
    core = list_name_words(known)
    if not spoken or [each.casefold() for each in spoken] == [each.casefold() for each in core]:
        return known
    if len(spoken) > len(core) or fold("".join(spoken)).replace(" ", "") == fold("".join(core)).replace(" ", ""):
        return said
    for word in spoken:
        sound = _sound(fold(word))
        at = next((at for at, each in enumerate(words) if _sound(fold(each)) == sound), None)
        if at is None:
            return said
        if fold(words[at]) != fold(word):
            words[at] = word
    return " ".join(words)


def list_name_words(name: str) -> list[str]:
    """Return the words of a name without titles and initials."""
    words = (word.strip(".,;") for word in name.split())
    return [word for word in words if len(fold(word)) > 1 and fold(word) not in TITLES]


def proves_name(said: str, stored: str) -> bool:
    """Return whether somebody who says a name knows the one that is stored: `same_name` is too lenient for a factor.

    Every word that is said is in the stored name, the surname among them; an initial is no word. For a stored surname alone
    the first name is not known, so only the surname that is said last counts: an attempt never tests two.
    """
    spoken, known = (fold(_surname_last(name)).split() for name in (said, stored))
    if addressed_differently(said, stored):
        return False
    spoken, known = _without_titles(spoken), _without_titles(known)
    if not spoken or not known:
        return False
    if _sound("".join(spoken)) == _sound("".join(known)):  # Hans-Peter and Hanspeter
        return True
    sounds, stored_sounds = [_sound(word) for word in spoken], [_sound(word) for word in known]
    if len(known) == 1:
        return sounds[-1] == stored_sounds[0]
    return stored_sounds[-1] in sounds and set(sounds) <= set(stored_sounds)


def _without_titles(name: Sequence[str]) -> list[str]:
    """Return the folded words of a name without titles; the last one of `Thomas Herr` is the surname. Titles alone are no name."""
    if set(name) <= TITLES:
        return []
    return [*(word for word in name[:-1] if word not in TITLES), name[-1]]


def _surname_last(name: str) -> str:
    """Return `Petra Müller` for `Müller, Petra`."""
    surname, _, first_name = name.partition(",")
    return f"{first_name} {surname}"


def names_person(name: str, full_name: str) -> bool:
    """Return whether `name` is a part of a full name: the surname or the first name, whatever the titles are on either side.

    `Frau Doktor Yıldız`, `Yıldız` and `die Aylin` name `Doktor Aylin Yıldız`; a title alone names nobody. Whose surname is a title
    or `Zu` is named by the last word.
    """
    said, known = fold(name).split(), fold(full_name).split()
    while len(known) > 1 and known[0] in TITLES:
        known = known[1:]
    words = set(said) - TITLES - _BEFORE_A_NAME or set(said[-1:])
    return bool(words) and words <= set(known) and not addressed_differently(name, full_name)


def drop_titles(name: str) -> str:
    """Return the folded words of a name as it was said, without titles and prepositions: `bei Herrn Doktor Meyer`."""
    return " ".join(word for word in fold(name).split() if word not in TITLES and word not in _BEFORE_A_NAME)


def drop_prepositions(name: str) -> str:
    """Return a name as it was said, without its preposition and article: `Frau Meyer` of `zur Frau Meyer`."""
    words = name.split()
    while len(words) > 1 and fold(words[0]) in _BEFORE_A_NAME:
        words = words[1:]
    return " ".join(words)


def addressed_differently(first: str, second: str) -> bool:
    """Return whether one is a Herr and the other a Frau."""
    genders = [{GENDERS[word] for word in fold(name).split() if word in GENDERS} for name in (first, second)]
    return all(genders) and genders[0].isdisjoint(genders[1])


def _sound(word: str) -> str:
    for spelling, sound in _SOUNDS_LIKE:
        word = spelling.sub(sound, word)
    return word


def _same_word(first: str, second: str) -> bool:
    initial = 1 in {len(first), len(second)}
    return first[0] == second[0] if initial else first == second


def sayable(text: str) -> str | None:
    """Return an argument as it can be repeated to the caller; None if the model has made up something that nobody has said."""
    said = " ".join(text.split())
    if len(said) > _LONGEST_SAYABLE or fold(said) in PLACEHOLDER_WORDS:
        return None
    return said if _SAYABLE.fullmatch(said) else None


def join_list(parts: Sequence[str], last: str | None = None) -> str:
    """Return `a, b oder c`; with another `last` word than "or" in the language of the call, `a, b und c`."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} {last or say().or_word} {parts[-1]}"


def format_length(minutes: int) -> str:
    """Return `45 Minuten`, `eine Stunde`, `2 Stunden und 15 Minuten`."""
    hours, rest = divmod(minutes, 60)
    parts = [say().one_hour if hours == 1 else say().several_hours.format(count=hours)] if hours else []
    if rest:
        parts.append(say().one_minute if rest == 1 else say().several_minutes.format(count=rest))
    return f" {say().and_word} ".join(parts)


def format_slot(slot: Slot, staff_name: str, zone: ZoneInfo, now: datetime, *, as_subject: bool = False) -> str:
    """Return `Freitag, den 27. November, um 14 Uhr 30 bei Anna`; `as_subject` with `der 27.`."""
    when = format_spoken(slot.start, zone, now, as_subject=as_subject)
    return say().slot.format(when=when, staff=decline_name(staff_name))


def format_reading(meant: Candidate, zone: ZoneInfo, now: datetime, *, as_subject: bool = False) -> str:
    """Return a time as `format_spoken` does, of a span its first and last day: `Freitag, den 27. November, gegen 11 Uhr`.

    `as_subject` is about a day that the span begins with: in "ab Freitag, den 27." it is no subject.
    """
    if meant.end is None:
        return format_spoken(meant.start, zone, now, as_subject=as_subject)
    reading, today = meant.reading, now.astimezone(zone).date()
    written = format_written_day(meant.start.date())
    if as_subject and reading.startswith(written):
        reading = f"{format_day(meant.start.date(), today, as_subject=True)}{reading.removeprefix(written)}"
    for day in {meant.start.date(), (meant.end - timedelta(microseconds=1)).date()}:
        reading = reading.replace(format_written_day(day), format_day(day, today))
    return speak_written_clocks(reading)
