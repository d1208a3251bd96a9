"""Forms of German words: when two of them may be the same word, or one a part of the other. Pure."""

import re
import unicodedata
from collections.abc import Sequence

_ENDINGS = ("ern", "em", "en", "er", "es", "e", "n", "s")
_PLAIN = str.maketrans("äöü", "aou")
ANY_ADJECTIVE = re.compile(
    r"(neu|alt|groß|klein|kurz|lang|ganz|gut|erst|frei|offen)(?:e[rsnm]?)?"
)  # "neues" of "neues Display"
MIN_WORD = 5  # letters of a word that can mean a longer name
# The first part of a word that makes another service of the one in its end: "Ultraschalluntersuchung", unlike "Herrenhaarschnitt"
_OTHER_KIND = re.compile(
    r"(?:ultraschall|blut|harn|urin|kot|augen?|ohren?|haut|herz|lungen?|nieren?|leber|schilddrüsen?|magen|darm|gelenk"
    r"|knie|hüft|krebs|allergie|labor|röntgen|gewebe|gen|dna|hormon|eignungs|schwangerschafts|trächtigkeits|ankaufs"
    r"|mrt|ct|ekg|eeg|endoskopie)s?-?$"
)
_THERAPY, _ANY_THERAPY = "therapi", frozenset({"einzel", "gruppen"})  # a stem, and what makes no other kind of it
_LONGEST_INFLECTION = 3  # letters that a word in full may lack: "entfernen" of "Entfernung"
_LONGEST_ENDING = 4  # letters that a compound may have behind its first half, as an ending has

VISITS = (
    "termin",
    "behandlung",
    "sitzung",
    "stunde",
    "besuch",
    "kurs",
    "programm",
    "paket",
    "angebot",
)  # of any service
_SHORTEST_NOUN = 2  # letters: "Öl"
_MIN_VERB = 4  # letters of its stem
_FARTHEST_VERB = 4  # words behind its noun: "die Reifen bei mir bitte wechseln"
_LINK = re.compile(r"^(?:en|es|e|n|s)(?=[a-z]{5})")  # between the parts of a compound
_ENDING_OF_DEED = re.compile(r"(?:ung|e?n)$")


def plain(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold()


def words_of(text: str) -> list[str]:
    """Return the words in lower case, in one form of Unicode, without punctuation."""
    return re.findall(r"\w+", plain(text))


def is_part(known: str, said: str) -> bool:
    """Return whether a word is only a part of a longer one: "Klavier" does not say "Mietklavier" in full."""
    known, said = stem(known), stem(said)
    return known != said and (
        known.endswith(said) or (known.startswith(said) and len(known) - len(said) > _LONGEST_INFLECTION)
    )


def alike(known: str, said: str) -> bool:
    """Return whether two words differ by their endings only, one ends in the other, or most of the shorter one begins both."""
    known, said = stem(known), stem(said)
    short, long = sorted((known, said), key=len)
    if known == said or len(short) < MIN_WORD:
        stems = [found[1] for word in (known, said) if (found := ANY_ADJECTIVE.fullmatch(word))]
        return known == said or (len(stems) == 2 and stems[0] == stems[1])  # "einen neuen Akku" is "neuer Akku"
    if long.endswith(short):
        if short == _THERAPY and said == long:  # "Handtherapie" is none of what is called "Therapie"
            return long.removesuffix(short) in _ANY_THERAPY
        return known == long or not _OTHER_KIND.match(long.removesuffix(short))
    if (
        known == short
        and long.startswith(short)
        and not _LINK.sub("", long.removeprefix(short)).startswith(_STEMS_OF_VISITS)
    ):
        return (
            len(long) - len(short) <= _LONGEST_ENDING
        )  # "Nagelmodellage" is no "Nagelkorrektur", which is called "Nagel", too
    common = next((i for i, (a, b) in enumerate(zip(short, long, strict=False)) if a != b), len(short))
    if known == long and len(long) - common > _LONGEST_ENDING:
        return False  # "Hörgerät" is not "Hörgeräteanpassung", but "Kontrolltermin" is "Kontrolle"
    return common >= MIN_WORD and common >= 0.75 * len(short)


def stem_of_noun(noun: str) -> str:
    """Return what is the same in all forms of a noun: "gutschei" of "Gutschein" and "Gutscheinen"."""
    word = noun.casefold().translate(_PLAIN)
    while (shorter := stem(word)) != word:
        word = shorter
    return word


def said_apart(compound: str, words: Sequence[str]) -> set[int]:
    """Return the positions of a noun and of a verb behind it that make a compound: "Reifen bitte wechseln" is Reifenwechsel.

    `words` are in lower case, with the commas and semicolons between them.
    """
    whole = compound.translate(_PLAIN)
    found: set[int] = set()
    for at, noun in enumerate(words):
        deeds = {
            _ENDING_OF_DEED.sub("", _LINK.sub("", whole.removeprefix(start)))
            for start in (noun.translate(_PLAIN), stem_of_noun(noun))
            if len(start) >= _SHORTEST_NOUN and whole.startswith(start)
        }
        for behind, verb in enumerate(words[at + 1 : at + 1 + _FARTHEST_VERB], at + 1):
            if not verb.isalpha():
                break
            plain_verb = verb.translate(_PLAIN)
            if any(len(deed) >= _MIN_VERB and re.fullmatch(f"(?:ge)?{deed}(?:e?n|e?t)", plain_verb) for deed in deeds):
                found |= {at, behind}
    return found


def stem(word: str) -> str:
    ending = next((end for end in _ENDINGS if word.endswith(end) and len(word) - len(end) >= 4), "")
    return word.removesuffix(ending)


_STEMS_OF_VISITS = (*map(stem, VISITS), "servic")
