"""Decide whether two spellings are one person's name, in all languages of callers."""

import re
import unicodedata
from collections.abc import Sequence
from difflib import SequenceMatcher
from functools import lru_cache
from typing import Final

GENDERS: Final = dict.fromkeys(("herr", "herrn", "hr", "mister", "mr"), "m") | dict.fromkeys(
    ("frau", "miss", "mrs", "ms"), "f"
)


TITLES: Final = GENDERS.keys() | {"dr", "doktor", "doktorin", "doctor", "prof", "professor", "professorin"}


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


@lru_cache(maxsize=2048)  # each request compares its words with all names of the config
def fold(text: str) -> str:
    """Return a text without differences of case, umlauts, accents and punctuation, for comparison."""
    composed = unicodedata.normalize("NFKC", text).casefold()
    plain = unicodedata.normalize("NFKD", composed.translate(_UMLAUTS))
    return " ".join(re.sub(r"[^\w\s]|_", " ", "".join(c for c in plain if not unicodedata.combining(c))).split())


def same_name(first: str, second: str) -> bool:
    """Return whether two names are one person's, spelled a little differently or with a part left out.

    Use it only to distinguish a repetition from a second person within a call, never to merge customers. If in doubt, it
    returns False, and the caller is asked.
    """
    words = fold(first).split(), fold(second).split()
    if addressed_differently(first, second):
        return False
    sounds = ([_sound(word) for word in name if word not in TITLES] or name for name in words)
    short, long = sorted(sounds, key=len)
    missing = [word for word in short if not any(_same_word(word, other) for other in long)]
    return bool(short) and (not missing or "".join(short) == "".join(long))


def is_other_person(name: str, known: str) -> bool:
    """Return whether two names are certainly of two people. A common surname alone does not make them one person."""
    words, others = (fold(" ".join(list_name_words(each))).split() for each in (name, known))
    if not words or not others or same_name(name, known):
        return False
    return min(len(words), len(others)) == 1 or words[0] != others[0]


def correct_name(known: str, said: str) -> str:
    """Return a known name corrected by its new spelling, word by word. A word that is left out, or cut to an initial, stays. If
    the new spelling has a word that sounds like none of the known ones, it replaces the known name.
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
    """Return whether somebody who says a name knows the stored name. `same_name` is too lenient to prove who a caller is.

    Every said word must be in the stored name, the surname among them; an initial is no word. If only a surname is stored, the
    first name is not known, so only the last said word counts: an attempt never tests two surnames.
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
    """Return the folded words of a name without titles, except a title as the last word (`Thomas Herr`); [] for titles alone."""
    if set(name) <= TITLES:
        return []
    return [*(word for word in name[:-1] if word not in TITLES), name[-1]]


def _surname_last(name: str) -> str:
    """Return `Petra Müller` for `Müller, Petra`."""
    surname, _, first_name = name.partition(",")
    return f"{first_name} {surname}"


def names_person(name: str, full_name: str) -> bool:
    """Return whether `name` is a part of a full name: the surname or the first name, whatever the titles in both names.

    `Frau Doktor Yıldız`, `Yıldız` and `die Aylin` name `Doktor Aylin Yıldız`; a title alone names nobody. A person whose
    surname is a title or `Zu` is named by the last word.
    """
    said, known = fold(name).split(), fold(full_name).split()
    while len(known) > 1 and known[0] in TITLES:
        known = known[1:]
    words = set(said) - TITLES - _BEFORE_A_NAME or set(said[-1:])
    return bool(words) and words <= set(known) and not addressed_differently(name, full_name)


def drop_titles(name: str) -> str:
    """Return the folded words of a said name without titles and prepositions: `meyer` for `bei Herrn Doktor Meyer`."""
    return " ".join(word for word in fold(name).split() if word not in TITLES and word not in _BEFORE_A_NAME)


def drop_prepositions(name: str) -> str:
    """Return a said name without its preposition and article: `Frau Meyer` for `zur Frau Meyer`."""
    words = name.split()
    while len(words) > 1 and fold(words[0]) in _BEFORE_A_NAME:
        words = words[1:]
    return " ".join(words)


def addressed_differently(first: str, second: str) -> bool:
    """Return whether one name has the title Herr, and the other has Frau (or a title of these genders in any language)."""
    genders = [{GENDERS[word] for word in fold(name).split() if word in GENDERS} for name in (first, second)]
    return all(genders) and genders[0].isdisjoint(genders[1])


def _sound(word: str) -> str:
    for spelling, sound in _SOUNDS_LIKE:
        word = spelling.sub(sound, word)
    return word


def _same_word(first: str, second: str) -> bool:
    initial = 1 in {len(first), len(second)}
    return first[0] == second[0] if initial else first == second


_ALIKE: Final = 0.7  # "Schmidt" and "Schmitz" have 0.86, "Weber" and "Wagner" 0.55


def is_alike(first: str, second: str) -> bool:
    """Return whether one name may be the other one, misheard: the first names sound alike, or the surnames do.

    Equal surnames are no sign, since relatives share them.
    """
    names = [[fold(word) for word in list_name_words(name)] for name in (first, second)]
    short, long = sorted(names, key=len)
    if len(short) > 1:
        is_same_surname = same_name(short[-1], long[-1])
        return _sounds_like(short[0], long[0]) or (not is_same_surname and _sounds_like(short[-1], long[-1]))
    are_addressed = [len(name.split()) > len(words) for name, words in zip((first, second), names, strict=True)]
    if len(long) == 1 and are_addressed[0] != are_addressed[1]:
        return True  # "Petra" and "Frau Lange"
    return any(_sounds_like(part, word) for part in short for word in long)


def may_be_same(first: str, second: str) -> bool:
    """Return whether two names are the same, or one may be a correction of the other."""
    return same_name(first, second) or is_alike(first, second)


def _sounds_like(first: str, second: str) -> bool:
    return SequenceMatcher(None, first, second).ratio() >= _ALIKE


def is_same_person(said: str, known: str) -> bool:
    """Return whether two names are one person's, more strictly than `same_name`: neither may have a word more, since relatives
    share a surname. A surname alone with Herr or Frau does not match a known name without that title.
    """
    words, others = list_name_words(said), list_name_words(known)
    titles, known_titles = ({word for word in fold(name).split() if word in GENDERS} for name in (said, known))
    is_addressed = len(words) == 1 and not titles <= known_titles
    return same_name(said, known) and len(words) == len(others) and not is_addressed
