"""Words in and around the names of people, German and English, folded. Each list is here once, for all its readers."""

import re
from typing import Final

from askproai_runtime.person_names import TITLES
from askproai_runtime.understood import UNDERSTOOD

_WORDS: Final = UNDERSTOOD.names
_COMPANIONS: Final = UNDERSTOOD.companions

# Small words within names: "von Hohenzollern", "geborene Meier".
PARTICLES: Final = _WORDS.particles | {
    "al", "av", "ben", "bin", "da", "de", "del", "della", "di", "do", "dos", "du", "el", "het", "ibn", "la", "las", "le", "los",
    "nee", "op", "t", "te", "ten", "ter", "van", "y",
}  # fmt: skip
# Words for companions, which a model may pass in place of a name. Words for relatives always mean another person.
RELATIVES: Final = _COMPANIONS.relatives
COMPANIONS: Final = RELATIVES | _COMPANIONS.others
SEVERAL_RELATIVES: Final = _COMPANIONS.several
POSSESSIVES: Final = re.compile(_COMPANIONS.possessives)
BEFORE_COMPANIONS: Final = _COMPANIONS.before
# Words before a name that are no part of it: "Kundin Petra".
CUSTOMERS: Final = _WORDS.customers
ROLES: Final = TITLES | CUSTOMERS | _WORDS.roles
NO_NAME: Final = COMPANIONS | BEFORE_COMPANIONS | ROLES
SAMPLES: Final = _WORDS.samples  # surnames of examples, which real people have, too
# Small words that are in no name: beside one, they make a sentence.
OF_SENTENCES: Final = _WORDS.of_sentences | (BEFORE_COMPANIONS - PARTICLES)
# Words that say that the caller comes alone, and words that go with them: "nur ich", "keine Begleitung", "1 adult".
ALONE: Final = _COMPANIONS.alone | {"0"}
BESIDE_ALONE: Final = _COMPANIONS.beside_alone | {"1"}
# Words for a person whom nobody has named yet.
UNKNOWN: Final = _WORDS.unknown
# First names that are hardly ever surnames. Any other single word counts as a surname.
FIRST_NAMES: Final = _WORDS.first_names
# Signs of a firm in a name: its legal form, and the words behind "Müller &".
FIRM: Final = re.compile(
    rf"\s(?:{_WORDS.legal_form})\.?$|^(?:{_WORDS.before_firm})\s|^\S+ & (?:{_WORDS.child_in_firm})$"
    rf"|^\S+(?:, \S+)? (?:&|\+|{_WORDS.and_word}) (?:{_WORDS.partners_in_firm})\b",
    re.IGNORECASE,
)
# Several people under one name.
FAMILY: Final = re.compile(rf"\b(?:{_COMPANIONS.family}|x ?\d)\b|^(?:{_COMPANIONS.before_family}) \w+s$", re.IGNORECASE)
