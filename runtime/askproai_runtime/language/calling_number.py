"""Read words in place of a telephone number: they mean the number of the call, or leave the number open."""

import re
from enum import StrEnum

from askproai_runtime.language.placeholders import leaves_open, names_nothing
from askproai_runtime.person_names import fold

# Each of these says by itself that the number of the call is meant: `the number he calls from`, `die angezeigte`.
_CALLING = frozenset({
    "angezeigt", "angezeigte", "angezeigten", "ani", "ankommende", "ankommenden", "anrufe", "anrufend", "anrufende",
    "anrufenden", "anrufer", "anruferin", "anrufernummer", "anrufers", "anruft", "caller", "callerid", "callers",
    "calling", "calls", "clid", "dialing", "dialling", "display", "displayed", "eingehende", "eingehenden", "inbound",
    "incoming", "leitung", "line", "phoning", "rufe", "shown", "spreche", "spricht", "telefoniere",
    "telefoniert", "uebermittelte", "uebermittelten", "using",
})  # fmt: skip
# These do so beside a word for a number, or for where it is from: `the number of the call`, `vom Anruf`. "Call me" does not.
_CALL = frozenset({
    "anruf", "anrufen", "anrufs", "call", "called", "gespraech", "gespraechs", "telefonat", "telefonats",
})  # fmt: skip
_NUMBER = frozenset({
    "anrufnummer", "anschluss", "number", "nummer", "phone", "rufnummer", "telefon", "telefonnummer", "telephone",
})  # fmt: skip
_FROM = frozenset({"aus", "des", "from", "of", "vom", "von"})
_FIELD = frozenset({"from", "number"})  # of Retell's call
_HERE = frozenset({"here", "hier"})
# These leave it open which number is noted already, or is to be: `the same number`, `ja`, `callback number`.
_SAME = frozenset(
    {"bekannt", "known", "derselben", "dieselbe", "dieselben", "gleiche", "gleichen", "same", "selbe", "selben"}
)
# "This number" is that of the call; "this one" and "this number is right" may be one that was read back.
_THIS = frozenset({
    "aktuelle", "aktuellen", "current", "diese", "diesem", "dieser", "dieses", "jetzige", "jetzigen", "this",
})  # fmt: skip
_AGREEING = _SAME | _THIS
_APPROVING = frozenset({"correct", "fine", "good", "gut", "ok", "okay", "passt", "richtig", "stimmt"})
_CALL_BACK = frozenset({"back", "callback", "rueckruf", "rueckrufnummer", "zurueck"})
# "Meine Nummer" is the same, "meine Handynummer" may be another one.
_OWN = frozenset({
    "client", "correct", "customer", "eigene", "eigenen", "fine", "genau", "good", "gut", "ja", "kunden", "kundin",
    "meine", "meiner", "mine", "my", "ok", "okay", "own", "passt", "patient", "patienten", "patientin", "richtig",
    "stimmt", "user", "yes",
})  # fmt: skip
_MOBILE = frozenset({"cell", "handy", "handynummer", "mobile", "mobilnummer"})
_BESIDE = frozenset({
    "already", "am", "an", "are", "as", "auch", "auf", "bin", "bitte", "das", "dem", "den", "der", "die", "du", "eben",
    "einfach", "er", "erreichbar", "for", "fuer", "gerade", "haben", "have", "he", "her", "his", "i", "ich", "id",
    "ihnen", "im", "in", "is", "ist", "jetzt", "just", "m", "me", "mich", "mir", "mit", "nehmen", "now", "on", "one",
    "party", "person", "please", "re", "reach", "right", "s", "schon", "she", "sie", "so", "that", "the", "their",
    "they", "to", "unter", "use", "used", "we", "which", "wie", "wir", "wird", "with", "you", "your",
})  # fmt: skip
_SEEING = frozenset({"see", "sehen"})  # "the number you see", unlike "see you"
# "His line" and "the number she called you from" are another person's; by "the number she calls from" a model means the caller's.
_OTHERS = frozenset({"her", "his", "their"})
_OTHER = frozenset({"he", "she", "they"})
_WORDS = _SEEING | _CALLING | _CALL | _NUMBER | _FROM | _HERE | _AGREEING | _CALL_BACK | _OWN | _MOBILE | _BESIDE
# "No other number" is the same one; "no, another number" is not.
_NO_OTHER = re.compile(
    r"\b(?:keine[nr]?|no|not\s+an?y?|without\s+an?y?)\s+(?:other|different|separate|additional|extra|(?:ander|weiter|neu)e[nr]?)\b"
)

_BETWEEN = re.compile(r"[,;:()\[\]]|\s[-–—]\s")


class Pointer(StrEnum):
    """The meaning of words without a number."""

    OF_CALL = "of_call"
    OPEN = "open"  # any number will do, or the one that is known


def read_pointer(said: str) -> Pointer | None:
    """Return the meaning of words without a number; None if they may mean another number, or do not refer to a number."""
    said = _NO_OTHER.sub("same", said.casefold())
    folded = fold(" ".join(part for part in _BETWEEN.split(said) if not names_nothing(part)))  # "none (use caller ID)"
    words = frozenset(folded.split())
    if leaves_open(" ".join(word for word in folded.split() if word not in _NUMBER)):
        return Pointer.OPEN
    if not words <= _WORDS:
        return None
    if _points_at_call(words):
        return Pointer.OF_CALL
    is_of_call_back = words & _CALL_BACK and (words & _NUMBER or "rueckrufnummer" in words)
    is_own = words & _OWN and not words & _MOBILE
    return Pointer.OPEN if words & _AGREEING or is_of_call_back or is_own else None


def _points_at_call(words: frozenset[str]) -> bool:
    if words & _OTHERS or (words & _OTHER and "you" in words):
        return False
    is_of_call = words & _CALL and words & (_NUMBER | _FROM) and not words & _CALL_BACK
    is_this = words & _THIS and words & (_NUMBER | _MOBILE) and not words & (_SAME | _APPROVING | _CALL_BACK | _HERE)
    is_seen = words & _SEEING and words & _NUMBER
    is_here = words & _HERE and not words & _MOBILE
    return bool(words == _FIELD or words & _CALLING or is_of_call or is_this or is_seen or is_here)
