"""Decide whether a text is a customer's name. A word for the caller, a title or a relation alone is not: callers are asked."""

import re
from itertools import takewhile
from typing import Final

from askproai_runtime.input_values import plain_name
from askproai_runtime.language.answer_words import ONLY_NO, ONLY_YES, WAIT, words_of
from askproai_runtime.language.name_words import (
    ALONE,
    BEFORE_COMPANIONS,
    BESIDE_ALONE,
    COMPANIONS,
    CUSTOMERS,
    FAMILY,
    FIRM,
    FIRST_NAMES,
    NO_NAME,
    OF_SENTENCES,
    PARTICLES,
    POSSESSIVES,
    RELATIVES,
    SAMPLES,
    UNKNOWN,
)
from askproai_runtime.language.placeholders import FIELD_WORDS, leaves_open, names_nothing
from askproai_runtime.language.replies import read_claim
from askproai_runtime.person_names import GENDERS, TITLES, fold, same_name
from askproai_runtime.understood import UNDERSTOOD

_NAMES: Final = UNDERSTOOD.names
_WORDS: Final = UNDERSTOOD.companions

_INNER_CAPITAL = re.compile(r"(?<=[a-zäöüß])(?=[A-ZÄÖÜ])")  # `customerName`
_LETTER = re.compile(r"[^\W\d_]")
_BESIDE = _WORDS.also | _WORDS.caller | _WORDS.beside | {"2", "3"}
_BESIDE_PERSONS = BEFORE_COMPANIONS | _WORDS.caller | _WORDS.beside_persons
_SEVERAL = re.compile(rf"[+&/\d]|\b(?:{_NAMES.several})", re.IGNORECASE)
# "von und zu Guttenberg", "Petra auf der Heide"
_OF_PLACES = re.compile(
    rf"\b(?:{_NAMES.of_estate})\b|(?<=^)(?P<first>\S+) (?:{_NAMES.before_place})(?= [A-ZÄÖÜ]\S+$)", re.IGNORECASE
)
_IN_BRACKETS = re.compile(r"\[.*\]|<.*>|\{.*\}")
# Words in place of a name.
_NO_NAME_YET = re.compile(_NAMES.not_yet)
_MOST_SMALL = 3  # first names and a surname in small letters


def read_customer_name(text: str | None, said: str | None = None) -> str:
    """Return the name in a text as it is stored; "" if the text is no name.

    A sample name ("Max Mustermann"), or one in brackets, is no name if `said`, the last words of the transcript, does not have
    it: real people have such names, and models make them up.
    """
    name = plain_name(text or "")
    words = fold(name).split()
    said_as = {*fold(_INNER_CAPITAL.sub(" ", name)).split()}
    is_field = said_as <= NO_NAME | FIELD_WORDS and any(word in CUSTOMERS or word.endswith("name") for word in said_as)
    is_role = is_field or all(word in NO_NAME or word.isdecimal() for word in words)
    said_instead = " ".join(word for word in words if not word.isdecimal())
    is_open = names_nothing(text or "") or leaves_open(name) or _NO_NAME_YET.fullmatch(said_instead) is not None
    if not words or is_role or not _LETTER.search(name) or is_open:
        return ""
    may_be_made_up = words[-1] in SAMPLES or _IN_BRACKETS.fullmatch((text or "").strip())
    made_up = said is not None and may_be_made_up and words[-1] not in fold(said).split()
    return "" if made_up else drop_salutation(_drop_nickname(name, said or ""))


def _drop_nickname(name: str, said: str) -> str:
    """Return a name without its first word if the caller has corrected that: "Basti, also Sebastian Heidkamp"."""
    first, _, full = name.partition(" ")
    corrected = rf"\b{re.escape(fold(first))} (?:{_NAMES.that_is}) {re.escape(fold(full))}\b"
    return full if " " in full and re.search(corrected, fold(said)) else name


def drop_salutation(name: str) -> str:
    """Return a person's first name and surname without "Frau" or "Herr", but with a title such as Dr. A surname alone keeps the
    salutation, which distinguishes two people of one surname.
    """
    words = name.split()
    titles = [*takewhile(lambda word: fold(word) in TITLES, words)]
    named = [word for word in words[len(titles) :] if not word.endswith(".") and fold(word) not in PARTICLES]
    if len(named) <= 1 or FIRM.search(name) or not is_plain_name(name):
        return name
    return " ".join([*(word for word in titles if fold(word) not in GENDERS), *words[len(titles) :]])


def names_unknown(text: str) -> bool:
    """Return True if a text has no name but implies a person whose name is not known yet: "unbekannt", "noch offen"."""
    return names_nothing(text) and not UNKNOWN.isdisjoint(fold(text).split())


def says_nobody(text: str) -> bool:
    """Return True if words say that the caller comes without companions: "nur ich", "keine Begleitung", "nobody else"."""
    words = set(fold(text).split())
    return words <= ALONE | BESIDE_ALONE and not words.isdisjoint(ALONE)


def is_relation(text: str) -> bool:
    """Return whether a text is nothing but a relation: "mein Mann"."""
    words = {*fold(text).split()}
    return bool(words & COMPANIONS) and words <= COMPANIONS | BEFORE_COMPANIONS


