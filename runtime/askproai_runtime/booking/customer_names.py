"""Which text is the name of a customer. A word for the caller, a title alone, and a relation are none: the name is asked for."""

import re
from itertools import takewhile

from askproai_core.input_values import plain_name
from askproai_runtime.booking.phrases import fold, same_name
from askproai_runtime.booking.placeholders import names_nothing
from askproai_runtime.booking.replies import read_claim

# Whom a caller brings, German and English: a model may pass it in place of a name.
_RELATIONS = frozenset({
    "begleiter", "begleiterin", "begleitung", "boyfriend", "brother", "bruder", "child", "children", "cousin", "cousine",
    "dad", "daughter", "daughters", "ehefrau", "ehemann", "enkel", "enkelin", "father", "frau", "freund", "freunde",
    "freundin", "friend", "friends", "gast", "girlfriend", "guest", "husband", "kid", "kids", "kind", "kinder", "kollege",
    "kollegin", "mama", "mann", "mom", "mother", "mum", "mutter", "mutti", "oma", "opa", "papa", "partner", "partnerin",
    "people", "person", "personen", "schwester", "sister", "soehne", "sohn", "son", "sons", "tochter", "toechter", "vater",
    "wife",
})  # fmt: skip
_BEFORE_RELATIONS = frozenset({
    "a", "andere", "anderer", "beste", "bester", "das", "dem", "den", "der", "die", "dritte", "ein", "eine", "einer", "erste",
    "for", "fuer", "grosse", "grosser", "her", "his", "ihr", "ihre", "ihren", "ihrer", "kleine", "kleiner", "mein", "meine",
    "meinem", "meinen", "meiner", "mit", "my", "one", "other", "our", "sein", "seine", "the", "two", "unser", "unsere",
    "weitere", "with", "younger", "zwei", "zweite",
})  # fmt: skip
_ROLES = frozenset({
    "anonym", "anonymer", "anonymous", "anrufende", "anrufer", "anruferin", "caller", "client", "customer", "dame", "doktor",
    "dr", "familienname", "first", "full", "guest", "herr", "herrn", "i", "ich", "inhaber", "jemand", "klient", "klientin",
    "kunde", "kunden", "kundin", "last", "madam", "me", "miss", "mister", "mr", "mrs", "ms", "myself", "n", "nachname",
    "name", "neu", "neue", "neuer", "neukunde", "neukundin", "new", "nn", "number", "nummer", "nutzer", "patient",
    "patientin", "prof", "selber", "selbst", "self", "sir", "somebody", "someone", "surname", "test", "tester", "testkunde",
    "testname", "unbekannt", "unbekannte", "unbekannten", "unbekannter", "unknown", "unnamed", "user", "vorname", "yourself",
})  # fmt: skip
_SAMPLES = frozenset({"mustermann", "musterfrau", "doe"})  # surnames of examples, which real people have, too
_NO_NAME = _RELATIONS | _BEFORE_RELATIONS | _ROLES
_LETTER = re.compile(r"[^\W\d_]")
_FOR = frozenset({"for", "fuer"})
_OF_CALLER = frozenset({"mich", "me", "mir", "myself"})
_BESIDE_PERSONS = _BEFORE_RELATIONS | _OF_CALLER | {"and", "auch", "both", "und", "uns", "us"}
_POSSESSIVES = re.compile(r"(?:mein|unser|sein|ihr)(?:e[mnrs]?)?|my|our|his|her|their")
_TITLES = frozenset({"dr", "frau", "herr", "herrn", "mr", "mrs", "ms"})
_NAMES_A_TERM = frozenset(
    {"appointment", "booking", "is", "ist", "it", "s", "slot", "termin"}
)  # "the appointment is for Otto"
# Small words within names, and some that are in none.
_PARTICLES = frozenset({
    "al", "av", "ben", "bin", "da", "das", "de", "del", "den", "der", "di", "do", "dos", "du", "el", "het", "ibn", "la",
    "jr", "junior", "le", "op", "senior", "sr", "t", "te", "ten", "ter", "van", "vom", "von", "y", "zu", "zum", "zur",
})  # fmt: skip
_IN_NO_NAME = frozenset({"and", "as", "nicht", "no", "not", "ohne", "und", "wie", "without", "zu", "zum"})
_SEVERAL = re.compile(r"[+&/\d]|\b(?:und|and)\b", re.IGNORECASE)
_MOST_SMALL = 3  # first names and a surname in small letters

# A name that is spelled behind it: "Jolene Kaczmarek (K-A-C-Z-M-A-R-E-K)".
_SPELLED = re.compile(r"\s*[(\[](?:[^\W\d_][-–.,\s]*)(?:[-–.,\s]+[^\W\d_])+[-–.,\s]*[)\]]")


def split_customer_name(text: str | None) -> tuple[str | None, str | None]:
    """Return the name and what a model has put behind it: `Sven Lindqvist, hip, husband of caller`. `Lindqvist, Sven` is a name."""
    if not text:
        return text, None
    name, *more = [part.strip() for part in _SPELLED.sub("", text).split(",")]
    if len(name.split()) < 2 or not more or any(_is_named(part) for part in more):  # noqa: PLR2004 (a first name and a surname)
        return _SPELLED.sub("", text).strip() or text, None
    return name, ", ".join(part for part in more if part) or None


