"""Names that callers say without an introduction: "Kaiser, meinen Termin bitte auf eins". Pure.

Capitalized words at the beginning of a clause are read as a name, unless one of them is a known word that is no name.
"""

import re
from collections.abc import Collection, Iterable
from functools import cache
from itertools import takewhile
from typing import Final

import msgspec

from askproai_core.tenant_config import TenantConfig
from askproai_runtime.language.answer_words import NO, ONLY_YES, WAIT, words_of
from askproai_runtime.language.introductions import read_introduction
from askproai_runtime.language.name_words import NO_NAME, OF_SENTENCES, PARTICLES
from askproai_runtime.language.names_alone import count_names, drop_around
from askproai_runtime.person_names import TITLES, fold, is_other_person
from askproai_runtime.sentences import SENTENCES
from askproai_runtime.spoken_times.arguments import is_understood
from askproai_runtime.understood import UNDERSTOOD

_CLAUSE: Final = re.compile(r"[.,;:!?…]+(?=\s|$)|\s[–-]\s|\n")
_WORD: Final = re.compile(r"[^\W_][\w'’-]*")
_WORDS: Final = UNDERSTOOD.names
# Words at the beginning of callers' clauses, beside those of our own sentences.
_SAID: Final = _WORDS.greetings | _WORDS.begins_clause
# "einen Termin für Otto Kurz" does not say who calls
_FOR: Final = re.compile(rf"\b(?:{UNDERSTOOD.cancellations.for_customer})\b")
_FEWEST_LETTERS: Final = 2
_MOST_WORDS: Final = 4


def is_of_stranger(utterances: Iterable[str], customer: str, config: TenantConfig) -> bool:
    """Return True if a caller's clause is, or begins with, the name of another person than the customer.

    Such words do not decide whose appointment is meant, since relatives can share a surname.
    """
    business = _list_words(config)
    said = [(n, clause) for n, each in enumerate(utterances) for clause in _CLAUSE.split(each)]
    names = [(n, read_bare_name(clause, business)) for n, clause in said]
    # One word later in a call is seldom a name: "Wunderbar.", "Kopfschmerzen."
    named = [name for n, name in names if name and (n == 0 or len(name.split()) > 1)]
    return any(is_other_person(name, customer) for name in named)


def read_bare_name(clause: str, business: Collection[str] = ()) -> str:
    """Return the person's name that a clause is, or begins with; "" if there is none. A single word is a name only if the
    clause has no other word. Words of the `business` (services, staff) are a name only beside another word: "Anna Kaiser".
    """
    if introduced := read_introduction(clause):
        return introduced
    said = words_of(clause)
    if ONLY_YES.fullmatch(said) or NO.search(said) or WAIT.search(said) or _FOR.search(said):
        return ""
    words = _WORD.findall(drop_around(clause.strip()))
    while words and fold(words[0]) in _WORDS.greetings:
        words = words[1:]
    named = [*takewhile(lambda word: word[0].isupper() or fold(word) in PARTICLES, words)]
    if not named or (count_names(named[0]) == 0 and fold(named[0]) not in TITLES):  # "den von Otto"
        return ""
    while named and named[-1].islower():  # "Petra Lange den Termin"
        named.pop()
    core = [fold(word) for word in named if fold(word) not in TITLES | PARTICLES]
    is_alone = len(named) == len(words)
    are_names = all(len(each) >= _FEWEST_LETTERS and each.isalpha() and each not in _list_known() for each in core)
    if not 0 < len(core) <= _MOST_WORDS or (len(named) == 1 and not is_alone) or not are_names:
        return ""
    return "" if {*core} <= {*business} or is_understood(" ".join(named)) else " ".join(named)


@cache
def _list_known() -> frozenset[str]:
    """Return the folded words that are known not to be names: words of our own sentences in each language, and of callers."""
    texts = msgspec.json.encode([*SENTENCES.values()]).decode()
    own = fold(re.sub(r"\{\w+\}|\\n", " ", texts)).split()
    return frozenset(own).union(NO_NAME, OF_SENTENCES, _SAID)


def _list_words(config: TenantConfig) -> frozenset[str]:
    """Return the folded words in the names of a business, its services and its staff."""
    texts = [config.display_name]
    for service in config.services:
        texts += [service.display_name, *service.spoken_names]
    for branch in config.branches:
        texts += [branch.display_name, branch.address.city, *(member.display_name for member in branch.staff)]
    return frozenset(fold(" ".join(filter(None, texts))).split())