def drop_relations(text: str) -> str:
    """Return a name without the relation before it: `Otto Kurz` for `meinen Sohn Otto Kurz`. A relation alone is kept, and so
    is a relation to somebody: `Gast von Petra Lange`.
    """
    words = text.split()
    around = COMPANIONS | CUSTOMERS | BEFORE_COMPANIONS
    at = next((at for at, word in enumerate(words) if fold(word) not in around), len(words))
    before = [fold(word) for word in words[:at]]
    is_relation = any(
        word in (COMPANIONS | CUSTOMERS) - TITLES or (word in COMPANIONS and POSSESSIVES.fullmatch(last))
        for last, word in zip(["", *before], before, strict=False)
    )
    is_named = at < len(words) and words[at] not in _WORDS.of_whom
    return " ".join(words[at:]).strip(",: ") if is_relation and is_named else text.strip()


def is_unknown_word(name: str) -> bool:
    """Return whether a name is one word in lowercase that is no known first name: "später"."""
    return name.islower() and " " not in name and fold(name) not in FIRST_NAMES


def is_plain_name(text: str) -> bool:
    """Return whether a text is a name without further words. Beside capitalized words, lowercase words belong to a sentence.

    Exceptions are a lowercase surname after a first name, particles (`van`), abbreviations (`med.`), and firms.
    """
    name = _OF_PLACES.sub(lambda found: f"{found['first'] or ''} de", drop_relations(text)).strip()
    if FIRM.search(name):
        return True
    if _SEVERAL.search(name) or FAMILY.search(name) or "@" in name or _is_answer(name):
        return False
    words = [word for word in re.findall(r"[^\s,()]+", name) if fold(word) not in TITLES and not word.endswith(".")]
    folded = [fold(word) for word in words]
    small = [word for word in words if word.islower() and fold(word) not in PARTICLES]
    if all(word.islower() for word in words):
        is_short = 0 < len(small) <= _MOST_SMALL and words[-1] in small
        return is_short and (OF_SENTENCES | _WORDS.before_number).isdisjoint(folded)
    is_surname = len(words) == 2 and words[-1] in small and folded[-1] not in OF_SENTENCES  # noqa: PLR2004 (a first name and a surname)
    return (not small or is_surname) and not POSSESSIVES.fullmatch(folded[0])


def is_sentence(text: str) -> bool:
    """Return whether a text that is no plain name has words that no name contains: "wie immer", "Petra Lange bei Julia"."""
    words = [word for word in re.findall(r"[\w'’]+", text) if word.islower() or not word[0].isalpha()]
    folded = {part for word in words for part in fold(word).split()}
    is_told = any(part in OF_SENTENCES for part in (*folded, fold(text.partition(" ")[0])))
    return (is_told or "@" in text or _is_answer(text)) and not is_plain_name(text)


def _is_answer(text: str) -> bool:
    """Return True if a text is a yes or a no. "Kim No" and "Frau Nein" are names: not all capitalized words are a yes or no."""
    words = text.split()
    is_name = len(words) > 1 and all(word[0].isupper() for word in words) and not WAIT.search(words_of(text))
    is_all = ONLY_YES.fullmatch(words_of(text)) or ONLY_NO.fullmatch(words_of(text))
    return read_claim(text) is not None and not (is_name and not is_all)


def brings_another(notes: str, name: str) -> bool:
    """Return whether a clause of the notes says that somebody comes with the customer of this name: "mein Sohn kommt mit",
    "auch für Otto". "Für meinen Sohn" alone may be the customer.
    """
    return any(_brings_another(each, name) for each in re.split(r"[,;.\n]", notes))


def _brings_another(clause: str, name: str) -> bool:
    words = set(fold(clause).split())
    if FAMILY.search(clause) and not words.isdisjoint(_WORDS.for_whom):
        return True
    is_beside = not words.isdisjoint(_BESIDE)
    return is_beside and (not words.isdisjoint(RELATIVES - TITLES) or speaks_of_another(clause, name))


def speaks_of_another(text: str, name: str) -> bool:
    """Return whether a remark is about somebody other than the customer of this name: "für meinen Sohn", "for Otto Kurz"."""
    words = re.findall(r"[^\W\d_][\w'-]*", text)
    folded = [fold(word) for word in words]
    if any(POSSESSIVES.fullmatch(word) and _names_relation(folded[at + 1 :]) for at, word in enumerate(folded)):
        return True
    return any(word in _WORDS.for_whom and _is_another(words, folded, at, name) for at, word in enumerate(folded))


def _names_relation(folded: list[str]) -> bool:
    """Return whether the words begin with a relation, with at most one adjective before it: `kleinen Bruder`."""
    return any(word in COMPANIONS and len(set(folded[:at]) - _BESIDE_PERSONS) <= 1 for at, word in enumerate(folded))


def _is_another(words: list[str], folded: list[str], at: int, name: str) -> bool:
    """Return whether the words after `für` name another person. A single word may be a thing: it is a name only if it ends the
    remark, with nothing but words for an appointment before it.
    """
    first = next(
        (i for i in range(at + 1, len(words)) if folded[i] not in _BESIDE_PERSONS or folded[i] in TITLES), len(words)
    )
    named = list(takewhile(lambda word: word[:1].isupper(), words[first:]))
    if named:
        is_alone = len(named) == 1 and not (
            set(folded[:at]) <= _WORDS.appointment_is | _BESIDE_PERSONS and first + 1 == len(words)
        )
        return not is_alone and not same_name(" ".join(named), name)
    return _names_relation(folded[at + 1 :])