def read_name_alone(text: str | None, said: str | None) -> str:
    """Return `read_customer_name` of a text without the remarks behind the name."""
    return read_customer_name(split_customer_name(text)[0], said)


def _is_named(part: str) -> bool:
    """Return whether words behind a comma may belong to the name: "Lange, Petra", "Müller, Dr."."""
    return any(word[:1].isupper() and fold(word) not in _NO_NAME for word in part.split())


def read_customer_name(text: str | None, said: str | None = None) -> str:
    """Return the name in a text as it is stored; "" where it is none.

    A name of examples ("Max Mustermann") counts unless the transcript, whose last words are `said`, does not have it: real people
    are called so, and models make it up.
    """
    name = plain_name(text or "")
    words = fold(name).split()
    is_role = all(word in _NO_NAME or word.isdecimal() for word in words)
    if not words or is_role or not _LETTER.search(name) or names_nothing(text or ""):
        return ""
    made_up = said is not None and words[-1] in _SAMPLES and words[-1] not in fold(said).split()
    return "" if made_up else name


def drop_relations(text: str) -> str:
    """Return a name without the relation before it: `Otto Kurz` of `meinen Sohn Otto Kurz`. A relation alone stays."""
    words = text.split()
    at = next((at for at, word in enumerate(words) if fold(word) not in _RELATIONS | _BEFORE_RELATIONS), len(words))
    before = [fold(word) for word in words[:at]]
    is_relation = any(
        word in _RELATIONS - _TITLES or (word in _RELATIONS and _POSSESSIVES.fullmatch(last))
        for last, word in zip(["", *before], before, strict=False)
    ) and at < len(words)
    return " ".join(words[at:]).strip(",: ") if is_relation else text.strip()


def is_doubtful_name(text: str | None) -> bool:
    """Return whether a text would be stored as a name, and is no plain one."""
    name = split_customer_name(text)[0] or ""
    return bool(read_customer_name(name)) and not is_plain_name(name)


def names_several(text: str) -> bool:
    """Return whether a text that is no plain name may name several people: "Petra und Otto Lange", "Petra Lange + 1"."""
    return _SEVERAL.search(text) is not None


def is_plain_name(text: str) -> bool:
    """Return whether a text is a name without further words: beside words with capitals, words in small letters are of a sentence.

    A surname in small letters behind a first name is one, and so are particles (`van`) and abbreviations (`med.`).
    """
    name = drop_relations(text)
    if names_several(name) or "@" in name or read_claim(name) is not None:
        return False
    words = [word for word in re.findall(r"[^\s,()]+", name) if fold(word) not in _TITLES and not word.endswith(".")]
    folded = [fold(word) for word in words]
    small = [word for word in words if word.islower() and fold(word) not in _PARTICLES]
    if all(word.islower() for word in words):
        is_short = 0 < len(small) <= _MOST_SMALL and words[-1] in small
        return is_short and (_IN_NO_NAME | _BEFORE_RELATIONS).isdisjoint(folded)
    is_surname = len(words) == 2 and words[-1] in small and folded[-1] not in _IN_NO_NAME  # noqa: PLR2004 (a first name and a surname)
    return (not small or is_surname) and not _POSSESSIVES.fullmatch(folded[0])


def speaks_of_another(text: str, name: str) -> bool:
    """Return whether a remark speaks of somebody else than the customer of this name: "für meinen Sohn", "for Otto Kurz"."""
    words = re.findall(r"[^\W\d_][\w'-]*", text)
    folded = [fold(word) for word in words]
    if any(_POSSESSIVES.fullmatch(word) and _names_relation(folded[at + 1 :]) for at, word in enumerate(folded)):
        return True
    return any(word in _FOR and _is_another(words, folded, at, name) for at, word in enumerate(folded))


def _names_relation(folded: list[str]) -> bool:
    """Return whether the words begin with a relation, with at most one adjective before it: `kleinen Bruder`."""
    return any(word in _RELATIONS and len(set(folded[:at]) - _BESIDE_PERSONS) <= 1 for at, word in enumerate(folded))


def _is_another(words: list[str], folded: list[str], at: int, name: str) -> bool:
    """Return whether the words behind `für` name another person. A word alone may be a thing: it is a name where the remark, or
    its word for an appointment, ends with it.
    """
    first = next(
        (i for i in range(at + 1, len(words)) if folded[i] not in _BESIDE_PERSONS or folded[i] in _TITLES), len(words)
    )
    named = list(takewhile(lambda word: word[:1].isupper(), words[first:]))
    if named:
        is_alone = len(named) == 1 and not (
            set(folded[:at]) <= _NAMES_A_TERM | _BESIDE_PERSONS and first + 1 == len(words)
        )
        return not is_alone and not same_name(" ".join(named), name)
    return _names_relation(folded[at + 1 :])
